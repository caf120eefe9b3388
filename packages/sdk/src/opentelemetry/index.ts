/** `@pawl/sdk/opentelemetry`: traces from clients through workflows to activities. Needs `@opentelemetry/api`. */
export {
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from "./activity-interceptor.ts";
export { type InterceptorOptions, OpenTelemetryWorkflowClientInterceptor } from "./client-interceptor.ts";
export { OpenTelemetryPlugin, type OpenTelemetryPluginOptions, workflowInterceptorsPath } from "./plugin.ts";
export { SPAN_DELIMITER, SpanName, TRACE_HEADER } from "./trace-context.ts";
export { makeWorkflowExporter, type SpanExporterLike, type SpanProcessorLike } from "./workflow-exporter.ts";
export type { OpenTelemetryWorkflowExporter } from "./workflow-interceptors.ts";
