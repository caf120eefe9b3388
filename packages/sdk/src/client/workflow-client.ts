/** Starts workflows and speaks with them. */
import { history } from "@pawl/protocol";
import type {
  AnyArgs,
  SignalDefinition,
  UpdateDefinition,
  Workflow,
  WorkflowIdConflictPolicy,
  WorkflowResultType,
} from "../value/options.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { rethrowCallFailure } from "./errors.ts";
import {
  type CountWorkflowExecution,
  executionDescription,
  executionInfo,
  type WorkflowExecutionInfo,
} from "./execution-info.ts";
import type { QueryRejectCondition, WorkflowClientInterceptor } from "./interceptors.ts";
import { ServiceClient } from "./service-client.ts";
import { WorkflowCalls } from "./workflow-calls.ts";
import {
  nameOf,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
  type WorkflowHandleWithSignaledRunId,
  type WorkflowUpdateHandle,
  type WorkflowUpdateOptions,
} from "./workflow-handle.ts";
import { typeOf, type WorkflowOptions, type WorkflowStartOptions } from "./workflow-options.ts";
import { awaitResult } from "./workflow-result.ts";
import { WorkflowUpdates } from "./workflow-update.ts";

/** Options of a workflow client, in addition to those of every client. */
export interface WorkflowClientOptions extends BaseClientOptions {
  /** The first is the outermost. */
  interceptors?: WorkflowClientInterceptor[];
  /** When queries of this client are refused. Default: never. */
  queryRejectCondition?: QueryRejectCondition;
}

/**
 * How a handle of a workflow that runs already behaves: see {@link WorkflowHandleWithFirstExecutionRunId} and `followRuns` of
 * {@link WorkflowResultOptions}.
 */
export interface GetWorkflowHandleOptions {
  /** Default: true. */
  followRuns?: boolean;
  firstExecutionRunId?: string;
}

/** A query in the language of the server's lists (default: all), and how many rows are fetched at a time (default: 1,000). */
export interface ListOptions {
  query?: string;
  pageSize?: number;
}

/** How the histories of a list are fetched. */
export interface IntoHistoriesOptions {
  /** Histories that are fetched at a time. Default: 5. */
  concurrency?: number;
}

/** Which run's result is waited for. */
export interface WorkflowResultOptions {
  /** Whether `result()` follows continue-as-new, retries and cron to the last run of the chain. Default: true. */
  followRuns?: boolean;
}

/** A history to replay, with the id that the replay shows. */
export interface HistoryAndWorkflowId {
  readonly workflowId: string;
  readonly history: history.History;
}

/** A list of workflows that is fetched page by page while it is iterated. */
export interface AsyncWorkflowListIterable extends AsyncIterable<WorkflowExecutionInfo> {
  /** The histories of what is listed, in its order: for `Worker.runReplayHistories`. */
  intoHistories(options?: IntoHistoriesOptions): AsyncIterable<HistoryAndWorkflowId>;
}

/** The options of a start, and the signal that the workflow gets whether it had to be started or not. */
export type WorkflowSignalWithStartOptions<W extends Workflow, Args extends AnyArgs> = WorkflowStartOptions<W> & {
  signal: SignalDefinition<Args> | string;
  signalArgs?: Args;
};

interface HandleTarget {
  readonly workflowId: string;
  readonly runId: string | undefined;
  readonly firstExecutionRunId: string | undefined;
  readonly runIdForResult: string | undefined;
  readonly followRuns: boolean;
}

/** Takes what became of a start. */
interface StartOutcome<W extends Workflow> {
  readonly resolve: (handle: WorkflowHandle<W>) => void;
  readonly reject: (error: unknown) => void;
}

/** The start of an update-with-start. One object serves one call. */
export class WithStartWorkflowOperation<W extends Workflow> {
  readonly workflowTypeOrFunc: string | W;
  readonly options: WorkflowStartOptions<W> & { workflowIdConflictPolicy: WorkflowIdConflictPolicy };
  readonly #handle = Promise.withResolvers<WorkflowHandle<W>>();
  #isUsed = false;

