/**
 * The whole system inside a program: server, client and workers in one process, without a port. The same code runs against a server elsewhere when
 * it opens another address.
 *
 *   const app = await open("file:app.db");
 *   await app.worker({ taskQueue: "orders", workflowsPath, activities });
 *   await app.client.workflow.execute(order, { taskQueue: "orders", workflowId: "order-1", args: [42] });
 *   await app.close();
 */
import { fileURLToPath } from "node:url";
import { Client, type ClientOptions, Connection, InProcessTransport } from "@pawl/sdk/client";
import { Runtime, Worker, type WorkerOptions } from "@pawl/sdk/worker";
import {
  type ListenConfig,
  type Listening,
  type OpenConfig,
  type OpenServer,
  openServer,
  StartFailure,
} from "@pawl/server";

export { type ListenConfig, type Listening, StartFailure };

/** What an app is opened with beside its address. Options of the server are passed over for one elsewhere. */
export interface OpenOptions
  extends Pick<OpenConfig, "sqlitePragmas" | "searchAttributes" | "outsideAddresses" | "telemetry"> {
  /** Of client and workers. Default: `default`. An embedded server makes it if it is not there. */
  readonly namespace?: string;
  /** Further options of the client. */
  readonly client?: Omit<ClientOptions, "connection" | "namespace">;
}

/** Connection and namespace are those of the app. */
export type AppWorkerOptions = Omit<WorkerOptions, "connection" | "namespace">;

/** A server, its client and workers, as one thing to close. */
export interface App {
  readonly client: Client;
  readonly connection: Connection;
  /**
   * Makes a worker and lets it work, until `close()` or its own `shutdown()`. Throws as `Worker.create`. From the first one on, SIGTERM, SIGINT and whatever
   * else shuts workers down closes the app and then ends the process by that signal, unless the program itself listens for it.
   */
  worker(options: AppWorkerOptions): Promise<Worker>;
  /**
   * Lets other processes in: workers in other languages, the command line. Throws `StartFailure`, also when the server is elsewhere and when it
   * listens already. Default port: 7233.
   */
  serve(where?: ListenConfig): Promise<Listening>;
  /**
   * Resolves when the app has ended by itself: its database has lost what had been committed, by a failover to a standby that lacked it or from a backup. All is
   * closed then, and `close()` throws the same reason; an app that is opened anew goes on from what there is. Never resolves for a server elsewhere.
   */
  readonly failed: Promise<Error>;
  /**
   * Lets the workers finish what they have taken on, then stops the server and releases its file. Calling it again waits for the same end. Throws
   * an `AggregateError` when a worker had failed or the app had ended by itself; all is closed then too.
   */
  close(): Promise<void>;
}

/**
 * `file:app.db` keeps everything in that SQLite file, which one process may have open at a time; `memory:` forgets it at the end;
 * `postgres://user:password@host/database` keeps it in that database; `pawl://host:port` is a server elsewhere. Throws `StartFailure` for an address that is none of these and for a file or database that cannot be opened,
 * `CallFailed` when the server elsewhere does not answer.
 */
export async function open(address: string, options: OpenOptions = {}): Promise<App> {
  const { namespace = "default", client, ...config } = options;
  const place = placeOf(address);
  if (place.type === "elsewhere") {
    const connection = await Connection.connect({ address: place.address });
    return appOf({ server: undefined, connection, namespace }, client);
  }
  const server = await openServer({ ...config, ...stateOf(place), namespaces: [namespace] });
  const connection = Connection.lazy({ transport: new InProcessTransport(server) });
  return appOf({ server, connection, namespace }, client);
}

async function appOf(parts: Omit<AppParts, "client">, options: OpenOptions["client"]): Promise<App> {
  const { server, connection, namespace } = parts;
  try {
    return new OpenApp({ ...parts, client: new Client({ ...options, connection, namespace }) });
  } catch (error) {
    await connection.close();
    await server?.close();
    throw error;
  }
}

type Place =
  | { readonly type: "file"; readonly filename: string }
  | { readonly type: "memory" }
  | { readonly type: "postgres"; readonly url: string }
  | { readonly type: "elsewhere"; readonly address: string };

function stateOf(place: Exclude<Place, { type: "elsewhere" }>): Pick<OpenConfig, "dbFilename" | "dbUrl"> {
  switch (place.type) {
    case "file":
      return { dbFilename: place.filename };
    case "postgres":
      return { dbUrl: place.url };
    case "memory":
      return {};
    default:
      return place satisfies never;
  }
}

