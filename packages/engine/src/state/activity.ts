import type { common, failure, history } from "@pawl/protocol";
import type { RetryPolicy } from "../backoff.ts";
import type { DeploymentVersion } from "./versioning.ts";

/** A pending activity of a workflow. When it closes it leaves the run: history remembers it. */
export interface Activity extends Attempts {
  readonly scheduledEventId: number;
  readonly activityId: string;
  readonly activityType: string;
  cancelRequestedEventId: number | null;
  /** Not kept in the snapshot: saves reading the scheduled event back while it is fresh. */
  scheduled: Pick<history.ActivityTaskScheduledEventAttributes, "input" | "header"> | undefined;
}

/** The attempts of an activity, whether it belongs to a workflow or is an execution of its own. */
export interface Attempts {
  /** From when the time for all of them counts. */
  readonly scheduledAtMs: number;
  options: ActivityOptions;
  status: ActivityStatus;
  attempt: number;
  /** Grows whenever an earlier dispatch of this activity becomes void. */
  stamp: number;
  lastFailure: failure.Failure | undefined;
  lastAttemptCompletedAtMs: number | null;
  lastStartedAtMs: number | null;
  lastWorkerIdentity: string;
  lastDeploymentVersion?: DeploymentVersion | undefined;
  heartbeatDetails: common.Payloads | undefined;
  lastHeartbeatAtMs: number | null;
  /** Set while an operator holds the activity back. */
  paused: {
    readonly atMs: number;
    readonly identity: string;
    readonly reason: string;
    readonly requestId: string;
  } | null;
  /** Set when an operator has reset the running attempt: it counts as the first. `options`: the original ones come back with the next. */
  reset: { readonly heartbeat: boolean; readonly options?: boolean } | null;
  /** What the scheduled event said, once an operator has changed it. */
  originalOptions: ActivityOptions | null;
}

export type ActivityStatus =
  /** Waits until `dispatchAtMs` after a failed attempt. */
  | { readonly type: "backingOff"; readonly dispatchAtMs: number }
  /** Waits for a worker since `dispatchAtMs`. */
  | { readonly type: "scheduled"; readonly dispatchAtMs: number }
  | {
      readonly type: "started";
      readonly startedAtMs: number;
      readonly identity: string;
      readonly requestId: string;
      readonly workerVersion: common.WorkerVersionStamp | undefined;
    };

/** What an activity's scheduled event fixed, and operators may change. Timeouts are resolved; 0 = none. */
export interface ActivityOptions {
  readonly taskQueue: string;
  readonly scheduleToCloseTimeoutMs: number;
  readonly scheduleToStartTimeoutMs: number;
  readonly startToCloseTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly retryPolicy: RetryPolicy;
  readonly priority: common.Priority | undefined;
}
