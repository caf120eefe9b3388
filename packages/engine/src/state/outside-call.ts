/** What a run asks of somebody outside the shard, and how often it has. */
import type { common, failure } from "@pawl/protocol";

/** How often something outside was asked, and what came of the last time. */
export interface CallAttempts {
  /** Those that are over. */
  attempt: number;
  lastAttemptCompletedAtMs: number | null;
  lastFailure: failure.Failure | undefined;
}

/** A Nexus operation that has not ended. Timeouts of 0 = none. */
export interface NexusOperation extends CallAttempts {
  readonly scheduledEventId: number;
  readonly endpoint: string;
  readonly endpointId: string;
  readonly service: string;
  readonly operation: string;
  readonly requestId: string;
  readonly scheduledAtMs: number;
  readonly scheduleToCloseTimeoutMs: number;
  readonly scheduleToStartTimeoutMs: number;
  readonly startToCloseTimeoutMs: number;
  status: NexusOperationStatus;
  /** Set once the workflow wants it cancelled. */
  cancellation: NexusCancellation | null;
  /** Not kept in the snapshot: saves reading the scheduled event back while it is fresh. */
  scheduled: NexusInput | undefined;
}

export type NexusOperationStatus =
  /** The request to start it is under way. */
  | { readonly type: "scheduled" }
  /** It is made again at `callAtMs`. */
  | { readonly type: "backingOff"; readonly callAtMs: number }
  /** Its handler works on it, and will tell of its end. */
  | { readonly type: "started"; readonly startedAtMs: number; readonly operationToken: string };

export interface NexusCancellation extends CallAttempts {
  readonly requestedEventId: number;
  status: /** The operation has not started: nobody could be told. */
    | { readonly type: "waiting" }
    | { readonly type: "scheduled" | "succeeded" | "failed"; readonly requestedAtMs: number }
    | { readonly type: "backingOff"; readonly requestedAtMs: number; readonly callAtMs: number };
}

/** Somebody who wants to be told how the run's chain ended. */
export interface CompletionCallback extends CallAttempts {
  /** From 1, in the order of registration. */
  readonly id: number;
  readonly callback: common.Callback;
  /** Of the request that joined the open run with it; "" = it came with the run's start. */
  readonly attachedRequestId: string;
  readonly registeredAtMs: number;
  status: /** The chain has not ended; or another run of it has these now. */
    | { readonly type: "standby" | "scheduled" | "succeeded" | "failed" }
    | { readonly type: "backingOff"; readonly callAtMs: number };
}

/** Header names are in lower case. */
export interface NexusInput {
  readonly input: common.Payload | undefined;
  readonly nexusHeader: Readonly<Record<string, string>>;
}
