/** `@pawl/sdk/worker`: runs workflows and activities. */

export { activityLogAttributes } from "../activity/context.ts";
export {
  Connection as NativeConnection,
  type ConnectionOptions as NativeConnectionOptions,
} from "../connection/connection.ts";
export { Nondeterminism as DeterminismViolationError } from "../replay/nondeterminism.ts";
export {
  type ConsoleLogger,
  type CoreLogFilterOptions,
  type ForwardLogger,
  type LogExporterConfig,
  makeTelemetryFilterString,
} from "../telemetry/core-logging.ts";
export {
  type BufferedMetricUpdate,
  MetricsBuffer,
  type MetricsBufferOptions,
} from "../telemetry/metrics-buffer.ts";
export {
  type BufferedMetricsExporter,
  type MetricsExporterConfig,
  type OtelCollectorExporter,
  type PrometheusMetricsExporter,
  Runtime,
  type RuntimeOptions,
  type TelemetryOptions,
} from "../telemetry/runtime.ts";
export type { TlsConfig as TLSConfig } from "../transport/transport.ts";
export type { DataConverter } from "../value/data-converter.ts";
export { IllegalStateError } from "../value/errors.ts";
export type { Headers, Next } from "../value/interceptors.ts";
export {
  DefaultLogger,
  type LogEntry,
  type LogFields as LogMetadata,
  type Logger,
  type LogLevel,
} from "../value/logger.ts";
export { defaultPayloadConverter } from "../value/payload-converter.ts";
export {
  type BundleOptions,
  bundleWorkflowCode,
  type WorkflowBundle,
  type WorkflowBundleOption,
  type WorkflowBundlePath,
} from "./bundle.ts";
export type { WorkerDeploymentOptions } from "./deployment.ts";
export type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptors,
  ActivityInterceptorsFactory,
  ActivityOutboundCallsInterceptor,
  GetLogAttributesInput,
  GetMetricTagsInput,
  NexusCancelOperationInput,
  NexusInboundCallsInterceptor,
  NexusInterceptors,
  NexusInterceptorsFactory,
  NexusOutboundCallsInterceptor,
  NexusStartOperationInput,
  NexusStartOperationOutput,
  WorkerInterceptors,
} from "./interceptors.ts";
export type { WorkerPlugin } from "./plugin.ts";
export type { HistoryToReplay, ReplayHistoriesIterable, ReplayResult, ReplayWorkerOptions } from "./run/replayer.ts";
export {
  CombinedWorkerRunError,
  type CombinedWorkerRunErrorCause,
  GracefulShutdownPeriodExpiredError,
  PromiseCompletionTimeoutError,
  type RunUntilOptions,
} from "./run/run-errors.ts";
export type { InjectedSink, InjectedSinkFunction, InjectedSinks } from "./run/sinks.ts";
export type {
  CustomSlotSupplier,
  SlotMarkUsedContext,
  SlotPermit,
  SlotReleaseContext,
  SlotReserveContext,
} from "./slot/custom-slots.ts";
export {
  type ResourceBasedTunerOptions,
  ResourceController as ResourceBasedController,
} from "./slot/resource-slots.ts";
export type { SlotInfo } from "./slot/slots.ts";
export type {
  ActivitySlotInfo,
  FixedSizeSlotSupplier,
  LocalActivitySlotInfo,
  NexusSlotInfo,
  ResourceBasedSlotOptions,
  ResourceBasedSlotsForType,
  ResourceBasedTuner,
  ResourceBasedTuner as ResourceBasedTunerWithController,
  SlotSupplier,
  TunerHolder,
  WorkerTuner,
  WorkflowSlotInfo,
} from "./slot/tuner.ts";
export { Worker } from "./worker.ts";
export type {
  CompiledWorkerOptions,
  PatchActivationCallback,
  PatchActivationInput,
  PollerBehavior,
  PollerBehaviorAutoscaling,
  PollerBehaviorSimpleMaximum,
  WorkerOptions,
} from "./worker-options.ts";
export type { PollerState, State, WorkerStatus } from "./worker-status.ts";
