/** A server in this process: its calls are function calls, without sockets or frames. The server is handed in; this SDK knows of none. */
import { type StatusCode, statusCodes } from "@pawl/protocol";
import { CallFailed, type Transport, type TransportCall } from "./transport.ts";

/** What a server in this process offers, such as the one that `openServer` of `@pawl/server` gives. */
export interface InProcessServer {
  /** The response's bytes, or how the call ended instead. Must not throw. */
  call(path: string, request: Uint8Array, options: InProcessCallOptions): Promise<Uint8Array | InProcessStatus>;
}

/** Header names are in lower case. The server ends the call when the time is over or the signal aborts. */
export interface InProcessCallOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How a call ended that has no response. */
export interface InProcessStatus {
  readonly code: StatusCode;
  readonly message: string;
  /** An encoded `google.rpc.Status`. */
  readonly details?: Uint8Array;
}

/** Calls of a server in this process, for `ConnectionOptions.transport`. Many connections may share a server. */
export class InProcessTransport implements Transport {
  readonly isInProcess = true;
  readonly #server: InProcessServer;
  readonly #calls = new Set<AbortController>();
  #isClosed = false;

  constructor(server: InProcessServer) {
    this.#server = server;
  }

  async call({ path, message, metadata, timeoutMs, signal }: TransportCall): Promise<Uint8Array> {
    if (this.#isClosed) throw new CallFailed(statusCodes.CANCELLED, "the connection is closed");
    if (signal?.aborted) throw new CallFailed(statusCodes.CANCELLED, "the call was aborted");
    const ending = new AbortController();
    const end = () => ending.abort("over");
    signal?.addEventListener("abort", end, { once: true });
    this.#calls.add(ending);
    try {
      const answer = await this.#server.call(path, message, { headers: metadata, timeoutMs, signal: ending.signal });
      if (!("code" in answer)) return answer;
      throw new CallFailed(statusCodes[answer.code], answer.message, answer.details);
    } finally {
      this.#calls.delete(ending);
      signal?.removeEventListener("abort", end);
    }
  }

  /** Ends what is under way. The server itself stays open. */
  close(): void {
    this.#isClosed = true;
    for (const ending of this.#calls) ending.abort("over");
  }
}