  constructor(
    workflowTypeOrFunc: string | W,
    options: WorkflowStartOptions<W> & { workflowIdConflictPolicy: WorkflowIdConflictPolicy },
  ) {
    this.workflowTypeOrFunc = workflowTypeOrFunc;
    this.options = options;
    // Nobody has to ask for it.
    this.#handle.promise.catch(() => undefined);
  }

  /** The handle of the workflow that was started or found. It resolves once the server has answered, even if the update fails. */
  workflowHandle(): Promise<WorkflowHandle<W>> {
    return this.#handle.promise;
  }

  /** Throws when it has served already. */
  use(): StartOutcome<W> {
    if (this.#isUsed) throw new TypeError("This WithStartWorkflowOperation instance has already been executed.");
    this.#isUsed = true;
    return this.#handle;
  }
}

/** Starts workflows, finds and lists them; a handle does the rest. */
export class WorkflowClient extends ServiceClient {
  readonly options: ResolvedClientOptions & Pick<WorkflowClientOptions, "interceptors" | "queryRejectCondition">;
  readonly #calls: WorkflowCalls;
  readonly #updates: WorkflowUpdates;

  constructor(options: WorkflowClientOptions = {}) {
    super();
    const { interceptors = [], queryRejectCondition = "NONE" } = options;
    this.options = { ...resolveClientOptions(options), interceptors, queryRejectCondition };
    this.#calls = new WorkflowCalls(this.options, interceptors);
    this.#updates = new WorkflowUpdates(this.options, this.#calls);
  }

