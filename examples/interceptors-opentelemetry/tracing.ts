/**
 * OpenTelemetry for one process. Spans are printed, and sent to a collector when `OTEL_EXPORTER_OTLP_ENDPOINT` names one (`http://localhost:4318`; the
 * exporter reads the other `OTEL_EXPORTER_OTLP_…` variables, too).
 */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { OpenTelemetryPlugin } from "@pawl/sdk/opentelemetry";

export interface Tracing {
  /** For clients and workers alike. */
  readonly plugin: OpenTelemetryPlugin;
  /** What is still to be sent is. */
  shutdown(): Promise<void>;
}

/** `serviceName`: who this process is, in the traces. */
export function startTracing(serviceName: string): Tracing {
  const resource = resourceFromAttributes({ "service.name": serviceName });
  const spanProcessors: SpanProcessor[] = [new SimpleSpanProcessor(printer)];
  if (process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]) {
    spanProcessors.push(new BatchSpanProcessor(new OTLPTraceExporter()));
  }
  const provider = new NodeTracerProvider({ resource, spanProcessors });
  provider.register();
  // Spans of workflow code are made in its sandbox. They come out of it by a sink, and go the same way as the others.
  const spanProcessor = {
    onEnd: (span: ReadableSpan) => {
      for (const each of spanProcessors) each.onEnd(span);
    },
  };
  return { plugin: new OpenTelemetryPlugin({ spanProcessor, resource }), shutdown: () => provider.shutdown() };
}

const printer: SpanExporter = {
  export: (spans, done) => {
    for (const span of spans) console.log(lineOf(span));
    done({ code: 0 });
  },
  shutdown: async () => undefined,
};

function lineOf(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  return `span ${span.name} trace=${traceId} id=${spanId} parent=${span.parentSpanContext?.spanId ?? "none"}`;
}
