import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { schedule } from "@pawl/protocol";
import { decodeSpec, encodeSpec } from "./schedule-spec.ts";

const sent = (spec: Parameters<typeof encodeSpec>[0]) =>
  decodeSpec(schedule.ScheduleSpec.decode(schedule.ScheduleSpec.encode(encodeSpec(spec))));
const only = (value: number) => [{ start: value, end: value, step: 1 }];

describe("a schedule's times", () => {
  test("a calendar that names nothing is midnight of every day", () => {
    const [calendar] = sent({ calendars: [{}] }).calendars!;
    assert.deepEqual(calendar, {
      ...{ second: only(0), minute: only(0), hour: only(0), year: [], comment: undefined },
      dayOfMonth: [{ start: 1, end: 31, step: 1 }],
      month: [{ start: "JANUARY", end: "DECEMBER", step: 1 }],
      dayOfWeek: [{ start: "SUNDAY", end: "SATURDAY", step: 1 }],
    });
  });

  test("values, ranges, steps and names come back as they were meant", () => {
    const spec = {
      calendars: [
        {
          ...{ hour: [7, { start: 9, end: 17, step: 2 }], minute: "*" as const, year: 2026, comment: "office" },
          ...{ dayOfWeek: [{ start: "MONDAY" as const, end: "FRIDAY" as const }], month: "FEBRUARY" as const },
        },
      ],
      intervals: [{ every: "2 hours" as const, offset: "5m" as const }],
      skip: [{ dayOfMonth: 13 }],
      ...{ startAt: new Date(1_000), endAt: new Date(2_000), jitter: "30s" as const, timezone: "Europe/Vienna" },
    };
    const described = sent(spec);
    const [calendar] = described.calendars!;
    assert.deepEqual(calendar?.hour, [...only(7), { start: 9, end: 17, step: 2 }]);
    assert.deepEqual(calendar?.minute, [{ start: 0, end: 59, step: 1 }]);
    assert.deepEqual(calendar?.year, only(2026));
    assert.deepEqual(calendar?.month, [{ start: "FEBRUARY", end: "FEBRUARY", step: 1 }]);
    assert.deepEqual(calendar?.dayOfWeek, [{ start: "MONDAY", end: "FRIDAY", step: 1 }]);
    assert.deepEqual(described.intervals, [{ every: 7_200_000, offset: 300_000 }]);
    assert.deepEqual(described.skip?.[0]?.dayOfMonth, only(13));
    assert.deepEqual([described.startAt, described.endAt], [spec.startAt, spec.endAt]);
    assert.deepEqual([described.jitter, described.timezone], [30_000, "Europe/Vienna"]);
    // A description can be given to an update again.
    assert.deepEqual(sent(described), described);
  });

  for (const [what, spec, expected] of [
    ["an hour that is none", { calendars: [{ hour: 24 }] }, /spec\.calendars\.hour: 24 is none of 0 to 23/],
    ["a month that is none", { calendars: [{ month: "MAI" }] }, /spec\.calendars\.month: "MAI" is none of JANUARY/],
    [
      "an empty range",
      { skip: [{ minute: { start: 9, end: 5 } }] },
      /spec\.skip\.minute: the range from 9 to 5 is empty/,
    ],
    [
      "a step of nothing",
      { calendars: [{ hour: { start: 1, end: 5, step: 0 } }] },
      /hour: step must be a whole number/,
    ],
    ["an interval that is none", { intervals: [{ every: "often" }] }, /spec\.intervals\.every: "often"/],
  ] as const) {
    test(`${what} is refused, and its place is named`, () => {
      assert.throws(() => encodeSpec(spec as never), expected);
    });
  }
});
