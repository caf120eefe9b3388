/**
 * The way to a server. gRPC is one transport; an embedded server or a test hands in another. `Connection` adds what every call needs: deadlines,
 * metadata, and retries of what the server asks to have retried.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import {
  confirmWorkflowTaskPath,
  type Init,
  type MethodName,
  methods,
  type RequestOf,
  type ResponseOf,
  statusCodes,
} from "@pawl/protocol";
import { Runtime } from "../telemetry/runtime.ts";
import { type ChannelArgs, GrpcTransport } from "../transport/grpc-transport.ts";
import { CallFailed, statusName, type TlsConfig, type Transport } from "../transport/transport.ts";
import { type Duration, msToNumber } from "../value/duration.ts";
import { sdkName, sdkVersion } from "../value/version.ts";
import { EagerStarts } from "./eager-starts.ts";

/** How to reach a server. */
export interface ConnectionOptions {
  /** `host:port`. Default: `localhost:7233`. */
  address?: string;
  /** `true` or a configuration: TLS. Default: TLS when there is an `apiKey`, else none. */
  tls?: TlsConfig | boolean | null;
  /** Sent as `Authorization: Bearer …`; a function is asked at each call. */
  apiKey?: string | (() => string);
  /** Goes with each call as headers. */
  metadata?: Record<string, string>;
  /** For the first call, which proves that the server is there. Default: 10 seconds. */
  connectTimeout?: Duration;
  /** For each call without a deadline of its own, its retries included. Default: 10 seconds. */
  rpcTimeout?: Duration;
  /** Settings of gRPC's channel under gRPC's names; they win over this SDK's own. */
  channelArgs?: ChannelArgs;
  /** In place of gRPC over a socket. */
  transport?: Transport;
  /** Applied in their order. */
  plugins?: ConnectionPlugin[];
}

/** Changes the options of a connection before it is made. */
export interface ConnectionPlugin {
  readonly name: string;
  configureConnection?(options: ConnectionOptions): ConnectionOptions;
}

/** Options of one call. */
export interface CallOptions {
  /** For the whole of it. Default: the connection's `rpcTimeout`. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Default: true. Polls retry by themselves. */
  retry?: boolean | undefined;
  /** Goes with this call as headers, beside those of the connection. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /** It waits for something to happen: when its time is over, it is made again, until that of `withDeadline` is over. Default: false. */
  waits?: boolean | undefined;
}

/** The methods of the API by their names in camel case. */
export type WorkflowService = {
  [N in MethodName as Uncapitalize<N>]: (request: Init<RequestOf<N>>) => Promise<ResponseOf<N>>;
};

/** Headers of gRPC, by name. */
export type Metadata = Record<string, string>;

/** What `withDeadline`, `withMetadata` and `withAbortSignal` set for all calls within a piece of code. */
export interface CallContext {
  deadline?: number | Date;
  metadata?: Metadata;
  abortSignal?: AbortSignal;
}

interface CallScope {
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Sent with each call, so that the server knows what its client understands. */
const clientHeaders = {
  "client-name": sdkName,
  "client-version": sdkVersion,
  "supported-server-versions": ">=1.0.0 <2.0.0",
} as const;

/** Calls that wait at the server for something to happen: how long they take says nothing about it. */
const longPolls: ReadonlySet<MethodName> = new Set([
  "PollWorkflowTaskQueue",
  "PollActivityTaskQueue",
  "PollNexusTaskQueue",
  "PollWorkflowExecutionUpdate",
]);

const retryFirstMs = 100;
const retryLongestMs = 5_000;
/** The server says that it is overloaded: come back later than after a broken connection. */
const retryOverloadedMs = 1_000;

/**
 * The connection to a server, shared by clients and workers. A call that finds the server unavailable or overloaded is retried until `rpcTimeout`, or the
 * call's own deadline, is over.
 */
export class Connection {
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #rpcTimeoutMs: number;
  readonly #scope = new AsyncLocalStorage<CallScope>();
  #apiKey: ConnectionOptions["apiKey"];
  #metadataOfAll: Readonly<Record<string, string>>;
  /** Every RPC of the server under its own name, with messages as they are on the wire. */
  readonly workflowService: WorkflowService;
  /** The same, for the calls of operators. */
  readonly operatorService: WorkflowService;
  /** Workers on this connection that take first tasks with the answer to a start. */
  readonly eagerStarts = new EagerStarts();

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#apiKey = options.apiKey;
    this.#metadataOfAll = options.metadata ?? {};
    this.#rpcTimeoutMs = msToNumber(options.rpcTimeout ?? 10_000, "ConnectionOptions.rpcTimeout");
    this.#transport = options.transport ?? new GrpcTransport(options);
    const service: Record<string, unknown> = {};
    for (const name of Object.keys(methods) as MethodName[]) {
      service[name.charAt(0).toLowerCase() + name.slice(1)] = (request: never) => this.call(name, request);
    }
    this.workflowService = service as WorkflowService;
    this.operatorService = this.workflowService;
  }

