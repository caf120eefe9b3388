/** Where a run came from. */
import type { common, sdk } from "@pawl/protocol";
import type { RetryPolicy } from "../backoff.ts";

/** Where a run came from, fixed at its start. Times of 0 mean "none". */
export interface RunStart {
  /** The name of the run's namespace, as its events repeat it. */
  readonly namespace: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly executionTimeoutMs: number;
  readonly runTimeoutMs: number;
  readonly taskTimeoutMs: number;
  readonly startedAtMs: number;
  /** Delay before the first workflow task (start delay, cron, retry, quick continue-as-new). */
  readonly firstTaskBackoffMs: number;
  readonly retryPolicy: RetryPolicy | null;
  readonly cronSchedule: string;
  readonly attempt: number;
  readonly firstRunId: string;
  readonly originalRunId: string;
  /** 0 = the chain never expires. */
  readonly executionExpiresAtMs: number;
  readonly runExpiresAtMs: number;
  readonly requestId: string;
  /** Of the request that began the chain; absent in the chain's first run. A start that is repeated late is known by it. */
  readonly chainRequestId?: string | undefined;
  readonly parent: ParentRef | null;
  readonly root: { readonly workflowId: string; readonly runId: string } | null;
  readonly priority: common.Priority | undefined;
  readonly userMetadata: sdk.UserMetadata | undefined;
  /** The started event names a run timeout even where there is none. */
  readonly namesRunTimeout: boolean;
  /** Set in a run that came of a reset: `startedAtMs` is then the time of the reset. */
  readonly reset?: { readonly requestId: string; readonly originalStartedAtMs: number } | undefined;
}

export interface ParentRef {
  readonly namespace: string;
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly initiatedEventId: number;
  /** Set when the parent came of a reset: the run at whose start its history began. */
  readonly originalRunId?: string;
}

/** A completed workflow task to which the chain can be reset: the first that a build of the worker did. */
export interface ResetPoint {
  readonly buildId: string;
  readonly binaryChecksum: string;
  readonly runId: string;
  readonly completedEventId: number;
  readonly createdAtMs: number;
  /** When its run is deleted; 0 while that is the newest. */
  readonly expiresAtMs: number;
  readonly resettable: boolean;
}
