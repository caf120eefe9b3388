/**
 * Calls from within this process: the routes that gRPC serves, without sockets or frames. Limits of messages and calls, and refusals, are the same. T1 and T2
 * of `transport.ts` hold as for any transport; a caller "has gone" when its signal has aborted.
 */
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { EarlyEnd } from "./early-end.ts";
import { tooLarge } from "./grpc-frame.ts";
import { type Incoming, type Routes, type Status, type Unary, unknownMethod } from "./transport.ts";

/** What goes along with a call from within the process. */
export interface DirectCallOptions {
  /** By lower-case names, as over gRPC. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Until DEADLINE_EXCEEDED. Default: none, so that polls for tasks are refused as over gRPC. */
  readonly timeoutMs?: number;
  /** Ends the call with CANCELLED, unless its answer is there first. */
  readonly signal?: AbortSignal | undefined;
}

export interface DirectTransportParts {
  readonly routes: Routes;
  readonly clock: Clock;
  /** A handler threw, which `call.ts` never lets it. */
  readonly onFault: (path: string, error: unknown) => Status;
}

const stopping: Status = { code: "UNAVAILABLE", message: "the server is stopping" };
const cancelled: Status = { code: "CANCELLED", message: "the call was cancelled by its caller" };
const late: Status = { code: "DEADLINE_EXCEEDED", message: "the call's deadline has passed" };

export class DirectTransport {
  readonly #parts: DirectTransportParts;
  readonly #calls = new Set<DirectCall>();
  #state: "open" | "stopping" = "open";
  #onIdle: (() => void) | undefined;

  constructor(parts: DirectTransportParts) {
    this.#parts = parts;
  }

  /** The response's bytes, or the status that the call ends with; never throws. `path` is `/<service>/<method>`. */
  async call(path: string, request: Uint8Array, options: DirectCallOptions = {}): Promise<Uint8Array | Status> {
    if (options.signal?.aborted) return cancelled;
    if (this.#state === "stopping") return stopping;
    const handler = this.#parts.routes.unary.get(path);
    if (!handler) return unknownMethod(path, this.#parts.routes);
    if (request.length > limits.messageBytesMax) return tooLarge(request.length);
    const call = new DirectCall(path, options, this.#parts.clock);
    this.#calls.add(call);
    try {
      return await call.run(handler, request);
    } catch (error) {
      return this.#parts.onFault(path, error);
    } finally {
      this.#calls.delete(call);
      if (this.#calls.size === 0) this.#onIdle?.();
    }
  }

  /** Takes no new calls, ends long polls by their signal and lets the rest finish, for `graceMs` at most. */
  async stop(graceMs: number): Promise<void> {
    this.#state = "stopping";
    for (const call of [...this.#calls]) call.stop();
    if (this.#calls.size === 0) return;
    const { clock } = this.#parts;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(graceMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
    for (const call of [...this.#calls]) call.end(stopping);
  }
}

class DirectCall implements Incoming {
  readonly isInProcess = true;
  readonly path: string;
  readonly deadlineMs: number | undefined;
  readonly #options: DirectCallOptions;
  readonly #endsEarly = Promise.withResolvers<Status>();
  readonly #cancelWake: Cancel;
  readonly #earlyEnd = new EarlyEnd();

  constructor(path: string, options: DirectCallOptions, clock: Clock) {
    this.path = path;
    this.#options = options;
    const { timeoutMs } = options;
    const nowMs = clock.nowMs();
    this.deadlineMs = timeoutMs === undefined ? undefined : nowMs + timeoutMs;
    const endAtMs = nowMs + Math.min(timeoutMs ?? limits.callMsMax, limits.callMsMax);
    this.#cancelWake = clock.wake(endAtMs, () => {
      this.#earlyEnd.set("deadline");
      this.end(late);
    });
  }

  async run(handler: Unary, request: Uint8Array): Promise<Uint8Array | Status> {
    const { signal } = this.#options;
    signal?.addEventListener("abort", this.#onCallerGone, { once: true });
    try {
      return await Promise.race([handler(request, this), this.#endsEarly.promise]);
    } finally {
      signal?.removeEventListener("abort", this.#onCallerGone);
      this.#cancelWake();
    }
  }

  get signal(): AbortSignal {
    return this.#earlyEnd.signal;
  }

  ended(): "no" | "cancelled" | "deadline" | "stopping" {
    return this.#earlyEnd.cause;
  }

  header(name: string): string {
    return this.#options.headers?.[name] ?? "";
  }

  stop(): void {
    this.#earlyEnd.set("stopping");
  }

  /** Too late for one that has been answered. */
  end(status: Status): void {
    this.#endsEarly.resolve(status);
  }

  /** In a turn of its own (T2): a task that a handler has just given out reaches its caller, who must decide what to do with it. */
  readonly #onCallerGone = () => {
    setImmediate(() => {
      this.#earlyEnd.set("cancelled");
      this.end(cancelled);
    });
  };
}
