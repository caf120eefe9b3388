import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, toDuration } from "@pawl/protocol";
import type { StartedActivityTask } from "../vocabulary.ts";
import { applicationFailure, payloads } from "../workflow/scripted-workflow.ts";
import { ScriptedStandalone, statusName, tokenOf } from "./scripted-standalone.ts";

const { PendingActivityState, RetryState } = enums;
const slow = { initialInterval: toDuration(60_000) };

const heartbeat = (task: StartedActivityTask) =>
  ({ type: "heartbeatActivity", activity: tokenOf(task), details: payloads(1), identity: "w" }) as const;
const complete = (task: StartedActivityTask) =>
  ({ type: "completeActivity", activity: tokenOf(task), result: payloads(1), identity: "w" }) as const;
const fail = (task: StartedActivityTask, info: Parameters<typeof applicationFailure>[1] = {}) =>
  ({
    type: "failActivity",
    activity: tokenOf(task),
    failure: applicationFailure("no", info),
    lastHeartbeatDetails: undefined,
    identity: "w",
  }) as const;
const cancel = { type: "requestCancelActivity", runId: "", requestId: "c", reason: "because", identity: "me" } as const;
const pause = (requestId = "p") =>
  ({ type: "pauseActivity", runId: "", activityId: "a", identity: "op", reason: "hold", requestId }) as const;
const unpause = (delayMs = 0, requestId = "") =>
  ({ type: "unpauseActivity", runId: "", resetAttempts: false, resetHeartbeat: false, delayMs, requestId }) as const;
const reset = (how: { keepPaused?: boolean; restoreOriginalOptions?: boolean; requestId?: string } = {}) =>
  ({
    type: "resetActivity",
    runId: "",
    resetHeartbeat: true,
    keepPaused: false,
    restoreOriginalOptions: false,
    delayMs: 0,
    ...how,
  }) as const;
const update = (options: object, paths: readonly string[], requestId = "") =>
  ({
    type: "updateActivityOptions",
    runId: "",
    options: options as never,
    paths,
    restoreOriginal: false,
    requestId,
  }) as const;

function started(request: Parameters<ScriptedStandalone["start"]>[0] = {}): ScriptedStandalone {
  const script = new ScriptedStandalone();
  script.do(script.start(request));
  return script;
}

test("a reset starts over: at once while it waits, and however the running attempt fails", () => {
  const script = started({ retryPolicy: { ...slow, maximumAttempts: 2 } });
  script.do(fail(script.poll()));
  script.do(reset());
  const first = script.poll();
  assert.equal(first.attempt, 1);
  script.do(heartbeat(first));
  script.do(reset());
  assert.equal(script.refused(pause()), "FAILED_PRECONDITION activity is in non-pausable state ResetRequested");
  script.do(fail(first, { nonRetryable: true }));
  const again = script.poll();
  assert.deepEqual([again.attempt, again.heartbeatDetails], [1, undefined]);
  assert.equal(script.describe().info.totalHeartbeatCount, 1);
});

test("the token of an attempt is not that of a later one with its number", () => {
  const script = started({ retryPolicy: slow });
  const first = script.poll();
  script.do(reset());
  script.do(fail(first));
  const again = script.poll();
  assert.equal(again.attempt, first.attempt);
  assert.equal(script.refused(complete(first)), "NOT_FOUND activity not found for ID: a");
  script.do(update({ heartbeatTimeout: toDuration(1_000) }, ["heartbeat_timeout"]));
  script.do(complete(again));
});

test("an attempt that was reset fails into the pause that it was to keep", () => {
  const script = started({ retryPolicy: slow });
  const task = script.poll();
  script.do(pause());
  script.do(reset({ keepPaused: true }));
  assert.equal(script.describe().info.runState, PendingActivityState.PAUSE_REQUESTED);
  assert.equal(script.refused(unpause()), "FAILED_PRECONDITION activity is in non-unpausable state ResetRequested");
  script.do(fail(task));
  assert.equal(script.describe().info.runState, PendingActivityState.PAUSED);
  assert.equal(script.tasks.length, 0);
  script.do(unpause());
  assert.equal(script.poll().attempt, 1);
});

test("options that a reset restores are those of the attempt that follows, not of the one that runs", () => {
  const script = started({ retryPolicy: slow });
  const task = script.poll();
  script.do(update({ startToCloseTimeout: toDuration(20_000) }, ["start_to_close_timeout"]));
  script.do(reset({ restoreOriginalOptions: true }));
  script.advance(19_999);
  script.do(fail(task));
  assert.equal(script.poll().startToCloseTimeoutMs, 10_000);
});

