/** Every kind of waiting that there is, each with the sentence, whether somebody must act, and the first command to try. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, history, type Init, toDuration, toTimestamp, workflowservice } from "@pawl/protocol";
import { type Cause, type Evidence, type Explanation, explain, type Poller, queueKey } from "./explanation.ts";

const { DescribeWorkflowExecutionResponse: Description } = workflowservice;
const { WorkflowExecutionStatus, PendingWorkflowTaskState, PendingActivityState, PendingNexusOperationState } = enums;
const nowMs = Date.UTC(2030, 0, 1, 12);
const ago = (ms: number) => toTimestamp(nowMs - ms);
const [second, minute, hour] = [1_000, 60_000, 3_600_000];

interface Case {
  readonly description?: Init<workflowservice.DescribeWorkflowExecutionResponse>;
  /** The newest first. */
  readonly events?: readonly Init<history.HistoryEvent>[];
  readonly isWhole?: boolean;
  readonly pollers?: Readonly<Record<string, readonly Poller[]>>;
  readonly children?: Readonly<Record<string, Explanation>>;
  readonly status?: enums.WorkflowExecutionStatus;
  readonly namespace?: string;
}

function explained({ description, events = [], isWhole = true, ...given }: Case): Explanation {
  const { status = WorkflowExecutionStatus.RUNNING, pollers = {}, children = {}, namespace = "default" } = given;
  const info = { execution: { workflowId: "order 1", runId: "r" }, type: { name: "Order" }, status };
  const evidence: Evidence = {
    ...{ namespace, nowMs, isWhole },
    description: Description.decode(
      Description.encode({
        ...description,
        executionConfig: { taskQueue: { name: "orders" } },
        workflowExecutionInfo: { ...info, ...description?.workflowExecutionInfo },
      } as workflowservice.DescribeWorkflowExecutionResponse),
    ),
    events: events.map((event) =>
      history.HistoryEvent.decode(history.HistoryEvent.encode(event as history.HistoryEvent)),
    ),
    pollers: new Map(Object.entries(pollers)),
    children: new Map(Object.entries(children)),
  };
  return explain(evidence);
}

const onWorkflows = queueKey("workflow", "orders");
const onActivities = queueKey("activity", "orders");
const present: readonly Poller[] = [{ identity: "worker-7", lastPollMs: nowMs - second }];
const absent: readonly Poller[] = [
  { identity: "worker-6", lastPollMs: nowMs - 3 * hour },
  { identity: "worker-7", lastPollMs: nowMs - 2 * hour },
];
const task = { attempt: 1, scheduledTime: ago(minute), state: PendingWorkflowTaskState.SCHEDULED };
const charge = {
  activityId: "1",
  activityType: { name: "charge" },
  attempt: 3,
  maximumAttempts: 5,
  scheduledTime: ago(hour),
};
const declined = {
  message: "declined",
  applicationFailureInfo: { type: "CardError" },
  cause: { message: "no money." },
};
const nexus = { endpoint: "bank", service: "Accounts", operation: "open", attempt: 4 };
const child = { workflowId: "parcel-1", runId: "c", workflowTypeName: "Parcel" };

const stuckChild: Explanation = {
  ...{ workflowId: "parcel-1", runId: "c", workflowType: "Parcel", status: "Running" },
  causes: [{ kind: "noWorker", text: "No worker.", isStuck: true, next: [] }],
};

type Expected = readonly [kind: Cause["kind"], text: RegExp, isStuck: boolean, next: RegExp];

const terminated = { identity: "ada", reason: "wrong address." };