  /** Throws `WorkflowExecutionAlreadyStartedError`, `NamespaceNotFoundError`, `ServiceError`; `TypeError` or `ValueError` for a bad option. */
  async start<W extends Workflow>(
    workflowTypeOrFunc: string | W,
    options: WorkflowStartOptions<W>,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<W>> {
    const started = await this.#calls.start({
      ...{ workflowType: typeOf(workflowTypeOrFunc), headers: {} },
      options: withArgs(options),
    });
    const handle = this.#handle<W>({
      workflowId: options.workflowId,
      runId: undefined,
      firstExecutionRunId: started.firstExecutionRunId ?? started.runId,
      runIdForResult: started.runId,
      followRuns: options.followRuns ?? true,
    });
    return Object.assign(handle, { firstExecutionRunId: started.runId, eagerlyStarted: started.eagerlyStarted });
  }

  /** Starts it and waits for its result. */
  async execute<W extends Workflow>(
    workflowTypeOrFunc: string | W,
    options: WorkflowStartOptions<W>,
  ): Promise<WorkflowResultType<W>> {
    const handle = await this.start(workflowTypeOrFunc, options);
    return await handle.result();
  }

  /** The result of a workflow that was started before. */
  async result<W extends Workflow>(
    workflowId: string,
    runId?: string,
    { followRuns = true }: WorkflowResultOptions = {},
  ): Promise<WorkflowResultType<W>> {
    return await awaitResult<WorkflowResultType<W>>(this.options, { workflowId, runId }, followRuns);
  }

  /** Signals the running workflow of this id; starts one first when there is none. One step: no signal is lost between. */
  async signalWithStart<W extends Workflow, Args extends AnyArgs = []>(
    workflowTypeOrFunc: string | W,
    options: WorkflowSignalWithStartOptions<W, Args>,
  ): Promise<WorkflowHandleWithSignaledRunId<W>> {
    const { signal, signalArgs = [], ...startOptions } = options;
    const runId = await this.#calls.signalWithStart({
      ...{ workflowType: typeOf(workflowTypeOrFunc), headers: {} },
      ...{ signalName: nameOf(signal), signalArgs: [...signalArgs] },
      options: withArgs(startOptions as WorkflowOptions),
    });
    const handle = this.#handle<W>({
      workflowId: options.workflowId,
      runId: undefined,
      firstExecutionRunId: undefined,
      runIdForResult: runId,
      followRuns: options.followRuns ?? true,
    });
    return Object.assign(handle, { signaledRunId: runId });
  }

  /** Starts a workflow, or finds the one that runs, and updates it, in one step; waits for the update's end. */
  async executeUpdateWithStart<W extends Workflow, Ret, Args extends AnyArgs = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options: WorkflowUpdateOptions<Args> & { startWorkflowOperation: WithStartWorkflowOperation<W> },
  ): Promise<Ret> {
    return await (await this.#updateWithStart<W, Ret, Args>(def, options, "COMPLETED")).result();
  }

  /** As {@link executeUpdateWithStart}; waits until the update was accepted. */
  async startUpdateWithStart<W extends Workflow, Ret, Args extends AnyArgs = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options: WorkflowUpdateOptions<Args> & {
      waitForStage: "ACCEPTED";
      startWorkflowOperation: WithStartWorkflowOperation<W>;
    },
  ): Promise<WorkflowUpdateHandle<Ret>> {
    return await this.#updateWithStart<W, Ret, Args>(def, options, "ACCEPTED");
  }

  async #updateWithStart<W extends Workflow, Ret, Args extends AnyArgs>(
    def: UpdateDefinition<Ret, Args> | string,
    options: WorkflowUpdateOptions<Args> & { startWorkflowOperation: WithStartWorkflowOperation<W> },
    waitForStage: "ACCEPTED" | "COMPLETED",
  ): Promise<WorkflowUpdateHandle<Ret>> {
    const { startWorkflowOperation: operation, updateId, args = [] } = options;
    const handle = operation.use();
    const { workflowTypeOrFunc, options: startOptions } = operation;
    const { workflowId, followRuns = true } = startOptions;
    const started = await this.#updates.startWithStart(
      {
        ...{ workflowType: typeOf(workflowTypeOrFunc), workflowStartHeaders: {}, updateHeaders: {} },
        ...{ workflowStartOptions: withArgs(startOptions), updateName: nameOf(def), updateArgs: [...args] },
        updateOptions: { updateId },
      },
      waitForStage,
      {
        onStart: (runId) =>
          handle.resolve(
            this.#handle<W>({ workflowId, runId, firstExecutionRunId: undefined, runIdForResult: runId, followRuns }),
          ),
        onStartFailure: handle.reject,
      },
    );
    const { workflowExecution, updateOutcome: outcome } = started;
    return this.#updates.handle<Ret>(workflowId, {
      ...{ updateId: started.updateId, workflowRunId: workflowExecution.runId, outcome },
    });
  }

  /** A handle for an execution that exists, or may exist: nothing is asked of the server. Without `runId`: whichever run is current. */
  getHandle<W extends Workflow>(
    workflowId: string,
    runId?: string,
    { followRuns = true, firstExecutionRunId }: GetWorkflowHandleOptions = {},
  ): WorkflowHandle<W> {
    return this.#handle<W>({
      workflowId,
      runId,
      firstExecutionRunId,
      runIdForResult: runId ?? firstExecutionRunId,
      followRuns,
    });
  }

  /** Pages are fetched while iterating. Throws `ServiceError` for a query that the server cannot read. */
  list(options: ListOptions = {}): AsyncWorkflowListIterable {
    return {
      [Symbol.asyncIterator]: () => this.#list(options),
      intoHistories: ({ concurrency = 5 } = {}) => this.#histories(options, concurrency),
    };
  }

  async *#list({ query = "", pageSize = 1_000 }: ListOptions): AsyncGenerator<WorkflowExecutionInfo> {
    const { call, namespace, payloadConverter } = this.options;
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace, query, pageSize, nextPageToken };
      const response = await call("ListWorkflowExecutions", request).catch((error) =>
        rethrowCallFailure(error, "Failed to list workflows", { namespace }),
      );
      for (const raw of response.executions) yield executionInfo(raw, payloadConverter);
      nextPageToken = response.nextPageToken;
    } while (nextPageToken.length > 0);
  }

  async *#histories(options: ListOptions, concurrency: number): AsyncGenerator<HistoryAndWorkflowId> {
    const underway: Promise<HistoryAndWorkflowId>[] = [];
    for await (const { workflowId, runId } of this.#list(options)) {
      const fetched = this.#history({ workflowId, runId }).then((each) => ({ workflowId, history: each }));
      // It is waited for later, in its turn.
      fetched.catch(() => undefined);
      underway.push(fetched);
      if (underway.length >= concurrency) yield await underway.shift()!;
    }
    yield* underway;
  }

  async count(query = ""): Promise<CountWorkflowExecution> {
    const { call, namespace, payloadConverter } = this.options;
    const response = await call("CountWorkflowExecutions", { namespace, query }).catch((error) =>
      rethrowCallFailure(error, "Failed to count workflows", { namespace }),
    );
    const groups = response.groups.map(({ count, groupValues }) => ({
      count,
      groupValues: groupValues.map((payload) => payloadConverter.fromPayload(payload)),
    }));
    return { count: response.count, groups };
  }

  #handle<W extends Workflow>(target: HandleTarget): WorkflowHandle<W> {
    const { namespace, payloadConverter, queryRejectCondition } = this.options;
    const { workflowId, runId, firstExecutionRunId } = target;
    const workflowExecution = { workflowId, runId };
    const headers = {};
    const startUpdate = (
      def: { name: string } | string,
      { args = [], updateId }: WorkflowUpdateOptions<AnyArgs>,
      stage: "ACCEPTED" | "COMPLETED",
    ) => {
      const input = { updateName: nameOf(def), args: [...args], options: { updateId }, headers };
      return this.#updates.start({ ...input, workflowExecution, firstExecutionRunId }, stage);
    };
    const query = <R>(queryType: string, args: unknown[]) =>
      this.#calls.query<R>({ workflowExecution, queryType, args, headers, queryRejectCondition });
    return {
      workflowId,
      client: this,
      result: () => this.result<W>(workflowId, target.runIdForResult, target),
      signal: (def, ...args) => this.#calls.signal({ workflowExecution, signalName: nameOf(def), args, headers }),
      signalWithOptions: (signalName, { args = [], ...linked } = {}) =>
        this.#calls.signal({ ...linked, workflowExecution, signalName, args: [...args], headers }),
      query: (def, ...args) => query(nameOf(def), args),
      queryWithOptions: (queryName, { args = [] } = {}) => query(queryName, [...args]),
      executeUpdate: async (def, options = {}) =>
        await this.#updates.result(workflowId, await startUpdate(def, options, "COMPLETED")),
      startUpdate: async (def, options = {}) =>
        this.#updates.handle(workflowId, await startUpdate(def, options, "ACCEPTED")),
      getUpdateHandle: (updateId, { workflowRunId = runId } = {}) =>
        this.#updates.handle(workflowId, { updateId, workflowRunId }),
      cancel: () => this.#calls.cancel({ workflowExecution, firstExecutionRunId }),
      terminate: (reason) => this.#calls.terminate({ workflowExecution, reason, firstExecutionRunId }),
      describe: async () => executionDescription(await this.#calls.describe({ workflowExecution }), payloadConverter),
      fetchHistory: () =>
        this.#history(workflowExecution).catch((error) =>
          rethrowCallFailure(error, "Failed to fetch the history", { namespace, ...workflowExecution }),
        ),
    };
  }

  /** As the server has it: what is encoded stays encoded. */
  async #history(execution: { workflowId: string; runId: string | undefined }): Promise<history.History> {
    const { connection, namespace } = this.options;
    const events: history.HistoryEvent[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const response = await connection.call("GetWorkflowExecutionHistory", { namespace, execution, nextPageToken });
      events.push(...history.History.decode(response.history ?? new Uint8Array(0)).events);
      nextPageToken = response.nextPageToken;
    } while (nextPageToken.length > 0);
    return { events };
  }
}

function withArgs(options: WorkflowOptions & { args?: readonly unknown[] }): WorkflowOptions & { args: unknown[] } {
  return { ...options, args: [...(options.args ?? [])] };
}
