import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { grpcMessage } from "@pawl/protocol/http2";
import fc from "fast-check";
import { limits } from "../limits.ts";
import { FrameReader, parseTimeout, statusHeaders } from "./grpc-frame.ts";

describe("frames", () => {
  test("messages come out as they went in, however the bytes were cut on the way", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat({ max: 30 })), (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(grpcMessage));
        const reader = new FrameReader();
        const read: Buffer[] = [];
        const take = () => {
          for (let next = reader.next(); next; next = reader.next()) {
            assert.ok(!("code" in next));
            read.push(next.bytes);
          }
        };
        let at = 0;
        for (const cut of cuts) {
          reader.push(bytes.subarray(at, at + cut));
          at += cut;
          take();
        }
        reader.push(bytes.subarray(at));
        take();
        assert.deepEqual(
          read.map((message) => [...message]),
          messages.map((message) => [...message]),
        );
        assert.equal(reader.isInsideMessage, false);
      }),
    );
  });

  test("a message keeps no network buffer alive", () => {
    const network = Buffer.alloc(65_536);
    network.set(grpcMessage(Buffer.from("small")), 100);
    const reader = new FrameReader();
    reader.push(network.subarray(100, 110));
    const next = reader.next();
    assert.ok(next && !("code" in next));
    assert.equal(next.bytes.toString(), "small");
    assert.equal(next.bytes.buffer.byteLength, 5);
  });

  test("the declared length alone refuses what is too large, before any of it is read", () => {
    const reader = new FrameReader();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(0xffff_ffff, 1);
    reader.push(head);
    assert.deepEqual(reader.next(), {
      code: "RESOURCE_EXHAUSTED",
      message: `grpc: received message larger than max (4294967295 vs. ${limits.messageBytesMax})`,
    });
  });
});

describe("timeouts", () => {
  test("each unit is read, and a part of a millisecond is not nothing", () => {
    const table = [
      ["", undefined],
      ["2H", 7_200_000],
      ["3M", 180_000],
      ["10S", 10_000],
      ["250m", 250],
      ["1500u", 2],
      ["1n", 1],
      ["0S", 0],
      ["99999999H", 359_999_996_400_000],
    ] as const;
    for (const [header, ms] of table) assert.equal(parseTimeout(header), ms, header);
  });

  test("anything else is refused with the header in the text", () => {
    for (const header of ["5", "S", "1.5S", "-1S", "123456789S", " 5S", "5 S", "5s", "5S,6S", "٥S"]) {
      const refused = parseTimeout(header);
      assert.ok(typeof refused === "object" && refused.code === "INVALID_ARGUMENT", header);
    }
  });
});

describe("status headers", () => {
  test("any text survives the way through a header", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (message) => {
        const { "grpc-message": encoded = "" } = statusHeaders({ code: "NOT_FOUND", message });
        assert.match(encoded, /^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/);
        assert.equal(decodeURIComponent(encoded), message.toWellFormed());
      }),
    );
  });

  test("a long text is cut between characters, and details too long for a header are left out", () => {
    const text = decodeURIComponent(
      statusHeaders({ code: "INTERNAL", message: `${"日".repeat(3_000)}` })["grpc-message"]!,
    );
    assert.equal(text, "日".repeat(Math.floor(limits.statusMessageBytesMax / 3)));
    const details = new Uint8Array(limits.statusDetailsBytesMax);
    assert.ok("grpc-status-details-bin" in statusHeaders({ code: "INTERNAL", message: "", details }));
    const more = new Uint8Array(limits.statusDetailsBytesMax + 1);
    assert.ok(!("grpc-status-details-bin" in statusHeaders({ code: "INTERNAL", message: "", details: more })));
  });

  test("a space at either end is encoded: a header that begins or ends with one gets lost", () => {
    for (const [message, encoded] of [
      [" ", "%20"],
      ["bad cron ", "bad cron%20"],
      [" a  b ", "%20a  b%20"],
    ] as const)
      assert.equal(statusHeaders({ code: "NOT_FOUND", message })["grpc-message"], encoded);
  });

  test("a lone surrogate does not throw", () => {
    assert.equal(statusHeaders({ code: "INTERNAL", message: "\ud800" })["grpc-message"], "%EF%BF%BD");
  });
});
