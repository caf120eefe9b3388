import * as otel from "@opentelemetry/api";
import type { WorkflowClientInterceptor } from "../client/interceptors.ts";
import type { Headers } from "../value/interceptors.ts";
import { headersWithContext, instrument } from "./instrumentation.ts";
import { SPAN_DELIMITER, SpanName } from "./trace-context.ts";

/** Who makes the spans. */
export interface InterceptorOptions {
  /** Default: one of the global provider. */
  readonly tracer?: otel.Tracer;
}

/** Traces the calls of a client; what it starts and signals goes on with its trace. */
export class OpenTelemetryWorkflowClientInterceptor implements WorkflowClientInterceptor {
  readonly #tracer: otel.Tracer;

  constructor({ tracer = otel.trace.getTracer("@pawl/sdk/client") }: InterceptorOptions = {}) {
    this.#tracer = tracer;
  }

  startWithDetails: Required<WorkflowClientInterceptor>["startWithDetails"] = (input, next) =>
    this.#carrying(SpanName.WORKFLOW_START, input.workflowType, input, next);

  signal: Required<WorkflowClientInterceptor>["signal"] = (input, next) =>
    this.#carrying(SpanName.WORKFLOW_SIGNAL, input.signalName, input, next);

  signalWithStart: Required<WorkflowClientInterceptor>["signalWithStart"] = (input, next) =>
    this.#carrying(SpanName.WORKFLOW_SIGNAL_WITH_START, input.workflowType, input, next);

  query: Required<WorkflowClientInterceptor>["query"] = (input, next) =>
    this.#carrying(SpanName.WORKFLOW_QUERY, input.queryType, input, next);

  startUpdate: Required<WorkflowClientInterceptor>["startUpdate"] = (input, next) =>
    this.#carrying(SpanName.WORKFLOW_START_UPDATE, input.updateName, input, next);

  startUpdateWithStart: Required<WorkflowClientInterceptor>["startUpdateWithStart"] = (input, next) =>
    this.#traced(SpanName.WORKFLOW_UPDATE_WITH_START, input.updateName, () =>
      next({
        ...input,
        workflowStartHeaders: headersWithContext(input.workflowStartHeaders),
        updateHeaders: headersWithContext(input.updateHeaders),
      }),
    );

  terminate: Required<WorkflowClientInterceptor>["terminate"] = (input, next) =>
    this.#traced(SpanName.WORKFLOW_TERMINATE, undefined, () => next(input));

  cancel: Required<WorkflowClientInterceptor>["cancel"] = (input, next) =>
    this.#traced(SpanName.WORKFLOW_CANCEL, undefined, () => next(input));

  describe: Required<WorkflowClientInterceptor>["describe"] = (input, next) =>
    this.#traced(SpanName.WORKFLOW_DESCRIBE, undefined, () => next(input));

  #carrying<I extends { readonly headers: Headers }, R>(
    name: SpanName,
    what: string,
    input: I,
    next: (input: I) => Promise<R>,
  ): Promise<R> {
    return this.#traced(name, what, () => next({ ...input, headers: headersWithContext(input.headers) }));
  }

  #traced<R>(name: SpanName, what: string | undefined, fn: () => Promise<R>): Promise<R> {
    const spanName = what === undefined ? name : `${name}${SPAN_DELIMITER}${what}`;
    return instrument({ tracer: this.#tracer, spanName, fn });
  }
}
