import assert from "node:assert/strict";
import { test } from "node:test";
import { readHistoryFile } from "./file.ts";

const event = (eventId: number, eventType: string, more: object = {}) => ({
  ...{ eventId: String(eventId), eventType, eventTime: "2026-01-01T00:00:00Z", ...more },
});

test("files of this page, of the official tools, and of their older versions are read", () => {
  const events = [
    event(1, "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED", {
      workflowExecutionStartedEventAttributes: { workflowType: { name: "Order" } },
    }),
    event(2, "TimerStarted", { timerStartedEventAttributes: { timerId: "t" } }),
    event(3, "TIMER_FIRED", { timerFiredEventAttributes: { startedEventId: "2" } }),
  ];
  for (const content of [{ events }, events]) {
    const { groups, events: read } = readHistoryFile(JSON.stringify(content));
    assert.deepEqual(
      groups.map(({ kind, name, status }) => [kind, name, status]),
      [
        ["workflow", "Order", "point"],
        ["timer", "t", "completed"],
      ],
    );
    assert.equal(read[1]?.eventType, "EVENT_TYPE_TIMER_STARTED");
  }
});

test("what is no history is refused in words", () => {
  const table = [
    ["{", /not valid JSON/],
    ["null", /no list of events/],
    ['{"events": 5}', /no list of events/],
    ["[]", /no events/],
    ['[{"eventType": "TimerFired"}]', /Entry 1/],
    ["[null]", /Entry 1/],
  ] as const;
  for (const [text, message] of table) assert.throws(() => readHistoryFile(text), message);
});
