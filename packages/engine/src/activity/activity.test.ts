import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, toDuration } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import {
  applicationFailure,
  CachedWorkflow,
  commands,
  payloads,
  ScriptedWorkflow,
} from "../workflow/scripted-workflow.ts";

/** A workflow whose first task scheduled these commands; its tail of events starts at 5. */
function afterFirstTask(...first: Parameters<ScriptedWorkflow["complete"]>[1] & object): ScriptedWorkflow {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  assert(!(workflow.complete(workflow.pollTask(), first) instanceof Rejection));
  return workflow;
}
const retryOnce = { retryPolicy: { initialInterval: toDuration(1_000), maximumAttempts: 2 } };

test("an activity's started event is written with its end, with the true start time", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  workflow.advance(100);
  const activity = workflow.pollActivity();
  assert.equal(workflow.eventTypes().at(-1), "ACTIVITY_TASK_SCHEDULED");
  workflow.advance(500);
  workflow.completeActivity(activity);
  assert.deepEqual(workflow.eventTypes().slice(4), [
    "ACTIVITY_TASK_SCHEDULED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  const started = workflow.events()[5]!;
  assert.equal(started.eventTime!.seconds * 1_000 + started.eventTime!.nanos / 1e6, 1_100);
  assert.equal(workflow.events()[6]!.activityTaskCompletedEventAttributes!.startedEventId, 6);
  assert.equal(workflow.run().activities.size, 0);
});

test("a failed attempt is retried after its backoff and leaves no event; the last one tells of the failure before", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  workflow.failActivity(workflow.pollActivity(), applicationFailure("first"));
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(999);
  assert.equal(workflow.tasks.length, 0, "not before the backoff is over");
  workflow.advance(1);
  const second = workflow.pollActivity();
  assert.equal(second.attempt, 2);
  workflow.completeActivity(second);
  const started = workflow.events()[5]!.activityTaskStartedEventAttributes!;
  assert.deepEqual([started.attempt, started.lastFailure?.message], [2, "first"]);
});

for (const [what, options, cause, state] of [
  [
    "the attempts are used up",
    { retryPolicy: { maximumAttempts: 1 } },
    applicationFailure("x"),
    enums.RetryState.MAXIMUM_ATTEMPTS_REACHED,
  ],
  ["the failure says so", {}, applicationFailure("x", { nonRetryable: true }), enums.RetryState.NON_RETRYABLE_FAILURE],
  [
    "its type is listed",
    { retryPolicy: { nonRetryableErrorTypes: ["Bad"] } },
    applicationFailure("x", { type: "Bad" }),
    enums.RetryState.NON_RETRYABLE_FAILURE,
  ],
  [
    "the next attempt would come too late",
    { scheduleToCloseTimeout: toDuration(500) },
    applicationFailure("x"),
    enums.RetryState.TIMEOUT,
  ],
] as const) {
  test(`an activity fails for good when ${what}`, () => {
    const workflow = afterFirstTask(commands.activity("a", options));
    workflow.failActivity(workflow.pollActivity(), cause);
    const failed = workflow
      .events()
      .find((event) => event.activityTaskFailedEventAttributes)?.activityTaskFailedEventAttributes;
    assert.equal(failed?.retryState, state);
    assert.equal(workflow.eventTypes().at(-1), "WORKFLOW_TASK_SCHEDULED");
  });
}

test("a failure may set the time of the next attempt itself", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  workflow.failActivity(workflow.pollActivity(), applicationFailure("later", { nextRetryDelayMs: 30_000 }));
  workflow.advance(29_999);
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(1);
  assert.equal(workflow.pollActivity().attempt, 2);
});

test("an answer of an earlier attempt changes nothing", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  const first = workflow.pollActivity();
  workflow.failActivity(first);
  workflow.advance(1_000);
  workflow.pollActivity();
  for (const late of [
    { type: "completeActivity", activity: { by: "token", ...first.activity }, result: undefined, identity: "w" },
    {
      type: "failActivity",
      activity: { by: "token", ...first.activity },
      failure: applicationFailure("x"),
      lastHeartbeatDetails: undefined,
      identity: "w",
    },
    { type: "heartbeatActivity", activity: { by: "token", ...first.activity }, details: undefined, identity: "w" },
  ] as const)
    assert.equal(workflow.refused(late).code, "NOT_FOUND");
});

