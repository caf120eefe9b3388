import assert from "node:assert/strict";
import { test } from "node:test";
import { activity as api, enums, toDuration } from "@pawl/protocol";
import type { StartedActivityTask } from "../vocabulary.ts";
import { applicationFailure, commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";

const { PendingActivityState } = enums;
const pause = {
  type: "pauseActivity",
  runId: "",
  activityId: "a",
  identity: "op",
  reason: "look",
  requestId: "p1",
} as const;
const unpause = {
  type: "unpauseActivity",
  runId: "",
  activityId: "a",
  resetAttempts: false,
  resetHeartbeat: false,
  delayMs: 0,
} as const;
const reset = {
  type: "resetActivity",
  runId: "",
  activityId: "a",
  resetHeartbeat: false,
  keepPaused: false,
  restoreOriginalOptions: false,
  delayMs: 0,
} as const;
const options = { type: "updateActivityOptions", runId: "", activityId: "a", restoreOriginal: false } as const;

function withActivity(more: Parameters<typeof commands.activity>[1] = {}): ScriptedWorkflow {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [commands.activity("a", more)]);
  return workflow;
}

function pending(workflow: ScriptedWorkflow) {
  return workflow.do({ type: "describe", runId: "" }).pendingActivities![0]!;
}

function heartbeat(workflow: ScriptedWorkflow, { activity }: StartedActivityTask, details = payloads(1)) {
  return workflow.do({ type: "heartbeatActivity", activity: { by: "token", ...activity }, details, identity: "w" });
}

test("a paused activity is not given to a worker, and has no deadline for its waiting", () => {
  const workflow = withActivity({ scheduleToStartTimeout: toDuration(1_000) });
  workflow.do(pause);
  const [task] = workflow.tasks;
  assert.equal(
    workflow.refused({
      type: "startActivityTask",
      runId: task!.runId,
      scheduledEventId: 5,
      stamp: task!.stamp,
      poller: { identity: "w", requestId: "p" },
    }).code,
    "NOT_FOUND",
  );
  workflow.tasks = [];
  workflow.advance(60_000);
  assert(!workflow.eventTypes().includes("ACTIVITY_TASK_TIMED_OUT"));
  assert.equal(pending(workflow).state, PendingActivityState.PAUSED);
  workflow.do(unpause);
  assert.equal(workflow.pollActivity().attempt, 1);
});

test("an attempt that runs while its activity is paused hears of it, and fails into the pause", () => {
  const workflow = withActivity();
  const running = workflow.pollActivity();
  workflow.do(pause);
  assert.equal(pending(workflow).state, PendingActivityState.PAUSE_REQUESTED);
  assert.equal(heartbeat(workflow, running).activityPaused, true);
  workflow.failActivity(running);
  workflow.advance(60_000);
  assert.equal(workflow.tasks.length, 0);
  workflow.do(unpause);
  assert.equal(workflow.pollActivity().attempt, 2);
});

test("pausing again under the same request id is the same pause; under another it is refused", () => {
  const workflow = withActivity();
  workflow.do(pause);
  workflow.do(pause);
  assert.equal(workflow.refused({ ...pause, requestId: "p2" }).code, "FAILED_PRECONDITION");
  assert.equal(workflow.refused({ ...pause, activityId: "b" }).code, "NOT_FOUND");
});

test("unpausing can start over: attempts and heartbeat", () => {
  const workflow = withActivity();
  const running = workflow.pollActivity();
  heartbeat(workflow, running);
  workflow.failActivity(running);
  workflow.do(pause);
  workflow.do({ ...unpause, resetAttempts: true, resetHeartbeat: true });
  const again = workflow.pollActivity();
  assert.deepEqual([again.attempt, again.heartbeatDetails], [1, undefined]);
});

test("a reset activity that backs off starts at once with its first attempt", () => {
  const workflow = withActivity();
  workflow.failActivity(workflow.pollActivity());
  workflow.do(reset);
  assert.equal(workflow.pollActivity().attempt, 1);
});

test("an attempt that is reset while it runs is told by heartbeat and counts as the first", () => {
  const workflow = withActivity({ retryPolicy: { initialInterval: toDuration(1_000), maximumAttempts: 2 } });
  workflow.failActivity(workflow.pollActivity());
  workflow.advance(1_000);
  const second = workflow.pollActivity();
  workflow.do({ ...reset, resetHeartbeat: true });
  assert.equal(heartbeat(workflow, second).activityReset, true);
  assert.equal(pending(workflow).attempt, 1);
  workflow.failActivity(second, applicationFailure("reset"));
  assert(
    !workflow.eventTypes().includes("ACTIVITY_TASK_FAILED"),
    "the last allowed attempt was reset, so another follows",
  );
  workflow.advance(10_000);
  const next = workflow.pollActivity();
  assert.deepEqual([next.attempt, next.heartbeatDetails], [2, undefined]);
  assert.equal(heartbeat(workflow, next).activityReset, false);
});

test("neither attempts nor time run out for an attempt that fails into a pause", () => {
  const workflow = withActivity({ startToCloseTimeout: toDuration(1_000), retryPolicy: { maximumAttempts: 1 } });
  const running = workflow.pollActivity();
  workflow.do(pause);
  workflow.advance(60_000);
  assert.equal(pending(workflow).state, PendingActivityState.PAUSE_REQUESTED);
  workflow.failActivity(running);
  assert.equal(pending(workflow).state, PendingActivityState.PAUSED);
  workflow.do(unpause);
  assert.equal(workflow.pollActivity().attempt, 2);
  workflow.advance(1_000);
  assert(workflow.eventTypes().includes("ACTIVITY_TASK_TIMED_OUT"), "its time counts again");
});

