import * as otel from "@opentelemetry/api";
import type { Context } from "../activity/context.ts";
import type { ActivityInboundCallsInterceptor, ActivityOutboundCallsInterceptor } from "../worker/interceptors.ts";
import type { InterceptorOptions } from "./client-interceptor.ts";
import { contextIn, instrument } from "./instrumentation.ts";
import { SPAN_DELIMITER, SpanName } from "./trace-context.ts";

/** Runs each attempt in a span of the trace that scheduled the activity. */
export class OpenTelemetryActivityInboundInterceptor implements ActivityInboundCallsInterceptor {
  readonly #tracer: otel.Tracer;
  readonly #context: Context;

  constructor(context: Context, { tracer = otel.trace.getTracer("@pawl/sdk/activity") }: InterceptorOptions = {}) {
    this.#context = context;
    this.#tracer = tracer;
  }

  execute: Required<ActivityInboundCallsInterceptor>["execute"] = (input, next) => {
    const { activityType, attempt, workflowExecution } = this.#context.info;
    const { workflowId, runId } = workflowExecution;
    return instrument({
      tracer: this.#tracer,
      spanName: `${SpanName.ACTIVITY_EXECUTE}${SPAN_DELIMITER}${activityType}`,
      context: contextIn(input.headers),
      attributes: { attempt, workflow_id: workflowId, run_id: runId },
      fn: () => next(input),
    });
  };
}

/** Says in each line of an activity's log to which trace it belongs. */
export class OpenTelemetryActivityOutboundInterceptor implements ActivityOutboundCallsInterceptor {
  getLogAttributes: Required<ActivityOutboundCallsInterceptor>["getLogAttributes"] = (input, next) => {
    const span = otel.trace.getActiveSpan()?.spanContext();
    if (!span || !otel.isSpanContextValid(span)) return next(input);
    const trace_flags = span.traceFlags.toString(16).padStart(2, "0");
    return next({ trace_id: span.traceId, span_id: span.spanId, trace_flags, ...input });
  };
}
