/** What a client's calls throw beside the failures of workflows. */
import type { enums } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { NamespaceNotFoundError, recognizeAcrossRealms, WorkflowNotFoundError } from "../value/errors.ts";
import type { RetryState } from "../value/failure.ts";

/** The server refused or could not be reached; `cause` is the {@link CallFailed}. */
export class ServiceError extends Error {
  declare readonly cause?: Error;
  constructor(message: string, cause?: Error) {
    super(message, { cause });
  }
}
recognizeAcrossRealms(ServiceError, "ServiceError");

/** Whether an error is a failed gRPC call with a status, such as the `cause` of a {@link ServiceError}. */
export function isGrpcServiceError(error: unknown): error is CallFailed {
  return error instanceof CallFailed;
}

/** The same, for DEADLINE_EXCEEDED alone. */
export function isGrpcDeadlineError(error: unknown): error is CallFailed {
  return error instanceof CallFailed && error.code === 4;
}

/** The same, for CANCELLED alone. */
export function isGrpcCancelledError(error: unknown): error is CallFailed {
  return error instanceof CallFailed && error.code === 1;
}

/** The workflow did not complete; `cause` says how it ended. */
export class WorkflowFailedError extends Error {
  declare readonly cause: Error | undefined;
  readonly retryState: RetryState;
  constructor(message: string, cause: Error | undefined, retryState: RetryState) {
    super(message, { cause });
    this.retryState = retryState;
  }
}
recognizeAcrossRealms(WorkflowFailedError, "WorkflowFailedError");

/** The run continued as another one, and the caller asked not to follow. */
export class WorkflowContinuedAsNewError extends Error {
  readonly newExecutionRunId: string;
  constructor(message: string, newExecutionRunId: string) {
    super(message);
    this.newExecutionRunId = newExecutionRunId;
  }
}
recognizeAcrossRealms(WorkflowContinuedAsNewError, "WorkflowContinuedAsNewError");

/** The update was refused by its validator or failed; `cause` says why. */
export class WorkflowUpdateFailedError extends Error {
  declare readonly cause: Error | undefined;
  constructor(message: string, cause: Error | undefined) {
    super(message, { cause });
  }
}
recognizeAcrossRealms(WorkflowUpdateFailedError, "WorkflowUpdateFailedError");

/** The time for an update call was over, or it was aborted, before its outcome was known. The update itself may go on. */
export class WorkflowUpdateRPCTimeoutOrCancelledError extends Error {
  declare readonly cause?: Error;
  constructor(message: string, cause?: Error) {
    super(message, { cause });
  }
}
recognizeAcrossRealms(WorkflowUpdateRPCTimeoutOrCancelledError, "WorkflowUpdateRPCTimeoutOrCancelledError");

/** The query was not carried out, because its `queryRejectCondition` holds for the workflow's status. */
export class QueryRejectedError extends Error {
  readonly status: enums.WorkflowExecutionStatus;
  constructor(status: enums.WorkflowExecutionStatus) {
    super("Query rejected");
    this.status = status;
  }
}
recognizeAcrossRealms(QueryRejectedError, "QueryRejectedError");

/** The workflow has no handler for the query, or its handler threw. */
export class QueryNotRegisteredError extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}
recognizeAcrossRealms(QueryNotRegisteredError, "QueryNotRegisteredError");

const notFound = 5;

/** Throws the SDK's own error for a failed call about a workflow; anything that is no failed call is thrown as it is. */
export function rethrowCallFailure(
  error: unknown,
  message: string,
  { namespace, workflowId, runId }: { namespace: string; workflowId?: string | undefined; runId?: string | undefined },
): never {
  if (!(error instanceof CallFailed)) throw error;
  if (error.code === notFound) {
    const isNamespace = error.detail("temporal.api.errordetails.v1.NamespaceNotFoundFailure");
    if (isNamespace) throw new NamespaceNotFoundError(namespace);
    if (workflowId !== undefined) throw new WorkflowNotFoundError(error.details, workflowId, runId);
  }
  throw new ServiceError(`${message}: ${error.message}`, error);
}
