import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { parseDuration, parseTime } from "./time-text.ts";

test("a time is read to the nanosecond, in any offset, and nothing else is", () => {
  //  text                                        milliseconds since the epoch
  for (const [text, ms] of [
    ["1970-01-01T00:00:00Z", 0],
    ["2024-02-29T12:34:56Z", Date.UTC(2024, 1, 29, 12, 34, 56)],
    ["2024-01-01T00:00:00.5Z", Date.UTC(2024, 0, 1) + 500],
    ["2024-01-01T00:00:00.000001Z", Date.UTC(2024, 0, 1) + 0.001],
    ["2024-01-01T02:00:00+02:00", Date.UTC(2024, 0, 1)],
    ["2023-12-31T16:30:00-07:30", Date.UTC(2024, 0, 1)],
    ["0001-01-01T00:00:00Z", -62_135_596_800_000],
    ["2023-02-29T00:00:00Z", undefined],
    ["2024-01-01T24:00:00Z", undefined],
    ["2024-13-01T00:00:00Z", undefined],
    ["2024-01-01T00:00:60Z", undefined],
    ["2024-01-01T00:00:00+24:00", undefined],
    ["2024-01-01", undefined],
    ["2024-01-01 00:00:00Z", undefined],
    ["2024-01-01T00:00:00", undefined],
    ["", undefined],
  ] as const)
    assert.equal(parseTime(text), ms, text);
});

test("every time that JavaScript writes is read back as it was", () => {
  const aDate = fc.date({ min: new Date(0), max: new Date(Date.UTC(9999, 11, 31)), noInvalidDate: true });
  fc.assert(fc.property(aDate, (date) => parseTime(date.toISOString()) === date.getTime()));
});

test("a duration is read as Go writes it, in days too, as hours, minutes and seconds, or as nanoseconds", () => {
  for (const [text, ms] of [
    ["0", 0],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["-2m", -120_000],
    ["+2m", 120_000],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["250ns", 0.00025],
    [".5h", 1_800_000],
    ["3ms", 3],
    ["01:30:15", 5_415_000],
    ["100:00:00", 360_000_000],
    ["1:60:00", undefined],
    ["1d12h", 129_600_000],
    ["1500000", 1.5],
    ["-1500000", -1.5],
    ["1".repeat(30), undefined],
    ["h", undefined],
    ["1h 30m", undefined],
    ["", undefined],
  ] as const) {
    const read = parseDuration(text);
    if (ms === undefined || read === undefined) assert.equal(read, ms, text);
    else assert.ok(Math.abs(read - ms) < 1e-9, `${text} is ${read}`);
  }
});

test("a long number without a unit is read once, not from each of its digits", () => {
  const read = () => parseDuration("1".repeat(1_000_000));
  // Quadratic, it would take hours: the time is no measure, but an end to that.
  assert.equal(runInNewContext("read()", { read }, { timeout: 60_000 }), undefined);
});
