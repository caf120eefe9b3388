/** Interceptors of a worker: around activities and Nexus operations, in this process, and around workflows, in modules that are bundled with them. */
import type {
  CancelOperationContext,
  HandlerStartOperationResult,
  OperationContext,
  StartOperationContext,
} from "nexus-rpc";
import type { Context } from "../activity/context.ts";
import type { ClientInterceptors } from "../client/interceptors.ts";
import type { Headers, Next } from "../value/interceptors.ts";
import type { MetricTags } from "../value/metrics.ts";

/** What lines of `log` carry so far. */
export type GetLogAttributesInput = Record<string, unknown>;
/** What numbers of `metricMeter` carry so far. */
export type GetMetricTagsInput = MetricTags;

/** What an activity is called with. Headers are those of whoever scheduled it. */
export interface ActivityExecuteInput {
  readonly args: unknown[];
  readonly headers: Headers;
}

/** Intercepts an attempt of an activity: what it throws is what the activity throws. */
export interface ActivityInboundCallsInterceptor {
  execute?: (input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, "execute">) => Promise<unknown>;
}

/** Adds attributes to an activity's log lines, and tags to its metrics. */
export interface ActivityOutboundCallsInterceptor {
  getLogAttributes?: (
    input: GetLogAttributesInput,
    next: Next<ActivityOutboundCallsInterceptor, "getLogAttributes">,
  ) => Record<string, unknown>;
  getMetricTags?: (
    input: GetMetricTagsInput,
    next: Next<ActivityOutboundCallsInterceptor, "getMetricTags">,
  ) => MetricTags;
}

/** The interceptors of one attempt. */
export interface ActivityInterceptors {
  inbound?: ActivityInboundCallsInterceptor;
  outbound?: ActivityOutboundCallsInterceptor;
}

/** Called for each attempt. */
export type ActivityInterceptorsFactory = (context: Context) => ActivityInterceptors;

/** A request to start an operation. */
export interface NexusStartOperationInput {
  readonly ctx: StartOperationContext;
  readonly input: unknown;
}

/** The operation's result, or the token of one that goes on. */
export interface NexusStartOperationOutput {
  readonly result: HandlerStartOperationResult<unknown>;
}

/** A request to cancel the operation of this token. */
export interface NexusCancelOperationInput {
  readonly ctx: CancelOperationContext;
  readonly token: string;
}

/** Intercepts a request for a Nexus operation: what it throws is what the handler throws. */
export interface NexusInboundCallsInterceptor {
  startOperation?: (
    input: NexusStartOperationInput,
    next: Next<NexusInboundCallsInterceptor, "startOperation">,
  ) => Promise<NexusStartOperationOutput>;
  cancelOperation?: (
    input: NexusCancelOperationInput,
    next: Next<NexusInboundCallsInterceptor, "cancelOperation">,
  ) => Promise<void>;
}

/** Adds to what a handler says of itself. */
export interface NexusOutboundCallsInterceptor {
  getLogAttributes?: (
    input: GetLogAttributesInput,
    next: Next<NexusOutboundCallsInterceptor, "getLogAttributes">,
  ) => Record<string, unknown>;
  getMetricTags?: (input: GetMetricTagsInput, next: Next<NexusOutboundCallsInterceptor, "getMetricTags">) => MetricTags;
}

/** Those of one request. */
export interface NexusInterceptors {
  inbound?: NexusInboundCallsInterceptor;
  outbound?: NexusOutboundCallsInterceptor;
}

/** Called for each request. */
export type NexusInterceptorsFactory = (context: OperationContext) => NexusInterceptors;

/** The interceptors of a worker, by what they intercept. In each list the first is the outermost. */
export interface WorkerInterceptors {
  /** Of the clients that activities get. */
  client?: ClientInterceptors;
  activity?: ActivityInterceptorsFactory[];
  nexus?: NexusInterceptorsFactory[];
  /** Paths of modules that export `interceptors`, a `WorkflowInterceptorsFactory`. */
  workflowModules?: string[];
}
