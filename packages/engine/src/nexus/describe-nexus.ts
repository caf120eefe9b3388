/** What a caller is shown of a run's Nexus operations and completion callbacks. */
import { type workflow as api, enums, type Init, toTimestamp } from "@pawl/protocol";
import type { CallAttempts, CompletionCallback, NexusCancellation, NexusOperation } from "../state/outside-call.ts";
import { optionalDuration } from "../workflow/new-run.ts";

const {
  CallbackState,
  NexusOperationCancellationState: CancellationState,
  PendingNexusOperationState: OperationState,
} = enums;

const operationStates = {
  scheduled: OperationState.SCHEDULED,
  backingOff: OperationState.BACKING_OFF,
  started: OperationState.STARTED,
} as const satisfies Record<NexusOperation["status"]["type"], enums.PendingNexusOperationState>;

const cancellationStates = {
  waiting: CancellationState.UNSPECIFIED,
  scheduled: CancellationState.SCHEDULED,
  backingOff: CancellationState.BACKING_OFF,
  succeeded: CancellationState.SUCCEEDED,
  failed: CancellationState.FAILED,
} as const satisfies Record<NexusCancellation["status"]["type"], enums.NexusOperationCancellationState>;

const callbackStates = {
  standby: CallbackState.STANDBY,
  scheduled: CallbackState.SCHEDULED,
  backingOff: CallbackState.BACKING_OFF,
  succeeded: CallbackState.SUCCEEDED,
  failed: CallbackState.FAILED,
} as const satisfies Record<CompletionCallback["status"]["type"], enums.CallbackState>;

export function pendingNexusOperation(operation: NexusOperation): Init<api.PendingNexusOperationInfo> {
  const { status, cancellation, endpoint, service, scheduledEventId } = operation;
  const operationToken = status.type === "started" ? status.operationToken : "";
  return {
    ...{ endpoint, service, operation: operation.operation, scheduledEventId },
    ...{ operationToken, operationId: operationToken },
    scheduledTime: toTimestamp(operation.scheduledAtMs),
    scheduleToCloseTimeout: optionalDuration(operation.scheduleToCloseTimeoutMs),
    scheduleToStartTimeout: optionalDuration(operation.scheduleToStartTimeoutMs),
    startToCloseTimeout: optionalDuration(operation.startToCloseTimeoutMs),
    state: operationStates[status.type],
    ...attemptsOf(operation, status),
    ...(cancellation && { cancellationInfo: cancellationOf(cancellation) }),
  };
}

function cancellationOf(cancellation: NexusCancellation): Init<api.NexusOperationCancellationInfo> {
  const { status } = cancellation;
  return {
    ...(status.type !== "waiting" && { requestedTime: toTimestamp(status.requestedAtMs) }),
    state: cancellationStates[status.type],
    ...attemptsOf(cancellation, status),
  };
}

export function callbackInfo(registered: CompletionCallback): Init<api.CallbackInfo> {
  const { callback, registeredAtMs, status } = registered;
  return {
    callback,
    trigger: { workflowClosed: {} },
    registrationTime: toTimestamp(registeredAtMs),
    state: callbackStates[status.type],
    ...attemptsOf(registered, status),
  };
}

function attemptsOf(
  { attempt, lastAttemptCompletedAtMs, lastFailure }: CallAttempts,
  status: { readonly type: string; readonly callAtMs?: number },
) {
  return {
    attempt,
    lastAttemptFailure: lastFailure,
    ...(lastAttemptCompletedAtMs !== null && { lastAttemptCompleteTime: toTimestamp(lastAttemptCompletedAtMs) }),
    ...(status.callAtMs !== undefined && { nextAttemptScheduleTime: toTimestamp(status.callAtMs) }),
  };
}
