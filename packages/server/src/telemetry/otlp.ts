/** Spans as OpenTelemetry's protocol writes them in JSON (`opentelemetry.proto.collector.trace.v1`). */
import type { Attributes, Span, SpanKind } from "./traces.ts";

/** As `SpanKind` and `StatusCode` of that protocol are numbered. */
const kinds = { internal: 1, server: 2 } as const satisfies Record<SpanKind, number>;
const errorStatus = 2;

/** The body of one export request. `resource` says whose spans they are. */
export function exportRequest(spans: readonly Span[], resource: Attributes): string {
  const scopeSpans = [{ scope: { name: "pawl" }, spans: spans.map(spanJson) }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: attributesJson(resource) }, scopeSpans }] });
}

function spanJson({ context, parentSpanId, name, kind, startMs, endMs, attributes, error, links = [] }: Span): object {
  return {
    ...{ traceId: context.traceId, spanId: context.spanId },
    ...(context.state !== "" && { traceState: context.state }),
    ...(parentSpanId !== undefined && { parentSpanId }),
    ...{ name, kind: kinds[kind], startTimeUnixNano: nanoText(startMs), endTimeUnixNano: nanoText(endMs) },
    attributes: attributesJson(attributes),
    ...(links.length > 0 && { links: links.map(({ traceId, spanId }) => ({ traceId, spanId })) }),
    status: error === undefined ? {} : { code: errorStatus, message: error },
  };
}

function attributesJson(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueJson(value) }));
}

/** Numbers of 64 bits are strings in this JSON. */
function valueJson(value: string | number | boolean): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Microseconds are what the clock has. */
function nanoText(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}
