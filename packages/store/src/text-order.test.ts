import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareText, prefixEnd } from "./text-order.ts";

const seed = process.env["SEED"] ? Number(process.env["SEED"]) : 20_260;
const char = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "%",
    "_",
    "\u{7f}",
    "\u{80}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ffff}",
    "\u{10000}",
    "\u{10ffff}",
  ),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
const text = fc.array(char, { maxLength: 4 }).map((chars) => chars.join(""));

test(`texts are ordered as their UTF-8 bytes are (SEED=${seed})`, () => {
  const property = fc.property(text, text, (left, right) => {
    const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
    assert.equal(Math.sign(compareText(left, right)), expected);
  });
  fc.assert(property, { seed, numRuns: 5_000 });
});

test(`the texts from a prefix to its end are those that start with it (SEED=${seed})`, () => {
  const property = fc.property(text, text, (prefix, other) => {
    for (const candidate of [other, prefix, prefix + other]) {
      const end = prefixEnd(prefix);
      const isBetween = compareText(candidate, prefix) >= 0 && (end === null || compareText(candidate, end) < 0);
      assert.equal(isBetween, candidate.startsWith(prefix), JSON.stringify([prefix, candidate]));
    }
  });
  fc.assert(property, { seed, numRuns: 5_000 });
});

test("only prefixes of the greatest character have no end", () => {
  assert.deepEqual(["", "\u{10ffff}", "\u{10ffff}\u{10ffff}"].map(prefixEnd), [null, null, null]);
  assert.equal(prefixEnd("a\u{10ffff}"), "b");
  assert.equal(prefixEnd("\u{d7ff}"), "\u{e000}");
});
