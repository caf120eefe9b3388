import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { limits } from "../limits.ts";
import { Inflation } from "./inflation.ts";

test("few messages are unpacked at a time, however small they are packed, and none of a caller who has gone", async () => {
  const inflation = new Inflation();
  const message = Buffer.alloc(limits.messageBytesMax);
  const count = 3 * limits.inflatedAtOnceMax;
  let begun = 0;
  const results = Array.from({ length: count }, (_, at) => {
    const isWanted = () => {
      begun++;
      return at !== count - 1;
    };
    return at % 2 === 0
      ? inflation.inflate("gzip", gzipSync(message), isWanted)
      : inflation.inflate("deflate", deflateSync(message), isWanted);
  });
  assert.equal(begun, limits.inflatedAtOnceMax);
  const all = await Promise.all(results);
  assert.equal(begun, count);
  const last = all.pop()!;
  assert.ok("code" in last && last.code === "CANCELLED");
  assert.ok(all.every((each) => Buffer.isBuffer(each) && each.equals(message)));
});
