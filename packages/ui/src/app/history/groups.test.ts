import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEvent } from "./event.ts";
import { Groups } from "./groups.ts";

let nextId = 1;
function event(type: string, attributes: Record<string, unknown> = {}, atMs = nextId * 1_000): HistoryEvent {
  const eventId = String(nextId++);
  return {
    eventId,
    eventType: `EVENT_TYPE_${type}`,
    eventTime: new Date(atMs).toISOString(),
    someEventAttributes: attributes,
  };
}

function grouped(...events: HistoryEvent[]) {
  const groups = new Groups();
  for (const each of events) groups.add(each);
  return groups.all;
}

test("an activity is one group from schedule to end, with its last attempt", () => {
  nextId = 5;
  const [activity, ...others] = grouped(
    event("ACTIVITY_TASK_SCHEDULED", { activityType: { name: "charge" } }),
    event("ACTIVITY_TASK_STARTED", { scheduledEventId: "5", attempt: 3 }),
    event("ACTIVITY_TASK_COMPLETED", { scheduledEventId: "5", startedEventId: "6" }),
  );
  assert.equal(others.length, 0);
  const { events, ...rest } = activity!;
  assert.deepEqual(rest, {
    ...{ id: 5, kind: "activity", name: "charge", status: "completed" },
    ...{ startMs: 5_000, endMs: 7_000, attemptMs: 6_000, attempt: 3 },
  });
  assert.equal(events.length, 3);
});

test("two of one name stay apart, and what has not ended is open", () => {
  nextId = 1;
  const groups = grouped(
    event("ACTIVITY_TASK_SCHEDULED", { activityType: { name: "a" } }),
    event("ACTIVITY_TASK_SCHEDULED", { activityType: { name: "a" } }),
    event("ACTIVITY_TASK_FAILED", { scheduledEventId: "2" }),
  );
  assert.deepEqual(
    groups.map(({ status, endMs }) => [status, endMs]),
    [
      ["open", undefined],
      ["failed", 3_000],
    ],
  );
});

test("each kind of thing opens and ends by its own events", () => {
  nextId = 1;
  const groups = grouped(
    event("WORKFLOW_EXECUTION_STARTED", { workflowType: { name: "Order" } }),
    event("TIMER_STARTED", { timerId: "t" }),
    event("START_CHILD_WORKFLOW_EXECUTION_INITIATED", { workflowType: { name: "Child" } }),
    event("WORKFLOW_EXECUTION_SIGNALED", { signalName: "go" }),
    event("NEXUS_OPERATION_SCHEDULED", { operation: "quote" }),
    event("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", { acceptedRequest: { input: { name: "rename" } } }),
    event("TIMER_CANCELED", { startedEventId: "2" }),
    event("CHILD_WORKFLOW_EXECUTION_STARTED", { initiatedEventId: "3" }),
    event("CHILD_WORKFLOW_EXECUTION_TERMINATED", { initiatedEventId: "3" }),
    event("NEXUS_OPERATION_TIMED_OUT", { scheduledEventId: "5" }),
    event("WORKFLOW_EXECUTION_UPDATE_COMPLETED", { acceptedEventId: "6" }),
  );
  assert.deepEqual(
    groups.map(({ kind, name, status }) => `${kind} ${name} ${status}`),
    [
      "workflow Order point",
      "timer t canceled",
      "child Child terminated",
      "signal go point",
      "nexus quote timedOut",
      "update rename completed",
    ],
  );
});

test("an event whose beginning is unknown stands alone", () => {
  nextId = 9;
  const [only] = grouped(event("TIMER_FIRED", { startedEventId: "4" }));
  assert.deepEqual([only?.id, only?.status, only?.startMs, only?.endMs], [9, "completed", 9_000, 9_000]);
});
