/** Interceptors of clients: around each call, before its arguments become payloads. */
import type { update, workflowservice } from "@pawl/protocol";
import type { Headers, Next } from "../value/interceptors.ts";
import type { ActivityClientInterceptor } from "./activity-interceptor.ts";
import type { ScheduleOptions } from "./schedule-options.ts";
import type { WorkflowOptions } from "./workflow-options.ts";

export interface WorkflowExecution {
  workflowId: string;
  runId?: string | undefined;
}

/** Options with the workflow's arguments. They are checked and written after the last interceptor. */
export type CompiledWorkflowOptions = WorkflowOptions & { args: unknown[] };

export interface WorkflowStartInput {
  readonly workflowType: string;
  readonly headers: Headers;
  readonly options: CompiledWorkflowOptions;
}

export interface WorkflowStartOutput {
  readonly runId: string;
  readonly eagerlyStarted: boolean;
}

export interface WorkflowUpdateInputOptions {
  readonly updateId?: string | undefined;
}

export interface WorkflowStartUpdateInput {
  readonly updateName: string;
  readonly args: unknown[];
  readonly workflowExecution: WorkflowExecution;
  readonly firstExecutionRunId?: string | undefined;
  readonly headers: Headers;
  readonly options: WorkflowUpdateInputOptions;
}

export interface WorkflowStartUpdateOutput {
  readonly updateId: string;
  readonly workflowRunId: string | undefined;
  readonly outcome?: update.Outcome | undefined;
}

export interface WorkflowStartUpdateWithStartInput {
  readonly workflowType: string;
  readonly workflowStartOptions: CompiledWorkflowOptions;
  readonly workflowStartHeaders: Headers;
  readonly updateName: string;
  readonly updateArgs: unknown[];
  readonly updateOptions: WorkflowUpdateInputOptions;
  readonly updateHeaders: Headers;
}

export interface WorkflowStartUpdateWithStartOutput {
  readonly workflowExecution: WorkflowExecution;
  readonly updateId: string;
  readonly updateOutcome?: update.Outcome | undefined;
}

export interface WorkflowSignalInput {
  readonly signalName: string;
  readonly args: unknown[];
  readonly workflowExecution: WorkflowExecution;
  readonly headers: Headers;
}

export interface WorkflowSignalWithStartInput {
  readonly workflowType: string;
  readonly signalName: string;
  readonly signalArgs: unknown[];
  readonly headers: Headers;
  readonly options: CompiledWorkflowOptions;
}

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

export interface WorkflowTerminateInput {
  readonly workflowExecution: WorkflowExecution;
  readonly reason?: string | undefined;
  readonly details?: unknown[] | undefined;
  readonly firstExecutionRunId?: string | undefined;
}

export interface WorkflowCancelInput {
  readonly workflowExecution: WorkflowExecution;
  readonly firstExecutionRunId?: string | undefined;
}

export interface WorkflowDescribeInput {
  readonly workflowExecution: WorkflowExecution;
}

type Answers = {
  terminate: workflowservice.TerminateWorkflowExecutionResponse;
  cancel: workflowservice.RequestCancelWorkflowExecutionResponse;
  describe: workflowservice.DescribeWorkflowExecutionResponse;
};

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

export interface CreateScheduleInput {
  readonly headers: Headers;
  readonly options: ScheduleOptions;
}

export interface CreateScheduleOutput {
  readonly conflictToken: Uint8Array;
}

export interface ScheduleClientInterceptor {
  create?: (
    input: CreateScheduleInput,
    next: Next<ScheduleClientInterceptor, "create">,
  ) => Promise<CreateScheduleOutput>;
}

export interface ClientInterceptors {
  workflow?: WorkflowClientInterceptor[];
  schedule?: ScheduleClientInterceptor[];
  activity?: ActivityClientInterceptor[];
}
