/** What all clients can do: call the server by hand, and say how the calls of a piece of code are made. */
import type { Connection } from "../connection/connection.ts";
import type { ResolvedClientOptions } from "./client-options.ts";

export abstract class ServiceClient {
  abstract readonly options: ResolvedClientOptions;

  get connection(): Connection {
    return this.options.connection;
  }

  /** Every RPC under its own name. */
  get workflowService() {
    return this.connection.workflowService;
  }

  /** Calls made within `run` end at this time. */
  withDeadline<R>(deadline: number | Date, run: () => Promise<R>): Promise<R> {
    return this.connection.withDeadline(deadline, run);
  }

  withAbortSignal<R>(signal: AbortSignal, run: () => Promise<R>): Promise<R> {
    return this.connection.withAbortSignal(signal, run);
  }

  /** Calls made within `run` carry these too. */
  withMetadata<R>(metadata: Record<string, string>, run: () => Promise<R>): Promise<R> {
    return this.connection.withMetadata(metadata, run);
  }
}
