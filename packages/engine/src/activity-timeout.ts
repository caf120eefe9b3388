/** The four timeouts of an activity: when each is due, and what its firing does. */
import { enums, failure } from "@pawl/protocol";
import { closeActivity, retryOrState } from "./activity.ts";
import { timeoutName } from "./backoff.ts";
import type { Activity, Attempts, Run } from "./run.ts";
import type { Step } from "./step.ts";

interface Deadline {
  readonly timeout: enums.TimeoutType;
  readonly atMs: number;
}

/** Every deadline that runs for the activity in its present state. */
function deadlines(activity: Attempts): Deadline[] {
  const { status, options } = activity;
  // Nobody is late for what an operator holds back. An attempt that runs into the pause is judged when the pause ends.
  if (activity.paused) return [];
  const all: Deadline[] = [];
  const add = (timeout: enums.TimeoutType, baseMs: number, timeoutMs: number) => {
    if (timeoutMs > 0) all.push({ timeout, atMs: baseMs + timeoutMs });
  };
  add(enums.TimeoutType.SCHEDULE_TO_CLOSE, activity.scheduledAtMs, options.scheduleToCloseTimeoutMs);
  if (status.type === "scheduled")
    add(enums.TimeoutType.SCHEDULE_TO_START, status.dispatchAtMs, options.scheduleToStartTimeoutMs);
  if (status.type === "started") {
    add(enums.TimeoutType.START_TO_CLOSE, status.startedAtMs, options.startToCloseTimeoutMs);
    add(
      enums.TimeoutType.HEARTBEAT,
      Math.max(status.startedAtMs, activity.lastHeartbeatAtMs ?? 0),
      options.heartbeatTimeoutMs,
    );
  }
  return all;
}

/** When the activity next needs attention by itself. */
export function nextActivityAtMs(activity: Attempts): number {
  let atMs = activity.status.type === "backingOff" ? activity.status.dispatchAtMs : Number.POSITIVE_INFINITY;
  for (const deadline of deadlines(activity)) atMs = Math.min(atMs, deadline.atMs);
  return atMs;
}

/** The deadline that has passed, the earliest first; of two at once, the one with the smaller number, like the reference server. */
export function dueTimeout(activity: Attempts, nowMs: number): enums.TimeoutType | undefined {
  let due: Deadline | undefined;
  for (const deadline of deadlines(activity)) {
    if (deadline.atMs > nowMs) continue;
    if (!due || deadline.atMs < due.atMs || (deadline.atMs === due.atMs && isFirst(deadline, due))) due = deadline;
  }
  return due?.timeout;
}

const { SCHEDULE_TO_START, SCHEDULE_TO_CLOSE, START_TO_CLOSE, HEARTBEAT } = enums.TimeoutType;
/** Which of two deadlines of one millisecond is first: what counts from the schedule began before what counts from a start. */
const order: readonly enums.TimeoutType[] = [SCHEDULE_TO_START, SCHEDULE_TO_CLOSE, START_TO_CLOSE, HEARTBEAT];

function isFirst({ timeout }: Deadline, other: Deadline): boolean {
  return order.indexOf(timeout) < order.indexOf(other.timeout);
}

export function timeOutActivity(run: Run, step: Step, activity: Activity, timeout: enums.TimeoutType): void {
  const whole = timeout === enums.TimeoutType.SCHEDULE_TO_CLOSE || timeout === enums.TimeoutType.SCHEDULE_TO_START;
  const retryState = whole
    ? enums.RetryState.TIMEOUT
    : retryOrState(run, step, activity, timeoutFailure(timeoutMessage(timeout), timeout));
  if (retryState === enums.RetryState.IN_PROGRESS) {
    // Nobody completed this attempt.
    activity.lastAttemptCompletedAtMs = null;
    return;
  }
  // No time is left for another attempt: then what has run out is the time for the whole activity.
  const running = timeout === enums.TimeoutType.SCHEDULE_TO_CLOSE && activity.status.type === "started";
  const outOfTime = running || (!whole && retryState === enums.RetryState.TIMEOUT);
  const last = outOfTime
    ? timeoutFailure(timeoutMessage("retry"), enums.TimeoutType.SCHEDULE_TO_CLOSE)
    : timeoutFailure(timeoutMessage(timeout), timeout);
  last.timeoutFailureInfo!.lastHeartbeatDetails = activity.heartbeatDetails;
  last.cause = activity.lastFailure;
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
