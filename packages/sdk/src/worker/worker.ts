/** Runs workflows and activities of one task queue. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { history } from "@pawl/protocol";
import { Client } from "../client/client.ts";
import { MessageCodec } from "../codec/message-codec.ts";
import { Connection } from "../connection/connection.ts";
import type { EagerOffer, EagerTask } from "../connection/eager-starts.ts";
import { type GaugeValue, Runtime } from "../telemetry/runtime.ts";
import { CallFailed } from "../transport/transport.ts";
import { msToNumber } from "../value/duration.ts";
import { IllegalStateError, NamespaceNotFoundError } from "../value/errors.ts";
import { ActivityRunner } from "./activity/activity-runner.ts";
import { EagerActivities } from "./activity/eager-activities.ts";
import { NexusRunner } from "./nexus/nexus-runner.ts";
import { limitsOf } from "./payload-limits.ts";
import type { WorkerPlugin } from "./plugin.ts";
import { type ActivityTask, type NexusTask, Polling, type WorkflowTask } from "./poll/polling.ts";
import {
  type ReplayHistoriesIterable,
  type ReplayResult,
  type ReplayWorkerOptions,
  replayHistories,
} from "./run/replayer.ts";
import {
  CombinedWorkerRunError,
  GracefulShutdownPeriodExpiredError,
  type RunUntilOptions,
  settledWithin,
} from "./run/run-errors.ts";
import type { Slots } from "./slot/slots.ts";
import { slotsOf, type WorkerSlots } from "./slot/tuner.ts";
import { WorkerHeartbeat } from "./worker-heartbeat.ts";
import { type CompiledWorkerOptions, compileWorkerOptions, type WorkerOptions } from "./worker-options.ts";
import { type State, type WorkerStatus, workerStatus } from "./worker-status.ts";
import { loadCode, type WorkflowSide, workflowSide } from "./workflow-side.ts";

/** The server may end the polls of a worker that says that it stops; after this time they are cut off. */
const pollsEndWithinMs = 250;

interface WorkerParts {
  readonly activities: ActivityRunner;
  readonly nexus: NexusRunner;
  readonly slots: WorkerSlots;
  readonly eager: EagerActivities;
  readonly workflows: WorkflowSide | undefined;
  readonly stopping: AbortController;
  readonly plugins: readonly WorkerPlugin[];
  readonly takesHeartbeats: boolean;
}

/**
 * Takes the tasks of one task queue and runs their workflows and activities. Made by `create`; works while `run()` is awaited, until `shutdown()`, after
 * which it cannot be run again.
 */
export class Worker {
  readonly options: CompiledWorkerOptions;
  readonly #connection: Connection;
  readonly #ownsConnection: boolean;
  readonly #activities: ActivityRunner;
  readonly #nexus: NexusRunner;
  readonly #slots: WorkerSlots;
  readonly #eager: EagerActivities;
  readonly #workflows: WorkflowSide | undefined;
  readonly #stopping: AbortController;
  readonly #pollsEnd = new AbortController();
  readonly #instanceKey = randomUUID();
  readonly #polling: Polling;
  readonly #eagerStarts = new Set<Promise<void>>();
  readonly #heartbeat: WorkerHeartbeat;
  readonly #plugins: readonly WorkerPlugin[];
  readonly #takesHeartbeats: boolean;
  #state: State = "INITIALIZED";

  private constructor(
    options: CompiledWorkerOptions,
    connection: { connection: Connection; isOwned: boolean },
    parts: WorkerParts,
  ) {
    this.options = options;
    this.#connection = connection.connection;
    this.#ownsConnection = connection.isOwned;
    this.#activities = parts.activities;
    this.#nexus = parts.nexus;
    this.#slots = parts.slots;
    this.#eager = parts.eager;
    this.#workflows = parts.workflows;
    this.#stopping = parts.stopping;
    this.#plugins = parts.plugins;
    this.#takesHeartbeats = parts.takesHeartbeats && Runtime.instance().workerHeartbeatMs > 0;
    const about = { connection: this.#connection, options, instanceKey: this.#instanceKey };
    const runtime = Runtime.instance();
    this.#polling = new Polling({ ...about, metrics: runtime.sdkMetrics, end: this.#pollsEnd.signal });
    this.#heartbeat = new WorkerHeartbeat({
      ...{ ...about, intervalMs: runtime.workerHeartbeatMs, slots: parts.slots, polling: this.#polling },
      cache: parts.workflows?.cache,
    });
  }

