/** The shape of a handler: one table for all RPCs, filled noun by noun and joined in `handlers.ts`. */
import type { Rejection } from "@pawl/engine";
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/protocol";

// How a handler refuses: what lies above the frontend knows this, and not the engine.
export { Rejection, type RejectionCode } from "@pawl/engine";

/** Who calls, and until when the answer is of use. */
export interface Call {
  /** On the server's clock; undefined when the caller set none. */
  readonly deadlineMs: number | undefined;
  /** Aborts when the caller has gone, its deadline has passed, or the server stops: then long polls answer that there is nothing yet. */
  readonly signal: AbortSignal;
  /** Why the signal aborted. An answer still reaches the caller only when the server stops. */
  ended(): "no" | "cancelled" | "deadline" | "stopping";
  /** The SDK's name and version as it gives them, "" when it gives none. */
  readonly clientName: string;
  readonly clientVersion: string;
  /** What the caller says it understands beyond the first version of the API. */
  readonly supportedFeatures: readonly string[];
  /** A poller that may be given workflow tasks before the commit that starts them: see `PollRequest`. */
  readonly takesEarly?: boolean;
  /** How large its request was, encoded; undefined for what comes from within this process. */
  readonly requestBytes?: number;
  /** What it came over, for who counts connections; undefined for what comes from within this process. */
  readonly connection?: { once(event: "close", listener: () => void): unknown } | undefined;
}

export type Handler<N extends MethodName> = (
  request: RequestOf<N>,
  call: Call,
) => Promise<Init<ResponseOf<N>> | Rejection> | Init<ResponseOf<N>> | Rejection;

export type Handlers = { readonly [N in MethodName]?: Handler<N> };

/** What the table's many types come down to: the message that the codec decoded is the one that the handler takes. */
export type AnyHandler = (request: unknown, call: Call) => unknown;
