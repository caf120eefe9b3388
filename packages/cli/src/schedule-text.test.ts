import assert from "node:assert/strict";
import { test } from "node:test";
import { calendarsText, intervalsText } from "./schedule-text.ts";

const any = { month: [{ start: 1, end: 12, step: 1 }], dayOfWeek: [{ end: 6, step: 1 }] };
const daily = { ...any, dayOfMonth: [{ start: 1, end: 31, step: 1 }] };

test("calendars read as the lines of cron that mean the same", () => {
  const cases: readonly (readonly [calendar: object, text: string])[] = [
    [{ ...daily, second: [{ step: 1 }], minute: [{ step: 1 }], hour: [{ start: 3, end: 3, step: 1 }] }, "0 3 * * *"],
    [
      { ...daily, second: [{}], minute: [{ end: 59, step: 15 }], hour: [{ start: 9, end: 17, step: 1 }] },
      "*/15 9-17 * * *",
    ],
    [
      { ...daily, second: [{ start: 30 }], minute: [{}], hour: [{ start: 1 }, { start: 13 }], comment: "twice" },
      "30 0 1,13 * * * * # twice",
    ],
    [
      {
        ...any,
        second: [{}],
        minute: [{}],
        hour: [{}],
        dayOfMonth: [{ start: 1 }],
        year: [{ start: 2030, end: 2040, step: 2 }],
      },
      "0 0 1 * * 2030-2040/2",
    ],
    [{ ...daily, second: [{}], minute: [{}] }, "0 - * * *"],
  ];
  for (const [calendar, text] of cases) assert.equal(calendarsText([calendar]), text);
  assert.equal(calendarsText(cases.slice(0, 2).map(([calendar]) => calendar)), "0 3 * * *; */15 9-17 * * *");
});

test("intervals read as spans", () => {
  const intervals = [{ interval: "5400s", phase: "600s" }, { interval: "86400s", phase: "0s" }, { interval: "10s" }];
  assert.equal(intervalsText(intervals), "every 1h 30m, 10m after; every 1d; every 10s");
});
