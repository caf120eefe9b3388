/** Runs workflows and activities of one task queue. */
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { enums, type history, timestampMs } from "@pawl/protocol";
import { MessageCodec } from "../codec/message-codec.ts";
import { Connection } from "../connection/connection.ts";
import { CallFailed } from "../connection/transport.ts";
import { type GaugeValue, Runtime } from "../telemetry/runtime.ts";
import { IllegalStateError, NamespaceNotFoundError } from "../value/errors.ts";
import { ActivityRunner } from "./activity-runner.ts";
import { bundleOf, bundleRuntime, type WorkflowBundle } from "./bundle.ts";
import { EagerActivities } from "./eager-activities.ts";
import type { WorkerPlugin } from "./plugin.ts";
import { pollTimeoutMs, runPoller } from "./poller.ts";
import { type HistoryToReplay, type ReplayResult, type ReplayWorkerOptions, replayHistories } from "./replayer.ts";
import { RunCache } from "./run-cache.ts";
import { Sandbox, watchRejections } from "./sandbox.ts";
import { SinkCalls } from "./sinks.ts";
import { Slots } from "./slots.ts";
import { type CompiledWorkerOptions, compileWorkerOptions, type WorkerOptions } from "./worker-options.ts";
import { WorkflowRunner } from "./workflow-runner.ts";

/** `STOPPING`: takes no new tasks; `STOPPED` and `FAILED`: `run()` has returned or thrown. */
export type State = "INITIALIZED" | "RUNNING" | "STOPPING" | "STOPPED" | "FAILED";

/** The shutdown took longer than `shutdownForceTime`. */
export class GracefulShutdownPeriodExpiredError extends Error {
  constructor() {
    super("Timed out while waiting for worker to shutdown gracefully");
    this.name = "GracefulShutdownPeriodExpiredError";
  }
}

type PollerType = "workflow_task" | "sticky_workflow_task" | "activity_task";

/** The server may end the polls of a worker that says that it stops; after this time they are cut off. */
const pollsEndWithinMs = 250;

interface WorkflowSide {
  readonly runner: WorkflowRunner;
  readonly cache: RunCache;
  readonly stickyQueue: string;
  readonly localSlots: Slots;
}

interface WorkerParts {
  readonly activities: ActivityRunner;
  readonly activitySlots: Slots;
  readonly eager: EagerActivities;
  readonly workflows: WorkflowSide | undefined;
  readonly stopping: AbortController;
  readonly plugins: readonly WorkerPlugin[];
}

