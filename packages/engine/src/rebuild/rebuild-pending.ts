/** The part of `rebuild` that is about what a run waits for: activities, timers, other workflows, Nexus operations, updates. */
import { durationMs, enums, history, timestampMs } from "@pawl/protocol";
import { scheduledActivity } from "../activity/activity.ts";
import { resolveRetryPolicy } from "../backoff.ts";
import { startingChild, startMessage } from "../family/child-workflow.ts";
import { cancelMessage, signalMessage } from "../family/external-workflow.ts";
import { foldNexus } from "../nexus/nexus-rebuild.ts";
import type { Activity } from "../state/activity.ts";
import type { Message } from "../state/message.ts";
import type { Run } from "../state/run.ts";
import { noRouting } from "../versioning/versioning.ts";

const { EventType } = enums;

/** Applies the event if it begins, changes or ends something pending; tells whether it does. */
export function foldPending(run: Run, event: history.HistoryEvent): boolean {
  return (
    foldActivity(run, event) ||
    foldTimer(run, event) ||
    foldOther(run, event) ||
    foldNexus(run, event) ||
    foldUpdate(run, event)
  );
}

function foldActivity(run: Run, event: history.HistoryEvent): boolean {
  const ended =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  if (ended) {
    const activity = run.activities.get(ended.scheduledEventId);
    run.activities.delete(ended.scheduledEventId);
    // An end that waited for a workflow task comes behind what that scheduled, perhaps under the same id.
    if (activity && run.activityIds.get(activity.activityId) === ended.scheduledEventId)
      run.activityIds.delete(activity.activityId);
    return true;
  }
  if (event.eventType === EventType.ACTIVITY_TASK_SCHEDULED) {
    const activity = activityOf(event, event.activityTaskScheduledEventAttributes!);
    run.activities.set(event.eventId, activity);
    run.activityIds.set(activity.activityId, event.eventId);
    return true;
  }
  if (event.eventType !== EventType.ACTIVITY_TASK_CANCEL_REQUESTED) return false;
  const { scheduledEventId } = event.activityTaskCancelRequestedEventAttributes!;
  const activity = run.activities.get(scheduledEventId);
  if (activity) activity.cancelRequestedEventId = event.eventId;
  return true;
}

function activityOf(
  { eventId, eventTime }: history.HistoryEvent,
  attributes: history.ActivityTaskScheduledEventAttributes,
): Activity {
  return scheduledActivity({
    scheduledEventId: eventId,
    activityId: attributes.activityId,
    activityType: attributes.activityType?.name ?? "",
    scheduledAtMs: timestampMs(eventTime),
    options: {
      taskQueue: attributes.taskQueue?.name ?? "",
      scheduleToCloseTimeoutMs: durationMs(attributes.scheduleToCloseTimeout),
      scheduleToStartTimeoutMs: durationMs(attributes.scheduleToStartTimeout),
      startToCloseTimeoutMs: durationMs(attributes.startToCloseTimeout),
      heartbeatTimeoutMs: durationMs(attributes.heartbeatTimeout),
      retryPolicy: resolveRetryPolicy(attributes.retryPolicy),
      priority: attributes.priority,
    },
    scheduled: { input: attributes.input, header: attributes.header },
  });
}

function foldTimer(run: Run, event: history.HistoryEvent): boolean {
  const ended = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
  if (ended) {
    // A firing that waited for a workflow task comes behind what that started, perhaps under the same id.
    if (run.timers.get(ended.timerId)?.startedEventId === ended.startedEventId) run.timers.delete(ended.timerId);
    return true;
  }
  if (event.eventType !== EventType.TIMER_STARTED) return false;
  const { timerId, startToFireTimeout } = event.timerStartedEventAttributes!;
  const fireAtMs = timestampMs(event.eventTime) + durationMs(startToFireTimeout);
  run.timers.set(timerId, { timerId, startedEventId: event.eventId, fireAtMs });
  return true;
}

/** Children, and signals and cancellations of other workflows. */
function foldOther(run: Run, event: history.HistoryEvent): boolean {
  const { eventId } = event;
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child) {
    run.children.set(eventId, startingChild(eventId, child));
    const bytes = history.StartChildWorkflowExecutionInitiatedEventAttributes.encode(child);
    // How queues route is not in history: the child inherits its parent's version where it shares its queue.
    const place = { taskQueue: child.taskQueue?.name ?? "", routing: noRouting };
    post(run, startMessage(run, { initiatedEventId: eventId, workflowId: child.workflowId }, bytes, place));
    return true;
  }
  const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
  if (signal) {
    post(run, signalMessage(run, eventId, signal));
    return true;
  }
  const cancel = event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes;
  if (cancel) {
    post(run, cancelMessage(run, eventId, cancel));
    return true;
  }
  const answered =
    event.externalWorkflowExecutionSignaledEventAttributes ??
    event.signalExternalWorkflowExecutionFailedEventAttributes ??
    event.externalWorkflowExecutionCancelRequestedEventAttributes ??
    event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
  if (answered) {
    unpost(run, answered.initiatedEventId);
    return true;
  }
  return foldChild(run, event);
}

function foldChild(run: Run, event: history.HistoryEvent): boolean {
  const started = event.childWorkflowExecutionStartedEventAttributes;
  if (started) {
    const child = run.children.get(started.initiatedEventId);
    const runId = started.workflowExecution?.runId ?? "";
    if (child)
      run.children.set(child.initiatedEventId, {
        ...child,
        status: { type: "started", runId, startedEventId: event.eventId },
      });
    unpost(run, started.initiatedEventId);
    return true;
  }
  const ended = childEndOf(event);
  if (!ended) return false;
  run.children.delete(ended.initiatedEventId);
  unpost(run, ended.initiatedEventId);
  return true;
}

/** The attributes of an event by which a child goes; undefined for every other event. */
export function childEndOf(event: history.HistoryEvent) {
  return (
    event.startChildWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes ??
    event.childWorkflowExecutionTimedOutEventAttributes ??
    event.childWorkflowExecutionTerminatedEventAttributes
  );
}

function post(run: Run, message: Message): void {
  const id = ++run.lastMessageId;
  run.outbox.set(id, { id, message });
}

/** Forgets what was asked of another workflow by that event. */
export function unpost(run: Run, initiatedEventId: number): void {
  for (const { id, message } of run.outbox.values())
    if ("initiatedEventId" in message && message.initiatedEventId === initiatedEventId) run.outbox.delete(id);
}

function foldUpdate(run: Run, event: history.HistoryEvent): boolean {
  switch (event.eventType) {
    case EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED: {
      const request = event.workflowExecutionUpdateAdmittedEventAttributes?.request;
      const updateId = request?.meta?.updateId ?? "";
      if (request) run.updates.set(updateId, { status: "reapplied", admittedEventId: event.eventId, request });
      return true;
    }
    case EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED: {
      const { protocolInstanceId } = event.workflowExecutionUpdateAcceptedEventAttributes!;
      run.updates.set(protocolInstanceId, { status: "accepted", acceptedEventId: event.eventId });
      return true;
    }
    case EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED: {
      const { meta, acceptedEventId, outcome } = event.workflowExecutionUpdateCompletedEventAttributes!;
      if (outcome) run.updates.set(meta?.updateId ?? "", { status: "completed", acceptedEventId, outcome });
      return true;
    }
    default:
      return false;
  }
}
