/**
 * The history of one run, read event by event, with what must hold of each (I5 to I9, I12 to I14, I17, I19 to I21). Knows nothing of the
 * engine's state: whoever can read a history, from a disk or a server, can check it.
 */
import { enums, history, timestampMs } from "@pawl/protocol";
import { emptyHistoryHash, hashedHistory } from "../state/history-hash.ts";
import { must, Violation } from "./violation.ts";

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
  Type.NEXUS_OPERATION_STARTED,
  Type.NEXUS_OPERATION_COMPLETED,
  Type.NEXUS_OPERATION_FAILED,
  Type.NEXUS_OPERATION_CANCELED,
  Type.NEXUS_OPERATION_TIMED_OUT,
];

/** Starts of what somebody else does are written when it ends or answers, with the time that they had. */
const toldLater: readonly number[] = [Type.ACTIVITY_TASK_STARTED, Type.NEXUS_OPERATION_STARTED];

/** What workers ask for by commands; each of these events names the workflow task by which it was asked for. */
const commanded: readonly number[] = [
  Type.ACTIVITY_TASK_SCHEDULED,
  Type.ACTIVITY_TASK_CANCEL_REQUESTED,
  Type.TIMER_STARTED,
  Type.TIMER_CANCELED,
  Type.MARKER_RECORDED,
  Type.START_CHILD_WORKFLOW_EXECUTION_INITIATED,
  Type.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
  Type.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
  Type.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
  Type.WORKFLOW_PROPERTIES_MODIFIED,
  Type.NEXUS_OPERATION_SCHEDULED,
  Type.NEXUS_OPERATION_CANCEL_REQUESTED,
  Type.WORKFLOW_EXECUTION_COMPLETED,
  Type.WORKFLOW_EXECUTION_FAILED,
  Type.WORKFLOW_EXECUTION_CANCELED,
];

/** The clock by which the events were written. */
export interface HistoryClock {
  /** No event is younger than this. */
  nowMs(): number;
  /**
   * How far the clock has been set back by now: a timer is timed by it, and the times of events only never go back. Absent: nobody knows, and an
   * event whose time had to be held at that of the one before tells nothing of when it came.
   */
  readonly backMs?: () => number;
}

interface RunningTimer {
  readonly startedEventId: number;
  readonly dueAtMs: number;
  readonly backMs: number;
}

const resetCause = enums.WorkflowTaskFailedCause.RESET_WORKFLOW;

export class RunHistory {
  readonly #clock: HistoryClock;
  readonly events: Event[] = [];
  readonly batches: Uint8Array[] = [];
  /** Of all batches. */
  bytes = 0;
  /** As the state keeps it of them (`history-hash.ts`). */
  hash = emptyHistoryHash;
  /** Scheduled event ids of activities that have not ended. */
  readonly activities = new Set<number>();
  /** Running timers by their id; a firing is told later than the start of the next timer that has the id when a workflow task was in flight. */
  readonly timers = new Map<string, RunningTimer>();
  /** Those whose firing must still come, before the next workflow task starts, by their started event. */
  readonly #fired = new Map<number, RunningTimer>();
  /** Initiated event ids of children that have not ended: whether each has started. */
  readonly children = new Map<number, boolean>();
  /** Somebody has held the workflow back for a while. */
  wasPaused = false;
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
  /** Scheduled event ids of Nexus operations that have not ended. */
  readonly nexusOperations = new Set<number>();
  closing: Event | undefined;
  readonly #signalRequestIds = new Set<string>();
  /** Between the point of a reset and its workflow task is what the runs before were told. Two of them may have been given signals of one request id. */
  #isTakenOver = false;
  #lastCompletedEventId = 0;
  #lastAtMs = 0;
  /** The event that is looked at has the time of the one before, perhaps because the clock was set back. */
  #isHeld = false;
  /** A workflow task has ended in this batch: what follows may have happened before, and has the time at which it was written. */
  #isFlush = false;

  constructor(clock: HistoryClock) {
    this.#clock = clock;
  }

