import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, toDuration } from "@pawl/protocol";
import type { StartedActivityTask } from "../vocabulary.ts";
import { applicationFailure, payloads } from "../workflow/scripted-workflow.ts";
import { ScriptedStandalone, statusName, tokenOf } from "./scripted-standalone.ts";

const { ActivityIdConflictPolicy, ActivityIdReusePolicy, PendingActivityState, RetryState } = enums;
const quick = { initialInterval: toDuration(1_000), backoffCoefficient: 2 };

const complete = (task: StartedActivityTask, result = payloads("out")) =>
  ({ type: "completeActivity", activity: tokenOf(task), result, identity: "worker" }) as const;
const fail = (task: StartedActivityTask, cause = applicationFailure("no")) =>
  ({
    type: "failActivity",
    activity: tokenOf(task),
    failure: cause,
    lastHeartbeatDetails: undefined,
    identity: "worker",
  }) as const;
const cancel = (requestId = "c") =>
  ({ type: "requestCancelActivity", runId: "", requestId, reason: "because", identity: "client" }) as const;
const pause = (requestId = "p") =>
  ({ type: "pauseActivity", runId: "", activityId: "a", identity: "op", reason: "hold", requestId }) as const;
const unpause = (delayMs = 0) =>
  ({ type: "unpauseActivity", runId: "", resetAttempts: false, resetHeartbeat: false, delayMs }) as const;

function started(request: Parameters<ScriptedStandalone["start"]>[0] = {}): ScriptedStandalone {
  const script = new ScriptedStandalone();
  script.do(script.start(request));
  return script;
}

test("an activity runs, completes, is kept as long as the namespace says, and is gone", () => {
  const script = started({ input: payloads(5) });
  const task = script.poll();
  assert.deepEqual([task.activityId, task.attempt, task.workflowId], ["a", 1, ""]);
  assert.equal(task.scheduled?.input?.payloads.length, 1);
  script.do(complete(task));
  const { outcome, info } = script.describe();
  assert.deepEqual(outcome?.result?.payloads.length, 1);
  assert.equal(statusName(info.status), "COMPLETED");
  assert.equal(script.refused(complete(task)), "NOT_FOUND activity not found for ID: a");
  script.advance(script.retentionMs - 1);
  assert.equal(script.runCount, 1);
  script.advance(1);
  assert.equal(script.runCount, 0);
  assert.equal(script.currentRunId, null);
  assert.equal(script.refused({ type: "describeActivity", runId: "" }), "NOT_FOUND activity not found for ID: a");
});

test("attempts follow each other by the retry policy, and a late answer of an earlier one changes nothing", () => {
  const script = started({ retryPolicy: { ...quick, maximumAttempts: 3 } });
  const first = script.poll();
  script.do(fail(first));
  assert.equal(script.tasks.length, 0);
  const waiting = script.describe().info;
  assert.deepEqual([waiting.attempt, waiting.currentRetryInterval?.seconds], [2, 1]);
  script.advance(999);
  assert.equal(script.tasks.length, 0);
  script.advance(1);
  const second = script.poll();
  assert.equal(script.refused(complete(first)), "NOT_FOUND activity not found for ID: a");
  script.do(fail(second));
  script.advance(2_000);
  script.do(fail(script.poll(), applicationFailure("last")));
  const { outcome } = script.describe();
  assert.equal(outcome?.retryState, RetryState.MAXIMUM_ATTEMPTS_REACHED);
  assert.equal(outcome?.failure?.message, "last");
});

test("a task that was dispatched before the activity changed is stale", () => {
  const script = started();
  const [task] = script.tasks;
  script.do(pause());
  assert.equal(script.refused(script.startTask(task!)), "NOT_FOUND activity not found for ID: a");
  script.do(unpause());
  assert.equal(script.refused(script.startTask(task!)), "NOT_FOUND activity not found for ID: a");
  script.do(script.startTask(script.tasks.at(-1)!));
});

test("a poll that asks again under its id is given the same task", () => {
  const script = started();
  const command = script.startTask(script.tasks[0]!);
  assert.deepEqual(script.do(command)?.activity, script.do(command)?.activity);
});

