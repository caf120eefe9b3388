/** What a caller is shown of a standalone activity: its description, and its row in lists. */
import { activity as api, type common, type Init, toDuration, toTimestamp } from "@pawl/protocol";
import { wireRules } from "../activity/attempt-operator.ts";
import { pendingActivity } from "../run/describe.ts";
import { indexedAttributes, type VisibilityRecord } from "../run/visibility.ts";
import { runStateOf, type StandaloneRun, statusOf } from "./standalone-run.ts";

/** Everything that can be asked of a run; the frontend leaves out what was not asked for. */
export interface StandaloneDescription {
  readonly runId: string;
  readonly info: Init<api.ActivityExecutionInfo>;
  readonly input: common.Payloads | undefined;
  readonly outcome: api.ActivityExecutionOutcome | undefined;
  /** Tells two states of the run apart: grows with each commit. */
  readonly stateTransitionCount: number;
}

export function describeStandalone(run: StandaloneRun): StandaloneDescription {
  return {
    runId: run.runId,
    info: { ...startedInfo(run), ...attemptsInfo(run), ...closedInfo(run) },
    input: run.input,
    outcome: run.outcome ?? undefined,
    stateTransitionCount: run.stateTransitionCount,
  };
}

/** The run as what it is while it is open: a pending activity. */
export function pendingStandalone({ attempts, activityId, start, cancelRequest }: StandaloneRun) {
  const { activityType } = start;
  const cancelRequestedEventId = cancelRequest ? 0 : null;
  const shown = { ...attempts, scheduledEventId: 0, activityId, activityType, cancelRequestedEventId };
  return pendingActivity({ ...shown, scheduled: undefined });
}

function startedInfo(run: StandaloneRun): Init<api.ActivityExecutionInfo> {
  const { start, attempts } = run;
  const { options } = attempts;
  return {
    activityId: run.activityId,
    runId: run.runId,
    activityType: { name: start.activityType },
    status: statusOf(run),
    runState: runStateOf(run),
    taskQueue: options.taskQueue,
    ...wireRules(options),
    scheduleTime: toTimestamp(start.scheduledAtMs),
    executionTime: toTimestamp(attempts.scheduledAtMs),
    startDelay: shownDelay(run),
    ...(options.scheduleToCloseTimeoutMs > 0 && {
      expirationTime: toTimestamp(attempts.scheduledAtMs + options.scheduleToCloseTimeoutMs),
    }),
    searchAttributes: start.searchAttributes ?? {},
    header: run.header,
    userMetadata: start.userMetadata,
    canceledReason: run.cancelRequest?.reason,
    links: [...run.links],
    stateTransitionCount: run.stateTransitionCount,
    stateSizeBytes: run.sizeBytes,
  };
}

/** One that an operator has set is shown even when it is none. */
export function shownDelay({ startDelayMs, originalStartDelayMs }: StandaloneRun) {
  return startDelayMs > 0 || originalStartDelayMs !== null ? toDuration(startDelayMs) : undefined;
}

function attemptsInfo(run: StandaloneRun): Init<api.ActivityExecutionInfo> {
  const { attempts } = run;
  const { status, lastAttemptCompletedAtMs: completedAtMs } = attempts;
  const isWaiting = run.status.type === "open" && status.type === "backingOff" && !attempts.paused;
  const intervalMs = isWaiting ? run.retry?.intervalMs : undefined;
  return {
    attempt: attempts.attempt,
    heartbeatDetails: attempts.heartbeatDetails,
    lastFailure: attempts.lastFailure,
    lastWorkerIdentity: attempts.lastWorkerIdentity,
    totalHeartbeatCount: run.heartbeatCount,
    sdkName: run.sdk.name,
    sdkVersion: run.sdk.version,
    ...(attempts.lastHeartbeatAtMs !== null && { lastHeartbeatTime: toTimestamp(attempts.lastHeartbeatAtMs) }),
    ...(attempts.lastStartedAtMs !== null && { lastStartedTime: toTimestamp(attempts.lastStartedAtMs) }),
    ...(completedAtMs !== null && { lastAttemptCompleteTime: toTimestamp(completedAtMs) }),
    ...(isWaiting && { nextAttemptScheduleTime: toTimestamp(status.dispatchAtMs) }),
    ...(intervalMs !== undefined && { currentRetryInterval: toDuration(intervalMs) }),
  };
}

function closedInfo({ start, status }: StandaloneRun): Init<api.ActivityExecutionInfo> {
  if (status.type === "open") return {};
  return {
    closeTime: toTimestamp(status.closedAtMs),
    executionDuration: toDuration(Math.max(0, status.closedAtMs - start.scheduledAtMs)),
  };
}

/** The row by which lists show and filter a standalone activity. */
export function standaloneRecord(run: StandaloneRun): VisibilityRecord {
  const { start, attempts, status } = run;
  const closeTimeMs = status.type === "closed" ? status.closedAtMs : null;
  const stateTransitionCount = closeTimeMs === null ? null : run.stateTransitionCount;
  const row: Init<api.ActivityExecutionListInfo> = {
    activityId: run.activityId,
    runId: run.runId,
    activityType: { name: start.activityType },
    scheduleTime: toTimestamp(start.scheduledAtMs),
    executionTime: toTimestamp(attempts.scheduledAtMs),
    status: statusOf(run),
    searchAttributes: start.searchAttributes ?? {},
    taskQueue: attempts.options.taskQueue,
    stateTransitionCount: stateTransitionCount ?? 0,
    ...closedInfo(run),
  };
  return {
    type: start.activityType,
    taskQueue: attempts.options.taskQueue,
    status: statusOf(run),
    startTimeMs: start.scheduledAtMs,
    executionTimeMs: attempts.scheduledAtMs,
    closeTimeMs,
    historyLength: null,
    historySizeBytes: null,
    executionDurationMs: closeTimeMs === null ? null : Math.max(0, closeTimeMs - start.scheduledAtMs),
    stateTransitionCount,
    parentWorkflowId: null,
    parentRunId: null,
    rootWorkflowId: "",
    rootRunId: "",
    searchAttributes: indexedAttributes(start.searchAttributes),
    info: api.ActivityExecutionListInfo.encode(row),
  };
}
