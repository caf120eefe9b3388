/** Runs workflows and activities of one task queue. */
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { enums, type history } from "@pawl/protocol";
import { CallFailed, Connection } from "../client/connection.ts";
import { MessageCodec } from "../codec/message-codec.ts";
import { IllegalStateError, NamespaceNotFoundError } from "../value/errors.ts";
import { ActivityRunner } from "./activity-runner.ts";
import { bundleOf, bundleRuntime, type WorkflowBundle } from "./bundle.ts";
import { EagerActivities } from "./eager-activities.ts";
import { pollTimeoutMs, runPoller } from "./poller.ts";
import { type HistoryToReplay, type ReplayResult, type ReplayWorkerOptions, replayHistories } from "./replayer.ts";
import { RunCache } from "./run-cache.ts";
import { Sandbox, watchRejections } from "./sandbox.ts";
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

/** The server may end the polls of a worker that says that it stops; after this time they are cut off. */
const pollsEndWithinMs = 250;

interface WorkflowSide {
  readonly runner: WorkflowRunner;
  readonly cache: RunCache;
  readonly stickyQueue: string;
}

interface WorkerParts {
  readonly activities: ActivityRunner;
  readonly activitySlots: Slots;
  readonly eager: EagerActivities;
  readonly workflows: WorkflowSide | undefined;
  readonly stopping: AbortController;
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
  }

  /**
   * Bundles the workflow code, loads it, and asks the server for the namespace. Throws `TypeError` for a bad option, `NamespaceNotFoundError`,
   * `CallFailed` when the server is not there, and an error with file and line for workflow code that cannot be bundled.
   */
  static async create(options: WorkerOptions): Promise<Worker> {
    const compiled = compileWorkerOptions(options);
    const isOwned = options.connection === undefined;
    const [connection, code] = await Promise.all([options.connection ?? Connection.connect(), loadCode(options)]);
    const { namespace, taskQueue, identity, activities, logger, loadedDataConverter: converters } = compiled;
    const codec = new MessageCodec(converters.payloadCodecs);
    await requireNamespace(connection, namespace);
    const stopping = new AbortController();
    const runner = new ActivityRunner({
      ...{ connection, namespace, taskQueue, identity, activities, logger },
      ...{ converters, codec, workerShutdown: stopping.signal },
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
      { activities: runner, activitySlots, eager, workflows, stopping },
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
    if (this.#state !== "INITIALIZED") throw new IllegalStateError("Poller was already started");
    this.#state = "RUNNING";
    try {
      await this.#work();
      this.#state = "STOPPED";
    } catch (error) {
      this.#state = "FAILED";
      throw error;
    } finally {
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
      const slots = new Slots(this.options.workflowSlots);
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
    const task = await this.#connection.call("PollWorkflowTaskQueue", request, this.#pollOptions());
    return task.taskToken.length > 0 ? task : undefined;
  }

  async #pollActivityTask() {
    const { namespace, identity, taskQueue, activitiesPerSecond } = this.options;
    const request = {
      ...{ namespace, identity, workerInstanceKey: this.#instanceKey },
      taskQueue: { name: taskQueue, kind: enums.TaskQueueKind.NORMAL },
      taskQueueMetadata:
        activitiesPerSecond === undefined ? undefined : { maxTasksPerSecond: { value: activitiesPerSecond } },
    };
    const task = await this.#connection.call("PollActivityTaskQueue", request, this.#pollOptions());
    return task.taskToken.length > 0 ? task : undefined;
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
  { runtime, user }: Code,
  parts: { activities: ActivityRunner; eager: EagerActivities; codec: MessageCodec },
  buildId = createHash("sha256").update(user.code).digest("hex").slice(0, 16),
): WorkflowSide {
  const { namespace, taskQueue, identity, logger, stickyTimeoutMs, deadlockTimeoutMs } = options;
  watchRejections();
  const cache = new RunCache({ bytesMax: options.cacheBytes, runsMax: options.cacheRuns });
  const stickyQueue = `${identity}-${randomUUID()}`;
  const runner = new WorkflowRunner({
    ...{ connection, namespace, taskQueue, stickyQueue, identity, buildId, logger, cache, ...parts },
    ...{ stickyTimeoutMs, deadlockTimeoutMs },
    sandbox: new Sandbox(runtime, user),
    localSlots: new Slots(options.localActivitySlots),
    converters: options.loadedDataConverter,
    // Closures and objects take about as much as the text that makes them.
    bytesOfBundle: user.code.length,
  });
  return { runner, cache, stickyQueue };
}