test("heartbeat details survive a retry, also those sent with the failure", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  const first = workflow.pollActivity();
  workflow.do({
    type: "heartbeatActivity",
    activity: { by: "token", ...first.activity },
    details: payloads(7),
    identity: "w",
  });
  workflow.failActivity(first);
  workflow.advance(1_000);
  const second = workflow.pollActivity();
  assert.deepEqual(Buffer.from(second.heartbeatDetails!.payloads[0]!.data).toString(), "7");
  workflow.do({
    type: "failActivity",
    activity: { by: "token", ...second.activity },
    failure: applicationFailure("x"),
    lastHeartbeatDetails: payloads(8),
    identity: "w",
  });
  workflow.advance(2_000);
  assert.deepEqual(Buffer.from(workflow.pollActivity().heartbeatDetails!.payloads[0]!.data).toString(), "8");
});

test("a heartbeat rewrites nothing but its activity, as long as the run need not be woken earlier", () => {
  const workflow = new CachedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [
    commands.activity("a", { startToCloseTimeout: toDuration(60_000), heartbeatTimeout: toDuration(5_000) }),
  ]);
  const { activity } = workflow.pollActivity();
  const heartbeat = (details: number) =>
    workflow.do({
      type: "heartbeatActivity",
      activity: { by: "token", ...activity },
      details: payloads(details),
      identity: "w",
    });
  const transitions = () => workflow.run().stateTransitionCount;
  const [storedAtMs, before] = [workflow.rows().wakeAtMs!, transitions()];
  assert.equal(storedAtMs, workflow.nowMs + 5_000);
  workflow.advance(2_000);
  heartbeat(1);
  assert.deepEqual([workflow.rows().wakeAtMs, transitions()], [storedAtMs, before]);
  workflow.do({ type: "wake", runId: workflow.currentRunId! });
  assert.equal(workflow.rows().wakeAtMs, storedAtMs, "the stored time has not come yet");
  workflow.advance(4_000);
  workflow.do({ type: "wake", runId: workflow.currentRunId! });
  assert.equal(workflow.rows().wakeAtMs, storedAtMs + 2_000, "nothing was due at the stored time");
  heartbeat(2);
  workflow.loseMemory();
  assert.equal(workflow.run().activities.get(5)!.heartbeatDetails!.payloads[0]!.data!.toString(), "50");
  const counted = transitions();
  heartbeat(3);
  assert.deepEqual([workflow.rows().wakeAtMs, transitions()], [workflow.nowMs + 5_000, counted + 1]);
  workflow.advance(5_000);
  const { lastFailure } = workflow.run().activities.get(5)!;
  assert.equal(lastFailure?.timeoutFailureInfo?.timeoutType, enums.TimeoutType.HEARTBEAT);
});

for (const [name, options, startAfterMs, firesAtMs, type] of [
  [
    "schedule-to-start",
    { scheduleToStartTimeout: toDuration(3_000) },
    null,
    3_000,
    enums.TimeoutType.SCHEDULE_TO_START,
  ],
  [
    "schedule-to-close",
    { scheduleToCloseTimeout: toDuration(4_000), startToCloseTimeout: undefined },
    null,
    4_000,
    enums.TimeoutType.SCHEDULE_TO_START,
  ],
  [
    "start-to-close",
    { startToCloseTimeout: toDuration(2_000), retryPolicy: { maximumAttempts: 1 } },
    1_000,
    3_000,
    enums.TimeoutType.START_TO_CLOSE,
  ],
  [
    "heartbeat",
    { heartbeatTimeout: toDuration(1_500), retryPolicy: { maximumAttempts: 1 } },
    1_000,
    2_500,
    enums.TimeoutType.HEARTBEAT,
  ],
] as const) {
  test(`the ${name} timeout fires at its time and not a millisecond before`, () => {
    const workflow = afterFirstTask(commands.activity("a", options));
    if (startAfterMs !== null) {
      workflow.advance(startAfterMs);
      workflow.pollActivity();
    }
    workflow.advance(firesAtMs - (startAfterMs ?? 0) - 1);
    assert(!workflow.eventTypes().includes("ACTIVITY_TASK_TIMED_OUT"));
    workflow.advance(1);
    const timedOut = workflow
      .events()
      .find((event) => event.activityTaskTimedOutEventAttributes)?.activityTaskTimedOutEventAttributes;
    assert.equal(timedOut?.failure?.timeoutFailureInfo?.timeoutType, type);
    assert.equal(timedOut.startedEventId > 0, startAfterMs !== null);
  });
}

