/** What a handler of Nexus operations threw, as what its caller is told: whose fault it is, and whether to try again. */
import { HandlerError, type HandlerErrorType } from "nexus-rpc";
import { ActivityExecutionAlreadyStartedError } from "../../client/activity-client.ts";
import { isGrpcServiceError, ServiceError } from "../../client/errors.ts";
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from "../../value/errors.ts";
import { ApplicationFailure } from "../../value/failure.ts";

/** Statuses of the handler's own calls. What is absent is INTERNAL, which may be tried again. */
const typeOfStatus: ReadonlyMap<number, HandlerErrorType> = new Map([
  [3, "BAD_REQUEST"],
  [4, "UPSTREAM_TIMEOUT"],
  [5, "NOT_FOUND"],
  [8, "RESOURCE_EXHAUSTED"],
  [10, "UNAVAILABLE"],
  [12, "NOT_IMPLEMENTED"],
  [14, "UNAVAILABLE"],
]);
/** ALREADY_EXISTS, FAILED_PRECONDITION, OUT_OF_RANGE: the next attempt would meet the same. */
const finalStatuses: ReadonlySet<number> = new Set([6, 9, 11]);

export function asHandlerError(cause: unknown): HandlerError {
  if (cause instanceof HandlerError) return cause;
  const isFinal =
    cause instanceof WorkflowExecutionAlreadyStartedError ||
    cause instanceof ActivityExecutionAlreadyStartedError ||
    (cause instanceof ApplicationFailure && cause.nonRetryable);
  if (isFinal) {
    const message = cause instanceof ApplicationFailure ? "Handler failed with non-retryable application error" : "";
    return new HandlerError("INTERNAL", message, { cause, retryableOverride: false });
  }
  if (cause instanceof WorkflowNotFoundError) return new HandlerError("NOT_FOUND", undefined, { cause });
  if (cause instanceof ServiceError && isGrpcServiceError(cause.cause)) {
    const { code } = cause.cause;
    if (finalStatuses.has(code)) return new HandlerError("INTERNAL", undefined, { cause, retryableOverride: false });
    return new HandlerError(typeOfStatus.get(code) ?? "INTERNAL", undefined, { cause });
  }
  return new HandlerError("INTERNAL", undefined, { cause });
}
