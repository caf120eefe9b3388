/** One workflow execution: its result, messages to it, and its end. */
import type { history, workflowservice } from "@pawl/protocol";
import type {
  AnyArgs,
  QueryDefinition,
  SignalDefinition,
  UpdateDefinition,
  Workflow,
  WorkflowQueryOptions,
  WorkflowResultType,
  WorkflowSignalOptions,
} from "../value/options.ts";
import type { WorkflowExecutionDescription } from "./execution-info.ts";
import type { WorkflowClient } from "./workflow-client.ts";

/** Arguments and id of an update. */
export interface WorkflowUpdateOptions<Args extends AnyArgs> {
  args?: Args;
  /** Default: a UUID. The same id twice is one update. */
  updateId?: string;
}

/** Which run has the update. */
export interface GetWorkflowUpdateHandleOptions {
  /** Default: whichever run the update went to. */
  workflowRunId?: string;
}

/**
 * A workflow by its id. A handle exists whether the workflow does or not: each call throws `WorkflowNotFoundError` when there is no such workflow, and
 * `ServiceError` when the server refuses for another reason.
 */
export interface WorkflowHandle<T extends Workflow = Workflow> {
  readonly workflowId: string;
  readonly client: WorkflowClient;
  /**
   * Waits for the end, following continue-as-new, retries and cron unless the handle says otherwise.
   * Throws `WorkflowFailedError` with the reason as its cause, `WorkflowContinuedAsNewError` when it does not follow, `WorkflowNotFoundError`.
   */
  result(): Promise<WorkflowResultType<T>>;
  /** Resolves when the server has recorded the signal; its handler runs later. */
  signal<Args extends AnyArgs = []>(def: SignalDefinition<Args> | string, ...args: Args): Promise<void>;
  signalWithOptions<Args extends AnyArgs = []>(
    signalName: string,
    options?: WorkflowSignalOptions<Args>,
  ): Promise<void>;
  queryWithOptions<Ret, Args extends AnyArgs = []>(
    queryName: string,
    options?: WorkflowQueryOptions<Args>,
  ): Promise<Ret>;
  /** Asks the workflow's handler, on a worker. Throws `QueryNotRegisteredError` when there is none or it threw, `QueryRejectedError` by the client's condition. */
  query<Ret, Args extends AnyArgs = []>(def: QueryDefinition<Ret, Args> | string, ...args: Args): Promise<Ret>;
  /** Waits until the update has completed. Throws `WorkflowUpdateFailedError` when it was rejected or failed. */
  executeUpdate<Ret, Args extends AnyArgs = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options?: WorkflowUpdateOptions<Args>,
  ): Promise<Ret>;
  /** Waits until the update was accepted. */
  startUpdate<Ret, Args extends AnyArgs = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options?: WorkflowUpdateOptions<Args> & { waitForStage?: "ACCEPTED" },
  ): Promise<WorkflowUpdateHandle<Ret>>;
  getUpdateHandle<Ret>(updateId: string, options?: GetWorkflowUpdateHandleOptions): WorkflowUpdateHandle<Ret>;
  /** Asks the workflow to end; its code hears a `CancelledFailure` and may clean up. */
  cancel(): Promise<workflowservice.RequestCancelWorkflowExecutionResponse>;
  /** Ends the workflow at once; its code hears nothing of it. */
  terminate(reason?: string): Promise<workflowservice.TerminateWorkflowExecutionResponse>;
  describe(): Promise<WorkflowExecutionDescription>;
  /** All events of the run, fetched page by page. */
  fetchHistory(): Promise<history.History>;
}

/** An update that was accepted, or one by its id: the server is not asked before `result()`. */
export interface WorkflowUpdateHandle<Ret> {
  readonly updateId: string;
  readonly workflowId: string;
  readonly workflowRunId: string | undefined;
  /** Waits until the update has completed. Throws `WorkflowUpdateFailedError` when it was rejected or failed. */
  result(): Promise<Ret>;
}

/** The handle of a workflow that this client has started. */
export interface WorkflowHandleWithFirstExecutionRunId<T extends Workflow = Workflow> extends WorkflowHandle<T> {
  /** Signals, cancellation and termination through this handle reach this chain of runs and no later one of the same id. */
  readonly firstExecutionRunId: string;
  readonly eagerlyStarted: boolean;
}

/** The handle of a workflow that this client has signalled, and started if it was not running; the run is the one that got the signal. */
export interface WorkflowHandleWithSignaledRunId<T extends Workflow = Workflow> extends WorkflowHandle<T> {
  readonly signaledRunId: string;
}

export function nameOf(def: { name: string } | string): string {
  return typeof def === "string" ? def : def.name;
}

/** The handle that `start` gives. */
export type WorkflowHandleWithStartDetails<T extends Workflow = Workflow> = WorkflowHandleWithFirstExecutionRunId<T>;