  /**
   * Bundles the workflow code, loads it, and asks the server for the namespace. Throws `TypeError` for a bad option, `NamespaceNotFoundError`,
   * `CallFailed` when the server is not there, and an error with file and line for workflow code that cannot be bundled.
   */
  static async create(given: WorkerOptions): Promise<Worker> {
    const plugins = [...((given.connection?.plugins ?? []) as readonly WorkerPlugin[]), ...(given.plugins ?? [])];
    let options = given;
    for (const plugin of plugins) options = (await plugin.configureWorker?.(options)) ?? options;
    const compiled = compileWorkerOptions(options);
    const isOwned = options.connection === undefined;
    const [connection, code] = await Promise.all([options.connection ?? Connection.connect(), loadCode(options)]);
    const { namespace, taskQueue, identity, activities, logger, loadedDataConverter: converters } = compiled;
    const codec = new MessageCodec(converters.payloadCodecs, converters.externalStorage);
    const info = await requireNamespace(connection, namespace);
    const limits = limitsOf(info);
    const stopping = new AbortController();
    const shared = { connection, namespace, taskQueue, identity, logger, converters, codec, limits };
    const common = { ...shared, runtime: Runtime.instance(), client: clientFor(options, connection) };
    const runner = new ActivityRunner({
      ...{ ...common, activities, workerShutdown: stopping.signal },
      interceptors: compiled.interceptors.activity ?? [],
      deployment: compiled.deployment,
      heartbeat: { defaultMs: compiled.heartbeatDefaultMs, longestMs: compiled.heartbeatLongestMs },
    });
    const interceptors = compiled.interceptors.nexus ?? [];
    const nexus = new NexusRunner({ ...common, interceptors, services: compiled.nexusServices });
    const version = compiled.deployment?.version;
    const context = {
      taskQueue,
      workerIdentity: identity,
      workerBuildId: compiled.buildId,
      workerDeploymentVersion: version,
    };
    const slots = slotsOf(compiled.tuner, context, logger);
    const eager = new EagerActivities(runner, slots.activity, stopping.signal, compiled.eagerPerTask);
    const workflows =
      code && workflowSide(compiled, connection, code, { activities: runner, eager, codec, limits, slots });
    if (!workflows && !runner.hasActivities && !nexus.hasServices) {
      throw new TypeError("a worker needs WorkerOptions.workflowsPath, workflowBundle, activities or nexusServices");
    }
    return new Worker(
      compiled,
      { connection, isOwned },
      {
        ...{ activities: runner, nexus, slots, eager, workflows, stopping, plugins },
        takesHeartbeats: info?.capabilities?.workerHeartbeats ?? false,
      },
    );
  }

  /**
   * Throws `DeterminismViolationError` when the code does not do what the history says it did. `history`: as `fetchHistory()` gives it, or its JSON, parsed.
   * `workflowId`: what the workflow is told. Default: that of the history.
   */
  static async runReplayHistory(
    options: ReplayWorkerOptions,
    history: history.History | unknown,
    workflowId?: string,
  ): Promise<void> {
    for await (const { error } of replayHistories(options, [{ workflowId, history }])) {
      if (error) throw error;
    }
  }

  /** As {@link Worker.runReplayHistory} for many: one result for each, and no throw. */
  static runReplayHistories(
    options: ReplayWorkerOptions,
    histories: ReplayHistoriesIterable,
  ): AsyncIterableIterator<ReplayResult> {
    return replayHistories(options, histories);
  }

  getState(): State {
    return this.#state;
  }

