import assert from "node:assert/strict";
import { test } from "node:test";
import { draftOf, duration, spanWord, whensOf, withWhens } from "./draft.ts";

test("spans are read as people write them, and written so", () => {
  const table = [
    ["90m", "5400s", "1h30m"],
    ["1h 30m", "5400s", "1h30m"],
    ["2d", "172800s", "2d"],
    ["1.5s", "1.5s", "1.5s"],
    ["86405s", "86405s", "1d5s"],
  ] as const;
  for (const [typed, kept, shown] of table) assert.deepEqual([duration(typed), spanWord(kept)], [kept, shown]);
  for (const wrong of ["", "5", "h", "1w", "-1m"]) assert.throws(() => duration(wrong), /is no span of time/);
  assert.equal(spanWord("0s"), "");
});

test("what the server made of a calendar is edited as text, and what the form does not know stays", () => {
  const draft = draftOf({
    spec: {
      structuredCalendar: [
        {
          ...{ second: [{}], minute: [{ start: 30 }], hour: [{ start: 9, end: 17, step: 2 }], comment: "work" },
          dayOfWeek: [{ start: 1, end: 5 }, { start: 0 }],
        },
      ],
      interval: [{ interval: "5400s", phase: "60s" }],
      excludeStructuredCalendar: [{ month: [{ start: 12 }] }],
      timezoneName: "Europe/Berlin",
    },
    state: { limitedActions: true },
  });
  assert.deepEqual(whensOf(draft), [
    { type: "interval", every: "1h30m", offset: "1m" },
    {
      type: "calendar",
      calendar: { second: "0", minute: "30", hour: "9-17/2", dayOfWeek: "1-5,0", comment: "work" },
    },
  ]);
  const changed = withWhens(draft, [
    { type: "cron", text: "0 5 * * *" },
    { type: "interval", every: "2h", offset: " " },
  ]);
  assert.deepEqual(changed, {
    spec: {
      excludeStructuredCalendar: [{ month: [{ start: 12 }] }],
      timezoneName: "Europe/Berlin",
      interval: [{ interval: "7200s" }],
      cronString: ["0 5 * * *"],
    },
    state: { limitedActions: true },
  });
});
