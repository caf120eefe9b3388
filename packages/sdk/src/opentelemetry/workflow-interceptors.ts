/**
 * Traces workflow code, from inside the sandbox. Spans are made here, with ids that are the same each time the run is replayed and that use none of
 * the workflow's own random numbers, and leave through the sink `exporter` when they end: once, never while the run is replayed. Histories that were made
 * without these interceptors replay with them, and the other way round.
 */
import {
  AsyncLocalStorage,
  ContinueAsNew,
  defaultPayloadConverter,
  getRandomStream,
  type Headers,
  proxySinks,
  type Sinks,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptorsFactory,
  type WorkflowOutboundCallsInterceptor,
  workflowInfo,
} from "@pawl/sdk/workflow";
import {
  readCarrier,
  SPAN_DELIMITER,
  SpanName,
  TRACE_HEADER,
  type TraceContext,
  type WorkflowSpan,
  writeCarrier,
} from "./trace-context.ts";

/** The sink by which spans leave the sandbox; {@link makeWorkflowExporter} makes the worker's end of it. */
export interface OpenTelemetryWorkflowExporter extends Sinks {
  exporter: { export(span: WorkflowSpan): void };
}

const { exporter } = proxySinks<OpenTelemetryWorkflowExporter>();
const active = new AsyncLocalStorage<TraceContext>();
const sampled = 1;

interface SpanOptions {
  readonly name: string;
  readonly parent?: TraceContext | undefined;
  /** Errors that are no trouble: how continue-as-new ends a run. */
  readonly isExpected?: (error: unknown) => boolean;
}

function hex(digits: number): string {
  const random = getRandomStream("opentelemetry");
  return Array.from({ length: digits }, () => Math.floor(random.random() * 16).toString(16)).join("");
}

function begin({ name, parent = active.getStore() }: SpanOptions) {
  const startMs = Date.now();
  const context: TraceContext = {
    traceId: parent?.traceId ?? hex(32),
    spanId: hex(16),
    traceFlags: parent?.traceFlags ?? sampled,
    traceState: parent?.traceState,
  };
  const { runId, workflowId } = workflowInfo();
  const end = (thrown?: { error: unknown }) => {
    const error = thrown && describe(thrown.error);
    const attributes = { run_id: runId, workflow_id: workflowId };
    exporter.export({ name, context, parent, startMs, endMs: Date.now(), attributes, error });
  };
  return { context, end };
}

function describe(error: unknown): NonNullable<WorkflowSpan["error"]> {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: "" };
  return { name: error.name, message: error.message, stack: error.stack ?? "" };
}

async function traced<T>(options: SpanOptions, work: (context: TraceContext) => Promise<T>): Promise<T> {
  const { context, end } = begin(options);
  try {
    const result = await active.run(context, () => work(context));
    end();
    return result;
  } catch (error) {
    end(options.isExpected?.(error) ? undefined : { error });
    throw error;
  }
}

function parentIn(headers: Headers): TraceContext | undefined {
  const payload = headers[TRACE_HEADER];
  return payload && readCarrier(defaultPayloadConverter.fromPayload(payload));
}

function withTrace<T extends { readonly headers: Headers }>(input: T, context: TraceContext): T {
  const carried = defaultPayloadConverter.toPayload(writeCarrier(context));
  return { ...input, headers: { ...input.headers, [TRACE_HEADER]: carried } };
}

const named = (name: SpanName, what: string) => `${name}${SPAN_DELIMITER}${what}`;
const isContinueAsNew = (error: unknown) => error instanceof ContinueAsNew;

/** Traces a run, its handlers and validators, within the trace of whoever started or called it. */
export class OpenTelemetryInboundInterceptor implements WorkflowInboundCallsInterceptor {
  execute: Required<WorkflowInboundCallsInterceptor>["execute"] = (input, next) => {
    const name = named(SpanName.WORKFLOW_EXECUTE, workflowInfo().workflowType);
    return traced({ name, parent: parentIn(input.headers), isExpected: isContinueAsNew }, () => next(input));
  };

  handleSignal: Required<WorkflowInboundCallsInterceptor>["handleSignal"] = (input, next) => {
    const name = named(SpanName.WORKFLOW_HANDLE_SIGNAL, input.signalName);
    return traced({ name, parent: parentIn(input.headers), isExpected: isContinueAsNew }, () => next(input));
  };

  handleQuery: Required<WorkflowInboundCallsInterceptor>["handleQuery"] = (input, next) => {
    const name = named(SpanName.WORKFLOW_HANDLE_QUERY, input.queryName);
    return traced({ name, parent: parentIn(input.headers) }, () => next(input));
  };

  handleUpdate: Required<WorkflowInboundCallsInterceptor>["handleUpdate"] = (input, next) => {
    const name = named(SpanName.WORKFLOW_HANDLE_UPDATE, input.name);
    return traced({ name, parent: parentIn(input.headers), isExpected: isContinueAsNew }, () => next(input));
  };

  validateUpdate: Required<WorkflowInboundCallsInterceptor>["validateUpdate"] = (input, next) => {
    const name = named(SpanName.WORKFLOW_VALIDATE_UPDATE, input.name);
    const { context, end } = begin({ name, parent: parentIn(input.headers) });
    try {
      active.run(context, () => next(input));
      end();
    } catch (error) {
      end({ error });
      throw error;
    }
  };
}

/** Traces activities, children, signals and continue-as-new, and sends the trace along with them. */
export class OpenTelemetryOutboundInterceptor implements WorkflowOutboundCallsInterceptor {
  scheduleActivity: Required<WorkflowOutboundCallsInterceptor>["scheduleActivity"] = (input, next) =>
    traced({ name: named(SpanName.ACTIVITY_START, input.activityType) }, (span) => next(withTrace(input, span)));

  scheduleLocalActivity: Required<WorkflowOutboundCallsInterceptor>["scheduleLocalActivity"] = (input, next) =>
    traced({ name: named(SpanName.ACTIVITY_START, input.activityType) }, (span) => next(withTrace(input, span)));

  startChildWorkflowExecution: Required<WorkflowOutboundCallsInterceptor>["startChildWorkflowExecution"] = (
    input,
    next,
  ) =>
    traced({ name: named(SpanName.CHILD_WORKFLOW_START, input.workflowType) }, (span) => next(withTrace(input, span)));

  signalWorkflow: Required<WorkflowOutboundCallsInterceptor>["signalWorkflow"] = (input, next) =>
    traced({ name: named(SpanName.WORKFLOW_SIGNAL, input.signalName) }, (span) => next(withTrace(input, span)));

  continueAsNew: Required<WorkflowOutboundCallsInterceptor>["continueAsNew"] = (input, next) =>
    traced({ name: named(SpanName.CONTINUE_AS_NEW, input.options.workflowType), isExpected: isContinueAsNew }, (span) =>
      next(withTrace(input, span)),
    );

  getLogAttributes: Required<WorkflowOutboundCallsInterceptor>["getLogAttributes"] = (input, next) => {
    const span = active.getStore();
    if (!span) return next(input);
    const trace_flags = span.traceFlags.toString(16).padStart(2, "0");
    return next({ trace_id: span.traceId, span_id: span.spanId, trace_flags, ...input });
  };
}

/** Found by this name when the module is one of `WorkerInterceptors.workflowModules`. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [new OpenTelemetryInboundInterceptor()],
  outbound: [new OpenTelemetryOutboundInterceptor()],
});