test("a timeout that leaves no time for a retry is reported as schedule-to-close, with the failure before as its cause", () => {
  const workflow = afterFirstTask(
    commands.activity("a", { scheduleToCloseTimeout: toDuration(4_500), startToCloseTimeout: toDuration(2_000) }),
  );
  workflow.failActivity(workflow.pollActivity(), applicationFailure("first"));
  workflow.advance(1_000);
  workflow.pollActivity();
  workflow.advance(2_000);
  const timedOut = workflow.events().find((event) => event.activityTaskTimedOutEventAttributes)!
    .activityTaskTimedOutEventAttributes!;
  assert.equal(timedOut.failure!.timeoutFailureInfo!.timeoutType, enums.TimeoutType.SCHEDULE_TO_CLOSE);
  assert.match(timedOut.failure!.message, /^Not enough time to schedule next retry/);
  assert.equal(timedOut.failure!.cause!.message, "first");
  assert.equal(timedOut.retryState, enums.RetryState.TIMEOUT);
});

test("timeouts are resolved against each other and none is left unset in history", () => {
  for (const [options, expected] of [
    [{ startToCloseTimeout: toDuration(10_000) }, [0, 0, 10, 0]],
    [{ startToCloseTimeout: undefined, scheduleToCloseTimeout: toDuration(8_000) }, [8, 8, 8, 0]],
    [
      {
        startToCloseTimeout: toDuration(10_000),
        scheduleToCloseTimeout: toDuration(8_000),
        scheduleToStartTimeout: toDuration(9_000),
        heartbeatTimeout: toDuration(9_000),
      },
      [8, 8, 8, 8],
    ],
    [{ startToCloseTimeout: toDuration(2_000), heartbeatTimeout: toDuration(3_000) }, [0, 0, 2, 2]],
  ] as const) {
    const attributes = afterFirstTask(commands.activity("a", options)).events()[4]!
      .activityTaskScheduledEventAttributes!;
    const { scheduleToCloseTimeout, scheduleToStartTimeout, startToCloseTimeout, heartbeatTimeout, retryPolicy } =
      attributes;
    assert.deepEqual(
      [scheduleToCloseTimeout, scheduleToStartTimeout, startToCloseTimeout, heartbeatTimeout].map(
        (timeout) => timeout!.seconds,
      ),
      expected,
    );
    assert.deepEqual(
      [retryPolicy!.initialInterval!.seconds, retryPolicy!.backoffCoefficient, retryPolicy!.maximumInterval!.seconds],
      [1, 2, 100],
    );
  }
});

test("cancelling an activity that nobody has started ends it after the other events of the completion", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  workflow.signal("go");
  workflow.complete(workflow.pollTask(), [commands.cancelActivity(5), commands.timer("t", 1_000)]);
  assert.deepEqual(workflow.eventTypes().slice(9), [
    "ACTIVITY_TASK_CANCEL_REQUESTED",
    "TIMER_STARTED",
    "ACTIVITY_TASK_CANCELED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  assert.equal(
    Buffer.from(workflow.events()[11]!.activityTaskCanceledEventAttributes!.details!.payloads[0]!.data).toString(),
    '"ACTIVITY_ID_NOT_STARTED"',
  );
});