export class Worker {
  readonly options: CompiledWorkerOptions;
  readonly #connection: Connection;
  readonly #ownsConnection: boolean;
  readonly #activities: ActivityRunner;
  readonly #activitySlots: Slots;
  readonly #eager: EagerActivities;
  readonly #workflows: WorkflowSide | undefined;
  readonly #stopping: AbortController;
  readonly #pollsEnd = new AbortController();
  readonly #instanceKey = randomUUID();
  readonly #workflowSlots: Slots;
  readonly #plugins: readonly WorkerPlugin[];
  readonly #polling = { workflow_task: 0, sticky_workflow_task: 0, activity_task: 0 };
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
    this.#activitySlots = parts.activitySlots;
    this.#eager = parts.eager;
    this.#workflows = parts.workflows;
    this.#stopping = parts.stopping;
    this.#plugins = parts.plugins;
    this.#workflowSlots = new Slots(options.workflowSlots);
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
    const codec = new MessageCodec(converters.payloadCodecs);
    await requireNamespace(connection, namespace);
    const stopping = new AbortController();
    const runner = new ActivityRunner({
      ...{ connection, namespace, taskQueue, identity, activities, logger },
      ...{ converters, codec, workerShutdown: stopping.signal, runtime: Runtime.instance() },
      interceptors: compiled.interceptors.activity ?? [],
    });
    const activitySlots = new Slots(compiled.activitySlots);
    const eager = new EagerActivities(runner, activitySlots, stopping.signal);
    const workflows =
      code && workflowSide(compiled, connection, code, { activities: runner, eager, codec }, options.buildId);
    if (!workflows && !runner.hasActivities) {
      throw new TypeError("a worker needs WorkerOptions.workflowsPath, workflowBundle or activities");
    }
    return new Worker(
      compiled,
      { connection, isOwned },
      { activities: runner, activitySlots, eager, workflows, stopping, plugins },
    );
  }

  /** Throws `DeterminismViolationError` when the code does not do what the history says it did. */
  static async runReplayHistory(
    options: ReplayWorkerOptions,
    history: history.History,
    workflowId = "replay",
  ): Promise<void> {
    for await (const { error } of replayHistories(options, [{ workflowId, history }])) {
      if (error) throw error;
    }
  }

  /** As {@link Worker.runReplayHistory} for many: one result for each, and no throw. */
  static runReplayHistories(
    options: ReplayWorkerOptions,
    histories: AsyncIterable<HistoryToReplay> | Iterable<HistoryToReplay>,
  ): AsyncIterableIterator<ReplayResult> {
    return replayHistories(options, histories);
  }

  getState(): State {
    return this.#state;
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
    const forget = [runtime.shutsDown(this), runtime.observe(() => this.#observations())];
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

  /** Works until the promise settles, then shuts down. Returns or throws what it does. */
  async runUntil<R>(work: Promise<R> | (() => Promise<R>)): Promise<R> {
    const running = this.run();
    const done = typeof work === "function" ? work() : work;
    try {
      // A worker that fails must not leave its caller waiting for what will never come.
      return await Promise.race([done, running.then(() => done)]);
    } finally {
      if (this.#state === "RUNNING") this.shutdown();
      await running;
    }
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
    const done = Promise.all(pollers).then(() => this.#eager.idle());
    done.catch(() => undefined);
    await this.#endPolls(done);
    const grace = new AbortController();
    const cancel = delay(shutdownGraceMs, undefined, { signal: grace.signal }).then(
      () => this.#activities.cancelAll(),
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
    const { logger } = this.options;
    const stopping = this.#stopping.signal;
    const pollers: Promise<void>[] = [];
    if (this.#workflows) {
      const { runner, stickyQueue } = this.#workflows;
      const slots = this.#workflowSlots;
      const handle = (task: Parameters<WorkflowRunner["run"]>[0]) => runner.run(task);
      // Sticky ones first: most tasks are of runs that this worker has.
      for (let i = 0; i < this.options.workflowPolls; i++) {
        const sticky = i % 2 === 0 ? stickyQueue : undefined;
        const poll = () => this.#pollWorkflowTask(sticky);
        pollers.push(runPoller({ name: "workflow task", slots, poll, handle, logger, signal: stopping }));
      }
    }
    if (this.#activities.hasActivities) {
      const slots = this.#activitySlots;
      const handle = (task: Parameters<ActivityRunner["run"]>[0]) => this.#activities.run(task);
      for (let i = 0; i < this.options.activityPolls; i++) {
        const poll = () => this.#pollActivityTask();
        pollers.push(runPoller({ name: "activity task", slots, poll, handle, logger, signal: stopping }));
      }
    }
    return pollers;
  }

  async #pollWorkflowTask(stickyQueue: string | undefined) {
    const { namespace, identity, taskQueue } = this.options;
    const { STICKY, NORMAL } = enums.TaskQueueKind;
    const queue = stickyQueue
      ? { name: stickyQueue, kind: STICKY, normalName: taskQueue }
      : { name: taskQueue, kind: NORMAL };
    const request = { namespace, identity, taskQueue: queue, workerInstanceKey: this.#instanceKey };
    const pollerType = stickyQueue ? "sticky_workflow_task" : "workflow_task";
    const task = await this.#polled(pollerType, () =>
      this.#connection.call("PollWorkflowTaskQueue", request, this.#pollOptions()),
    );
    const isTask = task.taskToken.length > 0;
    const { sdkMetrics } = Runtime.instance();
    sdkMetrics.count(`workflow_task_queue_poll_${isTask ? "succeed" : "empty"}`, this.#tags());
    if (!isTask) return undefined;
    if (task.startedTime && task.scheduledTime) {
      const waitedMs = timestampMs(task.startedTime) - timestampMs(task.scheduledTime);
      sdkMetrics.time("workflow_task_schedule_to_start_latency", waitedMs, this.#tags());
    }
    return task;
  }

  async #pollActivityTask() {
    const { namespace, identity, taskQueue, activitiesPerSecond } = this.options;
    const request = {
      ...{ namespace, identity, workerInstanceKey: this.#instanceKey },
      taskQueue: { name: taskQueue, kind: enums.TaskQueueKind.NORMAL },
      taskQueueMetadata:
        activitiesPerSecond === undefined ? undefined : { maxTasksPerSecond: { value: activitiesPerSecond } },
    };
    const task = await this.#polled("activity_task", () =>
      this.#connection.call("PollActivityTaskQueue", request, this.#pollOptions()),
    );
    if (task.taskToken.length > 0) return task;
    Runtime.instance().sdkMetrics.count("activity_poll_no_task", this.#tags());
    return undefined;
  }

  async #polled<T>(pollerType: PollerType, poll: () => Promise<T>): Promise<T> {
    this.#polling[pollerType]++;
    try {
      return await poll();
    } finally {
      this.#polling[pollerType]--;
    }
  }

  #tags() {
    return { namespace: this.options.namespace, task_queue: this.options.taskQueue };
  }

  #observations(): GaugeValue[] {
    const tags = this.#tags();
    const polling = this.#polling;
    const ofSlots = (worker_type: string, slots: Slots | undefined, reserved: number): GaugeValue[] => {
      if (!slots) return [];
      // A slot that a poller holds for what may come is not in use.
      const used = slots.taken - reserved;
      return [
        { name: "worker_task_slots_used", value: used, tags: { ...tags, worker_type } },
        { name: "worker_task_slots_available", value: slots.max - used, tags: { ...tags, worker_type } },
      ];
    };
    const ofPollers = Object.entries(polling).map(([poller_type, value]): GaugeValue => {
      return { name: "num_pollers", value, tags: { ...tags, poller_type } };
    });
    const { cache, localSlots } = this.#workflows ?? {};
    return [
      ...ofSlots("ActivityWorker", this.#activitySlots, polling.activity_task),
      ...ofSlots("WorkflowWorker", this.#workflowSlots, polling.workflow_task + polling.sticky_workflow_task),
      ...ofSlots("LocalActivityWorker", localSlots, 0),
      ...ofPollers,
      ...(cache ? [{ name: "sticky_cache_size", value: cache.size, tags } as const] : []),
    ];
  }

  #pollOptions() {
    return { timeoutMs: pollTimeoutMs, signal: this.#pollsEnd.signal, retry: false };
  }
}

interface Code {
  readonly runtime: WorkflowBundle;
  readonly user: WorkflowBundle;
}

async function loadCode(options: WorkerOptions): Promise<Code | undefined> {
  if (options.workflowsPath === undefined && options.workflowBundle === undefined) return undefined;
  const user = bundleOf(options);
  const [runtime, bundle] = await Promise.all([bundleRuntime(), user]);
  return { runtime, user: bundle };
}

async function requireNamespace(connection: Connection, namespace: string): Promise<void> {
  try {
    await connection.call("DescribeNamespace", { namespace });
  } catch (error) {
    if (error instanceof CallFailed && error.code === 5) throw new NamespaceNotFoundError(namespace);
    throw error;
  }
}

function workflowSide(
  options: CompiledWorkerOptions,
  connection: Connection,
  code: Code,
  parts: { activities: ActivityRunner; eager: EagerActivities; codec: MessageCodec },
  buildId = createHash("sha256").update(code.user.code).digest("hex").slice(0, 16),
): WorkflowSide {
  const { namespace, taskQueue, identity, logger, stickyTimeoutMs, deadlockTimeoutMs } = options;
  const runtime = Runtime.instance();
  watchRejections();
  const cache = new RunCache({
    ...{ bytesMax: options.cacheBytes, runsMax: options.cacheRuns },
    onEviction: () => {
      runtime.sdkMetrics.count("sticky_cache_total_forced_eviction", { namespace, task_queue: taskQueue });
    },
  });
  const stickyQueue = `${identity}-${randomUUID()}`;
  const localSlots = new Slots(options.localActivitySlots);
  const runner = new WorkflowRunner({
    ...{ connection, namespace, taskQueue, stickyQueue, identity, buildId, logger, cache, ...parts },
    ...{ stickyTimeoutMs, deadlockTimeoutMs, recordMetric: runtime.recordMetric, metrics: runtime.sdkMetrics },
    sinks: new SinkCalls(options.sinks, logger),
    sandbox: new Sandbox(code.runtime, code.user),
    localSlots,
    converters: options.loadedDataConverter,
    // Closures and objects take about as much as the text that makes them.
    bytesOfBundle: code.user.code.length,
  });
  return { runner, cache, stickyQueue, localSlots };
}
