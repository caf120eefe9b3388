import type { Status } from "../rpc/transport.ts";

/** A call to another node. */
export interface PeerCall {
  readonly path: string;
  /** What goes with the request, as text. */
  readonly attachment: string;
  readonly request: Uint8Array;
  readonly timeoutMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `unreached`: the other node has seen nothing of it. */
export type PeerAnswer = Uint8Array | Status | "unreached";