const cases: readonly (readonly [what: string, given: Case, ...causes: readonly Expected[]])[] = [
  [
    "closed, by whom and what for",
    {
      status: WorkflowExecutionStatus.TERMINATED,
      events: [{ eventId: 5, workflowExecutionTerminatedEventAttributes: terminated }],
    },
    ["closed", /closed \(Terminated\) since .* by ada: wrong address\.$/, false, /workflow result/],
  ],
  [
    "closed, with its error down to the cause",
    {
      status: WorkflowExecutionStatus.FAILED,
      description: { workflowExecutionInfo: { closeTime: ago(hour) } },
      events: [{ eventId: 5, workflowExecutionFailedEventAttributes: { failure: declined } }],
    },
    [
      "closed",
      /closed \(Failed\) since .*ago\): CardError: declined; caused by no money\.$/,
      false,
      /workflow result -w 'order 1'$/,
    ],
  ],
  [
    "paused: the task that is held back is no second cause",
    {
      status: WorkflowExecutionStatus.PAUSED,
      description: {
        pendingWorkflowTask: task,
        workflowExtendedInfo: { pauseInfo: { identity: "ada", reason: "incident", pausedTime: ago(minute) } },
      },
    },
    ["paused", /paused by ada \("incident"\) since 2030-01-01T11:59:00\.000Z/, true, /workflow unpause/],
  ],
  [
    "a start that is put off",
    { description: { workflowExecutionInfo: { executionTime: toTimestamp(nowMs + hour) } } },
    ["startDelay", /put off until 2030-01-01T13:00:00\.000Z/, false, /workflow describe/],
  ],
  [
    "a workflow task that waits for a worker which is there",
    { description: { pendingWorkflowTask: task }, pollers: { [onWorkflows]: present } },
    [
      "workflowTaskWaiting",
      /waits on task queue "orders" since .*; workers poll it/,
      false,
      /task-queue describe -t orders/,
    ],
  ],
  [
    "a workflow task that no worker was ever there for",
    { description: { pendingWorkflowTask: task } },
    ["noWorker", /No worker polls it for workflow tasks\.$/, true, /task-queue describe -t orders/],
  ],
  [
    "a workflow task whose workers have gone",
    { description: { pendingWorkflowTask: task }, pollers: { [onWorkflows]: absent } },
    ["noWorker", /any more: the last was worker-7, 2030-01-01T10:00:00\.000Z/, true, /task-queue describe/],
  ],
  [
    "a workflow task that a worker has",
    {
      description: {
        pendingWorkflowTask: { ...task, state: PendingWorkflowTaskState.STARTED, startedTime: ago(second) },
      },
    },
    ["workflowTaskRunning", /has its workflow task since .* has not answered yet/, false, /workflow stack/],
  ],
  [
    "a workflow task that fails again and again",
    {
      description: { pendingWorkflowTask: { ...task, attempt: 4 } },
      events: [
        {
          eventId: 4,
          workflowTaskFailedEventAttributes: {
            cause: 24,
            failure: { ...declined, stackTrace: "    at pay (src/pay.ts:7:3)\n    at run (src/run.ts:1:1)" },
          },
        },
      ],
      pollers: { [onWorkflows]: present },
    },
    [
      "workflowTaskFailing",
      /attempt 4: NonDeterministicError: CardError: declined.*, at pay \(src\/pay\.ts:7:3\)\. It/,
      true,
      /workflow show/,
    ],
  ],
  [
    "a workflow task that sets a search attribute which is not there",
    {
      description: { pendingWorkflowTask: { ...task, attempt: 2 } },
      events: [
        {
          eventId: 4,
          workflowTaskFailedEventAttributes: {
            cause: 23,
            failure: {
              message: "BadSearchAttributes: Namespace default has no mapping defined for search attribute Total",
            },
          },
        },
      ],
      pollers: { [onWorkflows]: present },
    },
    [
      "workflowTaskFailing",
      /attempt 2: BadSearchAttributes: Namespace .* until there is such an attribute/,
      true,
      /search-attribute create --name Total --type …/,
    ],
  ],
  [
    "a workflow task that times out again and again",
    {
      description: { pendingWorkflowTask: { ...task, attempt: 2 } },
      events: [{ eventId: 4, workflowTaskTimedOutEventAttributes: {} }],
      pollers: { [onWorkflows]: present },
    },
    ["workflowTaskFailing", /the worker did not answer in time/, true, /workflow show/],
  ],
  [
    "an activity that runs",
    {
      description: {
        pendingActivities: [
          {
            ...charge,
            state: PendingActivityState.STARTED,
            lastStartedTime: ago(minute),
            lastHeartbeatTime: ago(second),
            lastWorkerIdentity: "worker-7",
          },
        ],
      },
    },
    [
      "activityRunning",
      /charge \(1\) runs on worker-7 since .*, attempt 3 of 5\. Its last heartbeat was .*/,
      false,
      /workflow describe/,
    ],
  ],
  [
    "an activity between two attempts",
    {
      description: {
        pendingActivities: [
          {
            ...charge,
            state: PendingActivityState.SCHEDULED,
            nextAttemptScheduleTime: toTimestamp(nowMs + minute),
            lastFailure: declined,
          },
        ],
      },
    },
    [
      "activityBackingOff",
      /tried again 2030-01-01T12:01:00\.000Z .* CardError: declined; caused by no money\.$/,
      false,
      /workflow describe/,
    ],
  ],
  [
    "an activity that waits for a worker which is there, and one on another queue for which none is",
    {
      description: {
        pendingActivities: [
          { ...charge, state: PendingActivityState.SCHEDULED },
          {
            ...charge,
            activityId: "2",
            state: PendingActivityState.SCHEDULED,
            activityOptions: { taskQueue: { name: "gpu" } },
          },
        ],
      },
      pollers: { [onActivities]: present },
    },
    [
      "noWorker",
      /\(2\) waits on task queue "gpu" .* No worker polls it for activity tasks\./,
      true,
      /task-queue describe -t gpu/,
    ],
    [
      "activityWaiting",
      /\(1\) waits on task queue "orders" .* Workers poll it\./,
      false,
      /task-queue describe -t orders/,
    ],
  ],
  [
    "an activity that somebody has paused",
    {
      description: {
        pendingActivities: [
          { ...charge, paused: true, pauseInfo: { manual: { identity: "ada", reason: "bank is down" } } },
        ],
      },
    },
    [
      "activityPaused",
      /paused by ada \("bank is down"\), at attempt 3 of 5/,
      true,
      /activity unpause -w 'order 1' -a 1/,
    ],
  ],
  [
    "a child, for what it waits for in turn; one that was not looked into; one that is about to begin",
    {
      description: { pendingChildren: [{ ...child, runId: "" }, { ...child, runId: "other" }, child] },
      children: { c: stuckChild },
    },
    ["child", /Parcel \(parcel-1\) has not closed, because:$/, true, /^$/],
    ["child", /is about to be started/, false, /workflow describe/],
    ["child", /has not closed\.$/, false, /workflow why -w parcel-1/],
  ],
  [
    "Nexus operations",
    {
      description: {
        pendingNexusOperations: [
          { ...nexus, state: PendingNexusOperationState.STARTED },
          {
            ...nexus,
            state: PendingNexusOperationState.BACKING_OFF,
            nextAttemptScheduleTime: toTimestamp(nowMs + minute),
          },
          { ...nexus, state: PendingNexusOperationState.BLOCKED, blockedReason: "the circuit is open" },
          { ...nexus, state: PendingNexusOperationState.SCHEDULED },
        ],
      },
    },
    ["nexusOperation", /is held back: the circuit is open\./, true, /workflow describe/],
    ["nexusOperation", /Accounts\.open at endpoint "bank" has been started/, false, /workflow describe/],
    ["nexusOperation", /tried again 2030-01-01T12:01:00\.000Z .*attempt 4/, false, /workflow describe/],
    ["nexusOperation", /is being started, attempt 4/, false, /workflow describe/],
  ],
  [
    "timers that are neither fired nor cancelled, the soonest first",
    {
      events: [
        { eventId: 9, timerCanceledEventAttributes: { startedEventId: 6 } },
        { eventId: 8, timerFiredEventAttributes: { startedEventId: 5 } },
        ...[60, 30, 20, 10].map((minutes, i) => ({
          eventId: 7 - i,
          eventTime: ago(minute),
          timerStartedEventAttributes: { timerId: `${minutes}`, startToFireTimeout: toDuration(minutes * minute) },
        })),
        {
          eventId: 3,
          eventTime: ago(minute),
          timerStartedEventAttributes: { timerId: "5", startToFireTimeout: toDuration(5 * minute) },
        },
      ],
    },
    ["timer", /A timer \(5\) .* fires 2030-01-01T12:04:00\.000Z/, false, /workflow stack/],
    ["timer", /A timer \(10\) .* fires 2030-01-01T12:09:00\.000Z/, false, /workflow stack/],
    ["timer", /A timer \(60\) .* fires 2030-01-01T12:59:00\.000Z/, false, /workflow stack/],
  ],
  [
    "a message",
    {},
    ["message", /Nothing is under way for it: it waits for a signal or an update\./, false, /workflow stack/],
  ],
  [
    "a message, as far as is known",
    { isWhole: false, namespace: "shop" },
    ["message", /a timer that was started long ago would not be seen here/, false, /-n shop$/],
  ],
];

for (const [what, given, ...expected] of cases)
  test(what, () => {
    const { causes } = explained(given);
    assert.deepEqual(
      causes.map(({ kind, isStuck }) => [kind, isStuck]),
      expected.map(([kind, , isStuck]) => [kind, isStuck]),
    );
    for (const [i, [, text, , next]] of expected.entries()) {
      assert.match(causes[i]!.text, text);
      assert.match(causes[i]!.next[0] ?? "", next);
    }
  });

test("what a child waits for stands within its cause", () => {
  const [cause] = explained({ description: { pendingChildren: [child] }, children: { c: stuckChild } }).causes;
  assert.deepEqual(cause?.within, stuckChild);
});
