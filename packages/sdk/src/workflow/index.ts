/** `@pawl/sdk/workflow`: what workflow code may use. */
export type { Duration } from "../value/duration.ts";
export {
  CompleteAsyncError,
  ExternalStorageNotConfiguredError,
  IllegalStateError,
  NamespaceNotFoundError,
  PayloadConverterError,
  ValueError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from "../value/errors.ts";
export * from "../value/failure.ts";
export type { Headers, Next } from "../value/interceptors.ts";
export type {
  ActivityFunction,
  ActivityInterface,
  BaseWorkflowOptions,
  CommonWorkflowOptions,
  QueryDefinition,
  SignalDefinition,
  UntypedActivities,
  UpdateDefinition,
  WithWorkflowArgs,
  Workflow,
  WorkflowDurationOptions,
  WorkflowQueryOptions,
  WorkflowQueryType,
  WorkflowResultType,
  WorkflowReturnType,
  WorkflowSignalOptions,
  WorkflowSignalType,
  WorkflowUpdateType,
  WorkflowUpdateValidatorType,
} from "../value/options.ts";
export {
  ActivityCancellationType,
  type ActivityOptions,
  HandlerUnfinishedPolicy,
  type LocalActivityOptions,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from "../value/options.ts";
export type { Payload } from "../value/payload.ts";
export { defaultPayloadConverter, type PayloadConverter } from "../value/payload-converter.ts";
export type { RetryPolicy } from "../value/retry-policy.ts";
export type { SearchAttributes, SearchAttributeValue } from "../value/search-attributes.ts";
export { AsyncLocalStorage } from "./async-local-storage.ts";
export {
  type ActivityFunctionWithOptions,
  type ActivityInterfaceFor,
  type LocalActivityFunctionWithOptions,
  type LocalActivityInterfaceFor,
  proxyActivities,
  proxyLocalActivities,
  scheduleActivity,
  scheduleLocalActivity,
} from "./call/activities.ts";
export {
  type ChildWorkflowHandle,
  type ExternalWorkflowHandle,
  executeChild,
  getExternalWorkflowHandle,
  startChild,
} from "./call/child-workflow.ts";
export * from "./call/child-workflow-options.ts";
export {
  createNexusServiceClient,
  type NexusOperationHandle,
  type NexusServiceClient,
  type NexusServiceClientOptions,
} from "./call/nexus.ts";
export * from "./call/nexus-options.ts";
export { ContinueAsNew, type ContinueAsNewOptions } from "./continue-as-new.ts";
export {
  setWorkflowOptions,
  type WorkflowDefinitionOptions,
  type WorkflowDefinitionOptionsOrGetter,
} from "./definition.ts";
export { DeterminismViolationError, WorkflowError } from "./errors.ts";
export {
  continueAsNew,
  deprecatePatch,
  makeContinueAsNewFunc,
  patched,
  upsertMemo,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from "./execution.ts";
export type {
  ActivateInput,
  ActivityInput,
  ConcludeActivationInput,
  ConcludeActivationOutput,
  ContinueAsNewInput,
  ContinueAsNewInputOptions,
  DisposeInput,
  GetLogAttributesInput,
  GetMetricTagsInput,
  LocalActivityInput,
  QueryInput,
  SignalInput,
  SignalWorkflowInput,
  StartChildWorkflowExecutionInput,
  StartNexusOperationInput,
  StartNexusOperationOutput,
  TimerInput,
  UpdateInput,
  WorkflowExecuteInput,
  WorkflowInboundCallsInterceptor,
  WorkflowInterceptors,
  WorkflowInterceptorsFactory,
  WorkflowInternalsInterceptor,
  WorkflowOutboundCallsInterceptor,
} from "./interceptors.ts";
export type { UpdateInfo } from "./message/current-update.ts";
export type { QueryHandlerOptions, SignalHandlerOptions, UpdateHandlerOptions } from "./message/message-handlers.ts";
export {
  allHandlersFinished,
  currentUpdateInfo,
  defineQuery,
  defineSignal,
  defineUpdate,
  enhancedStackTraceQuery,
  getCurrentDetails,
  setCurrentDetails,
  setDefaultQueryHandler,
  setDefaultSignalHandler,
  setDefaultUpdateHandler,
  setHandler,
  stackTraceQuery,
  workflowMetadataQuery,
} from "./message/messages.ts";
export { getRandomStream, type WorkflowRandomStream, workflowRandom } from "./random/random-streams.ts";
export { inWorkflowContext } from "./run/current-run.ts";
export type { SinkCall } from "./run/run-host.ts";
export type {
  EnhancedStackTrace,
  StackTrace,
  StackTraceFileLocation,
  StackTraceFileSlice,
  StackTraceSDKInfo,
} from "./run/stack-trace.ts";
export type { ParentWorkflowInfo, RootWorkflowInfo, WorkflowInfo } from "./run/workflow-info.ts";
export { proxySinks, type Sink, type SinkFunction, type Sinks } from "./sinks.ts";
export { log, metricMeter, workflowLogAttributes } from "./telemetry.ts";
export { CancellationScope, type CancellationScopeOptions } from "./wait/cancellation-scope.ts";
export { condition, sleep } from "./wait/timer.ts";
export type { TimerOptions } from "./wait/timer-options.ts";
export { Trigger } from "./wait/trigger.ts";
