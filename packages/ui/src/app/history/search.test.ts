import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEvent } from "./event.ts";
import { wantedOf } from "./search.ts";

const payload = { metadata: { encoding: btoa("json/plain") }, data: btoa('{"order":"A-17"}') };
const event: HistoryEvent = {
  ...{ eventId: "5", eventType: "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED", eventTime: "2026-01-01T00:00:00Z" },
  activityTaskScheduledEventAttributes: { activityType: { name: "Charge" }, input: { payloads: [payload] } },
};

test("words are found whatever their case, also in what payloads hold, and patterns between slashes", () => {
  const table: [string, boolean | undefined][] = [
    ["", undefined],
    ["  ", undefined],
    ["cHaRge", true],
    ["a-17", true],
    ["refund", false],
    ["/a-\\d+/", true],
    ["/^nothing$/", false],
    ["/(/", false],
  ];
  for (const [typed, found] of table) assert.equal(wantedOf(typed)?.(event), found, typed);
});
