/** The part of `rebuild` that is about Nexus operations and completion callbacks. */
import { durationMs, enums, type failure, type history, timestampMs } from "@pawl/protocol";
import { countAttempt, noAttempts } from "../outside-call.ts";
import type { NexusCancellation, NexusOperation } from "../state/outside-call.ts";
import type { HistoryEventInit, Run } from "../state/run.ts";
import { registerCallbacks } from "./completion-callback.ts";

const { EventType } = enums;

/** Applies the event if it is about one of these; tells whether it is. Attempts that failed are not in history: each is as if the first had done it, or was under way. */
export function foldNexus(run: Run, event: history.HistoryEvent): boolean {
  const scheduled = event.nexusOperationScheduledEventAttributes;
  if (scheduled) {
    run.nexusOperations.set(event.eventId, operationOf(event, scheduled));
    return true;
  }
  const started = event.nexusOperationStartedEventAttributes;
  const operation = run.nexusOperations.get(scheduledEventIdOf(event));
  if (started) {
    const startedAtMs = timestampMs(event.eventTime);
    const { operationToken } = started;
    if (operation) {
      operation.status = { type: "started", startedAtMs, operationToken };
      countAttempt(operation, startedAtMs, undefined);
    }
    if (operation?.cancellation) operation.cancellation.status = { type: "scheduled", requestedAtMs: startedAtMs };
    return true;
  }
  return foldCancellation(operation, event) || foldEnd(run, event);
}

function operationOf(
  { eventId: scheduledEventId, eventTime }: history.HistoryEvent,
  attributes: history.NexusOperationScheduledEventAttributes,
): NexusOperation {
  const { endpoint, endpointId, service, operation, requestId, input, nexusHeader } = attributes;
  return {
    ...{ scheduledEventId, endpoint, endpointId, service, operation, requestId },
    scheduledAtMs: timestampMs(eventTime),
    scheduleToCloseTimeoutMs: durationMs(attributes.scheduleToCloseTimeout),
    scheduleToStartTimeoutMs: durationMs(attributes.scheduleToStartTimeout),
    startToCloseTimeoutMs: durationMs(attributes.startToCloseTimeout),
    status: { type: "scheduled" },
    cancellation: null,
    scheduled: { input, nexusHeader },
    ...noAttempts(),
  };
}

function foldCancellation(operation: NexusOperation | undefined, event: history.HistoryEvent): boolean {
  const requestedAtMs = timestampMs(event.eventTime);
  const end = (cancellation: NexusCancellation, type: "succeeded" | "failed", cause?: failure.Failure) => {
    cancellation.status = { type, requestedAtMs };
    countAttempt(cancellation, requestedAtMs, cause);
  };
  switch (event.eventType) {
    case EventType.NEXUS_OPERATION_CANCEL_REQUESTED: {
      const status: NexusCancellation["status"] =
        operation?.status.type === "started" ? { type: "scheduled", requestedAtMs } : { type: "waiting" };
      if (operation) operation.cancellation = { requestedEventId: event.eventId, status, ...noAttempts() };
      return true;
    }
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED:
      if (operation?.cancellation) end(operation.cancellation, "succeeded");
      return true;
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED:
      if (operation?.cancellation)
        end(operation.cancellation, "failed", event.nexusOperationCancelRequestFailedEventAttributes?.failure);
      return true;
    default:
      return false;
  }
}

function foldEnd(run: Run, event: history.HistoryEvent): boolean {
  const ended = nexusEndOf(event);
  if (ended) run.nexusOperations.delete(ended.scheduledEventId ?? 0);
  return ended !== undefined;
}

/** The attributes of an event by which an operation goes; undefined for every other event. */
export function nexusEndOf(event: HistoryEventInit) {
  return (
    event.nexusOperationCompletedEventAttributes ??
    event.nexusOperationFailedEventAttributes ??
    event.nexusOperationCanceledEventAttributes ??
    event.nexusOperationTimedOutEventAttributes
  );
}

/** The operation that the event is about; 0 for other events, and for the one that schedules it. */
export function scheduledEventIdOf(event: history.HistoryEvent): number {
  const about =
    nexusEndOf(event) ??
    event.nexusOperationStartedEventAttributes ??
    event.nexusOperationCancelRequestedEventAttributes ??
    event.nexusOperationCancelRequestCompletedEventAttributes ??
    event.nexusOperationCancelRequestFailedEventAttributes;
  return about?.scheduledEventId ?? 0;
}

/** Those that the start brought. */
export function foldCallbacks(run: Run, event: history.HistoryEvent): void {
  const { completionCallbacks = [] } = event.workflowExecutionStartedEventAttributes ?? {};
  registerCallbacks(run, timestampMs(event.eventTime), completionCallbacks);
}