  /** Connects and asks the server what it is. Throws {@link CallFailed} when it does not answer within `connectTimeout`. */
  static async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const connection = Connection.lazy(options);
    try {
      await connection.ensureConnected();
    } catch (error) {
      connection.#transport.close();
      throw error;
    }
    return connection;
  }

  /** Throws {@link CallFailed} when the server does not answer within `connectTimeout`. */
  async ensureConnected(): Promise<void> {
    const timeoutMs = msToNumber(this.#options.connectTimeout ?? 10_000, "ConnectionOptions.connectTimeout");
    try {
      await this.call("GetSystemInfo", {}, { timeoutMs });
    } catch (error) {
      // A server that does not know the question is a server all the same.
      if (!(error instanceof CallFailed) || error.code !== statusCodes.UNIMPLEMENTED) throw error;
    }
  }

  /** Connects at the first call. */
  static lazy(options: ConnectionOptions = {}): Connection {
    const configured = (options.plugins ?? []).reduce(
      (last, plugin) => plugin.configureConnection?.(last) ?? last,
      options,
    );
    return new Connection(configured);
  }

  /** The server is in this process. */
  get isInProcess(): boolean {
    return this.#transport.isInProcess ?? false;
  }

  /** What has plugins here also configures the clients and workers that are made with this connection. */
  get plugins(): readonly ConnectionPlugin[] {
    return this.#options.plugins ?? [];
  }

  /** One call. Retries UNAVAILABLE and RESOURCE_EXHAUSTED until its time is over, then throws the last {@link CallFailed}. */
  async call<N extends MethodName>(
    name: N,
    request: Init<RequestOf<N>>,
    options: CallOptions = {},
  ): Promise<ResponseOf<N>> {
    const method = methods[name];
    const message = method.request.encode(request as never);
    const bytes = await this.#sent(method.path, message, options, (send) => this.#measured(name, request, send));
    return method.response.decode(bytes) as ResponseOf<N>;
  }

  /**
   * Of a workflow task that came from a server in this process: resolves when its start is on disk. Throws {@link CallFailed}, NOT_FOUND when it will never be
   * there or the task is over.
   */
  async confirmWorkflowTask(taskToken: Uint8Array, options: CallOptions = {}): Promise<void> {
    await this.#sent(confirmWorkflowTaskPath, taskToken, options, (send) => send());
  }

  async #sent(
    path: string,
    message: Uint8Array,
    { timeoutMs = this.#rpcTimeoutMs, signal, retry = true, waits = false, metadata }: CallOptions,
    around: (send: () => Promise<Uint8Array>) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const scope = this.#scope.getStore();
    const endMs = scope?.deadlineMs ?? Number.POSITIVE_INFINITY;
    let deadlineMs = Math.min(Date.now() + timeoutMs, endMs);
    const signals = [signal, scope?.signal].filter((each) => each !== undefined);
    const call = {
      ...{ path, message, metadata: this.#metadata(scope, metadata) },
      signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    };
    for (let attempt = 1; ; attempt++) {
      try {
        return await around(() => this.#transport.call({ ...call, timeoutMs: Math.max(1, deadlineMs - Date.now()) }));
      } catch (error) {
        // A process that stood still (a debugger, a laptop that slept) finds its call's time over, which says nothing of what it waits for.
        if (waits && isOverdue(error) && Date.now() < endMs) {
          // A server that says so early has a reason to be left alone for a moment.
          if (Date.now() < deadlineMs) await delay(retryFirstMs);
          deadlineMs = Math.min(Date.now() + timeoutMs, endMs);
          continue;
        }
        const waitMs = retry ? waitBeforeRetryMs(error, attempt) : undefined;
        if (waitMs === undefined || call.signal?.aborted || Date.now() + waitMs >= deadlineMs) {
          // The stack of the answer's arrival says nothing; that of the call says who asked.
          if (error instanceof CallFailed) Error.captureStackTrace(error);
          throw error;
        }
        await delay(waitMs);
      }
    }
  }

  /** Calls made within `run` end at this time. */
  withDeadline<R>(deadline: number | Date, run: () => Promise<R>): Promise<R> {
    return this.#scope.run({ ...this.#scope.getStore(), deadlineMs: Number(deadline) }, run);
  }

  withAbortSignal<R>(signal: AbortSignal, run: () => Promise<R>): Promise<R> {
    return this.#scope.run({ ...this.#scope.getStore(), signal }, run);
  }

  /** Calls made within `run` carry these too. */
  withMetadata<R>(metadata: Metadata, run: () => Promise<R>): Promise<R> {
    const scope = this.#scope.getStore();
    return this.#scope.run({ ...scope, metadata: { ...scope?.metadata, ...metadata } }, run);
  }

  /** Calls made within `run` are made with this key. */
  withApiKey<R>(apiKey: string, run: () => Promise<R>): Promise<R> {
    return this.withMetadata({ authorization: `Bearer ${apiKey}` }, run);
  }

  /** From the next call on. */
  setApiKey(apiKey: string | (() => string)): void {
    this.#apiKey = apiKey;
  }

  /** From the next call on, in place of what the connection was made with. */
  setMetadata(metadata: Metadata): void {
    this.#metadataOfAll = { ...metadata };
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  async #measured<R>(operation: MethodName, request: unknown, call: () => Promise<R>): Promise<R> {
    const { sdkMetrics } = Runtime.instance();
    if (!sdkMetrics.isOn) return await call();
    const { namespace = "" } = request as { namespace?: string };
    const tags = { operation, namespace };
    const kind = longPolls.has(operation) ? "long_request" : "request";
    const startedAtMs = performance.now();
    sdkMetrics.count(kind, tags);
    try {
      return await call();
    } catch (error) {
      const status = error instanceof CallFailed ? statusName(error.code) : "UNKNOWN";
      sdkMetrics.count(`${kind}_failure`, { ...tags, status_code: status });
      throw error;
    } finally {
      sdkMetrics.time(`${kind}_latency`, performance.now() - startedAtMs, tags);
    }
  }

  #metadata(scope: CallScope | undefined, ofCall: CallOptions["metadata"]): Record<string, string> {
    const apiKey = this.#apiKey;
    const key = typeof apiKey === "function" ? apiKey() : apiKey;
    return {
      ...clientHeaders,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...this.#metadataOfAll,
      ...scope?.metadata,
      ...ofCall,
    };
  }
}

/** Whether a message was refused for its size, so that sending it again is of no use. */
export function isTooLarge(error: unknown): boolean {
  return (
    error instanceof CallFailed &&
    error.code === statusCodes.RESOURCE_EXHAUSTED &&
    /larger than max|message.*too large/i.test(error.details)
  );
}

function isOverdue(error: unknown): boolean {
  return error instanceof CallFailed && error.code === statusCodes.DEADLINE_EXCEEDED;
}

function waitBeforeRetryMs(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof CallFailed)) return undefined;
  const isOverloaded = error.code === statusCodes.RESOURCE_EXHAUSTED;
  if (!isOverloaded && error.code !== statusCodes.UNAVAILABLE) return undefined;
  if (isTooLarge(error)) return undefined;
  return Math.min((isOverloaded ? retryOverloadedMs : retryFirstMs) * 1.7 ** (attempt - 1), retryLongestMs);
}
