/** The attempts of an activity as plain values that msgpack takes, and back. */
import { common, failure } from "@pawl/protocol";
import { optional, restored } from "../encoded-message.ts";
import { packOnce, unpack } from "../pack.ts";
import type { ActivityOptions, Attempts } from "../state/activity.ts";

type EncodedOptions = Omit<ActivityOptions, "priority"> & { readonly priority?: Uint8Array };

export interface EncodedAttempts
  extends Omit<Attempts, "options" | "originalOptions" | "status" | "lastFailure" | "heartbeatDetails"> {
  readonly options: Uint8Array | EncodedOptions;
  readonly originalOptions: Uint8Array | EncodedOptions | null;
  readonly status: Attempts["status"] & { readonly workerVersion?: Uint8Array };
  readonly lastFailure?: Uint8Array;
  readonly heartbeatDetails?: Uint8Array;
}

function plainOptions(options: ActivityOptions) {
  return { ...options, priority: optional(common.Priority, options.priority) };
}

function restoredOptions(packed: Uint8Array | EncodedOptions): ActivityOptions {
  const options = unpack(packed);
  return { ...options, priority: restored(common.Priority, options.priority) };
}

/** Whatever else `activity` has is kept as it is. */
export function plainAttempts<A extends Attempts>(activity: A) {
  const { options, status } = activity;
  return {
    ...activity,
    options: packOnce(options, plainOptions),
    originalOptions: activity.originalOptions && packOnce(activity.originalOptions, plainOptions),
    status:
      status.type === "started"
        ? { ...status, workerVersion: optional(common.WorkerVersionStamp, status.workerVersion) }
        : status,
    lastFailure: optional(failure.Failure, activity.lastFailure),
    heartbeatDetails: optional(common.Payloads, activity.heartbeatDetails),
  };
}

export function restoredAttempts(encoded: EncodedAttempts): Attempts {
  const { options, status } = encoded;
  return {
    ...encoded,
    options: restoredOptions(options),
    originalOptions: encoded.originalOptions && restoredOptions(encoded.originalOptions),
    status:
      status.type === "started"
        ? {
            ...status,
            workerVersion: restored(common.WorkerVersionStamp, status.workerVersion as Uint8Array | undefined),
          }
        : status,
    lastFailure: restored(failure.Failure, encoded.lastFailure),
    heartbeatDetails: restored(common.Payloads, encoded.heartbeatDetails),
  };
}
