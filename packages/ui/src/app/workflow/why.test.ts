import assert from "node:assert/strict";
import { test } from "node:test";
import type { Description, PendingActivity } from "../api/workflows.ts";
import type { Group } from "../history/groups.ts";
import { type Situation, whyRunning } from "./why.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");
const at = (ms: number) => new Date(nowMs + ms).toISOString();

function why(more: Partial<Description>, situation: Partial<Situation> = {}, status = "RUNNING") {
  const execution = { workflowId: "w", runId: "r" };
  const workflowExecutionInfo = {
    execution,
    type: { name: "W" },
    status: `WORKFLOW_EXECUTION_STATUS_${status}`,
    taskQueue: "q",
  };
  return whyRunning({
    description: { workflowExecutionInfo, ...more },
    groups: [],
    pollerCount: undefined,
    nowMs,
    ...situation,
  });
}

const activity = (more: Partial<PendingActivity>): PendingActivity => ({
  ...{ activityId: "1", activityType: { name: "charge" }, state: "PENDING_ACTIVITY_STATE_SCHEDULED" },
  ...more,
});

const timer: Group = {
  ...{ id: 5, kind: "timer", name: "t", status: "open", startMs: nowMs - 1_000 },
  ...{ endMs: undefined, attemptMs: undefined, attempt: 1 },
  events: [
    {
      eventId: "5",
      eventTime: at(-1_000),
      eventType: "EVENT_TYPE_TIMER_STARTED",
      timerStartedEventAttributes: { startToFireTimeout: "61s" },
    },
  ],
};

const scheduled = { state: "PENDING_WORKFLOW_TASK_STATE_SCHEDULED", scheduledTime: at(-30_000), attempt: 1 };

test("a closed run needs no reason", () => {
  assert.equal(why({}, {}, "COMPLETED"), undefined);
});

test("each thing that holds a run up is named, and what needs somebody is told apart", () => {
  const failing = activity({
    attempt: 4,
    lastFailure: { message: "card declined" },
    nextAttemptScheduleTime: at(12_000),
  });
  const table = [
    [why({}, {}, "PAUSED"), "stuck", /paused/],
    [why({ pendingWorkflowTask: scheduled }, { pollerCount: 0 }), "stuck", /No worker asks the task queue “q”.*30s/],
    [why({ pendingWorkflowTask: scheduled }, { pollerCount: 2 }), "waiting", /waited 30s for a worker/],
    [why({ pendingWorkflowTask: { ...scheduled, attempt: 3 } }), "stuck", /failed 2 times/],
    [why({ pendingActivities: [failing] }), "stuck", /charge is tried again in 12s, attempt 4 after “card declined”/],
    [why({ pendingActivities: [activity({ paused: true })] }), "stuck", /paused at attempt 1/],
    [
      why({ pendingActivities: [activity({ state: "PENDING_ACTIVITY_STATE_STARTED", lastWorkerIdentity: "me" })] }),
      "fine",
      /runs on me/,
    ],
    [why({ pendingChildren: [{ workflowId: "c", workflowTypeName: "Child" }] }), "fine", /its child Child \(c\)/],
    [why({}, { groups: [timer] }), "fine", /sleeps until .*another 1m/],
    [why({}), "fine", /waits for a signal/],
  ] as const;
  for (const [reason, mood, text] of table) {
    assert.equal(reason?.mood, mood, reason?.text);
    assert.match(reason?.text ?? "", text);
  }
});

test("a workflow task that fails again and again is told with what it fails of, and that nobody is there to try", () => {
  const task = (id: number, status: Group["status"], last: Record<string, unknown>): Group => ({
    ...timer,
    ...{ id, kind: "task", name: "task", status },
    events: [{ eventId: `${id}`, eventTime: at(-1_000), eventType: "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED", ...last }],
  });
  const stackTrace = "    at parse (node_modules/orders/parse.js:1:1)\n    at order (src/order.ts:7:3)";
  const failure = { message: "no order", stackTrace, applicationFailureInfo: { type: "TypeError" } };
  const groups = [
    task(2, "failed", { workflowTaskFailedEventAttributes: { failure: { message: "older" } } }),
    task(5, "failed", { workflowTaskFailedEventAttributes: { failure } }),
    task(8, "open", {}),
  ];
  const pendingWorkflowTask = { ...scheduled, attempt: 4 };
  assert.equal(
    why({ pendingWorkflowTask }, { groups, pollerCount: 0 })?.text,
    "Its workflow task has failed 3 times and is tried again: “TypeError: no order”, at order (src/order.ts:7:3). No worker asks the task queue “q” for work now.",
  );
  const timedOut = [...groups.slice(0, 2), task(6, "timedOut", {})];
  assert.match(why({ pendingWorkflowTask }, { groups: timedOut, pollerCount: 1 })?.text ?? "", /: the workflow's code/);
});

test("the worst of several is told, and how many others there are", () => {
  const reason = why(
    { pendingActivities: [activity({ activityId: "2" }), activity({ paused: true })] },
    { groups: [timer] },
  );
  assert.match(reason?.text ?? "", /^Activity charge is paused at attempt 1\. 2 more things are pending\.$/);
});

test("a task that was scheduled a moment ago is nothing to tell", () => {
  const reason = why({ pendingWorkflowTask: { ...scheduled, scheduledTime: at(-100) } }, { pollerCount: 0 });
  assert.match(reason?.text ?? "", /waits for a signal/);
});
