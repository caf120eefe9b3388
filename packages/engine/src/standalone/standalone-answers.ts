/** What workers say of a standalone activity, and what falls due of it: each ends an attempt or the whole. */
import { type common, durationMs, enums, failure, type Init } from "@pawl/protocol";
import { dueTimeout, type Timeout, timeoutMessage, timeoutNotes } from "../activity/activity-timeout.ts";
import {
  isLegal,
  mayStart,
  readyAttempt,
  retryAttempt,
  type Transition,
  takeAttempt,
  truncated,
} from "../activity/attempt.ts";
import { wireRetryPolicy } from "../backoff.ts";
import { Rejection } from "../rejection.ts";
import type { ActivityStatus } from "../state/activity.ts";
import type { Step } from "../step.ts";
import type { ActivityTaskRef, CommandOf, Replies, StartedActivityTask } from "../vocabulary.ts";
import { reschedule, restoreOptions, startOver } from "./standalone-attempts.ts";
import { pendingStandalone } from "./standalone-describe.ts";
import { type StandaloneRun, standaloneTaskOf, stateOf, timedAttempts } from "./standalone-run.ts";

const { ActivityExecutionStatus, RetryState, TimeoutType } = enums;

export function notFound(activityId: string): Rejection {
  return new Rejection("NOT_FOUND", `activity not found for ID: ${activityId}`);
}

type Ended = { readonly result: common.Payloads } | { readonly failure: failure.Failure };

/** The run has its outcome; a retry state says why no attempt followed. */
export function closeStandalone(
  run: StandaloneRun,
  step: Step,
  status: enums.ActivityExecutionStatus,
  { retryState = RetryState.UNSPECIFIED, ...ended }: Ended & { readonly retryState?: enums.RetryState },
): void {
  run.status = { type: "closed", status, closedAtMs: step.nowMs };
  run.deletion = { atMs: step.nowMs + step.retentionMs, asked: false };
  run.outcome = { retryState, ...ended };
  run.changes.parts.add("r");
  run.changes.core = true;
  run.changes.visibility = true;
}

export function startStandaloneTask(
  run: StandaloneRun,
  step: Step,
  { stamp, poller }: CommandOf<"startActivityTask">,
): StartedActivityTask | Rejection {
  const { attempts } = run;
  if (run.status.type === "closed") return notFound(run.activityId);
  if (attempts.status.type === "started" && attempts.status.requestId === poller.requestId)
    return startedReply(run, attempts.status, attempts.status.startedAtMs);
  if (!mayStart(attempts, stamp)) return notFound(run.activityId);
  const { status, attemptScheduledAtMs } = takeAttempt(attempts, step.nowMs, poller);
  run.sdk = { name: poller.sdkName ?? "", version: poller.sdkVersion ?? "" };
  run.changes.core = true;
  return startedReply(run, status, attemptScheduledAtMs);
}

function startedReply(
  run: StandaloneRun,
  { startedAtMs }: Extract<ActivityStatus, { type: "started" }>,
  attemptScheduledAtMs: number,
): StartedActivityTask {
  const { attempts, start } = run;
  const { options } = attempts;
  return {
    activity: attemptRef(run),
    namespaceId: run.namespaceId,
    workflowId: "",
    workflowType: "",
    activityId: run.activityId,
    activityType: start.activityType,
    scheduledAtMs: start.scheduledAtMs,
    attemptScheduledAtMs,
    startedAtMs,
    attempt: attempts.attempt,
    scheduleToCloseTimeoutMs: options.scheduleToCloseTimeoutMs,
    startToCloseTimeoutMs: options.startToCloseTimeoutMs,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    retryPolicy: wireRetryPolicy(options.retryPolicy),
    heartbeatDetails: attempts.heartbeatDetails,
    priority: options.priority,
    scheduled: { input: run.input, header: run.header },
  };
}

/** A reset begins to count anew, so that the number of an attempt alone does not tell it from an earlier one. */
function attemptRef({ runId, attempts: { attempt, stamp } }: StandaloneRun): ActivityTaskRef {
  return { runId, scheduledEventId: 0, attempt, ...(stamp !== attempt && { stamp }) };
}

type Answer = CommandOf<
  "completeActivity" | "failActivity" | "cancelActivity" | "heartbeatActivity" | "locateActivity"
>;

