/**
 * The attempts of an activity: what a workflow's activity and one that is an execution of its own have in common. Nothing here writes events or
 * dispatches; the callers do, for whatever the activity belongs to.
 *
 *   scheduled ──take──▶ started ──retry──▶ backingOff ──ready──▶ scheduled
 */
import { type activity as api, durationMs, enums, failure } from "@pawl/protocol";
import { decideRetry } from "../backoff.ts";
import { limits } from "../limits.ts";
import type { ActivityOptions, ActivityStatus, Attempts } from "../state/activity.ts";
import type { Poller } from "../vocabulary.ts";

/** In which states each command is accepted. Answers by id may also close an activity that no worker holds. */
const legalFrom = {
  start: ["scheduled"],
  completeByToken: ["started"],
  completeById: ["scheduled", "backingOff", "started"],
  fail: ["started"],
  cancel: ["started"],
  heartbeat: ["started"],
  timeOut: ["scheduled", "backingOff", "started"],
  endBackoff: ["backingOff"],
  locate: ["scheduled", "backingOff", "started"],
} as const satisfies Record<string, readonly ActivityStatus["type"][]>;

export type Transition = keyof typeof legalFrom;

export function isLegal(transition: Transition, { status }: Attempts): boolean {
  return (legalFrom[transition] as readonly string[]).includes(status.type);
}

/** What any message has that gives an activity its timeouts. */
export type TimeoutAttributes = Pick<
  api.ActivityOptions,
  "scheduleToCloseTimeout" | "scheduleToStartTimeout" | "startToCloseTimeout" | "heartbeatTimeout"
> & { readonly activityId: string; readonly activityType?: { readonly name: string } | undefined };

/** Timeouts resolved against each other and the run's timeout, in the reference server's order; a string says what is wrong. */
export function resolveTimeouts(
  attributes: TimeoutAttributes,
  runTimeoutMs: number,
): Omit<ActivityOptions, "taskQueue" | "retryPolicy" | "priority"> | string {
  let scheduleToCloseTimeoutMs = durationMs(attributes.scheduleToCloseTimeout);
  let scheduleToStartTimeoutMs = durationMs(attributes.scheduleToStartTimeout);
  let startToCloseTimeoutMs = durationMs(attributes.startToCloseTimeout);
  let heartbeatTimeoutMs = durationMs(attributes.heartbeatTimeout);
  if (scheduleToCloseTimeoutMs < 0) return "invalid ScheduleToCloseTimeout: negative duration";
  if (scheduleToStartTimeoutMs < 0) return "invalid ScheduleToStartTimeout: negative duration";
  if (startToCloseTimeoutMs < 0) return "invalid StartToCloseTimeout: negative duration";
  if (heartbeatTimeoutMs < 0) return "invalid HeartbeatTimeout: negative duration";
  if (scheduleToCloseTimeoutMs > 0) {
    scheduleToStartTimeoutMs = lesser(scheduleToStartTimeoutMs, scheduleToCloseTimeoutMs);
    startToCloseTimeoutMs = lesser(startToCloseTimeoutMs, scheduleToCloseTimeoutMs);
  } else if (startToCloseTimeoutMs > 0) {
    scheduleToCloseTimeoutMs = runTimeoutMs;
    if (scheduleToStartTimeoutMs === 0) scheduleToStartTimeoutMs = runTimeoutMs;
  } else
    return `a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. ActivityId=${attributes.activityId} ActivityType=${attributes.activityType?.name ?? ""}`;
  if (runTimeoutMs > 0) {
    scheduleToCloseTimeoutMs = Math.min(scheduleToCloseTimeoutMs, runTimeoutMs);
    scheduleToStartTimeoutMs = Math.min(scheduleToStartTimeoutMs, runTimeoutMs);
    startToCloseTimeoutMs = Math.min(startToCloseTimeoutMs, runTimeoutMs);
    heartbeatTimeoutMs = Math.min(heartbeatTimeoutMs, runTimeoutMs);
  }
  heartbeatTimeoutMs = Math.min(heartbeatTimeoutMs, startToCloseTimeoutMs);
  return { scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs, heartbeatTimeoutMs };
}

/** The smaller of two timeouts of which the first may be 0 = none. */
function lesser(timeoutMs: number, boundMs: number): number {
  return timeoutMs > 0 ? Math.min(timeoutMs, boundMs) : boundMs;
}

/** An activity that waits for its first attempt, which is due at `dispatchAtMs`. */
export function newAttempts(
  options: ActivityOptions,
  { scheduledAtMs, status }: Pick<Attempts, "scheduledAtMs" | "status">,
): Attempts {
  return {
    scheduledAtMs,
    options,
    status,
    attempt: 1,
    stamp: 1,
    lastFailure: undefined,
    lastAttemptCompletedAtMs: null,
    lastStartedAtMs: null,
    lastWorkerIdentity: "",
    heartbeatDetails: undefined,
    lastHeartbeatAtMs: null,
    paused: null,
    reset: null,
    originalOptions: null,
  };
}