test("a cancellation takes precedence over a pause and a reset", () => {
  const script = started({ retryPolicy: slow });
  const task = script.poll();
  script.do(pause());
  script.do(reset({ keepPaused: true }));
  script.do(cancel);
  assert.deepEqual(script.do(heartbeat(task)), { cancelRequested: true, activityPaused: false, activityReset: false });
  for (const command of [pause("q"), unpause(), reset(), update({}, ["priority"])])
    assert.match(script.refused(command), /^FAILED_PRECONDITION/, command.type);
  script.do(fail(task));
  assert.equal(script.describe().outcome?.retryState, RetryState.CANCEL_REQUESTED);
});

test("a pause stops neither the time of the attempt that runs nor that of all attempts", () => {
  const script = started({ scheduleToCloseTimeout: toDuration(100_000), retryPolicy: slow });
  script.poll();
  script.do(pause());
  script.advance(10_000);
  const { info } = script.describe();
  assert.deepEqual([statusName(info.status), info.attempt], ["PAUSED", 2]);
  script.advance(89_999);
  assert.equal(statusName(script.describe().info.status), "PAUSED");
  script.advance(1);
  const { outcome } = script.describe();
  assert.equal(outcome?.failure?.timeoutFailureInfo?.timeoutType, enums.TimeoutType.SCHEDULE_TO_CLOSE);
});

test("what is left of the wait after a failure is waited for after a pause, and changed by another policy alone", () => {
  const interval = (seconds: number) => ({ retryPolicy: { initialInterval: toDuration(seconds * 1_000) } });
  const intervalPaths = ["retry_policy.initial_interval"];
  const [script, asked] = [started({ retryPolicy: slow }), started({ retryPolicy: slow })];
  script.do(fail(script.poll()));
  asked.do(fail(asked.poll(), { nextRetryDelayMs: 70_000 }));
  for (const one of [script, asked]) {
    one.do(pause());
    one.advance(20_000);
    one.do(unpause());
    one.do(update({ heartbeatTimeout: toDuration(1_000) }, ["heartbeat_timeout"]));
    one.do(update(interval(50), intervalPaths));
  }
  const left = (one: ScriptedStandalone) => one.describe().info.currentRetryInterval?.seconds;
  assert.deepEqual([left(script), left(asked)], [50, 70]);
  script.advance(29_999);
  assert.equal(script.tasks.length, 0);
  script.advance(1);
  assert.equal(script.poll().attempt, 2);
});

test("an operator's request that comes again is no news, whatever became of the activity", () => {
  const script = started();
  const change = update({ heartbeatTimeout: toDuration(1_000) }, ["heartbeat_timeout"], "update");
  script.do(pause("one"));
  script.do(unpause(0, "unpause"));
  script.do(pause("two"));
  script.do(unpause(0, "unpause"));
  assert.equal(script.describe().info.runState, PendingActivityState.PAUSED);
  script.do(change);
  script.tasks = [];
  script.do(reset({ requestId: "reset" }));
  const task = script.poll();
  script.do(reset({ requestId: "reset" }));
  assert.equal(script.do(heartbeat(task)).activityReset, false);
  script.do(complete(task));
  for (const command of [unpause(0, "unpause"), change, reset({ requestId: "reset" })]) {
    script.do(command);
    assert.match(script.refused({ ...command, requestId: "new" }), /^FAILED_PRECONDITION/);
  }
});

test("a delay comes back with the original options, as long as no attempt has begun", () => {
  const script = started({ startDelay: toDuration(5_000), scheduleToCloseTimeout: toDuration(10_000) });
  script.do(update({ startDelay: toDuration(60_000) }, ["start_delay"]));
  script.do(reset({ restoreOriginalOptions: true }));
  assert.equal(script.describe().info.startDelay?.seconds, 5);
  script.advance(5_000);
  script.poll();
  script.advance(9_999);
  assert.equal(script.describe().outcome, undefined);
  script.advance(1);
  assert.equal(statusName(script.describe().info.status), "TIMED_OUT");
});

test("while an activity is paused its delay may be changed after its end", () => {
  const script = started({ startDelay: toDuration(5_000) });
  script.advance(5_000);
  const later = update({ startDelay: toDuration(9_000) }, ["start_delay"]);
  assert.match(script.refused(later), /^FAILED_PRECONDITION cannot update start_delay/);
  script.do(pause());
  script.tasks = [];
  script.do(later);
  script.do(unpause());
  script.advance(3_999);
  assert.equal(script.tasks.length, 0);
  script.advance(1);
  script.poll();
});
