import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type AnswerFrame,
  type CallFrame,
  decodeAnswers,
  decodeCalls,
  decodeSealed,
  encodeAnswers,
  encodeCalls,
  encodeSealed,
} from "./link-frames.ts";

const calls: readonly CallFrame[] = [
  { type: "call", id: 1, path: "/a/B", attachment: "é", timeoutMs: 1_500, request: new Uint8Array([1, 2, 3]) },
  { type: "cancel", id: 0xffff_ffff },
  { type: "call", id: 2, path: "", attachment: "", timeoutMs: undefined, request: new Uint8Array() },
];

const answers: readonly AnswerFrame[] = [
  { id: 1, answer: new Uint8Array(70_000).fill(9) },
  { id: 2, answer: { code: "NOT_FOUND", message: "nöthing" } },
  { id: 3, answer: { code: "ABORTED", message: "", details: new Uint8Array([0, 255]) } },
  { id: 4, answer: new Uint8Array() },
];

describe("the frames of a link", () => {
  test("are read as they were written", () => {
    assert.deepEqual(decodeCalls(encodeCalls(calls)), calls);
    assert.deepEqual(decodeAnswers(encodeAnswers(answers)), answers);
    assert.deepEqual(decodeCalls(encodeCalls([])), []);
  });

  test("carry whole milliseconds, never less than was asked for", () => {
    const timed = (timeoutMs: number) => [{ ...calls[0], timeoutMs } as CallFrame];
    const timeoutOf = ([frame]: readonly CallFrame[]) => (frame?.type === "call" ? frame.timeoutMs : "no call");
    assert.equal(timeoutOf(decodeCalls(encodeCalls(timed(0.2)))), 1);
    assert.equal(timeoutOf(decodeCalls(encodeCalls(timed(-5)))), 1);
    assert.equal(timeoutOf(decodeCalls(encodeCalls(timed(10.5)))), 11);
  });

  test("keep nothing alive that came along", () => {
    const [frame] = decodeCalls(encodeCalls(calls));
    assert.equal(frame?.type === "call" && frame.request.buffer.byteLength, 3);
    assert.equal((decodeAnswers(encodeAnswers(answers))[3]!.answer as Uint8Array).buffer.byteLength, 0);
  });

  test("come behind their seal", () => {
    const frames = encodeCalls(calls);
    const { seal, frames: back } = decodeSealed(encodeSealed("12.abc", frames));
    assert.equal(seal, "12.abc");
    assert.deepEqual(Buffer.from(back), frames);
  });

  test("are refused when they are cut off or of no kind", () => {
    for (const [bytes, decode] of [
      [encodeCalls(calls.slice(0, 1)), decodeCalls],
      [encodeAnswers(answers.slice(1, 2)), decodeAnswers],
    ] as const) {
      for (let length = 1; length < bytes.length; length++)
        assert.throws(() => decode(bytes.subarray(0, length)), RangeError, `${length} bytes`);
      assert.throws(() => decode(Buffer.concat([bytes, Buffer.from([0, 0, 0, 0, 1])])), RangeError);
    }
    assert.throws(() => decodeSealed(new Uint8Array([0, 0, 0, 9, 1])), RangeError);
    const unknown = encodeAnswers([{ id: 1, answer: { code: "MOOD" as "OK", message: "" } }]);
    assert.throws(() => decodeAnswers(unknown), RangeError);
  });
});
