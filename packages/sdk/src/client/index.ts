/** `@pawl/sdk/client`: starts workflows and speaks with them. */

export {
  type CallContext,
  type CallOptions,
  Connection,
  type ConnectionOptions,
  type ConnectionPlugin,
  type Metadata,
  type WorkflowService,
} from "../connection/connection.ts";
export { LOCAL_TARGET } from "../transport/grpc-transport.ts";
export {
  type InProcessCallOptions,
  type InProcessServer,
  type InProcessStatus,
  InProcessTransport,
} from "../transport/in-process-transport.ts";
export {
  CallFailed,
  type TlsConfig,
  type TlsConfig as TLSConfig,
  type Transport,
  type TransportCall,
} from "../transport/transport.ts";
export type { DataConverter } from "../value/data-converter.ts";
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
export {
  ActivityFailure,
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
  ChildWorkflowFailure,
  isCancellation,
  type ProtoFailure,
  RetryState,
  rootCause,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
} from "../value/failure.ts";
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
export { HandlerUnfinishedPolicy, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from "../value/options.ts";
export type { Payload } from "../value/payload.ts";
export { defaultPayloadConverter } from "../value/payload-converter.ts";
export type { RetryPolicy } from "../value/retry-policy.ts";
export * from "./activity-client.ts";
export {
  type ActivityExecutionDescription,
  type ActivityExecutionInfo,
  ActivityExecutionStatus,
  type CountActivityExecutions,
  PendingActivityState,
} from "./activity-description.ts";
export type * from "./activity-handle.ts";
export type * from "./activity-interceptor.ts";
export * from "./activity-options.ts";
export type {
  ActivityOptionsUpdate,
  ActivityOptionsUpdateResult,
  ActivityPauseOptions,
  ActivityUnpauseOptions,
} from "./activity-options-update.ts";
export * from "./async-completion-client.ts";
export { Client, type ClientOptions, type ClientPlugin } from "./client.ts";
export type {
  BaseClientOptions,
  BaseClientOptions as AsyncCompletionClientOptions,
  BaseClientOptions as TaskQueueClientOptions,
  ResolvedClientOptions,
} from "./client-options.ts";
export {
  isGrpcCancelledError,
  isGrpcDeadlineError,
  isGrpcServiceError,
  QueryNotRegisteredError,
  QueryRejectedError,
  ServiceError,
  WorkflowContinuedAsNewError,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from "./errors.ts";
export type {
  CountWorkflowExecution,
  WorkflowExecutionDescription,
  WorkflowExecutionInfo,
  WorkflowExecutionStatusName,
} from "./execution-info.ts";
export * from "./interceptors.ts";
export type * from "./raw-messages.ts";
export {
  type ListScheduleOptions,
  ScheduleAlreadyRunning,
  ScheduleClient,
  type ScheduleClientOptions,
  type ScheduleHandle,
  ScheduleNotFoundError,
} from "./schedule-client.ts";
export * from "./schedule-options.ts";
export * from "./task-queue-client.ts";
export {
  type AsyncWorkflowListIterable,
  type GetWorkflowHandleOptions,
  type HistoryAndWorkflowId,
  type IntoHistoriesOptions,
  type ListOptions,
  WithStartWorkflowOperation,
  WorkflowClient,
  type WorkflowClientOptions,
  type WorkflowResultOptions,
  type WorkflowSignalWithStartOptions,
} from "./workflow-client.ts";
export type {
  GetWorkflowUpdateHandleOptions,
  WorkflowHandle,
  WorkflowHandleWithFirstExecutionRunId,
  WorkflowHandleWithSignaledRunId,
  WorkflowHandleWithStartDetails,
  WorkflowUpdateHandle,
  WorkflowUpdateOptions,
} from "./workflow-handle.ts";
export type { WorkflowOptions, WorkflowStartOptions } from "./workflow-options.ts";
export { WorkflowUpdateStage } from "./workflow-update.ts";
