/** The history of one run as the disk has it, read event by event, with what must hold of each (I5 to I9, I13, I20). Knows nothing of the engine. */
import { enums, history } from "@pawl/protocol";

const Type = enums.EventType;
type Event = history.HistoryEvent;

const closings: readonly number[] = [
  Type.WORKFLOW_EXECUTION_COMPLETED,
  Type.WORKFLOW_EXECUTION_FAILED,
  Type.WORKFLOW_EXECUTION_CANCELED,
  Type.WORKFLOW_EXECUTION_TERMINATED,
  Type.WORKFLOW_EXECUTION_TIMED_OUT,
  Type.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
];

/** What a workflow task must follow, when nobody has one. */
const triggers: readonly number[] = [
  Type.WORKFLOW_EXECUTION_SIGNALED,
  Type.WORKFLOW_EXECUTION_CANCEL_REQUESTED,
  Type.ACTIVITY_TASK_COMPLETED,
  Type.ACTIVITY_TASK_FAILED,
  Type.ACTIVITY_TASK_TIMED_OUT,
  Type.ACTIVITY_TASK_CANCELED,
  Type.TIMER_FIRED,
  Type.CHILD_WORKFLOW_EXECUTION_STARTED,
  Type.START_CHILD_WORKFLOW_EXECUTION_FAILED,
  Type.CHILD_WORKFLOW_EXECUTION_COMPLETED,
  Type.CHILD_WORKFLOW_EXECUTION_FAILED,
  Type.CHILD_WORKFLOW_EXECUTION_CANCELED,
  Type.CHILD_WORKFLOW_EXECUTION_TERMINATED,
  Type.CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
  Type.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
  Type.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
  Type.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
  Type.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
];

export class HistoryViolation extends Error {}

export class RunHistory {
  /** How far the server's clock has been set back by now: a timer is timed by it, and its events only never go back. */
  readonly #backMs: () => number;
  readonly #nowMs: () => number;
  readonly events: Event[] = [];
  readonly batches: Uint8Array[] = [];
  /** Scheduled event ids of activities that have not ended. */
  readonly activities = new Set<number>();
  /** When each running timer is due, by its id. */
  readonly timers = new Map<string, { readonly startedEventId: number; readonly dueAtMs: number }>();
  /** Initiated event ids of children that have not ended: whether each has started. */
  readonly children = new Map<number, boolean>();
  /** Initiated event ids of messages to other workflows that were not answered. */
  readonly messages = new Set<number>();
  readonly signals: string[] = [];
  readonly accepted = new Set<string>();
  readonly updates = new Map<string, number>();
  /** The started event of the workflow task that a worker has, by what history says. */
  workflowTask: "none" | "scheduled" | "started" = "none";
  /** The last event that a workflow task must follow. */
  lastTriggerEventId = 0;
  /** The started event of the last completed workflow task: everything up to it was seen by a worker. */
  lastSeenEventId = 0;
  readonly completedTasks = new Set<number>();
  closing: Event | undefined;
  #lastAtMs = 0;

  constructor({ backMs, nowMs }: { backMs: () => number; nowMs: () => number }) {
    this.#backMs = backMs;
    this.#nowMs = nowMs;
  }

  get lastEventId(): number {
    return this.events.length;
  }

  get isOpen(): boolean {
    return this.closing === undefined;
  }

  /** Throws `HistoryViolation`. */
  append(firstEventId: number, lastEventId: number, bytes: Uint8Array): void {
    must(
      firstEventId === this.lastEventId + 1,
      `I6: a batch begins with event ${firstEventId} after ${this.lastEventId}`,
    );
    this.batches.push(bytes);
    for (const event of history.History.decode(bytes).events) this.#append(event);
    must(
      this.lastEventId === lastEventId,
      `I6: a batch says that it ends with ${lastEventId}, and ends with ${this.lastEventId}`,
    );
  }

  #append(event: Event): void {
    const { eventId, eventType } = event;
    const name = `event ${eventId} of type ${eventType}`;
    must(eventId === this.lastEventId + 1, `I6: ${name} follows ${this.lastEventId}`);
    must(this.isOpen, `I5: ${name} follows the closing event`);
    // The start of an attempt is written when the attempt ends, with the time that it had.
    const isTold = eventType === Type.ACTIVITY_TASK_STARTED;
    must(isTold || timeMs(event) >= this.#lastAtMs, `I8: ${name} is older than the one before`);
    if (!isTold) this.#lastAtMs = timeMs(event);
    must((eventId === 1) === (eventType === Type.WORKFLOW_EXECUTION_STARTED), `I6: ${name} is no beginning`);
    must(timeMs(event) <= this.#nowMs() + this.#backMs(), `I8: ${name} is from the future`);
    this.events.push(event);
    if (closings.includes(eventType)) this.closing = event;
    if (triggers.includes(eventType)) this.lastTriggerEventId = eventId;
    this.#workflowTask(event, name);
    this.#activity(event, name);
    this.#timer(event, name);
    this.#child(event, name);
    this.#message(event, name);
    this.#request(event, name);
  }

  #workflowTask(event: Event, name: string): void {
    switch (event.eventType) {
      case Type.WORKFLOW_TASK_SCHEDULED:
        must(this.workflowTask === "none", `I13: ${name}, but there is a workflow task`);
        this.workflowTask = "scheduled";
        return;
      case Type.WORKFLOW_TASK_STARTED:
        must(this.workflowTask === "scheduled", `I13: ${name}, but no workflow task is scheduled`);
        this.workflowTask = "started";
        return;
      case Type.WORKFLOW_TASK_COMPLETED: {
        const { startedEventId = 0 } = event.workflowTaskCompletedEventAttributes ?? {};
        must(this.workflowTask === "started", `I13: ${name}, but no workflow task is started`);
        must(this.events[startedEventId - 1]?.eventType === Type.WORKFLOW_TASK_STARTED, `I9: ${name} names no start`);
        this.workflowTask = "none";
        this.lastSeenEventId = startedEventId;
        this.completedTasks.add(startedEventId);
        return;
      }
      case Type.WORKFLOW_TASK_FAILED:
      case Type.WORKFLOW_TASK_TIMED_OUT:
        must(this.workflowTask !== "none", `I13: ${name}, but there is no workflow task`);
        this.workflowTask = "none";
        return;
      default:
        return;
    }
  }

