/** What a run waits for, by the id of the event that began it, and how the event that ends it becomes the job of a `seq`. */
import { enums, type failure, type history } from "@pawl/protocol";
import type { ChildStartOutcome, Job, Outcome } from "../value/activation.ts";
import type { ProtoFailure } from "../value/failure.ts";
import { FAILURE_SOURCE } from "../value/failure-converter.ts";
import type { Payload } from "../value/payload.ts";

type Attributes<K extends keyof history.HistoryEvent> = NonNullable<history.HistoryEvent[K]>;

type Begun =
  | { readonly kind: "activity"; readonly seq: number; readonly activityId: string; readonly activityType: string }
  | { readonly kind: "child"; readonly seq: number; readonly workflowId: string; readonly workflowType: string }
  | { readonly kind: "nexusOperation"; readonly seq: number }
  | { readonly kind: "externalSignal"; readonly seq: number }
  | { readonly kind: "externalCancel"; readonly seq: number };

export type Pending = Map<number, Begun>;

/** That of the kind, when this event began one that has not ended. */
function begunBy<K extends Begun["kind"]>(pending: Pending, eventId: number | undefined, kind: K) {
  const begun = eventId === undefined ? undefined : pending.get(eventId);
  return begun?.kind === kind ? (begun as Extract<Begun, { kind: K }>) : undefined;
}

/** `undefined` for events that are no news to workflow code. */
export function resolutionOf(event: history.HistoryEvent, pending: Pending): Job | undefined {
  if (event.timerFiredEventAttributes) return { type: "timer", seq: Number(event.timerFiredEventAttributes.timerId) };
  return (
    activityEnd(event, pending) ??
    childNews(event, pending) ??
    nexusNews(event, pending) ??
    externalNews(event, pending)
  );
}

function activityEnd(event: history.HistoryEvent, pending: Pending): Job | undefined {
  const { activityTaskCompletedEventAttributes: completed, activityTaskFailedEventAttributes: failed } = event;
  const { activityTaskTimedOutEventAttributes: timedOut, activityTaskCanceledEventAttributes: cancelled } = event;
  const scheduledEventId = (completed ?? failed ?? timedOut ?? cancelled)?.scheduledEventId;
  const activity = begunBy(pending, scheduledEventId, "activity");
  if (!activity || scheduledEventId === undefined) return undefined;
  pending.delete(scheduledEventId);
  const wrap = (
    message: string,
    cause: ProtoFailure | undefined,
    { startedEventId = 0, identity = "", retryState = enums.RetryState.UNSPECIFIED as enums.RetryState },
  ): ProtoFailure => ({
    ...{ message, source: FAILURE_SOURCE, stackTrace: "", cause },
    activityFailureInfo: {
      ...{ scheduledEventId, startedEventId, identity, retryState },
      ...{ activityType: { name: activity.activityType }, activityId: activity.activityId },
    },
  });
  const end = (outcome: Outcome): Job => ({ type: "activity", seq: activity.seq, outcome });
  if (completed) return end({ status: "completed", result: completed.result?.payloads[0] });
  if (failed) return end({ status: "failed", failure: wrap("Activity task failed", failed.failure, failed) });
  if (timedOut) return end({ status: "failed", failure: wrap("Activity task timed out", timedOut.failure, timedOut) });
  const cause = bare("Activity cancelled", {
    canceledFailureInfo: { details: cancelled?.details, identity: cancelled?.identity ?? "" },
  });
  const state = { ...cancelled, retryState: enums.RetryState.CANCEL_REQUESTED as enums.RetryState };
  return end({ status: "cancelled", failure: wrap("Activity cancelled", cause, state) });
}

function bare(message: string, info: Partial<failure.Failure>): ProtoFailure {
  return { message, source: FAILURE_SOURCE, stackTrace: "", ...info };
}

function childNews(event: history.HistoryEvent, pending: Pending): Job | undefined {
  const started = event.childWorkflowExecutionStartedEventAttributes;
  const notStarted = event.startChildWorkflowExecutionFailedEventAttributes;
  if (started || notStarted) {
    const initiatedEventId = (started ?? notStarted)!.initiatedEventId;
    const child = begunBy(pending, initiatedEventId, "child");
    if (!child) return undefined;
    if (notStarted) pending.delete(initiatedEventId);
    const exists = enums.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_EXISTS;
    const outcome: ChildStartOutcome = started
      ? { status: "started", runId: started.workflowExecution?.runId ?? "" }
      : { status: notStarted?.cause === exists ? "alreadyExists" : "notFound" };
    return { type: "childStart", seq: child.seq, outcome };
  }
  const end = childEnd(event);
  const child = begunBy(pending, end?.initiatedEventId, "child");
  if (!end || !child) return undefined;
  pending.delete(end.initiatedEventId);
  if ("result" in end) return { type: "child", seq: child.seq, outcome: { status: "completed", result: end.result } };
  const failed: ProtoFailure = {
    ...bare("Child Workflow execution failed", { cause: end.cause }),
    childWorkflowExecutionFailureInfo: {
      ...{ namespace: end.namespace, initiatedEventId: end.initiatedEventId, startedEventId: end.startedEventId },
      workflowExecution: end.workflowExecution ?? { workflowId: child.workflowId, runId: "" },
      workflowType: { name: child.workflowType },
      retryState: end.retryState ?? enums.RetryState.NON_RETRYABLE_FAILURE,
    },
  };
  return { type: "child", seq: child.seq, outcome: { status: end.status, failure: failed } };
}