/** Why the run is not open to this answer. By token it must be the attempt's own. */
function problem(run: StandaloneRun, { activity }: Answer, transition: Transition): Rejection | undefined {
  const { attempts } = run;
  if (run.status.type === "closed" && transition === "completeById") return invalidTransition(run);
  const isOther = activity.by === "token" && (activity.stamp ?? activity.attempt) !== attempts.stamp;
  return run.status.type === "closed" || isOther || !isLegal(transition, attempts)
    ? notFound(run.activityId)
    : undefined;
}

export function invalidTransition(run: StandaloneRun): Rejection {
  return new Rejection("FAILED_PRECONDITION", `invalid transition from ${stateOf(run)}`);
}

export function completeStandalone(run: StandaloneRun, step: Step, command: CommandOf<"completeActivity">) {
  const refused = problem(run, command, command.activity.by === "id" ? "completeById" : "completeByToken");
  if (refused) return refused;
  const { attempts } = run;
  // Completed by id while no worker held it: as if one had.
  if (attempts.status.type !== "started") attempts.lastStartedAtMs = step.nowMs;
  endAttempt(run, step, command.identity);
  step.notes.push("activityCompleted");
  closeStandalone(run, step, ActivityExecutionStatus.COMPLETED, { result: command.result ?? { payloads: [] } });
  return {};
}

function endAttempt({ attempts }: StandaloneRun, step: Step, identity: string): void {
  attempts.lastAttemptCompletedAtMs = step.nowMs;
  attempts.lastWorkerIdentity = identity;
}

export function failStandalone(run: StandaloneRun, step: Step, command: CommandOf<"failActivity">) {
  const refused = problem(run, command, "fail");
  if (refused) return refused;
  if (command.lastHeartbeatDetails) recordHeartbeat(run, step, command.lastHeartbeatDetails);
  endAttempt(run, step, command.identity);
  step.notes.push("activityAttemptFailed");
  const retryState = retryStandalone(run, step, command.failure);
  if (retryState === RetryState.IN_PROGRESS) return {};
  step.notes.push("activityFailed");
  // Who waits for the outcome is to have one.
  const cause = command.failure ?? failure.Failure.create({ message: "activity task failed without failure details" });
  run.attempts.lastFailure = cause;
  closeStandalone(run, step, ActivityExecutionStatus.FAILED, { failure: cause, retryState });
  return {};
}

function retryStandalone(run: StandaloneRun, step: Step, cause: failure.Failure | undefined): enums.RetryState {
  const { attempts } = run;
  run.changes.core = true;
  // An attempt that ends while the activity is held back leaves it paused, which lists show.
  run.changes.visibility ||= attempts.paused !== null;
  if (attempts.reset) {
    endResetAttempt(run, step, cause);
    return RetryState.IN_PROGRESS;
  }
  const cancelRequested = run.cancelRequest !== null;
  const asked = durationMs(cause?.applicationFailureInfo?.nextRetryDelay) > 0;
  // Unlike a workflow's activity, which a pause keeps from ending, and for which a delay of nothing is one, too.
  const judged = asked ? cause : withoutDelay(cause);
  const retryState = retryAttempt(attempts, { nowMs: step.nowMs, cancelRequested, cause: judged, keptByPause: false });
  if (retryState !== RetryState.IN_PROGRESS || attempts.status.type !== "backingOff") return retryState;
  attempts.lastFailure = cause && truncated(cause);
  run.retry = { intervalMs: attempts.status.dispatchAtMs - step.nowMs, byPolicy: !asked };
  return retryState;
}

function withoutDelay(cause: failure.Failure | undefined): failure.Failure | undefined {
  const info = cause?.applicationFailureInfo;
  return info?.nextRetryDelay ? { ...cause!, applicationFailureInfo: { ...info, nextRetryDelay: undefined } } : cause;
}

/** However an attempt fails that was reset, the first one follows, and at once. */
function endResetAttempt(run: StandaloneRun, step: Step, cause: failure.Failure | undefined): void {
  const { reset } = run.attempts;
  if (reset?.options) restoreOptions(run);
  startOver(run, reset?.heartbeat ?? false);
  run.attempts.reset = null;
  run.attempts.lastFailure = cause && truncated(cause);
  run.attempts.lastAttemptCompletedAtMs = step.nowMs;
  run.changes.visibility = true;
  reschedule(run, step, step.nowMs);
}