  #activity(event: Event, name: string): void {
    if (event.activityTaskScheduledEventAttributes) this.activities.add(event.eventId);
    const started = event.activityTaskStartedEventAttributes;
    if (started) must(this.activities.has(started.scheduledEventId), `I9: ${name} starts nothing`);
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    if (ended) must(this.activities.delete(ended.scheduledEventId), `I14: ${name} ends what has ended`);
  }

  #timer(event: Event, name: string): void {
    const started = event.timerStartedEventAttributes;
    if (started) {
      must(!this.timers.has(started.timerId), `I9: ${name} starts a timer that runs`);
      const { seconds = 0, nanos = 0 } = started.startToFireTimeout ?? {};
      const dueAtMs = timeMs(event) + seconds * 1_000 + Math.floor(nanos / 1e6) - this.#backMs();
      this.timers.set(started.timerId, { startedEventId: event.eventId, dueAtMs });
    }
    const fired = event.timerFiredEventAttributes;
    if (fired) {
      const timer = this.timers.get(fired.timerId);
      must(timer?.startedEventId === fired.startedEventId, `I20: ${name} fires no running timer`);
      must(timeMs(event) >= timer!.dueAtMs, `I20: ${name} is ${timer!.dueAtMs - timeMs(event)} ms early`);
    }
    const cancelled = event.timerCanceledEventAttributes;
    if (cancelled) must(this.timers.has(cancelled.timerId), `I20: ${name} cancels no running timer`);
    const ended = fired ?? cancelled;
    if (ended) this.timers.delete(ended.timerId);
  }

  #child(event: Event, name: string): void {
    if (event.startChildWorkflowExecutionInitiatedEventAttributes) this.children.set(event.eventId, false);
    const started = event.childWorkflowExecutionStartedEventAttributes;
    if (started) {
      must(this.children.get(started.initiatedEventId) === false, `I21: ${name} starts a child twice`);
      this.children.set(started.initiatedEventId, true);
    }
    const failed = event.startChildWorkflowExecutionFailedEventAttributes;
    if (failed) must(this.children.get(failed.initiatedEventId) === false, `I21: ${name} of a child that has started`);
    const ended =
      event.childWorkflowExecutionCompletedEventAttributes ??
      event.childWorkflowExecutionFailedEventAttributes ??
      event.childWorkflowExecutionCanceledEventAttributes ??
      event.childWorkflowExecutionTerminatedEventAttributes ??
      event.childWorkflowExecutionTimedOutEventAttributes;
    if (ended) must(this.children.get(ended.initiatedEventId) === true, `I21: ${name} ends no running child`);
    const over = failed ?? ended;
    if (over) this.children.delete(over.initiatedEventId);
  }

  #message(event: Event, name: string): void {
    if (
      event.signalExternalWorkflowExecutionInitiatedEventAttributes ??
      event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes
    )
      this.messages.add(event.eventId);
    const answered =
      event.externalWorkflowExecutionSignaledEventAttributes ??
      event.signalExternalWorkflowExecutionFailedEventAttributes ??
      event.externalWorkflowExecutionCancelRequestedEventAttributes ??
      event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
    if (answered) must(this.messages.delete(answered.initiatedEventId), `I9: ${name} answers twice`);
  }

  #request(event: Event, name: string): void {
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal) this.signals.push(signal.signalName);
    const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
    if (accepted) {
      const id = accepted.protocolInstanceId;
      must(!this.updates.has(id), `I19: ${name} accepts update ${id} again`);
      this.accepted.add(id);
      this.updates.set(id, event.eventId);
    }
    const completed = event.workflowExecutionUpdateCompletedEventAttributes;
    if (completed) {
      const id = completed.meta?.updateId ?? "";
      must(this.accepted.delete(id), `I19: ${name} completes update ${id}, which nobody has accepted`);
      must(this.updates.get(id) === completed.acceptedEventId, `I9: ${name} names another acceptance`);
    }
  }
}

export function timeMs({ eventTime }: Event): number {
  return eventTime ? eventTime.seconds * 1_000 + Math.floor(eventTime.nanos / 1e6) : 0;
}

function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new HistoryViolation(message);
}
