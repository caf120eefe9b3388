/** `@pawl/sdk/client`: starts workflows and speaks with them. */
export {
  IllegalStateError,
  NamespaceNotFoundError,
  ValueError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from "../value/errors.ts";
export * from "../value/failure.ts";
export type { WorkflowResultType } from "../value/options.ts";
export { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from "../value/options.ts";
export * from "./async-completion-client.ts";
export { Client, type ClientOptions } from "./client.ts";
export type { BaseClientOptions, ResolvedClientOptions } from "./client-options.ts";
export {
  CallFailed,
  type CallOptions,
  Connection,
  type ConnectionOptions,
  type TlsConfig,
  type Transport,
  type TransportCall,
  type WorkflowService,
} from "./connection.ts";
export {
  isGrpcServiceError,
  QueryNotRegisteredError,
  QueryRejectedError,
  ServiceError,
  WorkflowContinuedAsNewError,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from "./errors.ts";
export type {
  CountWorkflowExecution,
  WorkflowExecutionDescription,
  WorkflowExecutionInfo,
  WorkflowExecutionStatusName,
} from "./execution-info.ts";
export {
  type GetWorkflowHandleOptions,
  type ListOptions,
  WorkflowClient,
  type WorkflowSignalWithStartOptions,
} from "./workflow-client.ts";
export type {
  WorkflowHandle,
  WorkflowHandleWithFirstExecutionRunId,
  WorkflowHandleWithSignaledRunId,
  WorkflowUpdateHandle,
  WorkflowUpdateOptions,
} from "./workflow-handle.ts";
export type { WorkflowOptions, WorkflowStartOptions } from "./workflow-options.ts";
