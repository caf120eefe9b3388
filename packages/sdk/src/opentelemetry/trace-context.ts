/** The trace that a call belongs to, as it travels in headers: W3C trace context, in the header that the official interceptors use. */

/** The name of the header. Its value is a payload: an object with `traceparent` and, where there is one, `tracestate`. */
export const TRACE_HEADER = "_tracer-data";
/** Between a span's {@link SpanName} and the name of the workflow, activity, signal, … that it is about. */
export const SPAN_DELIMITER = ":";

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly traceFlags: number;
  readonly traceState?: string | undefined;
}

export type Carrier = Record<string, string>;

const form = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/** `undefined` when the carrier holds no trace. */
export function readCarrier(carrier: unknown): TraceContext | undefined {
  if (typeof carrier !== "object" || carrier === null) return undefined;
  const { traceparent, tracestate } = carrier as Carrier;
  const [, traceId, spanId, flags] = form.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags ?? "0", 16), traceState: tracestate || undefined };
}

export function writeCarrier({ traceId, spanId, traceFlags, traceState }: TraceContext): Carrier {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  return traceState ? { traceparent, tracestate: traceState } : { traceparent };
}

/** What spans' names begin with: as in the official SDK, so that dashboards fit both. */
export const SpanName = {
  WORKFLOW_START: "StartWorkflow",
  WORKFLOW_SIGNAL: "SignalWorkflow",
  WORKFLOW_SIGNAL_WITH_START: "SignalWithStartWorkflow",
  WORKFLOW_QUERY: "QueryWorkflow",
  WORKFLOW_START_UPDATE: "StartWorkflowUpdate",
  WORKFLOW_UPDATE_WITH_START: "UpdateWithStartWorkflow",
  WORKFLOW_TERMINATE: "TerminateWorkflow",
  WORKFLOW_CANCEL: "CancelWorkflow",
  WORKFLOW_DESCRIBE: "DescribeWorkflow",
  WORKFLOW_EXECUTE: "RunWorkflow",
  WORKFLOW_HANDLE_SIGNAL: "HandleSignal",
  WORKFLOW_HANDLE_QUERY: "HandleQuery",
  WORKFLOW_HANDLE_UPDATE: "HandleUpdate",
  WORKFLOW_VALIDATE_UPDATE: "ValidateUpdate",
  CHILD_WORKFLOW_START: "StartChildWorkflow",
  ACTIVITY_START: "StartActivity",
  ACTIVITY_EXECUTE: "RunActivity",
  CONTINUE_AS_NEW: "ContinueAsNew",
} as const;
export type SpanName = (typeof SpanName)[keyof typeof SpanName];

/** A span that workflow code has ended, as plain data: it leaves the sandbox through a sink. */
export interface WorkflowSpan {
  readonly name: string;
  readonly context: TraceContext;
  readonly parent: TraceContext | undefined;
  /** Milliseconds since the epoch, by the workflow's clock. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Record<string, string | number | boolean>;
  /** `undefined` when it went well. */
  readonly error: { readonly name: string; readonly message: string; readonly stack: string } | undefined;
}
