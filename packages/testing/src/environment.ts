/**
 * A server inside the test, with a client of it. Its state is in memory and ends with it. Several may be open at a time: each has a server of its own.
 *
 *   const env = await TestWorkflowEnvironment.createTimeSkipping();
 *   const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: "q", workflowsPath });
 *   await worker.runUntil(env.client.workflow.execute(waitAMonth, { taskQueue: "q", workflowId: "w" }));
 *   await env.teardown();
 */
import { setTimeout as delay } from "node:timers/promises";
import { Client, type ClientOptions, Connection, type ConnectionOptions, InProcessTransport } from "@pawl/sdk/client";
import { type Duration, msToNumber } from "@pawl/sdk/common";
import {
  type ListenConfig,
  type Listening,
  type OpenConfig,
  type OpenServer,
  openServer,
  SkippingClock,
} from "@pawl/server";
import { testServiceCalls } from "./test-service.ts";
import { TimeSkipper } from "./time-skipper.ts";

/** What a server in the test is opened with, and its client. */
export interface EnvironmentOptions {
  /** Made at the start. Default: `default`. */
  namespace?: string;
  /** Search attributes to register at the start, name to type (`Keyword`, `Int`, …). */
  searchAttributes?: OpenConfig["searchAttributes"];
  /** Further options of the client. */
  client?: Omit<ClientOptions, "connection" | "namespace">;
}

/** A server outside the test, and how it is reached. */
export interface ExistingServerOptions extends Omit<EnvironmentOptions, "searchAttributes"> {
  /** `host:port`. Default: `localhost:7233`. */
  address?: string;
}

/** All that a workflow can plan is known this far ahead, so that the clock can jump to it. */
const aheadMs = 10 * 365 * 86_400_000;
/** Beyond what the clock jumps to: closed workflows stay for the test to look at. */
const retentionSeconds = (20 * aheadMs) / 1_000;

interface Parts {
  readonly connection: Connection;
  readonly namespace: string;
  readonly server?: OpenServer;
  readonly skipper?: TimeSkipper;
}

/** A server with a client, for one test or many: `createLocal`, `createTimeSkipping` or `createFromExistingServer`; `teardown` ends it. */
export class TestWorkflowEnvironment {
  readonly client: Client;
  /** For clients and for workers. */
  readonly connection: Connection;
  /** The same, under the name that workers' options have had. */
  readonly nativeConnection: Connection;
  readonly namespace: string | undefined;
  readonly supportsTimeSkipping: boolean;
  readonly #parts: Parts;

  private constructor(parts: Parts, options: EnvironmentOptions) {
    const { connection, namespace, skipper } = parts;
    this.#parts = parts;
    this.connection = connection;
    this.nativeConnection = connection;
    this.namespace = namespace;
    this.supportsTimeSkipping = skipper !== undefined;
    this.client = new Client({ ...options.client, connection, namespace });
  }

  /** The real server in real time. Throws `StartFailure` for a bad namespace or search attribute. */
  static async createLocal(options: EnvironmentOptions = {}): Promise<TestWorkflowEnvironment> {
    const { namespace = "default" } = options;
    const server = await openServer({ ...serverOptions(options), namespaces: [namespace] });
    const connection = Connection.lazy({ transport: new InProcessTransport(server) });
    return new TestWorkflowEnvironment({ connection, namespace, server }, options);
  }

  /**
   * The real server on a clock that jumps: while the test awaits a workflow's result, an update's outcome or `sleep`, and neither an activity nor a
   * workflow task is waiting or running, time goes on to whatever falls due next. At other times it goes its usual pace.
   */
  static async createTimeSkipping(options: EnvironmentOptions = {}): Promise<TestWorkflowEnvironment> {
    const { namespace = "default" } = options;
    const clock = new SkippingClock();
    // The skipper looks into the server, and the server lets others ask the skipper.
    const made: { skipper?: TimeSkipper } = {};
    const server = await openServer({
      ...{ ...serverOptions(options), namespaces: [namespace], clock, timersAheadMs: aheadMs },
      furtherCalls: testServiceCalls(() => made.skipper!),
    });
    const skipper = new TimeSkipper(server, clock);
    made.skipper = skipper;
    const transport = new InProcessTransport({
      call: (path, request, callOptions) =>
        skipper.during(path, request, () => server.call(path, request, callOptions)),
    });
    const connection = Connection.lazy({ transport });
    await keepClosedWorkflows(connection, namespace);
    return new TestWorkflowEnvironment({ connection, namespace, server, skipper }, options);
  }

  /** A server elsewhere, in real time. Throws `CallFailed` when it does not answer. */
  static async createFromExistingServer(options: ExistingServerOptions = {}): Promise<TestWorkflowEnvironment> {
    const { namespace = "default", address } = options;
    const where: ConnectionOptions = address === undefined ? {} : { address };
    return new TestWorkflowEnvironment({ connection: await Connection.connect(where), namespace }, options);
  }

  /** Milliseconds since 1970 by the server's clock, where that can be known; else by this machine's. */
  async currentTimeMs(): Promise<number> {
    return this.#parts.skipper?.nowMs() ?? Date.now();
  }

  /** Resolves when this much time has passed for the server: where time can be skipped, at once, unless workflows have something to do meanwhile. */
  async sleep(duration: Duration): Promise<void> {
    const ms = msToNumber(duration, "sleep");
    const { skipper } = this.#parts;
    await (skipper ? skipper.sleep(ms) : delay(ms));
  }

  /**
   * Lets other processes in, such as workers in other languages; where time can be skipped, with the test service by which their own test
   * environments ask for it. Throws `StartFailure`; an existing server cannot be told to. */
  async serve(where: ListenConfig = { port: 0 }): Promise<Listening> {
    const { server } = this.#parts;
    if (!server) throw new TypeError("serve() is for an environment with a server of its own");
    return await server.serve(where);
  }

  /** Ends the connection and the server. Workers must have been shut down before. */
  async teardown(): Promise<void> {
    const { connection, server, skipper } = this.#parts;
    skipper?.close();
    await connection.close();
    await server?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.teardown();
  }
}

function serverOptions({ searchAttributes }: EnvironmentOptions): OpenConfig {
  return searchAttributes === undefined ? {} : { searchAttributes };
}

async function keepClosedWorkflows(connection: Connection, namespace: string): Promise<void> {
  const workflowExecutionRetentionTtl = { seconds: retentionSeconds, nanos: 0 };
  await connection.call("UpdateNamespace", { namespace, config: { workflowExecutionRetentionTtl } });
}
