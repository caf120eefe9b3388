import assert from "node:assert/strict";
import { test } from "node:test";
import { daysOf } from "./days.ts";

test("each time stands in its day, in order, and what is beyond the last day is left out", () => {
  const at = (day: number, hour: number) => new Date(2026, 2, day, hour).toISOString();
  const days = daysOf(
    [at(30, 8), at(28, 23), at(28, 0), at(29, 12), at(31, 1)],
    new Date(2026, 2, 28, 15).getTime(),
    3,
  );
  assert.deepEqual(
    days.map(({ startMs, timesMs }) => [new Date(startMs).getDate(), timesMs.map((ms) => new Date(ms).getHours())]),
    [
      [28, [0, 23]],
      [29, [12]],
      [30, [8]],
    ],
  );
});