export function cancelStandalone(run: StandaloneRun, step: Step, command: CommandOf<"cancelActivity">) {
  const refused = problem(run, command, "cancel");
  if (refused) return refused;
  if (!run.cancelRequest) {
    return new Rejection(
      "INVALID_ARGUMENT",
      "unable to mark activity as canceled without activity being request canceled first",
    );
  }
  closeCanceled(run, step, command.details);
  return {};
}

export function closeCanceled(run: StandaloneRun, step: Step, details: Init<common.Payloads> | undefined): void {
  const canceledFailureInfo = { details, identity: run.cancelRequest?.identity };
  const encoded = failure.Failure.encode({ message: "Activity canceled", canceledFailureInfo });
  const cause = failure.Failure.decode(encoded);
  step.notes.push("activityCanceled");
  closeStandalone(run, step, ActivityExecutionStatus.CANCELED, { failure: cause });
}

export function heartbeatStandalone(
  run: StandaloneRun,
  step: Step,
  command: CommandOf<"heartbeatActivity">,
): Replies["heartbeatActivity"] | Rejection {
  const refused = problem(run, command, "heartbeat");
  if (refused) return refused;
  recordHeartbeat(run, step, command.details);
  step.notes.push("activityHeartbeat");
  const state = stateOf(run);
  return {
    cancelRequested: state === "CancelRequested",
    activityPaused: state === "PauseRequested",
    activityReset: state === "ResetRequested",
  };
}

/** What somebody is told who is to answer for the activity. By token: the attempt that the token was given for. */
export function locateStandalone(
  run: StandaloneRun,
  command: CommandOf<"locateActivity">,
): Replies["locateActivity"] | Rejection {
  const refused = problem(run, command, "locate");
  if (refused) return refused;
  const { attempts, activityId, start } = run;
  return {
    activity: attemptRef(run),
    workflowType: "",
    activityId,
    activityType: start.activityType,
    startedAtMs: attempts.status.type === "started" ? attempts.status.startedAtMs : undefined,
    info: pendingStandalone(run),
  };
}

function recordHeartbeat(run: StandaloneRun, step: Step, details: common.Payloads | undefined): void {
  run.attempts.heartbeatDetails = details;
  run.attempts.lastHeartbeatAtMs = step.nowMs;
  run.heartbeatCount += 1;
  run.changes.core = true;
}

/** Does what is due by itself at `step.nowMs`, and nothing early. */
export function wakeStandalone(run: StandaloneRun, step: Step): void {
  const timeout = dueTimeout(timedAttempts(run), step.nowMs);
  if (timeout !== undefined) return timeOutStandalone(run, step, timeout);
  const { status, paused } = run.attempts;
  if (paused || status.type !== "backingOff" || status.dispatchAtMs > step.nowMs || !readyAttempt(run.attempts)) return;
  run.changes.core = true;
  const task = standaloneTaskOf(run);
  if (task) step.dispatch(task);
}

function timeOutStandalone(run: StandaloneRun, step: Step, timeout: Timeout): void {
  step.notes.push(timeoutNotes[timeout]);
  const { attempts } = run;
  const whole = timeout === TimeoutType.SCHEDULE_TO_CLOSE || timeout === TimeoutType.SCHEDULE_TO_START;
  const before = attempts.lastFailure;
  const last = timeoutFailure(run, timeoutMessage(timeout), timeout);
  const wholeState = run.cancelRequest ? RetryState.CANCEL_REQUESTED : RetryState.TIMEOUT;
  const retryState = whole ? wholeState : retryStandalone(run, step, last);
  if (retryState === RetryState.IN_PROGRESS) return;
  if (!whole) {
    attempts.lastFailure = { ...last, cause: before };
    attempts.lastAttemptCompletedAtMs = step.nowMs;
  }
  // No time is left for another attempt: then what has run out is the time for the whole activity.
  const outOfTime = !whole && retryState === RetryState.TIMEOUT;
  const cause = outOfTime ? timeoutFailure(run, timeoutMessage("retry"), TimeoutType.SCHEDULE_TO_CLOSE) : last;
  step.notes.push("activityTimedOut");
  closeStandalone(run, step, ActivityExecutionStatus.TIMED_OUT, { failure: { ...cause, cause: before }, retryState });
}

function timeoutFailure({ attempts }: StandaloneRun, message: string, timeoutType: enums.TimeoutType): failure.Failure {
  return failure.Failure.create({
    message,
    timeoutFailureInfo: { timeoutType, lastHeartbeatDetails: attempts.heartbeatDetails },
  });
}