test("a running activity hears of its cancellation by heartbeat and may then report it", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  const activity = workflow.pollActivity();
  const selector = { by: "token", ...activity.activity } as const;
  const report = { type: "cancelActivity", activity: selector, details: undefined, identity: "w" } as const;
  assert.equal(workflow.refused(report).code, "INVALID_ARGUMENT");
  workflow.signal("go");
  workflow.complete(workflow.pollTask(), [commands.cancelActivity(5)]);
  assert.equal(
    workflow.do({ type: "heartbeatActivity", activity: selector, details: undefined, identity: "w" }).cancelRequested,
    true,
  );
  workflow.do(report);
  assert.deepEqual(workflow.eventTypes().slice(-3), [
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_CANCELED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
});

test("a cancelled activity that fails is not retried", () => {
  const workflow = afterFirstTask(commands.activity("a", retryOnce));
  const activity = workflow.pollActivity();
  workflow.signal("go");
  workflow.complete(workflow.pollTask(), [commands.cancelActivity(5)]);
  workflow.failActivity(activity);
  assert.equal(
    workflow.events().find((event) => event.activityTaskFailedEventAttributes)!.activityTaskFailedEventAttributes!
      .retryState,
    enums.RetryState.CANCEL_REQUESTED,
  );
});

test("an activity is completed by its id whether or not a worker has it", () => {
  for (const start of [true, false]) {
    const workflow = afterFirstTask(commands.activity("a"));
    if (start) workflow.pollActivity();
    workflow.do({
      type: "completeActivity",
      activity: { by: "id", runId: "", activityId: "a" },
      result: payloads(1),
      identity: "human",
    });
    assert.deepEqual(workflow.eventTypes().slice(5), [
      "ACTIVITY_TASK_STARTED",
      "ACTIVITY_TASK_COMPLETED",
      "WORKFLOW_TASK_SCHEDULED",
    ]);
    assert.equal(
      workflow.refused({
        type: "completeActivity",
        activity: { by: "id", runId: "", activityId: "a" },
        result: undefined,
        identity: "human",
      }).code,
      "NOT_FOUND",
    );
  }
});

test("an eager activity is started with the completion and not queued", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const reply = workflow.complete(workflow.pollTask(), [
    commands.activity("a", { requestEagerExecution: true, input: payloads(3) }),
    commands.activity("b"),
  ]);
  assert(!(reply instanceof Rejection));
  assert.deepEqual(
    reply.eagerActivities.map(({ activityId }) => activityId),
    ["a"],
  );
  assert.equal(reply.eagerActivities[0]!.scheduled?.input?.payloads.length, 1);
  assert.equal(workflow.tasks.length, 1);
  workflow.completeActivity(reply.eagerActivities[0]!);
});

test("ends of activities that arrive during a workflow task come after the signals of that time, with their started ids", () => {
  const workflow = afterFirstTask(commands.activity("a"), commands.activity("b"));
  const [a, b] = [workflow.pollActivity(), workflow.pollActivity()];
  workflow.signal("go");
  const task = workflow.pollTask();
  workflow.completeActivity(b);
  workflow.signal("between");
  workflow.completeActivity(a);
  workflow.complete(task);
  assert.deepEqual(workflow.eventTypes().slice(9), [
    "WORKFLOW_TASK_COMPLETED",
    "ACTIVITY_TASK_STARTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "ACTIVITY_TASK_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  const ends = workflow.events().flatMap((event) => event.activityTaskCompletedEventAttributes ?? []);
  assert.deepEqual(
    ends.map(({ scheduledEventId, startedEventId }) => [scheduledEventId, startedEventId]),
    [
      [6, 11],
      [5, 13],
    ],
  );
});

test("nothing can be answered for an activity once its workflow has closed", () => {
  const workflow = afterFirstTask(commands.activity("a"));
  const activity = workflow.pollActivity();
  workflow.signal("go");
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  assert.equal(
    workflow.refused({
      type: "completeActivity",
      activity: { by: "token", ...activity.activity },
      result: undefined,
      identity: "w",
    }).code,
    "NOT_FOUND",
  );
});
