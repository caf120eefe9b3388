/** The four timeouts of an activity: when each is due, and what its firing does. */
import { enums, failure } from "@pawl/protocol";
import { timeoutName } from "../backoff.ts";
import type { Activity, Attempts } from "../state/activity.ts";
import type { Run } from "../state/run.ts";
import type { Note, Step } from "../step.ts";
import { closeActivity, retryOrState } from "./activity.ts";

const { SCHEDULE_TO_START, SCHEDULE_TO_CLOSE, START_TO_CLOSE, HEARTBEAT } = enums.TimeoutType;
export type Timeout = typeof SCHEDULE_TO_START | typeof SCHEDULE_TO_CLOSE | typeof START_TO_CLOSE | typeof HEARTBEAT;
/** Of two that pass in one millisecond the first counts, like at the reference server: what began with the schedule before what began with a start. */
const timeouts: readonly Timeout[] = [SCHEDULE_TO_START, SCHEDULE_TO_CLOSE, START_TO_CLOSE, HEARTBEAT];
const never = Number.POSITIVE_INFINITY;

/** When one of the timeouts passes; Infinity while it does not run. Asked of every pending activity at every commit, so it makes no objects. */
function deadlineMs(activity: Attempts, timeout: Timeout): number {
  const { status, options } = activity;
  // Nobody is late for what an operator holds back. An attempt that runs into the pause is judged when the pause ends.
  if (activity.paused) return never;
  switch (timeout) {
    case SCHEDULE_TO_CLOSE:
      return after(activity.scheduledAtMs, options.scheduleToCloseTimeoutMs);
    case SCHEDULE_TO_START:
      return status.type === "scheduled" ? after(status.dispatchAtMs, options.scheduleToStartTimeoutMs) : never;
    case START_TO_CLOSE:
      return status.type === "started" ? after(status.startedAtMs, options.startToCloseTimeoutMs) : never;
    case HEARTBEAT: {
      if (status.type !== "started") return never;
      return after(Math.max(status.startedAtMs, activity.lastHeartbeatAtMs ?? 0), options.heartbeatTimeoutMs);
    }
    default:
      return timeout satisfies never;
  }
}

/** A timeout of 0 is none. */
function after(baseMs: number, timeoutMs: number): number {
  return timeoutMs > 0 ? baseMs + timeoutMs : never;
}

/** When the activity next needs attention by itself. */
export function nextActivityAtMs(activity: Attempts): number {
  let atMs = activity.status.type === "backingOff" ? activity.status.dispatchAtMs : never;
  for (const timeout of timeouts) atMs = Math.min(atMs, deadlineMs(activity, timeout));
  return atMs;
}

/** The timeout that has passed, the earliest first. */
export function dueTimeout(activity: Attempts, nowMs: number): Timeout | undefined {
  let due: Timeout | undefined;
  for (const timeout of timeouts) {
    const atMs = deadlineMs(activity, timeout);
    if (atMs <= nowMs && (due === undefined || atMs < deadlineMs(activity, due))) due = timeout;
  }
  return due;
}

/** What is counted of each. */
export const timeoutNotes = {
  [SCHEDULE_TO_START]: "scheduleToStartTimeout",
  [SCHEDULE_TO_CLOSE]: "scheduleToCloseTimeout",
  [START_TO_CLOSE]: "startToCloseTimeout",
  [HEARTBEAT]: "heartbeatTimeout",
} as const satisfies Record<Timeout, Note>;

export function timeOutActivity(run: Run, step: Step, activity: Activity, timeout: Timeout): void {
  step.notes.push(timeoutNotes[timeout]);
  const retryState = retryOrState(run, step, activity, timeoutFailure(timeoutMessage(timeout), timeout));
  if (retryState === enums.RetryState.IN_PROGRESS) {
    // Nobody completed this attempt.
    activity.lastAttemptCompletedAtMs = null;
    return;
  }
  // No time is left for another attempt: then what has run out is the time for the whole activity.
  const isOutOfTime = retryState === enums.RetryState.TIMEOUT && timeout !== SCHEDULE_TO_START;
  const last = isOutOfTime
    ? timeoutFailure(timeoutMessage("retry"), SCHEDULE_TO_CLOSE)
    : timeoutFailure(timeoutMessage(timeout), timeout);
  last.timeoutFailureInfo!.lastHeartbeatDetails = activity.heartbeatDetails;
  last.cause = activity.lastFailure;
  step.notes.push("activityTimedOut");
  closeActivity(run, step, activity, {}, (startedEventId) => ({
    eventType: enums.EventType.ACTIVITY_TASK_TIMED_OUT,
    activityTaskTimedOutEventAttributes: {
      failure: last,
      scheduledEventId: activity.scheduledEventId,
      startedEventId,
      retryState,
    },
  }));
}

/** "retry": no time is left for the next attempt. */
export function timeoutMessage(timeout: enums.TimeoutType | "retry"): string {
  return timeout === "retry"
    ? "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying"
    : `activity ${timeoutName(timeout)} timeout`;
}

function timeoutFailure(message: string, timeoutType: enums.TimeoutType): failure.Failure {
  return failure.Failure.create({
    message,
    source: "Server",
    timeoutFailureInfo: { timeoutType, lastHeartbeatDetails: undefined },
  });
}
