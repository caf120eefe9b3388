/** Spans of workflow code, on this side of the sandbox: made into what span processors and exporters of OpenTelemetry take. */
import * as otel from "@opentelemetry/api";
import type { InjectedSink } from "../worker/run/sinks.ts";
import type { TraceContext, WorkflowSpan } from "./trace-context.ts";
import type { OpenTelemetryWorkflowExporter } from "./workflow-interceptors.ts";

/** As much of OpenTelemetry's span processor as is used; theirs fit. */
export interface SpanProcessorLike {
  onStart?(span: never, context: otel.Context): void;
  onEnd(span: never): void;
}
/** As much of OpenTelemetry's span exporter as is used; theirs fit. */
export interface SpanExporterLike {
  export(spans: never[], done: (result: never) => void): void;
}

/** The worker's sink `exporter`, for spans that workflow code has ended. `resource`: who sends them, in OpenTelemetry's form; default: nobody. */
export function makeWorkflowExporter(
  target: SpanProcessorLike | SpanExporterLike,
  resource: unknown = { attributes: {} },
): InjectedSink<OpenTelemetryWorkflowExporter["exporter"]> {
  return {
    export: {
      fn: (_, span: WorkflowSpan) => {
        const readable = readableSpan(span, resource) as never;
        if ("onEnd" in target) target.onEnd(readable);
        else target.export([readable], () => undefined);
      },
    },
  };
}

const scope = { name: "@pawl/sdk/workflow", version: "" };

/** The form of OpenTelemetry's `ReadableSpan`, in both its versions. */
function readableSpan({ name, context, parent, startMs, endMs, attributes, error }: WorkflowSpan, resource: unknown) {
  const endTime = hrTime(endMs);
  const status = error ? { code: otel.SpanStatusCode.ERROR, message: error.message } : { code: otel.SpanStatusCode.OK };
  const events = error
    ? [
        {
          ...{ name: "exception", time: endTime, droppedAttributesCount: 0 },
          attributes: {
            "exception.type": error.name,
            "exception.message": error.message,
            "exception.stacktrace": error.stack,
          },
        },
      ]
    : [];
  const spanContext = otelContext(context);
  return {
    ...{ name, kind: otel.SpanKind.INTERNAL, attributes, events, links: [], status, ended: true, resource },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
    ...{ startTime: hrTime(startMs), endTime, duration: hrTime(endMs - startMs) },
    ...{ parentSpanId: parent?.spanId, parentSpanContext: parent && otelContext(parent) },
    ...{ instrumentationLibrary: scope, instrumentationScope: scope },
    spanContext: () => spanContext,
  };
}

function otelContext({ traceId, spanId, traceFlags, traceState }: TraceContext): otel.SpanContext {
  return { traceId, spanId, traceFlags, ...(traceState ? { traceState: otel.createTraceState(traceState) } : {}) };
}

/** Seconds and nanoseconds. */
function hrTime(milliseconds: number): otel.HrTime {
  const seconds = Math.floor(milliseconds / 1_000);
  return [seconds, Math.round((milliseconds - seconds * 1_000) * 1e6)];
}
