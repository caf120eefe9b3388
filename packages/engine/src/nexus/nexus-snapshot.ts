/** Nexus operations and completion callbacks as bytes, each a part of its run's snapshot, and back. */
import { decode } from "@msgpack/msgpack";
import { common, failure } from "@pawl/protocol";
import { optional, restored } from "../encoded-message.ts";
import { pack } from "../pack.ts";
import type { CallAttempts, CompletionCallback, NexusCancellation, NexusOperation } from "../state/outside-call.ts";

interface EncodedAttempts extends Omit<CallAttempts, "lastFailure"> {
  readonly lastFailure?: Uint8Array;
}

function plainAttempts<T extends CallAttempts>(attempts: T) {
  return { ...attempts, lastFailure: optional(failure.Failure, attempts.lastFailure) };
}

function restoredAttempts<T extends EncodedAttempts>(encoded: T) {
  return { ...encoded, lastFailure: restored(failure.Failure, encoded.lastFailure) };
}

interface EncodedNexusOperation
  extends Omit<NexusOperation, "scheduled" | "cancellation" | "lastFailure">,
    EncodedAttempts {
  readonly cancellation: (Omit<NexusCancellation, "lastFailure"> & EncodedAttempts) | null;
}

/** null when it has ended: then the part goes. */
export function encodeNexusOperation(operation: NexusOperation | undefined): Uint8Array | null {
  if (!operation) return null;
  const { scheduled: _, ...kept } = operation;
  const encoded = { ...plainAttempts(kept), cancellation: kept.cancellation && plainAttempts(kept.cancellation) };
  return pack(encoded);
}

export function decodeNexusOperation(bytes: Uint8Array): NexusOperation {
  const encoded = decode(bytes) as EncodedNexusOperation;
  const cancellation = encoded.cancellation && restoredAttempts(encoded.cancellation);
  return { ...restoredAttempts(encoded), cancellation, scheduled: undefined };
}

interface EncodedCallback
  extends Omit<CompletionCallback, "callback" | "attachedRequestId" | "lastFailure">,
    EncodedAttempts {
  readonly callback: Uint8Array;
  /** Absent in snapshots of before it was kept. */
  readonly attachedRequestId?: string;
}

export function encodeCallback(callback: CompletionCallback | undefined): Uint8Array | null {
  if (!callback) return null;
  const encoded = { ...plainAttempts(callback), callback: common.Callback.encode(callback.callback) };
  return pack(encoded);
}

export function decodeCallback(bytes: Uint8Array): CompletionCallback {
  const encoded = decode(bytes) as EncodedCallback;
  const { attachedRequestId = "", ...rest } = encoded;
  return { ...restoredAttempts(rest), attachedRequestId, callback: common.Callback.decode(encoded.callback) };
}
