/** What a program's workflow has pending, read from its history as the server tells it. */
import { enums, type history } from "@pawl/protocol";

const Type = enums.EventType;

export interface PendingActivity {
  readonly id: string;
  readonly scheduledEventId: number;
  /** Whether it is tried again after a failure. */
  readonly isRetried: boolean;
  readonly isCancelled: boolean;
}

export interface PendingChild {
  readonly id: string;
  readonly policy: enums.ParentClosePolicy;
  readonly isStarted: boolean;
}

export interface Model {
  /** By scheduled event id. */
  readonly activities: Map<number, PendingActivity>;
  readonly timers: Set<string>;
  /** By initiated event id. */
  readonly children: Map<number, PendingChild>;
  /** Initiated events of messages to other workflows that have not been answered. */
  readonly messages: Set<number>;
  isOpen: boolean;
}

export function modelOf(events: readonly history.HistoryEvent[]): Model {
  const model: Model = {
    activities: new Map(),
    timers: new Set(),
    children: new Map(),
    messages: new Set(),
    isOpen: true,
  };
  for (const event of events) apply(model, event);
  return model;
}

const closings: readonly number[] = [
  Type.WORKFLOW_EXECUTION_COMPLETED,
  Type.WORKFLOW_EXECUTION_FAILED,
  Type.WORKFLOW_EXECUTION_CANCELED,
  Type.WORKFLOW_EXECUTION_TERMINATED,
  Type.WORKFLOW_EXECUTION_TIMED_OUT,
  Type.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
];

function apply(model: Model, event: history.HistoryEvent): void {
  if (closings.includes(event.eventType)) model.isOpen = false;
  applyToActivities(model, event);
  applyToTimers(model, event);
  applyToChildren(model, event);
  applyToMessages(model, event);
}

function applyToActivities({ activities }: Model, event: history.HistoryEvent): void {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) {
    const isRetried = scheduled.retryPolicy?.maximumAttempts !== 1;
    const pending = { id: scheduled.activityId, scheduledEventId: event.eventId, isRetried, isCancelled: false };
    activities.set(event.eventId, pending);
  }
  const asked = event.activityTaskCancelRequestedEventAttributes?.scheduledEventId;
  const cancelled = asked !== undefined && activities.get(asked);
  if (cancelled) activities.set(asked, { ...cancelled, isCancelled: true });
  const closed =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  if (closed) activities.delete(closed.scheduledEventId);
}

function applyToTimers({ timers }: Model, event: history.HistoryEvent): void {
  const started = event.timerStartedEventAttributes;
  if (started) timers.add(started.timerId);
  const ended = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
  if (ended) timers.delete(ended.timerId);
}

function applyToChildren({ children }: Model, event: history.HistoryEvent): void {
  const initiated = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (initiated) {
    const { workflowId, parentClosePolicy } = initiated;
    children.set(event.eventId, { id: workflowId, policy: parentClosePolicy, isStarted: false });
  }
  const started = event.childWorkflowExecutionStartedEventAttributes?.initiatedEventId;
  const child = started !== undefined && children.get(started);
  if (child) children.set(started, { ...child, isStarted: true });
  const ended =
    event.startChildWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes ??
    event.childWorkflowExecutionTerminatedEventAttributes ??
    event.childWorkflowExecutionTimedOutEventAttributes;
  if (ended) children.delete(ended.initiatedEventId);
}

function applyToMessages({ messages }: Model, event: history.HistoryEvent): void {
  if (
    event.signalExternalWorkflowExecutionInitiatedEventAttributes ??
    event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes
  )
    messages.add(event.eventId);
  const answered =
    event.externalWorkflowExecutionSignaledEventAttributes ??
    event.signalExternalWorkflowExecutionFailedEventAttributes ??
    event.externalWorkflowExecutionCancelRequestedEventAttributes ??
    event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
  if (answered) messages.delete(answered.initiatedEventId);
}