/** Each timeout: how the activity is started, whether a worker takes it, and when it ends with what. */
const timeouts: [string, Parameters<ScriptedStandalone["start"]>[0], boolean, number, string, enums.RetryState][] = [
  [
    "schedule to start",
    { scheduleToStartTimeout: toDuration(3_000) },
    false,
    3_000,
    "activity ScheduleToStart timeout",
    RetryState.TIMEOUT,
  ],
  [
    "schedule to close",
    { scheduleToCloseTimeout: toDuration(4_000) },
    true,
    3_990,
    "activity ScheduleToClose timeout",
    RetryState.TIMEOUT,
  ],
  [
    "start to close",
    { retryPolicy: { maximumAttempts: 1 } },
    true,
    10_000,
    "activity StartToClose timeout",
    RetryState.MAXIMUM_ATTEMPTS_REACHED,
  ],
  [
    "heartbeat",
    { heartbeatTimeout: toDuration(2_000), retryPolicy: { maximumAttempts: 1 } },
    true,
    2_000,
    "activity Heartbeat timeout",
    RetryState.MAXIMUM_ATTEMPTS_REACHED,
  ],
  [
    "no time for another attempt",
    {
      startToCloseTimeout: toDuration(2_000),
      scheduleToCloseTimeout: toDuration(5_000),
      retryPolicy: { initialInterval: toDuration(60_000) },
    },
    true,
    2_000,
    "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying",
    RetryState.TIMEOUT,
  ],
];

for (const [name, request, taken, afterMs, message, retryState] of timeouts) {
  test(`timeout: ${name}`, () => {
    const script = started(request);
    // A worker takes it a moment later, so that what counts from the start is told apart from what counts from then.
    if (taken) script.advance(10);
    if (taken) script.poll();
    script.advance(afterMs - 1);
    assert.equal(script.describe().outcome, undefined);
    script.advance(1);
    const { outcome, info } = script.describe();
    assert.deepEqual([outcome?.failure?.message, outcome?.retryState], [message, retryState]);
    assert.equal(statusName(info.status), "TIMED_OUT");
  });
}

test("a delayed start waits, and the time for all attempts counts from its end", () => {
  const script = started({ startDelay: toDuration(5_000), scheduleToCloseTimeout: toDuration(2_000) });
  assert.equal(script.tasks.length, 0);
  script.advance(4_999);
  assert.equal(script.tasks.length, 0);
  script.advance(1);
  assert.equal(script.tasks.length, 1);
  script.advance(1_999);
  assert.equal(script.describe().outcome, undefined);
  script.advance(1);
  assert.equal(
    script.describe().outcome?.failure?.timeoutFailureInfo?.timeoutType,
    enums.TimeoutType.SCHEDULE_TO_START,
  );
});

test("while it is delayed, nothing but a change of the delay brings the first attempt forward", () => {
  const script = started({ startDelay: toDuration(5_000) });
  script.do(pause());
  script.do(unpause());
  assert.equal(script.tasks.length, 0);
  const options = { ...script.describe().info, startDelay: toDuration(1_000) } as never;
  const change = {
    type: "updateActivityOptions",
    runId: "",
    options,
    paths: ["start_delay"],
    restoreOriginal: false,
  } as const;
  assert.equal(script.do(change).options.startDelay?.seconds, 1);
  script.advance(1_000);
  script.poll();
  assert.equal(
    script.refused(change),
    "FAILED_PRECONDITION cannot update start_delay: the first activity attempt has already been dispatched",
  );
});

test("who asks again under the same id is told the same, whatever became of the activity", () => {
  const script = started();
  const { runId } = script.do(script.start());
  assert.deepEqual(script.do(script.start()), { runId, started: false });
  script.do(complete(script.poll()));
  assert.deepEqual(script.do(script.start()), { runId, started: false });
  assert.equal(script.do(script.start({ requestId: "second" })).started, true);
});

const reuse: [keyof typeof ActivityIdReusePolicy, boolean, boolean][] = [
  ["UNSPECIFIED", true, true],
  ["ALLOW_DUPLICATE", true, true],
  ["ALLOW_DUPLICATE_FAILED_ONLY", true, false],
  ["ALLOW_DUPLICATE_FAILED_ONLY", false, true],
  ["REJECT_DUPLICATE", true, false],
  ["REJECT_DUPLICATE", false, false],
];
for (const [policy, completed, accepted] of reuse) {
  test(`a start after one that ${completed ? "completed" : "failed"}: ${policy}`, () => {
    const script = started({ retryPolicy: { maximumAttempts: 1 } });
    const task = script.poll();
    script.do(completed ? complete(task) : fail(task));
    const again = script.start({ requestId: "second", idReusePolicy: ActivityIdReusePolicy[policy] });
    if (accepted) assert.notEqual(script.do(again).runId, task.activity.runId);
    else assert.equal(script.refused(again), "ALREADY_EXISTS activity execution already started");
  });
}

