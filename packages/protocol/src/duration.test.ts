import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { durationMs, durationMsMax, timestampMs, toDuration, toTimestamp } from "./duration.ts";

test("an absent duration is none, a negative one stays negative, an absurd one is cut to a hundred years", () => {
  assert.equal(durationMs(undefined), 0);
  assert.equal(durationMs({ seconds: -3, nanos: -500_000_000 }), -3_500);
  assert.equal(durationMs({ seconds: 315_576_000_000, nanos: 999_999_999 }), durationMsMax);
  assert.equal(durationMs({ seconds: 2 ** 53, nanos: 0 }), durationMsMax);
  assert.equal(durationMsMax / (24 * 3_600_000), 36_500);
});

test("a timeout below a millisecond is not none", () => {
  assert.equal(durationMs({ seconds: 0, nanos: 1 }), 1);
  assert.equal(durationMs({ seconds: 2, nanos: 1_000_001 }), 2_002);
});

test("a time is rounded down, so that it is never later than it was", () => {
  assert.equal(timestampMs(undefined), 0);
  assert.equal(timestampMs({ seconds: 1, nanos: 999_999_999 }), 1_999);
  assert.equal(timestampMs({ seconds: -1, nanos: 500_000_000 }), -500);
});

test("whole milliseconds come back as they were, and the parts have the signs that protobuf asks for", () => {
  fc.assert(
    fc.property(fc.integer({ min: -durationMsMax, max: durationMsMax }), (ms) => {
      const duration = toDuration(ms);
      assert.equal(durationMs(duration), ms + 0);
      assert.ok(
        duration.seconds === 0 || duration.nanos === 0 || Math.sign(duration.seconds) === Math.sign(duration.nanos),
      );
      assert.ok(Math.abs(duration.nanos) < 1e9);
      const timestamp = toTimestamp(ms);
      assert.equal(timestampMs(timestamp), ms);
      assert.ok(timestamp.nanos >= 0 && timestamp.nanos < 1e9);
    }),
  );
});
