/** Interceptors of clients: around each call, before its arguments become payloads. */
import type { update, workflowservice } from "@pawl/protocol";
import type { Headers, Next } from "../value/interceptors.ts";
import type { ActivityClientInterceptor } from "./activity-interceptor.ts";
import type { ScheduleOptions } from "./schedule-options.ts";
import type { WorkflowOptions } from "./workflow-options.ts";

/** A run; without a run id, the current one. */
export interface WorkflowExecution {
  workflowId: string;
  runId?: string | undefined;
}

/** Options with the workflow's arguments. They are checked and written after the last interceptor. */
export type CompiledWorkflowOptions = WorkflowOptions & { args: unknown[] };

/** What an interceptor of `start` sees. Headers go to the workflow. */
export interface WorkflowStartInput {
  readonly workflowType: string;
  readonly headers: Headers;
  readonly options: CompiledWorkflowOptions;
}

/** `eagerlyStarted`: a worker of this process got the first workflow task with the answer. */
export interface WorkflowStartOutput {
  readonly runId: string;
  readonly eagerlyStarted: boolean;
}

/** Options of an update. Without an id the client makes a UUID. */
export interface WorkflowUpdateInputOptions {
  readonly updateId?: string | undefined;
}

/** What an interceptor of an update sees, whether its caller waits for the result or not. Headers go to the handler. */
export interface WorkflowStartUpdateInput {
  readonly updateName: string;
  readonly args: unknown[];
  readonly workflowExecution: WorkflowExecution;
  readonly firstExecutionRunId?: string | undefined;
  readonly headers: Headers;
  readonly options: WorkflowUpdateInputOptions;
}

/** An update that was accepted or refused; `outcome` when it is known already. */
export interface WorkflowStartUpdateOutput {
  readonly updateId: string;
  readonly workflowRunId: string | undefined;
  readonly outcome?: update.Outcome | undefined;
}

/** An update and the workflow that it starts where none runs; each with headers of its own. */
export interface WorkflowStartUpdateWithStartInput {
  readonly workflowType: string;
  readonly workflowStartOptions: CompiledWorkflowOptions;
  readonly workflowStartHeaders: Headers;
  readonly updateName: string;
  readonly updateArgs: unknown[];
  readonly updateOptions: WorkflowUpdateInputOptions;
  readonly updateHeaders: Headers;
}

/** Which run took the update; `updateOutcome` when it has completed already. */
export interface WorkflowStartUpdateWithStartOutput {
  readonly workflowExecution: WorkflowExecution;
  readonly updateId: string;
  readonly updateOutcome?: update.Outcome | undefined;
}

/** What an interceptor of `signal` sees. Headers go to the handler. */
export interface WorkflowSignalInput {
  readonly signalName: string;
  readonly args: unknown[];
  readonly workflowExecution: WorkflowExecution;
  readonly headers: Headers;
}

/** A signal and the workflow that it starts where none runs. Headers go to both. */
export interface WorkflowSignalWithStartInput {
  readonly workflowType: string;
  readonly signalName: string;
  readonly signalArgs: unknown[];
  readonly headers: Headers;
  readonly options: CompiledWorkflowOptions;
}

/** What an interceptor of `query` sees. Headers go to the handler. */
export interface WorkflowQueryInput {
  readonly queryType: string;
  readonly args: unknown[];
  readonly workflowExecution: WorkflowExecution;
  readonly queryRejectCondition?: QueryRejectCondition | undefined;
  readonly headers: Headers;
}

/** In which states of its workflow a query is refused. */
export const QueryRejectCondition = {
  NONE: "NONE",
  NOT_OPEN: "NOT_OPEN",
  NOT_COMPLETED_CLEANLY: "NOT_COMPLETED_CLEANLY",
} as const;
export type QueryRejectCondition = (typeof QueryRejectCondition)[keyof typeof QueryRejectCondition];

/** Which workflow is terminated. With a `firstExecutionRunId` only a run of that chain is, and no later one of the same id. */
export interface WorkflowTerminateInput {
  readonly workflowExecution: WorkflowExecution;
  readonly reason?: string | undefined;
  readonly details?: unknown[] | undefined;
  readonly firstExecutionRunId?: string | undefined;
}

/** Which workflow is asked to end. With a `firstExecutionRunId` only a run of that chain is, and no later one of the same id. */
export interface WorkflowCancelInput {
  readonly workflowExecution: WorkflowExecution;
  readonly firstExecutionRunId?: string | undefined;
}

/** Which run is described. */
export interface WorkflowDescribeInput {
  readonly workflowExecution: WorkflowExecution;
}

type Answers = {
  terminate: workflowservice.TerminateWorkflowExecutionResponse;
  cancel: workflowservice.RequestCancelWorkflowExecutionResponse;
  describe: workflowservice.DescribeWorkflowExecutionResponse;
};

/** Intercepts calls of a workflow client. `next` calls the following interceptor, and after the last one the server. */
export interface WorkflowClientInterceptor {
  /** Resolves to the run's id. An interceptor with `startWithDetails` is asked for that alone. */
  start?: (input: WorkflowStartInput, next: Next<WorkflowClientInterceptor, "start">) => Promise<string>;
  startWithDetails?: (
    input: WorkflowStartInput,
    next: Next<WorkflowClientInterceptor, "startWithDetails">,
  ) => Promise<WorkflowStartOutput>;
  startUpdate?: (
    input: WorkflowStartUpdateInput,
    next: Next<WorkflowClientInterceptor, "startUpdate">,
  ) => Promise<WorkflowStartUpdateOutput>;
  startUpdateWithStart?: (
    input: WorkflowStartUpdateWithStartInput,
    next: Next<WorkflowClientInterceptor, "startUpdateWithStart">,
  ) => Promise<WorkflowStartUpdateWithStartOutput>;
  signal?: (input: WorkflowSignalInput, next: Next<WorkflowClientInterceptor, "signal">) => Promise<void>;
  /** Resolves to the run's id. */
  signalWithStart?: (
    input: WorkflowSignalWithStartInput,
    next: Next<WorkflowClientInterceptor, "signalWithStart">,
  ) => Promise<string>;
  query?: (input: WorkflowQueryInput, next: Next<WorkflowClientInterceptor, "query">) => Promise<unknown>;
  terminate?: (
    input: WorkflowTerminateInput,
    next: Next<WorkflowClientInterceptor, "terminate">,
  ) => Promise<Answers["terminate"]>;
  cancel?: (input: WorkflowCancelInput, next: Next<WorkflowClientInterceptor, "cancel">) => Promise<Answers["cancel"]>;
  describe?: (
    input: WorkflowDescribeInput,
    next: Next<WorkflowClientInterceptor, "describe">,
  ) => Promise<Answers["describe"]>;
}

/** What an interceptor of `create` sees. Headers go to the workflows that the schedule starts. */
export interface CreateScheduleInput {
  readonly headers: Headers;
  readonly options: ScheduleOptions;
}

/** The token is the server's, for the version of the schedule that was made. */
export interface CreateScheduleOutput {
  readonly conflictToken: Uint8Array;
}

/** Intercepts the creation of schedules. */
export interface ScheduleClientInterceptor {
  create?: (
    input: CreateScheduleInput,
    next: Next<ScheduleClientInterceptor, "create">,
  ) => Promise<CreateScheduleOutput>;
}

/** Interceptors by the kind of client. In each list the first is the outermost. */
export interface ClientInterceptors {
  workflow?: WorkflowClientInterceptor[];
  schedule?: ScheduleClientInterceptor[];
  activity?: ActivityClientInterceptor[];
}