test("a workflow with paused activities is listed by their types, until they go on or end", () => {
  const workflow = withActivity();
  const shown = () => {
    const fields = workflow.do({ type: "describe", runId: "" }).workflowExecutionInfo?.searchAttributes?.indexedFields;
    return fields?.["TemporalPauseInfo"]?.data && new TextDecoder().decode(fields["TemporalPauseInfo"].data);
  };
  assert.equal(shown(), undefined);
  workflow.do(pause);
  assert.equal(shown(), `["property:activityType=${pending(workflow).activityType?.name}"]`);
  workflow.do(unpause);
  assert.equal(shown(), undefined);
});

test("options change by mask, hold for the next attempt, and can be taken back", () => {
  const workflow = withActivity();
  const wanted = api.ActivityOptions.decode(
    api.ActivityOptions.encode({
      taskQueue: { name: "other" },
      startToCloseTimeout: toDuration(7_000),
      retryPolicy: { maximumAttempts: 9 },
    }),
  );
  const change = workflow.do({
    ...options,
    options: wanted,
    paths: ["task_queue.name", "start_to_close_timeout", "retry_policy.maximum_attempts"],
  });
  assert.deepEqual(
    [
      change.options.taskQueue?.name,
      change.options.startToCloseTimeout?.seconds,
      change.options.retryPolicy?.maximumAttempts,
      change.options.retryPolicy?.backoffCoefficient,
    ],
    ["other", 7, 9, 2],
  );
  assert.equal(workflow.tasks.at(-1)!.taskQueue, "other");
  workflow.tasks.shift();
  assert.equal(workflow.pollActivity().startToCloseTimeoutMs, 7_000);
  workflow.do({ ...options, options: undefined, paths: [], restoreOriginal: true });
  assert.equal(pending(workflow).activityOptions?.taskQueue?.name, "queue");
});

test("options that make no sense are refused and change nothing", () => {
  const workflow = withActivity();
  for (const [paths, wanted] of [
    [["colour"], {}],
    [["start_to_close_timeout"], { startToCloseTimeout: { seconds: -1, nanos: 0 } }],
    [["retry_policy.backoff_coefficient"], { retryPolicy: { backoffCoefficient: 0.5 } }],
  ] as const) {
    const init = api.ActivityOptions.decode(api.ActivityOptions.encode(wanted));
    assert.equal(workflow.refused({ ...options, options: init, paths }).code, "INVALID_ARGUMENT");
  }
});

test("activities are chosen by id, by type, or all of them, as long as their workflow runs", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const other = { activityType: { name: "other" } };
  workflow.complete(workflow.pollTask(), [
    commands.activity("a"),
    commands.activity("b"),
    commands.activity("c", other),
  ]);
  const { activityId: _, ...nobody } = pause;
  const paused = () => [...workflow.run().activities.values()].filter((one) => one.paused).map((one) => one.activityId);
  for (const missing of [{ activityId: "d" }, { activityType: "none" }])
    assert.equal(workflow.refused({ ...nobody, ...missing }).code, "NOT_FOUND");
  workflow.do({ ...nobody, activityType: "act" });
  assert.deepEqual(paused(), ["a", "b"]);
  assert.equal(workflow.refused({ ...nobody, all: true, requestId: "p2" }).code, "FAILED_PRECONDITION");
  workflow.do({ ...nobody, all: true });
  assert.deepEqual(paused(), ["a", "b", "c"]);
  const { activityId: __, ...all } = { ...unpause, all: true };
  workflow.do(all);
  workflow.do(all);
  assert.deepEqual(paused(), []);
  workflow.signal("s");
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  for (const command of [pause, unpause, reset, { ...options, options: undefined, paths: undefined }])
    assert.equal(workflow.refused(command).message, "workflow execution already completed");
});

test("a change of options is refused that is not whole, or makes of them what no activity may have", () => {
  const workflow = withActivity({ retryPolicy: { maximumAttempts: 2 } });
  const codec = api.ActivityOptions;
  const wanted = (given: Parameters<typeof codec.encode>[0]) => codec.decode(codec.encode(given));
  const rows = [
    [undefined, undefined, /ActivityOptions are not provided/],
    [wanted({}), undefined, /UpdateMask is not provided/],
    [wanted({}), ["start_delay"], /unknown field start_delay in update mask/],
    [wanted({}), ["retry_policy.maximum_attempts"], /RetryPolicy is not provided/],
    [wanted({ retryPolicy: {} }), ["retry_policy.nothing"], /unknown field retry_policy\.nothing in update mask/],
    [wanted({ retryPolicy: { maximumAttempts: -1 } }), ["retry_policy.maximum_attempts"], /cannot be negative/],
    [wanted({ heartbeatTimeout: toDuration(-1) }), ["heartbeat_timeout"], /invalid HeartbeatTimeout/],
    [wanted({}), ["task_queue"], /missing task queue name/],
  ] as const;
  for (const [given, paths, told] of rows)
    assert.match(workflow.refused({ ...options, options: given, paths }).message, told);
  assert.equal(workflow.run().activities.get(5)?.originalOptions, null);
  workflow.do({ ...options, options: wanted({ taskQueue: { name: "elsewhere" } }), paths: ["task_queue"] });
  assert.equal(workflow.tasks.at(-1)?.taskQueue, "elsewhere");
  workflow.do({ ...options, options: undefined, paths: undefined, restoreOriginal: true });
  assert.equal(workflow.tasks.at(-1)?.taskQueue, "queue");
});
