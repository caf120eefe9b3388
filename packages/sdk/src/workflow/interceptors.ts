/**
 * Interceptors of workflow code. They run inside the sandbox and are replayed with it, so they must be as deterministic as the workflow. A module
 * of `WorkerInterceptors.workflowModules` exports their factory as `interceptors`; it is called for each run.
 */
import type { Activation, WorkflowCommand } from "../value/activation.ts";
import type { Headers, Next } from "../value/interceptors.ts";
import type { MetricTags } from "../value/metrics.ts";
import type { ActivityOptions, LocalActivityOptions } from "../value/options.ts";
import type { ChildWorkflowOptions } from "./call/child-workflow-options.ts";
import type { StartNexusOperationOptions } from "./call/nexus-options.ts";
import type { ContinueAsNewOptions } from "./continue-as-new.ts";
import type { TimerOptions } from "./wait/timer-options.ts";

/** Exported as `interceptors` by a module of `WorkerInterceptors.workflowModules`; called once for each run, inside it. */
export type WorkflowInterceptorsFactory = () => WorkflowInterceptors;

/** Those of one run. In each list the first is the outermost; modules count in their order. */
export interface WorkflowInterceptors {
  inbound?: WorkflowInboundCallsInterceptor[];
  outbound?: WorkflowOutboundCallsInterceptor[];
  internals?: WorkflowInternalsInterceptor[];
}

/** What a run is called with. Headers are those of whoever started it. */
export interface WorkflowExecuteInput {
  readonly args: unknown[];
  readonly headers: Headers;
}

/** A signal on its way to its handler. */
export interface SignalInput {
  readonly signalName: string;
  readonly args: unknown[];
  readonly headers: Headers;
}

/** A query on its way to its handler. */
export interface QueryInput {
  readonly queryId: string;
  readonly queryName: string;
  readonly args: unknown[];
  readonly headers: Headers;
}

/** An update on its way to its validator, then to its handler. */
export interface UpdateInput {
  readonly updateId: string;
  readonly name: string;
  readonly args: unknown[];
  readonly headers: Headers;
}

/** What comes to a workflow. */
export interface WorkflowInboundCallsInterceptor {
  execute?: (input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, "execute">) => Promise<unknown>;
  handleSignal?: (input: SignalInput, next: Next<WorkflowInboundCallsInterceptor, "handleSignal">) => Promise<void>;
  handleQuery?: (input: QueryInput, next: Next<WorkflowInboundCallsInterceptor, "handleQuery">) => Promise<unknown>;
  validateUpdate?: (input: UpdateInput, next: Next<WorkflowInboundCallsInterceptor, "validateUpdate">) => void;
  handleUpdate?: (input: UpdateInput, next: Next<WorkflowInboundCallsInterceptor, "handleUpdate">) => Promise<unknown>;
}

/** A timer of `sleep`, or of a `condition` with a timeout. `seq` is its number in the run. */
export interface TimerInput {
  readonly durationMs: number;
  readonly seq: number;
  readonly options?: TimerOptions | undefined;
}

/** An activity before its arguments become payloads. Headers go to it; `seq` is its number in the run. */
export interface ActivityInput {
  readonly activityType: string;
  readonly args: unknown[];
  readonly options: ActivityOptions;
  readonly headers: Headers;
  readonly seq: number;
}

/** A local activity; passed again, with the next `attempt` and a new `seq`, after a backoff longer than `localRetryThreshold`. */
export interface LocalActivityInput {
  readonly activityType: string;
  readonly args: unknown[];
  readonly options: LocalActivityOptions;
  readonly headers: Headers;
  readonly seq: number;
  readonly attempt: number;
}

/** A child before its arguments become payloads. Headers go to it; `seq` is its number in the run. */
export interface StartChildWorkflowExecutionInput {
  readonly workflowType: string;
  readonly options: ChildWorkflowOptions & { readonly workflowId: string; readonly args: unknown[] };
  readonly headers: Headers;
  readonly seq: number;
}

/** A signal to another workflow: a child of this one, or any by its id. Headers go to its handler. */
export interface SignalWorkflowInput {
  readonly seq: number;
  readonly signalName: string;
  readonly args: unknown[];
  readonly headers: Headers;
  readonly target:
    | {
        readonly type: "external";
        readonly workflowExecution: { readonly workflowId: string; readonly runId?: string | undefined };
      }
    | { readonly type: "child"; readonly childWorkflowId: string };
}

/** An operation before its input becomes a payload. Headers go to its handler; `seq` is its number in the run. */
export interface StartNexusOperationInput {
  readonly input: unknown;
  readonly endpoint: string;
  readonly service: string;
  readonly operation: string;
  readonly options: StartNexusOperationOptions;
  readonly seq: number;
  readonly headers: Record<string, string>;
}