test("a start beside a running activity is refused, or given that one with what it wants attached", () => {
  const script = started();
  const second = { requestId: "second", links: [{ batchJob: { jobId: "j" } }] };
  assert.equal(script.refused(script.start(second)), "ALREADY_EXISTS activity execution already started");
  const existing = {
    ...second,
    idConflictPolicy: ActivityIdConflictPolicy.USE_EXISTING,
    onConflictOptions: { attachLinks: true, attachRequestId: true },
  };
  const { runId, started: isNew } = script.do(script.start(existing));
  assert.deepEqual([runId, isNew], [script.currentRunId, false]);
  assert.equal(script.describe().info.links?.length, 1);
  // Known by its request id from now on, whatever its policy.
  assert.deepEqual(script.do(script.start(second)), { runId, started: false });
  assert.equal(script.describe().info.links?.length, 1);
});

test("without a worker a cancellation is done at once; a worker hears of it and may do as it likes", () => {
  const waiting = started();
  waiting.do(cancel());
  assert.equal(statusName(waiting.describe().info.status), "CANCELED");
  assert.equal(waiting.listed.get(waiting.currentRunId!)?.status, enums.ActivityExecutionStatus.CANCELED);

  const running = started({ retryPolicy: quick });
  const task = running.poll();
  const answer = { type: "cancelActivity", activity: tokenOf(task), details: undefined, identity: "w" } as const;
  assert.match(running.refused(answer), /^INVALID_ARGUMENT unable to mark activity as canceled/);
  running.do(cancel());
  running.do(cancel());
  assert.equal(running.refused(cancel("d")), "FAILED_PRECONDITION cancellation already requested with request ID c");
  const beat = { type: "heartbeatActivity", activity: tokenOf(task), details: payloads(1), identity: "w" } as const;
  assert.equal(running.do(beat).cancelRequested, true);
  running.do(answer);
  assert.equal(running.describe().outcome?.failure?.canceledFailureInfo?.identity, "client");
  assert.equal(running.refused(cancel("d")), "FAILED_PRECONDITION activity is in terminal state Canceled");
});

test("after a request to cancel, a failed attempt is the last", () => {
  const script = started({ retryPolicy: quick });
  const task = script.poll();
  script.do(cancel());
  script.do(fail(task));
  assert.equal(script.describe().outcome?.retryState, RetryState.CANCEL_REQUESTED);
});

test("a request to cancel ends a pause: the attempt whose worker has gone times out", () => {
  const script = started({ startToCloseTimeout: { seconds: 20 } });
  script.poll();
  script.do(pause());
  script.do(cancel());
  script.advance(20_000);
  assert.equal(statusName(script.describe().info.status), "TIMED_OUT");
  assert.equal(script.describe().outcome?.retryState, RetryState.CANCEL_REQUESTED);
});

test("a termination ends the activity, and is known again by its id", () => {
  const script = started();
  const task = script.poll();
  const terminate = (requestId: string) =>
    ({ type: "terminateActivity", runId: "", requestId, reason: "enough", identity: "me" }) as const;
  script.do(terminate("t"));
  script.do(terminate("t"));
  assert.equal(script.refused(terminate("u")), "FAILED_PRECONDITION already terminated with request ID t");
  assert.equal(script.refused(complete(task)), "NOT_FOUND activity not found for ID: a");
  assert.deepEqual(script.describe().outcome?.failure?.terminatedFailureInfo?.identity, "me");
});

test("a deletion takes an open activity too, and leaves older runs", () => {
  const script = started();
  const old = script.poll();
  script.do(complete(old));
  script.do(script.start({ requestId: "second" }));
  script.do({ type: "delete", runId: "" });
  assert.equal(script.runCount, 1);
  assert.equal(script.describe(old.activity.runId).runId, old.activity.runId);
  assert.equal(script.refused({ type: "delete", runId: "" }), "NOT_FOUND activity not found for ID: a");
});

test("by its id an activity is answered without a token, and completed even while nobody holds it", () => {
  const script = started({ retryPolicy: { ...quick, maximumAttempts: 2 } });
  const byId = { by: "id", runId: "", activityId: "a" } as const;
  const done = { type: "completeActivity", activity: byId, result: payloads("early"), identity: "me" } as const;
  const beat = { type: "heartbeatActivity", activity: byId, details: payloads(1), identity: "me" } as const;
  assert.equal(script.refused(beat), "NOT_FOUND activity not found for ID: a");
  const task = script.poll();
  script.do(beat);
  script.do({ ...fail(task), activity: byId });
  script.advance(1);
  script.do(done);
  assert.equal(script.refused(done), "FAILED_PRECONDITION invalid transition from Completed");
});