  getStatus(): WorkerStatus {
    return workerStatus({
      ...{ state: this.#state, slots: this.#slots, polling: this.#polling, activities: this.#activities },
      cache: this.#workflows?.cache,
    });
  }

  /** Works until `shutdown()`. Resolves when everything taken on is done; throws when polling is hopeless or the force time is over. */
  async run(): Promise<void> {
    let run = (worker: Worker) => worker.#run();
    for (const plugin of this.#plugins.toReversed()) {
      const inner = run;
      if (plugin.runWorker) run = (worker) => plugin.runWorker!(worker, inner);
    }
    await run(this);
  }

  async #run(): Promise<void> {
    if (this.#state !== "INITIALIZED") throw new IllegalStateError("Poller was already started");
    this.#state = "RUNNING";
    const runtime = Runtime.instance();
    const { namespace, taskQueue } = this.options;
    runtime.sdkMetrics.count("worker_start", { namespace, task_queue: taskQueue });
    const forget = [
      runtime.shutsDown(this),
      runtime.observe(() => this.#observations()),
      this.#connection.eagerStarts.register(namespace, taskQueue, () => this.#offerEagerStart()),
    ];
    try {
      await this.#work();
      this.#state = "STOPPED";
    } catch (error) {
      this.#state = "FAILED";
      throw error;
    } finally {
      for (const each of forget) each();
      this.#stopping.abort();
      this.#pollsEnd.abort();
      this.#workflows?.cache.clear();
      if (this.#ownsConnection) await this.#connection.close();
    }
  }

  /**
   * Works until the promise settles, then shuts down. Returns or throws what it does. Throws `PromiseCompletionTimeoutError` when the worker stops
   * before it, as by a signal; what the worker throws; and `CombinedWorkerRunError` when both fail.
   */
  async runUntil<R>(work: Promise<R> | (() => Promise<R>), options: RunUntilOptions = {}): Promise<R> {
    const timeoutMs = msToNumber(options.promiseCompletionTimeout ?? 0, "options.promiseCompletionTimeout");
    const running = this.run();
    const called = typeof work === "function" ? (async () => await work())() : work;
    const settlement = Promise.allSettled([called]).then(([settled]) => {
      if (this.#state === "RUNNING") this.shutdown();
      return settled;
    });
    const [ran] = await Promise.allSettled([running]);
    const settled = await settledWithin(settlement, timeoutMs);
    if (ran.status === "rejected") {
      if (settled.status === "fulfilled") throw ran.reason;
      throw new CombinedWorkerRunError({ workerError: ran.reason, innerError: settled.reason });
    }
    if (settled.status === "rejected") throw settled.reason;
    return settled.value;
  }

  /** Takes no new tasks and lets those that run end; `run()` then resolves. */
  shutdown(): void {
    // Told twice, by a signal and by the program, it stops once.
    if (this.#state === "STOPPING") return;
    if (this.#state !== "RUNNING") throw new IllegalStateError(`Not running. Current state: ${this.#state}`);
    this.#state = "STOPPING";
    this.#stopping.abort();
  }

  async #work(): Promise<void> {
    const pollers = this.#pollers();
    if (this.#takesHeartbeats) pollers.push(this.#heartbeat.run(this.#stopping.signal));
    const failed = Promise.all(pollers);
    const stopped = new Promise<"stopped">((resolve) => {
      const { signal } = this.#stopping;
      if (signal.aborted) resolve("stopped");
      signal.addEventListener("abort", () => resolve("stopped"), { once: true });
    });
    try {
      // Pollers end by themselves only when one fails.
      await Promise.race([failed, stopped]);
    } finally {
      this.#stopping.abort();
    }
    const drained = this.#drain(pollers);
    const { shutdownForceMs } = this.options;
    if (shutdownForceMs === undefined) return await drained;
    const force = new AbortController();
    const expired = delay(shutdownForceMs, undefined, { signal: force.signal }).then(() => {
      throw new GracefulShutdownPeriodExpiredError();
    });
    expired.catch(() => undefined);
    try {
      await Promise.race([drained, expired]);
    } finally {
      force.abort();
    }
  }

  async #drain(pollers: readonly Promise<void>[]): Promise<void> {
    const { shutdownGraceMs } = this.options;
    const done = Promise.all(pollers)
      .then(() => this.#eager.idle())
      .then(() => Promise.all(this.#eagerStarts));
    done.catch(() => undefined);
    await this.#endPolls(done);
    const grace = new AbortController();
    const cancel = delay(shutdownGraceMs, undefined, { signal: grace.signal }).then(
      () => {
        this.#activities.cancelAll();
        this.#nexus.cancelAll();
      },
      () => undefined,
    );
    try {
      await done;
    } finally {
      grace.abort();
      await cancel;
    }
  }

  /** Tells the server that this worker goes, so that its tasks go elsewhere at once; then ends its polls. */
  async #endPolls(done: Promise<unknown>): Promise<void> {
    const { namespace, identity, taskQueue, logger } = this.options;
    const request = {
      ...{ namespace, identity, taskQueue, workerInstanceKey: this.#instanceKey, reason: "graceful shutdown" },
      stickyTaskQueue: this.#workflows?.stickyQueue,
      workerHeartbeat: this.#takesHeartbeats ? this.#heartbeat.now("SHUTTING_DOWN") : undefined,
    };
    await this.#connection
      .call("ShutdownWorker", request, { timeoutMs: 2_000, retry: false })
      .catch((error) => logger.debug("The server was not told of the shutdown", { error: String(error) }));
    const cut = new AbortController();
    const wait = delay(pollsEndWithinMs, undefined, { signal: cut.signal }).catch(() => undefined);
    await Promise.race([done.catch(() => undefined), wait]);
    cut.abort();
    this.#pollsEnd.abort();
  }

  #pollers(): Promise<void>[] {
    const signal = this.#stopping.signal;
    const pollers: Promise<void>[] = [];
    if (this.#workflows) {
      const { runner, stickyQueue } = this.#workflows;
      const handled = { slots: this.#slots.workflow, signal, handle: (task: WorkflowTask) => runner.run(task) };
      pollers.push(this.#polling.workflowTasks(undefined, handled), this.#polling.workflowTasks(stickyQueue, handled));
    }
    if (this.#activities.hasActivities && this.options.remoteActivities) {
      const handle = (task: ActivityTask) => this.#activities.run(task);
      pollers.push(this.#polling.activityTasks({ slots: this.#slots.activity, signal, handle }));
    }
    if (this.#nexus.hasServices) {
      const handle = (task: NexusTask) => this.#nexus.run(task);
      pollers.push(this.#polling.nexusTasks({ slots: this.#slots.nexus, signal, handle }));
    }
    return pollers;
  }

  /** A workflow that this process starts may bring its first task with it. */
  #offerEagerStart(): EagerOffer | undefined {
    const slot = this.#workflows && !this.#stopping.signal.aborted ? this.#slots.workflow.tryTake() : undefined;
    if (!slot) return undefined;
    const end = (task: EagerTask | undefined) => {
      if (!task) return slot.release();
      slot.use({ type: "workflow", workflowType: task.workflowType?.name ?? "", isSticky: false });
      const done = this.#workflows!.runner.run(task).finally(() => {
        slot.release();
        this.#eagerStarts.delete(done);
      });
      this.#eagerStarts.add(done);
    };
    return { deploymentOptions: this.options.deployment?.wire, end };
  }

  #observations(): GaugeValue[] {
    const { namespace, taskQueue } = this.options;
    const tags = { namespace, task_queue: taskQueue };
    const polling = this.#polling.state;
    const reserved = (...types: string[]) =>
      polling.filter(({ type }) => types.includes(type)).reduce((sum, each) => sum + each.polling, 0);
    const ofSlots = (worker_type: string, { taken, max }: Slots, held: number): GaugeValue[] => {
      // A slot that a poller holds for what may come is not in use.
      const used: GaugeValue = { name: "worker_task_slots_used", value: taken - held, tags: { ...tags, worker_type } };
      if (max === undefined) return [used];
      const value = max - used.value;
      return [used, { name: "worker_task_slots_available", value, tags: { ...tags, worker_type } }];
    };
    const ofPollers = polling.map(({ type: poller_type, polling: value }): GaugeValue => {
      return { name: "num_pollers", value, tags: { ...tags, poller_type } };
    });
    const { cache } = this.#workflows ?? {};
    return [
      ...ofSlots("ActivityWorker", this.#slots.activity, reserved("activity_task")),
      ...ofSlots("WorkflowWorker", this.#slots.workflow, reserved("workflow_task", "sticky_workflow_task")),
      ...ofSlots("LocalActivityWorker", this.#slots.localActivity, 0),
      ...(this.#nexus.hasServices ? ofSlots("NexusWorker", this.#slots.nexus, reserved("nexus_task")) : []),
      ...ofPollers,
      ...(cache ? [{ name: "sticky_cache_size", value: cache.size, tags } as const] : []),
    ];
  }
}

/** Made when an activity first asks for it. */
function clientFor({ namespace, identity, dataConverter, interceptors }: WorkerOptions, connection: Connection) {
  let client: Client | undefined;
  return () => {
    client ??= new Client({
      connection,
      ...(namespace === undefined ? {} : { namespace }),
      ...(identity === undefined ? {} : { identity }),
      ...(dataConverter === undefined ? {} : { dataConverter }),
      ...(interceptors?.client === undefined ? {} : { interceptors: interceptors.client }),
    });
    return client;
  };
}

/** What the server says of this namespace. Throws `NamespaceNotFoundError`. */
async function requireNamespace(connection: Connection, namespace: string) {
  try {
    return (await connection.call("DescribeNamespace", { namespace })).namespaceInfo;
  } catch (error) {
    if (error instanceof CallFailed && error.code === 5) throw new NamespaceNotFoundError(namespace);
    throw error;
  }
}