function placeOf(address: string): Place {
  if (address === "memory:") return { type: "memory" };
  if (/^postgres(ql)?:\/\//.test(address)) return { type: "postgres", url: address };
  const [, scheme, rest = ""] = /^(file:|pawl:\/\/)(.+)$/s.exec(address) ?? [];
  if (scheme === "file:") return { type: "file", filename: rest.startsWith("//") ? fileURLToPath(address) : rest };
  if (scheme === "pawl://" && /^[^/?#@\s]+$/.test(rest)) return { type: "elsewhere", address: rest };
  throw new StartFailure(
    "usage",
    `${JSON.stringify(address.replace(/\/\/[^/]*@/, "//…@"))} cannot be opened: it is file:<path>, memory:, postgres://<host>/<database> or pawl://<host>:<port>`,
  );
}

interface AppParts {
  readonly server: OpenServer | undefined;
  readonly connection: Connection;
  readonly namespace: string;
  readonly client: Client;
}

interface RunningWorker {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

class OpenApp implements App {
  readonly client: Client;
  readonly connection: Connection;
  readonly failed: Promise<Error>;
  readonly #parts: AppParts;
  readonly #workers = new Set<RunningWorker>();
  readonly #failures: unknown[] = [];
  #endsBySignal: { readonly dispose: () => void; isUnderWay: boolean } | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.client = parts.client;
    this.connection = parts.connection;
    const lost: Promise<Error> = parts.server?.failed ?? new Promise<never>(() => {});
    this.failed = lost.then((error) => this.#fail(error));
  }

  async worker(options: AppWorkerOptions): Promise<Worker> {
    const { connection, namespace } = this.#parts;
    this.#requireOpen();
    const worker = await Worker.create({ ...options, connection, namespace });
    this.#requireOpen();
    const ended = worker.run().then(
      () => void this.#workers.delete(running),
      (error: unknown) => {
        this.#workers.delete(running);
        this.#failures.push(error);
      },
    );
    const running = { worker, ended };
    this.#workers.add(running);
    this.#endsBySignal ??= {
      dispose: Runtime.instance().shutsDown({
        getState: () => "RUNNING",
        shutdown: (signal) => this.#onSignal(signal),
      }),
      isUnderWay: false,
    };
    return worker;
  }

  async serve(where: ListenConfig = {}): Promise<Listening> {
    const { server } = this.#parts;
    if (!server) throw new StartFailure("usage", "the server is elsewhere: only an embedded one can be told to listen");
    return await server.serve(where);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { server, connection } = this.#parts;
    try {
      await this.#shutDownWorkers();
      await connection.close();
      await server?.close();
    } finally {
      this.#endsBySignal?.dispose();
    }
    this.#throwFailures();
  }

  /**
   * A program that waits for its own workflows would wait for ever once its workers are gone, so the signal does in the end what it does to a program without
   * workers. A program that listens for it ends as it says.
   */
  #onSignal(signal: NodeJS.Signals | undefined): void {
    const ending = this.#endsBySignal;
    const isListenedFor = signal !== undefined && process.listenerCount(signal) > 1;
    if (ending === undefined || signal === undefined || isListenedFor) return;
    // A second one ends the process at once, which is as safe as kill -9.
    if (ending.isUnderWay) process.exit(1);
    ending.isUnderWay = true;
    void this.#endBy(signal);
  }

  async #endBy(signal: NodeJS.Signals): Promise<void> {
    const { server } = this.#parts;
    // The connection stays: what the program waits for would fail, and the process end by that.
    await this.#shutDownWorkers();
    await server?.close();
    this.#endsBySignal?.dispose();
    // Whoever is still ending, another app or a worker of the program's own, has its time.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  }

  /** What workers have taken on comes to nothing: nobody takes their answers any more. */
  async #fail(error: Error): Promise<Error> {
    if (this.#closing !== undefined) return error;
    this.#failures.push(error);
    const { server, connection } = this.#parts;
    const ending = async () => {
      const workers = this.#shutDownWorkers();
      await server?.close();
      await connection.close();
      await workers;
    };
    const ended = ending();
    this.#closing = ended.then(() => this.#throwFailures());
    // Whoever closes the app hears of it; nobody has to.
    this.#closing.catch(() => {});
    await ended;
    return error;
  }

  async #shutDownWorkers(): Promise<void> {
    const workers = [...this.#workers];
    for (const { worker } of workers) if (worker.getState() === "RUNNING") worker.shutdown();
    await Promise.all(workers.map(({ ended }) => ended));
  }

  #throwFailures(): void {
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, "this app or a worker of it has failed");
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new StartFailure("usage", "this app has been closed");
  }
}