/** Whether a worker may have the task that was dispatched with this stamp. */
export function mayStart(activity: Attempts, stamp: number): boolean {
  return isLegal("start", activity) && !activity.paused && activity.stamp === stamp;
}

/** A worker takes the attempt. */
export function takeAttempt(
  activity: Attempts,
  nowMs: number,
  { identity, requestId, workerVersion, deploymentVersion }: Poller,
): { status: Extract<ActivityStatus, { type: "started" }>; attemptScheduledAtMs: number } {
  const attemptScheduledAtMs = activity.status.type === "started" ? nowMs : activity.status.dispatchAtMs;
  const status = { type: "started", startedAtMs: nowMs, identity, requestId, workerVersion } as const;
  activity.status = status;
  activity.lastStartedAtMs = nowMs;
  activity.lastWorkerIdentity = identity;
  activity.lastDeploymentVersion = deploymentVersion;
  return { status, attemptScheduledAtMs };
}

interface AttemptEnd {
  readonly nowMs: number;
  readonly cancelRequested: boolean;
  readonly cause: failure.Failure | undefined;
  /** The operator who has paused it decides when it is tried again, and not its policy. */
  readonly keptByPause: boolean;
}

/** Puts the activity into its next attempt's backoff (answer IN_PROGRESS), or says why there is none. */
export function retryAttempt(
  activity: Attempts,
  { nowMs, cancelRequested, cause, keptByPause }: AttemptEnd,
): enums.RetryState {
  if (cancelRequested) return enums.RetryState.CANCEL_REQUESTED;
  const { scheduleToCloseTimeoutMs, retryPolicy } = activity.options;
  const expiresAtMs = scheduleToCloseTimeoutMs > 0 ? activity.scheduledAtMs + scheduleToCloseTimeoutMs : 0;
  // A reset attempt counts as the first, whichever it was.
  const attempt = activity.reset ? 1 : activity.attempt;
  const isKept = keptByPause && activity.paused !== null;
  const decision = decideRetry(retryPolicy, { attempt, nowMs, expiresAtMs }, cause, isKept);
  if (!decision.retry) return decision.state;
  takeReset(activity);
  activity.stamp += 1;
  activity.lastFailure = cause && truncated(cause);
  activity.lastAttemptCompletedAtMs = nowMs;
  activity.status = { type: "backingOff", dispatchAtMs: nowMs + decision.delayMs };
  return enums.RetryState.IN_PROGRESS;
}

/** The next attempt's number: the second again when an operator has reset the activity meanwhile. */
function takeReset(activity: Attempts): void {
  if (activity.reset?.heartbeat) {
    activity.heartbeatDetails = undefined;
    activity.lastHeartbeatAtMs = null;
  }
  activity.attempt = activity.reset ? 2 : activity.attempt + 1;
  activity.reset = null;
}

/** The backoff is over: the next attempt waits for a worker. */
export function readyAttempt(activity: Attempts): boolean {
  if (activity.status.type !== "backingOff") return false;
  activity.status = { type: "scheduled", dispatchAtMs: activity.status.dispatchAtMs };
  return true;
}

/** A failure kept between attempts is bounded; the worker's logs have the rest. */
export function truncated(cause: failure.Failure): failure.Failure {
  if (failure.Failure.encode(cause).length <= limits.retryFailureBytesMax) return cause;
  return failure.Failure.create({
    message: "Failure exceeds size limit.",
    serverFailureInfo: { nonRetryable: false },
    cause: shortened(cause),
  });
}

/** What a text costs beside its own length, and the fixed fields of an application failure. */
const textOverheadBytes = 4;
const infoOverheadBytes = 8;

/** Type, source, message and stack trace, in this order, for as long as there is room. */
function shortened({ message, source, stackTrace, applicationFailureInfo: info }: failure.Failure): failure.Failure {
  let leftBytes = limits.retryFailureBytesMax - (info ? infoOverheadBytes : 0);
  const cut = (text: string) => {
    const kept = text.slice(0, Math.max(0, leftBytes));
    leftBytes -= kept.length + textOverheadBytes;
    return kept;
  };
  const applicationFailureInfo = info && { ...info, type: cut(info.type), details: undefined };
  return failure.Failure.create({
    ...(applicationFailureInfo && { applicationFailureInfo }),
    source: cut(source),
    message: cut(message),
    stackTrace: cut(stackTrace),
  });
}
