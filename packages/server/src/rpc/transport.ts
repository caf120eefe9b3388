/**
 * What a transport (gRPC today) and the calls above it ask of each other. A transport knows paths, bytes, deadlines and statuses, and nothing of
 * messages; `call.ts` knows messages and nothing of sockets.
 *
 *   T1. A call is answered once: with its reply, or with DEADLINE_EXCEEDED when its deadline comes first, or not at all when its caller has gone.
 *   T2. `signal` aborts in a turn of the event loop of its own. So a handler that finds it not aborted and then returns, without waiting for
 *       anything but promises already settled, has its answer written to the connection.
 */
import { type StatusCode, statusCodes } from "@pawl/protocol";

export { type StatusCode, statusCodes };

/** How a call ends when it is not with a message. */
export interface Status {
  readonly code: StatusCode;
  readonly message: string;
  /** An encoded google.rpc.Status that repeats code and message and adds details. */
  readonly details?: Uint8Array;
  /** When it makes sense to try again, for who was one too many. The details say it, too. */
  readonly retryAfterMs?: number;
}

/** A call as it came in. */
export interface Incoming {
  /** `/<service>/<method>` */
  readonly path: string;
  /** On the server's clock; undefined when the caller set none. */
  readonly deadlineMs: number | undefined;
  /** Aborts when the caller has gone, its deadline has passed or the server stops. Made when first asked for. */
  readonly signal: AbortSignal;
  /** Why `signal` aborted. */
  ended(): "no" | "cancelled" | "deadline" | "stopping";
  /** A header by its lower-case name; "" when absent. */
  header(name: string): string;
  /** HTTP's verb; undefined for what did not come over HTTP. */
  readonly verb?: string;
  /** The names in the certificate that the caller has shown and that was found good: none without mutual TLS. */
  certificateNames?(): readonly string[];
  /** It comes from within this process, and its caller ends with it. */
  readonly isInProcess?: true;
  /** What it came over; undefined when that has ended, and for what comes from within this process. */
  readonly connection?: CallerConnection | undefined;
}

/** A connection of callers from other processes, for who counts them. */
export interface CallerConnection {
  once(event: "close", listener: () => void): unknown;
}

export type Unary = (request: Uint8Array, call: Incoming) => Promise<Uint8Array | Status>;

/** One side of a call with several messages. Each function returns a status to end the call. */
export interface Conversation {
  onMessage(request: Uint8Array): Status | undefined;
  /** The caller has nothing more to say. */
  onHalfClose(): Status | undefined;
  /** When the server stops, `signal` tells, and the caller ends the conversation once it has all that it asked for. Absent: it is ended at once. */
  readonly outlastsStop?: true;
}

export type Streaming = (call: Incoming, send: (response: Uint8Array) => void) => Conversation;

/** By path. */
export interface Routes {
  readonly unary: ReadonlyMap<string, Unary>;
  readonly streaming: ReadonlyMap<string, Streaming>;
}

/** How a call ends whose path no route has. */
export function unknownMethod(path: string, { unary, streaming }: Routes): Status {
  const service = path.slice(1, Math.max(1, path.lastIndexOf("/")));
  const isServed = [...unary.keys(), ...streaming.keys()].some((known) => known.startsWith(`/${service}/`));
  const message = isServed
    ? `unknown method ${path.slice(service.length + 2)} for service ${service}`
    : `unknown service ${service}`;
  return { code: "UNIMPLEMENTED", message };
}

export interface Transport {
  /** Throws what the socket says when the address is taken or not of this machine. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /**
   * Takes no new calls, ends long polls by their signal and lets the rest finish; after `graceMs` closes what is still there. Resolves when all
   * connections are closed.
   */
  stop(graceMs: number): Promise<void>;
}