  #backMs(): number {
    return this.#clock.backMs?.() ?? 0;
  }

  get lastEventId(): number {
    return this.events.length;
  }

  get isOpen(): boolean {
    return this.closing === undefined;
  }

  /** Throws `Violation`; what was appended until then can still be looked at. */
  append(firstEventId: number, lastEventId: number, bytes: Uint8Array): void {
    must(
      firstEventId === this.lastEventId + 1,
      "I6",
      `a batch begins with event ${firstEventId} after ${this.lastEventId}`,
    );
    this.batches.push(bytes);
    this.bytes += bytes.length;
    this.hash = hashedHistory(this.hash, bytes);
    this.#isFlush = false;
    for (const event of eventsOf(bytes)) this.#append(event);
    must(
      this.lastEventId === lastEventId,
      "I6",
      `a batch says that it ends with ${lastEventId}, and ends with ${this.lastEventId}`,
    );
  }

  #append(event: Event): void {
    const { eventId, eventType } = event;
    const name = `event ${eventId} of type ${eventType}`;
    must(eventId === this.lastEventId + 1, "I6", `${name} follows ${this.lastEventId}`);
    must(this.isOpen, "I5", `${name} follows the closing event`);
    const isTold = toldLater.includes(eventType);
    must(isTold || timeMs(event) >= this.#lastAtMs, "I8", `${name} is older than the one before`);
    this.#isHeld = this.#clock.backMs === undefined && timeMs(event) <= this.#lastAtMs;
    if (!isTold) this.#lastAtMs = timeMs(event);
    must((eventId === 1) === (eventType === Type.WORKFLOW_EXECUTION_STARTED), "I6", `${name} is no beginning`);
    must(timeMs(event) <= this.#clock.nowMs() + this.#backMs(), "I8", `${name} is from the future`);
    this.#command(event, name);
    this.events.push(event);
    if (closings.includes(eventType)) this.closing = event;
    if (eventType === Type.WORKFLOW_EXECUTION_PAUSED) this.wasPaused = true;
    if (triggers.includes(eventType)) this.lastTriggerEventId = eventId;
    this.#workflowTask(event, name);
    this.#activity(event, name);
    this.#timer(event, name);
    this.#child(event, name);
    this.#message(event, name);
    this.#nexus(event, name);
    this.#request(event, name);
  }

  /** What a worker asked for follows the workflow task by which it did, and no later one. */
  #command(event: Event, name: string): void {
    if (!commanded.includes(event.eventType)) return;
    const completedEventId = completedEventIdOf(event);
    must(
      completedEventId === this.#lastCompletedEventId,
      "I12",
      `${name} is of the workflow task that event ${completedEventId} completed, the last was completed by ${this.#lastCompletedEventId}`,
    );
  }

  #workflowTask(event: Event, name: string): void {
    switch (event.eventType) {
      case Type.WORKFLOW_TASK_SCHEDULED:
        must(this.workflowTask === "none", "I13", `${name}, but there is a workflow task`);
        this.workflowTask = "scheduled";
        this.#isTakenOver = false;
        return;
      case Type.WORKFLOW_TASK_STARTED:
        must(this.workflowTask === "scheduled", "I13", `${name}, but no workflow task is scheduled`);
        for (const id of this.#fired.keys()) must(false, "I9", `${name}, but the timer of event ${id} has not fired`);
        this.workflowTask = "started";
        return;
      case Type.WORKFLOW_TASK_COMPLETED: {
        const { startedEventId = 0 } = event.workflowTaskCompletedEventAttributes ?? {};
        must(this.workflowTask === "started", "I13", `${name}, but no workflow task is started`);
        must(this.events[startedEventId - 1]?.eventType === Type.WORKFLOW_TASK_STARTED, "I9", `${name} names no start`);
        this.workflowTask = "none";
        this.#isFlush = true;
        this.lastSeenEventId = startedEventId;
        this.completedTasks.add(startedEventId);
        this.#lastCompletedEventId = event.eventId;
        return;
      }
      case Type.WORKFLOW_TASK_FAILED:
      case Type.WORKFLOW_TASK_TIMED_OUT:
        must(this.workflowTask !== "none", "I13", `${name}, but there is no workflow task`);
        this.workflowTask = "none";
        this.#isFlush = true;
        this.#isTakenOver = event.workflowTaskFailedEventAttributes?.cause === resetCause;
        return;
      default:
        return;
    }
  }

  #activity(event: Event, name: string): void {
    if (event.activityTaskScheduledEventAttributes) this.activities.add(event.eventId);
    const started = event.activityTaskStartedEventAttributes;
    if (started) must(this.activities.has(started.scheduledEventId), "I9", `${name} starts nothing`);
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    if (ended) must(this.activities.delete(ended.scheduledEventId), "I14", `${name} ends what has ended`);
    const asked = event.activityTaskCancelRequestedEventAttributes;
    if (asked) must(this.activities.has(asked.scheduledEventId), "I9", `${name} cancels no pending activity`);
  }

  #timer(event: Event, name: string): void {
    const started = event.timerStartedEventAttributes;
    if (started) {
      const before = this.timers.get(started.timerId);
      must(!before || this.#isFlush, "I9", `${name} starts a timer that runs`);
      if (before) this.#fired.set(before.startedEventId, before);
      const { seconds = 0, nanos = 0 } = started.startToFireTimeout ?? {};
      const backMs = this.#backMs();
      const dueAtMs = timeMs(event) + seconds * 1_000 + Math.floor(nanos / 1e6) - backMs;
      this.timers.set(started.timerId, { startedEventId: event.eventId, dueAtMs, backMs });
    }
    const fired = event.timerFiredEventAttributes;
    if (fired) {
      const timer = this.#running(fired);
      must(timer, "I20", `${name} fires no running timer`);
      must(this.#isDue(timer, event), "I20", `${name} is ${timer.dueAtMs - timeMs(event)} ms early`);
    }
    const cancelled = event.timerCanceledEventAttributes;
    if (cancelled) must(this.#running(cancelled), "I20", `${name} cancels no running timer`);
    const ended = fired ?? cancelled;
    if (ended && !this.#fired.delete(ended.startedEventId)) this.timers.delete(ended.timerId);
  }

  #running({ timerId, startedEventId }: { readonly timerId: string; readonly startedEventId: number }) {
    const timer = this.timers.get(timerId);
    return timer?.startedEventId === startedEventId ? timer : this.#fired.get(startedEventId);
  }

  #isDue({ dueAtMs, backMs }: RunningTimer, event: Event): boolean {
    // The clock may have been set back between the firing and its event.
    const graceMs = this.#isFlush ? this.#backMs() - backMs : 0;
    return this.#isHeld || timeMs(event) >= dueAtMs - graceMs;
  }

  #child(event: Event, name: string): void {
    if (event.startChildWorkflowExecutionInitiatedEventAttributes) this.children.set(event.eventId, false);
    const started = event.childWorkflowExecutionStartedEventAttributes;
    if (started) {
      must(this.children.get(started.initiatedEventId) === false, "I21", `${name} starts a child twice`);
      this.children.set(started.initiatedEventId, true);
    }
    const failed = event.startChildWorkflowExecutionFailedEventAttributes;
    if (failed)
      must(this.children.get(failed.initiatedEventId) === false, "I21", `${name} of a child that has started`);
    const ended =
      event.childWorkflowExecutionCompletedEventAttributes ??
      event.childWorkflowExecutionFailedEventAttributes ??
      event.childWorkflowExecutionCanceledEventAttributes ??
      event.childWorkflowExecutionTerminatedEventAttributes ??
      event.childWorkflowExecutionTimedOutEventAttributes;
    if (ended) must(this.children.get(ended.initiatedEventId) === true, "I21", `${name} ends no running child`);
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
    if (answered) must(this.messages.delete(answered.initiatedEventId), "I9", `${name} answers twice`);
  }

  #nexus(event: Event, name: string): void {
    if (event.nexusOperationScheduledEventAttributes) this.nexusOperations.add(event.eventId);
    const about = event.nexusOperationStartedEventAttributes ?? event.nexusOperationCancelRequestedEventAttributes;
    if (about) must(this.nexusOperations.has(about.scheduledEventId), "I9", `${name} is about no pending operation`);
    const ended =
      event.nexusOperationCompletedEventAttributes ??
      event.nexusOperationFailedEventAttributes ??
      event.nexusOperationCanceledEventAttributes ??
      event.nexusOperationTimedOutEventAttributes;
    if (ended) must(this.nexusOperations.delete(ended.scheduledEventId), "I9", `${name} ends what has ended`);
  }

  #request(event: Event, name: string): void {
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal) {
      const { requestId } = signal;
      const isAgain = this.#signalRequestIds.has(requestId) && !this.#isTakenOver;
      must(!isAgain, "I17", `${name} is the signal of request ${requestId} again`);
      if (requestId !== "") this.#signalRequestIds.add(requestId);
      this.signals.push(signal.signalName);
    }
    const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
    if (accepted) {
      const id = accepted.protocolInstanceId;
      must(!this.updates.has(id), "I19", `${name} accepts update ${id} again`);
      this.accepted.add(id);
      this.updates.set(id, event.eventId);
    }
    const completed = event.workflowExecutionUpdateCompletedEventAttributes;
    if (completed) {
      const id = completed.meta?.updateId ?? "";
      must(this.accepted.delete(id), "I19", `${name} completes update ${id}, which nobody has accepted`);
      must(this.updates.get(id) === completed.acceptedEventId, "I9", `${name} names another acceptance`);
    }
  }
}

function eventsOf(bytes: Uint8Array): readonly Event[] {
  try {
    return history.History.decode(bytes).events;
  } catch (error) {
    throw new Violation("I2", `a batch of events cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** Every event that a command made has it among its attributes, whatever they are. */
function completedEventIdOf(event: Event): number | undefined {
  for (const attributes of Object.values(event))
    if (typeof attributes === "object" && attributes !== null && "workflowTaskCompletedEventId" in attributes)
      return Number(attributes.workflowTaskCompletedEventId);
  return undefined;
}

function timeMs({ eventTime }: Event): number {
  return timestampMs(eventTime);
}
