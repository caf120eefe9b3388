/** Spans around calls of this process, and the headers that carry them on. */
import * as otel from "@opentelemetry/api";
import type { Headers } from "../value/interceptors.ts";
import { defaultPayloadConverter } from "../value/payload-converter.ts";
import { TRACE_HEADER } from "./trace-context.ts";

/** The active context with the trace that the headers carry, if any. */
export function contextIn(headers: Headers): otel.Context {
  const payload = headers[TRACE_HEADER];
  const active = otel.context.active();
  if (!payload) return active;
  return otel.propagation.extract(active, defaultPayloadConverter.fromPayload<Record<string, string>>(payload));
}

/** Headers that carry the active trace. By the propagator that is installed; the default one of OpenTelemetry is W3C's. */
export function headersWithContext(headers: Headers): Headers {
  const carrier: Record<string, string> = {};
  otel.propagation.inject(otel.context.active(), carrier);
  return { ...headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}

export interface InstrumentOptions<T> {
  readonly tracer: otel.Tracer;
  readonly spanName: string;
  readonly fn: (span: otel.Span) => Promise<T>;
  /** Default: the active one. */
  readonly context?: otel.Context | undefined;
  readonly attributes?: otel.Attributes | undefined;
  /** Errors that are no trouble. */
  readonly acceptableErrors?: ((error: unknown) => boolean) | undefined;
}

/** Runs `fn` in a span that ends with it. */
export async function instrument<T>(options: InstrumentOptions<T>): Promise<T> {
  const { tracer, spanName, fn, context = otel.context.active(), attributes = {}, acceptableErrors } = options;
  return await tracer.startActiveSpan(spanName, { attributes }, context, async (span) => {
    try {
      const result = await fn(span);
      span.setStatus({ code: otel.SpanStatusCode.OK });
      return result;
    } catch (error) {
      if (acceptableErrors?.(error)) span.setStatus({ code: otel.SpanStatusCode.OK });
      else {
        span.setStatus({
          code: otel.SpanStatusCode.ERROR,
          message: error instanceof Error ? error.message : String(error),
        });
        span.recordException(error instanceof Error ? error : String(error));
      }
      throw error;
    } finally {
      span.end();
    }
  });
}
