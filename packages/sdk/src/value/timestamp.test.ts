import assert from "node:assert/strict";
import { test } from "node:test";
import {
  msNumberToTs,
  msOptionalToTs,
  msToTs,
  optionalTsToDate,
  optionalTsToMs,
  tsToDate,
  tsToMs,
} from "./timestamp.ts";

test("milliseconds go to seconds and nanoseconds, and come back", () => {
  for (const milliseconds of [0, 1, 999, 1_000, 1_500.25, 1_795_272_225_952, -1, -1_500]) {
    const ts = msNumberToTs(milliseconds);
    assert.ok(Number.isInteger(ts.seconds) && ts.nanos >= 0 && ts.nanos < 1e9, JSON.stringify(ts));
    assert.equal(tsToMs(ts), milliseconds);
    assert.equal(optionalTsToMs(ts), milliseconds);
  }
  assert.deepEqual(msToTs("1.5 seconds"), { seconds: 1, nanos: 500_000_000 });
  assert.equal(tsToDate({ seconds: 1, nanos: 5e6 }).toISOString(), "1970-01-01T00:00:01.005Z");
  assert.deepEqual(optionalTsToDate({ seconds: 1, nanos: 0 }), new Date(1_000));
});

test("none stays none where there may be none, and is refused elsewhere", () => {
  for (const none of [null, undefined]) {
    assert.deepEqual(
      [optionalTsToMs(none), optionalTsToDate(none), msOptionalToTs(none)],
      [undefined, undefined, undefined],
    );
    assert.throws(() => tsToMs(none), /a timestamp is expected, not (null|undefined)/);
  }
  assert.deepEqual(msOptionalToTs(0), { seconds: 0, nanos: 0 });
  assert.throws(() => msToTs("soon" as never), /"soon" is not a duration/);
});
