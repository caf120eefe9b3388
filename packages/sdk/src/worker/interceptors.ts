/** Interceptors of a worker: around activities, in this process, and around workflows, in modules that are bundled with them. */
import type { Context } from "../activity/context.ts";
import type { ClientInterceptors } from "../client/interceptors.ts";
import type { Headers, Next } from "../value/interceptors.ts";
import type { MetricTags } from "../value/metrics.ts";

export interface ActivityExecuteInput {
  readonly args: unknown[];
  readonly headers: Headers;
}

export interface ActivityInboundCallsInterceptor {
  execute?: (input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, "execute">) => Promise<unknown>;
}

export interface ActivityOutboundCallsInterceptor {
  getLogAttributes?: (
    input: Record<string, unknown>,
    next: Next<ActivityOutboundCallsInterceptor, "getLogAttributes">,
  ) => Record<string, unknown>;
  getMetricTags?: (input: MetricTags, next: Next<ActivityOutboundCallsInterceptor, "getMetricTags">) => MetricTags;
}

export interface ActivityInterceptors {
  inbound?: ActivityInboundCallsInterceptor;
  outbound?: ActivityOutboundCallsInterceptor;
}

/** Called for each attempt. */
export type ActivityInterceptorsFactory = (context: Context) => ActivityInterceptors;

export interface WorkerInterceptors {
  /** Of the clients that activities get. */
  client?: ClientInterceptors;
  activity?: ActivityInterceptorsFactory[];
  /** Paths of modules that export `interceptors`, a `WorkflowInterceptorsFactory`. */
  workflowModules?: string[];
}
