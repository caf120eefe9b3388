import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, history, type Init } from "@pawl/protocol";
import { followedEvent } from "./followed-event.ts";

const { EventType } = enums;

function shown(event: Init<history.HistoryEvent>, supportedFeatures: readonly string[] = []): history.HistoryEvent {
  const bytes = history.History.encode({ events: [{ eventId: 9, taskId: 9, ...event }] });
  return history.History.decode(followedEvent(bytes, { supportedFeatures })).events[0]!;
}

for (const [what, event] of [
  [
    "failed",
    {
      eventType: EventType.WORKFLOW_EXECUTION_FAILED,
      workflowExecutionFailedEventAttributes: { newExecutionRunId: "next", failure: { message: "boom" } },
    },
  ],
  [
    "completed",
    {
      eventType: EventType.WORKFLOW_EXECUTION_COMPLETED,
      workflowExecutionCompletedEventAttributes: { newExecutionRunId: "next" },
    },
  ],
  [
    "timed out",
    {
      eventType: EventType.WORKFLOW_EXECUTION_TIMED_OUT,
      workflowExecutionTimedOutEventAttributes: { newExecutionRunId: "next" },
    },
  ],
] as const) {
  test(`a client that does not follow a run that ${what} is shown continue-as-new`, () => {
    const seen = shown(event);
    assert.deepEqual(
      [seen.eventId, seen.eventType, seen.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId],
      [9, EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW, "next"],
    );
    assert.equal(shown(event, ["follows-next-run-id"]).eventType, event.eventType);
  });
}

test("the end of a chain is shown as it is", () => {
  const failed = {
    eventType: EventType.WORKFLOW_EXECUTION_FAILED,
    workflowExecutionFailedEventAttributes: { failure: { message: "boom" } },
  };
  assert.equal(shown(failed).workflowExecutionFailedEventAttributes?.failure?.message, "boom");
});