/** An operation that has started, or ended. */
export interface StartNexusOperationOutput {
  /** What the handler calls the operation; none when it ended at once. */
  readonly token?: string | undefined;
  readonly result: Promise<unknown>;
}

/** With the type of the next run, which is this run's unless it was named. */
export type ContinueAsNewInputOptions = ContinueAsNewOptions & { readonly workflowType: string };

/** What the next run is started with. Headers go to it. */
export interface ContinueAsNewInput {
  readonly args: unknown[];
  readonly headers: Headers;
  readonly options: ContinueAsNewInputOptions;
}

/** What lines of `log` carry so far. */
export type GetLogAttributesInput = Record<string, unknown>;
/** What numbers of `metricMeter` carry so far. */
export type GetMetricTagsInput = MetricTags;

/** What a workflow asks for. */
export interface WorkflowOutboundCallsInterceptor {
  startTimer?: (input: TimerInput, next: Next<WorkflowOutboundCallsInterceptor, "startTimer">) => Promise<void>;
  scheduleActivity?: (
    input: ActivityInput,
    next: Next<WorkflowOutboundCallsInterceptor, "scheduleActivity">,
  ) => Promise<unknown>;
  scheduleLocalActivity?: (
    input: LocalActivityInput,
    next: Next<WorkflowOutboundCallsInterceptor, "scheduleLocalActivity">,
  ) => Promise<unknown>;
  /** The first promise gives the run's id once the child has started, the second its result. */
  startChildWorkflowExecution?: (
    input: StartChildWorkflowExecutionInput,
    next: Next<WorkflowOutboundCallsInterceptor, "startChildWorkflowExecution">,
  ) => Promise<[Promise<string>, Promise<unknown>]>;
  /** Resolves once the operation has started or ended. */
  startNexusOperation?: (
    input: StartNexusOperationInput,
    next: Next<WorkflowOutboundCallsInterceptor, "startNexusOperation">,
  ) => Promise<StartNexusOperationOutput>;
  signalWorkflow?: (
    input: SignalWorkflowInput,
    next: Next<WorkflowOutboundCallsInterceptor, "signalWorkflow">,
  ) => Promise<void>;
  continueAsNew?: (
    input: ContinueAsNewInput,
    next: Next<WorkflowOutboundCallsInterceptor, "continueAsNew">,
  ) => Promise<never>;
  getLogAttributes?: (
    input: GetLogAttributesInput,
    next: Next<WorkflowOutboundCallsInterceptor, "getLogAttributes">,
  ) => Record<string, unknown>;
  getMetricTags?: (
    input: GetMetricTagsInput,
    next: Next<WorkflowOutboundCallsInterceptor, "getMetricTags">,
  ) => MetricTags;
}

/** What has happened since the run last waited. `batchIndex` is 0: an activation is one piece here. */
export interface ActivateInput {
  readonly activation: Activation;
  readonly batchIndex: number;
}

/** What the run asks for, at the end of an activation. */
export interface ConcludeActivationInput {
  readonly commands: readonly WorkflowCommand[];
}
/** What it asks for in place of that. */
export type ConcludeActivationOutput = ConcludeActivationInput;
/** The run leaves the worker's memory: it has ended, or others need the room. */
export type DisposeInput = Record<never, never>;

/** What passes between a workflow and its worker. The shapes are this SDK's own, not those of the official one. */
export interface WorkflowInternalsInterceptor {
  activate?: (input: ActivateInput, next: Next<WorkflowInternalsInterceptor, "activate">) => void;
  concludeActivation?: (
    input: ConcludeActivationInput,
    next: Next<WorkflowInternalsInterceptor, "concludeActivation">,
  ) => ConcludeActivationOutput;
  dispose?: (input: DisposeInput, next: Next<WorkflowInternalsInterceptor, "dispose">) => void;
}

/** Those of one run, from all modules in their order. Throws `TypeError` for a module without a factory. */
export class LoadedInterceptors {
  readonly inbound: WorkflowInboundCallsInterceptor[] = [];
  readonly outbound: WorkflowOutboundCallsInterceptor[] = [];
  readonly internals: WorkflowInternalsInterceptor[] = [];

  load(modules: readonly { readonly path: string; readonly exports: Record<string, unknown> }[]): void {
    for (const { path, exports } of modules) {
      const factory = exports["interceptors"];
      if (typeof factory !== "function") {
        throw new TypeError(`the workflow interceptor module ${path} must export a function named interceptors`);
      }
      const { inbound = [], outbound = [], internals = [] } = (factory as WorkflowInterceptorsFactory)();
      this.inbound.push(...inbound);
      this.outbound.push(...outbound);
      this.internals.push(...internals);
    }
  }
}