test("a paused activity is given to nobody, is not late for a worker, and is listed as paused", () => {
  const script = started({ scheduleToStartTimeout: toDuration(1_000) });
  script.do(pause());
  script.do(pause());
  assert.equal(script.refused(pause("q")), "FAILED_PRECONDITION activity is in non-pausable state Paused");
  assert.equal(script.listed.get(script.currentRunId!)?.status, enums.ActivityExecutionStatus.PAUSED);
  script.tasks = [];
  script.advance(5_000);
  script.do(unpause());
  assert.equal(script.listed.get(script.currentRunId!)?.status, enums.ActivityExecutionStatus.RUNNING);
  assert.equal(script.refused(unpause()), "FAILED_PRECONDITION activity is in non-unpausable state Scheduled");
  script.poll();
});

test("the last attempt that the policy allows ends the activity also when it is paused", () => {
  const script = started({ retryPolicy: { ...quick, maximumAttempts: 1 } });
  const task = script.poll();
  script.do(pause());
  script.do(fail(task));
  assert.equal(statusName(script.describe().info.status), "FAILED");
});

test("an attempt that runs when its activity is paused fails into the pause", () => {
  const script = started({ retryPolicy: quick });
  const task = script.poll();
  script.do(pause());
  assert.equal(script.describe().info.runState, PendingActivityState.PAUSE_REQUESTED);
  script.do(fail(task));
  script.advance(60_000);
  assert.equal(script.tasks.length, 0);
  assert.equal(script.describe().info.runState, PendingActivityState.PAUSED);
  script.do(unpause(2_000));
  script.advance(2_000);
  assert.equal(script.poll().attempt, 2);
});

test("changed options count for what comes, and can be taken back", () => {
  const script = started({ retryPolicy: { initialInterval: toDuration(60_000) } });
  script.do(fail(script.poll()));
  const update = (paths: readonly string[], options: object | undefined, restoreOriginal = false) =>
    script.do({ type: "updateActivityOptions", runId: "", options: options as never, paths, restoreOriginal });
  // The wait between attempts is that of the policy as it is now.
  update(["retry_policy.initial_interval"], { retryPolicy: { initialInterval: toDuration(2_000) } });
  script.advance(2_000);
  assert.equal(script.tasks.length, 1);
  update(["task_queue.name"], { taskQueue: { name: "other" } });
  assert.equal(script.tasks.at(-1)?.taskQueue, "other");
  assert.equal(update([], undefined, true).options.taskQueue?.name, "q");
  // The wait is that of the first policy again, of which two seconds are over.
  script.advance(57_999);
  assert.equal(script.tasks.at(-1)?.taskQueue, "other");
  script.advance(1);
  assert.equal(script.tasks.at(-1)?.taskQueue, "q");
});

test("a heartbeat writes neither the input nor anything that lists show", () => {
  const input = { payloads: [{ data: new Uint8Array(100_000) }] };
  const script = started({ input });
  assert.deepEqual(script.written.parts, ["i"]);
  const task = script.poll();
  script.listed.clear();
  script.do({ type: "heartbeatActivity", activity: tokenOf(task), details: payloads(1), identity: "w" });
  assert.deepEqual(script.written.parts, []);
  assert.ok(script.written.bytes < 2_000, `${script.written.bytes} bytes`);
  assert.equal(script.listed.size, 0);
  assert.ok(script.describe().info.stateSizeBytes! > 100_000);
  script.do(complete(task));
  assert.deepEqual(script.written.parts, ["r"]);
});

test("whatever is in a run comes back from the store", () => {
  const script = started({
    input: payloads(5),
    header: { fields: { h: payloads("x").payloads![0]! } },
    userMetadata: { summary: payloads("s").payloads![0]! },
    searchAttributes: { indexedFields: { K: payloads("v").payloads![0]! } },
    links: [{ batchJob: { jobId: "j" } }],
    priority: { priorityKey: 2 },
  });
  const run = script.run();
  assert.equal(run.input?.payloads.length, 1);
  assert.ok(
    run.header?.fields["h"] && run.start.userMetadata?.summary && run.start.searchAttributes?.indexedFields["K"],
  );
  assert.equal(run.links[0]?.batchJob?.jobId, "j");
  assert.equal(run.attempts.options.priority?.priorityKey, 2);
  assert.ok(run.sizeBytes > 100);
});
