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

export type GetLogAttributesInput = Record<string, unknown>;
export type GetMetricTagsInput = MetricTags;

export interface ActivityExecuteInput {
  readonly args: unknown[];
  readonly headers: Headers;
}

export interface ActivityInboundCallsInterceptor {
  execute?: (input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, "execute">) => Promise<unknown>;
}

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

export interface ActivityInterceptors {
  inbound?: ActivityInboundCallsInterceptor;
  outbound?: ActivityOutboundCallsInterceptor;
}

/** Called for each attempt. */
export type ActivityInterceptorsFactory = (context: Context) => ActivityInterceptors;

export interface NexusStartOperationInput {
  readonly ctx: StartOperationContext;
  readonly input: unknown;
}

export interface NexusStartOperationOutput {
  readonly result: HandlerStartOperationResult<unknown>;
}

export interface NexusCancelOperationInput {
  readonly ctx: CancelOperationContext;
  readonly token: string;
}

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

export interface NexusOutboundCallsInterceptor {
  getLogAttributes?: (
    input: GetLogAttributesInput,
    next: Next<NexusOutboundCallsInterceptor, "getLogAttributes">,
  ) => Record<string, unknown>;
  getMetricTags?: (input: GetMetricTagsInput, next: Next<NexusOutboundCallsInterceptor, "getMetricTags">) => MetricTags;
}

export interface NexusInterceptors {
  inbound?: NexusInboundCallsInterceptor;
  outbound?: NexusOutboundCallsInterceptor;
}

/** Called for each request. */
export type NexusInterceptorsFactory = (context: OperationContext) => NexusInterceptors;

export interface WorkerInterceptors {
  /** Of the clients that activities get. */
  client?: ClientInterceptors;
  activity?: ActivityInterceptorsFactory[];
  nexus?: NexusInterceptorsFactory[];
  /** Paths of modules that export `interceptors`, a `WorkflowInterceptorsFactory`. */
  workflowModules?: string[];
}