type ChildEnd = Pick<
  Attributes<"childWorkflowExecutionTerminatedEventAttributes">,
  "initiatedEventId" | "startedEventId" | "namespace" | "workflowExecution"
> & { retryState?: enums.RetryState } & (
    | { result: Payload | undefined }
    | { status: "failed" | "cancelled"; cause: ProtoFailure | undefined }
  );

function childEnd(event: history.HistoryEvent): ChildEnd | undefined {
  const completed = event.childWorkflowExecutionCompletedEventAttributes;
  if (completed) return { ...completed, result: completed.result?.payloads[0] };
  const failed = event.childWorkflowExecutionFailedEventAttributes;
  if (failed) return { ...failed, status: "failed", cause: failed.failure };
  const cancelled = event.childWorkflowExecutionCanceledEventAttributes;
  if (cancelled) {
    const info = { canceledFailureInfo: { details: cancelled.details, identity: "" } };
    return { ...cancelled, status: "cancelled", cause: bare("Child Workflow execution cancelled", info) };
  }
  const timedOut = event.childWorkflowExecutionTimedOutEventAttributes;
  if (timedOut) {
    const info = { timeoutFailureInfo: { timeoutType: enums.TimeoutType.START_TO_CLOSE } };
    return { ...timedOut, status: "failed", cause: bare("Child Workflow execution timed out", info) };
  }
  const terminated = event.childWorkflowExecutionTerminatedEventAttributes;
  if (!terminated) return undefined;
  const info = { terminatedFailureInfo: { identity: "" } };
  return { ...terminated, status: "failed", cause: bare("Child Workflow execution terminated", info) };
}

function nexusNews(event: history.HistoryEvent, pending: Pending): Job | undefined {
  const started = event.nexusOperationStartedEventAttributes;
  if (started) {
    const { scheduledEventId, operationToken } = started;
    const seq = begunBy(pending, scheduledEventId, "nexusOperation")?.seq;
    const token = operationToken || undefined;
    return seq === undefined ? undefined : { type: "nexusStart", seq, scheduledEventId, token };
  }
  const heard = event.nexusOperationCancelRequestCompletedEventAttributes;
  const unheard = event.nexusOperationCancelRequestFailedEventAttributes;
  if (heard || unheard) {
    const seq = begunBy(pending, (heard ?? unheard)!.scheduledEventId, "nexusOperation")?.seq;
    const failure = unheard && (unheard.failure ?? bare("Nexus operation cancellation request failed", {}));
    return seq === undefined ? undefined : { type: "nexusCancel", seq, failure };
  }
  const completed = event.nexusOperationCompletedEventAttributes;
  const cancelled = event.nexusOperationCanceledEventAttributes;
  const failed = event.nexusOperationFailedEventAttributes ?? event.nexusOperationTimedOutEventAttributes ?? cancelled;
  const scheduledEventId = (completed ?? failed)?.scheduledEventId;
  const operation = begunBy(pending, scheduledEventId, "nexusOperation");
  if (!operation || scheduledEventId === undefined) return undefined;
  pending.delete(scheduledEventId);
  const { seq } = operation;
  if (completed) return { type: "nexus", seq, outcome: { status: "completed", result: completed.result } };
  const failure = failed?.failure ?? bare("Nexus operation failed", {});
  return { type: "nexus", seq, outcome: { status: cancelled ? "cancelled" : "failed", failure } };
}

function externalNews(event: history.HistoryEvent, pending: Pending): Job | undefined {
  const take = (kind: "externalSignal" | "externalCancel", initiatedEventId: number) => {
    const begun = begunBy(pending, initiatedEventId, kind);
    if (begun) pending.delete(initiatedEventId);
    return begun?.seq;
  };
  const signalled = event.externalWorkflowExecutionSignaledEventAttributes;
  const notSignalled = event.signalExternalWorkflowExecutionFailedEventAttributes;
  if (signalled || notSignalled) {
    const seq = take("externalSignal", (signalled ?? notSignalled)!.initiatedEventId);
    const failed = notSignalled && notReached("signal", notSignalled.workflowExecution?.workflowId);
    return seq === undefined ? undefined : { type: "externalSignal", seq, failure: failed };
  }
  const requested = event.externalWorkflowExecutionCancelRequestedEventAttributes;
  const notRequested = event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
  if (!requested && !notRequested) return undefined;
  const seq = take("externalCancel", (requested ?? notRequested)!.initiatedEventId);
  const failed = notRequested && notReached("cancel", notRequested.workflowExecution?.workflowId);
  return seq === undefined ? undefined : { type: "externalCancel", seq, failure: failed };
}

function notReached(deed: "signal" | "cancel", workflowId: string | undefined): ProtoFailure {
  const message = `Unable to ${deed} external workflow ${workflowId ?? ""} because it was not found`;
  const type = deed === "signal" ? "SignalExternalWorkflowExecutionFailed" : "CancelExternalWorkflowExecutionFailed";
  return bare(message, { applicationFailureInfo: { type, nonRetryable: true, category: 0 } });
}
