/** What describe and list say of a standalone activity, as plain values. */
import { type activity, enums, timestampMs, type workflowservice } from "@pawl/protocol";
import type { LoadedDataConverter } from "../value/data-converter.ts";
import type { Priority } from "../value/options.ts";
import { arrayFromPayloads, fromPayloadsAtIndex } from "../value/payload-converter.ts";
import { type RetryPolicy, retryPolicyOf } from "../value/retry-policy.ts";
import { decodeTypedSearchAttributes, type TypedSearchAttributes } from "../value/search-attributes.ts";
import { compiledRetryPolicy, wireDurationMs } from "../value/wire.ts";

/** The status of an activity. `RUNNING` and `PAUSED` are open, all others are closed. */
export const ActivityExecutionStatus = {
  RUNNING: "RUNNING",
  COMPLETED: "COMPLETED",
  FAILED: "FAILED",
  CANCELED: "CANCELED",
  TERMINATED: "TERMINATED",
  TIMED_OUT: "TIMED_OUT",
  PAUSED: "PAUSED",
} as const;
export type ActivityExecutionStatus = (typeof ActivityExecutionStatus)[keyof typeof ActivityExecutionStatus];

/** What an open activity does: it waits for a worker or its next attempt (`SCHEDULED`), runs (`STARTED`), or has been asked to end or to pause. */
export const PendingActivityState = {
  SCHEDULED: "SCHEDULED",
  STARTED: "STARTED",
  CANCEL_REQUESTED: "CANCEL_REQUESTED",
  PAUSED: "PAUSED",
  PAUSE_REQUESTED: "PAUSE_REQUESTED",
} as const;
export type PendingActivityState = (typeof PendingActivityState)[keyof typeof PendingActivityState];

/** A row of a list of activities. */
export interface ActivityExecutionInfo {
  activityId: string;
  activityRunId: string;
  activityType: string;
  taskQueue: string;
  status: ActivityExecutionStatus;
  scheduleTime: Date | undefined;
  closeTime: Date | undefined;
  /** Of one that has closed. */
  executionDurationMs: number | undefined;
  executionTime: Date | undefined;
  typedSearchAttributes: TypedSearchAttributes;
}

/** All that the server tells of one activity. Numbers named `Ms` are milliseconds; `undefined` is what was not set or has not happened. */
export interface ActivityExecutionDescription extends ActivityExecutionInfo {
  /** What it does while it is not closed. */
  runState: PendingActivityState | undefined;
  attempt: number;
  scheduleToCloseTimeoutMs: number | undefined;
  scheduleToStartTimeoutMs: number | undefined;
  startToCloseTimeoutMs: number | undefined;
  heartbeatTimeoutMs: number | undefined;
  retryPolicy: RetryPolicy | undefined;
  lastHeartbeatTime: Date | undefined;
  lastStartedTime: Date | undefined;
  lastAttemptCompleteTime: Date | undefined;
  nextAttemptScheduleTime: Date | undefined;
  expirationTime: Date | undefined;
  lastWorkerIdentity: string | undefined;
  currentRetryIntervalMs: number | undefined;
  priority: Priority | undefined;
  canceledReason: string | undefined;
  totalHeartbeatCount: number;
  /** What follows is there when it was asked for. */
  getInput<T extends unknown[] = unknown[]>(): Promise<T | undefined>;
  getHeartbeatDetails<T = unknown>(): Promise<T | undefined>;
  getLastFailure(): Promise<Error | undefined>;
  getResult<T = unknown>(): Promise<T | undefined>;
  getOutcomeFailure(): Promise<Error | undefined>;
  rawInfo: activity.ActivityExecutionInfo;
}

/** How many activities a query matches, and how many of each value when it has a `GROUP BY`. */
export interface CountActivityExecutions {
  readonly count: number;
  readonly groups: readonly { readonly count: number; readonly groupValues: readonly unknown[] }[];
}

export function activityInfoOf(
  raw: activity.ActivityExecutionListInfo | activity.ActivityExecutionInfo,
): ActivityExecutionInfo {
  return {
    activityId: raw.activityId,
    activityRunId: raw.runId,
    activityType: raw.activityType?.name ?? "",
    taskQueue: raw.taskQueue,
    status: nameOf(enums.ActivityExecutionStatus, raw.status) ?? "RUNNING",
    scheduleTime: date(raw.scheduleTime),
    closeTime: date(raw.closeTime),
    executionDurationMs: wireDurationMs(raw.executionDuration),
    executionTime: date(raw.executionTime),
    typedSearchAttributes: decodeTypedSearchAttributes(raw.searchAttributes?.indexedFields),
  };
}

export function activityDescription(
  response: workflowservice.DescribeActivityExecutionResponse,
  { payloadConverter, failureConverter }: LoadedDataConverter,
): ActivityExecutionDescription {
  const raw = response.info!;
  const { input, outcome } = response;
  const policy = compiledRetryPolicy(raw.retryPolicy);
  const error = (failure: typeof raw.lastFailure) =>
    failure && failureConverter.failureToError(failure, payloadConverter);
  return {
    ...activityInfoOf(raw),
    runState: nameOf(enums.PendingActivityState, raw.runState),
    attempt: raw.attempt,
    scheduleToCloseTimeoutMs: wireDurationMs(raw.scheduleToCloseTimeout),
    scheduleToStartTimeoutMs: wireDurationMs(raw.scheduleToStartTimeout),
    startToCloseTimeoutMs: wireDurationMs(raw.startToCloseTimeout),
    heartbeatTimeoutMs: wireDurationMs(raw.heartbeatTimeout),
    retryPolicy: policy && retryPolicyOf(policy),
    lastHeartbeatTime: date(raw.lastHeartbeatTime),
    lastStartedTime: date(raw.lastStartedTime),
    lastAttemptCompleteTime: date(raw.lastAttemptCompleteTime),
    nextAttemptScheduleTime: date(raw.nextAttemptScheduleTime),
    expirationTime: date(raw.expirationTime),
    lastWorkerIdentity: raw.lastWorkerIdentity || undefined,
    currentRetryIntervalMs: wireDurationMs(raw.currentRetryInterval),
    priority: raw.priority,
    canceledReason: raw.canceledReason || undefined,
    totalHeartbeatCount: raw.totalHeartbeatCount,
    getInput: async <T extends unknown[]>() => input && (arrayFromPayloads(payloadConverter, input.payloads) as T),
    getHeartbeatDetails: async () => fromPayloadsAtIndex(payloadConverter, 0, raw.heartbeatDetails?.payloads),
    getLastFailure: async () => error(raw.lastFailure),
    getResult: async () => fromPayloadsAtIndex(payloadConverter, 0, outcome?.result?.payloads),
    getOutcomeFailure: async () => error(outcome?.failure),
    rawInfo: raw,
  };
}

function date(at: Parameters<typeof timestampMs>[0]): Date | undefined {
  return at && new Date(timestampMs(at));
}

/** `undefined` for the number of UNSPECIFIED. */
function nameOf<E extends Readonly<Record<string, number>>>(
  members: E,
  number: number,
): Exclude<keyof E & string, "UNSPECIFIED"> | undefined {
  const found = Object.entries(members).find(([name, value]) => value === number && name !== "UNSPECIFIED");
  return found?.[0] as Exclude<keyof E & string, "UNSPECIFIED"> | undefined;
}
