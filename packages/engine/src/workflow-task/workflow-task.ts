/**
 * The life of a workflow task:
 *
 *   none ──schedule──▶ scheduled ──start──▶ started ──complete──▶ none
 *                          │                   └──fail, timeOut──▶ none, then scheduled again
 *                          └──timeOut (sticky)──▶ none, then scheduled on the normal queue
 *
 *   T1. At most one is pending; while it is started, outside events are buffered.
 *   T2. Attempt 1 is in history from the moment it is scheduled; later attempts are transient and written only when they complete.
 *   T3. A failure while sticky clears stickiness and keeps attempt 1; on the normal queue it raises the attempt.
 */
import { enums, errordetails, type failure, history, toTimestamp } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { detail, Rejection } from "../rejection.ts";
import { causeName, countTaskFailure, triedToClose } from "../run/derived-attribute.ts";
import { dropTail, flushBuffer, sealBatch, tailEvents, write, writeShownTask } from "../run/history.ts";
import { type HistoryEventInit, isOpen, type Run } from "../state/run.ts";
import type { DeploymentVersion } from "../state/versioning.ts";
import type { WorkflowTask } from "../state/workflow-task.ts";
import type { Step } from "../step.ts";
import { type SendOptions, sendUpdates } from "../update/update-message.ts";
import {
  beginTransition,
  effectiveVersion,
  isSameVersion,
  isVersionPinned,
  noticeTarget,
  taskVersioning,
} from "../versioning/versioning.ts";
import type { Poller, StartedWorkflowTask, Task, WorkflowTaskRef } from "../vocabulary.ts";
import { scheduledEvent, startedEvent } from "./workflow-task-events.ts";

type Scheduled = Extract<WorkflowTask, { type: "scheduled" }>;
type Started = Extract<WorkflowTask, { type: "started" }>;

export const taskNotFound = new Rejection("NOT_FOUND", "Workflow task not found.");

const { ResourceExhaustedCause, ResourceExhaustedScope } = enums;
/** The caller's next try reaches the workflow when it has not closed after all, or the run that follows. */
export const workflowClosing = new Rejection(
  "RESOURCE_EXHAUSTED",
  "workflow operation can not be applied because workflow is closing",
  detail(errordetails.ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause.BUSY_WORKFLOW,
    scope: ResourceExhaustedScope.NAMESPACE,
  }),
);

/**
 * Why nothing new may be asked of the workflow now, if so: its worker tried to close it and was told that something had come meanwhile. While it
 * tries again nothing comes, or a workflow that is asked often enough would never close.
 */
export function closingProblem(run: Run): Rejection | undefined {
  return run.workflowTask.type === "started" && triedToClose(run) ? workflowClosing : undefined;
}

export interface ScheduleOptions {
  /** For an update alone: see `Run.workflowTask`. */
  readonly speculative?: boolean;
  /** Kept over a chain of tasks that only keep local activities alive. */
  readonly originalScheduledAtMs?: number;
  /** Starts the task at once for this worker instead of handing it to the queue. */
  readonly inline?: Poller & SendOptions;
}

/** Schedules a workflow task unless one is pending or the first one is still delayed. */
export function scheduleWorkflowTask(
  run: Run,
  step: Step,
  options: ScheduleOptions = {},
): StartedWorkflowTask | undefined {
  if (!isOpen(run) || run.workflowTask.type !== "none" || run.firstTaskAtMs !== null) return undefined;
  if (flushBuffer(run, step.nowMs)) run.workflowTaskAttempt = 1;
  if (run.pause) return undefined;
  const attempt = run.workflowTaskAttempt;
  const speculative = options.speculative === true && attempt === 1;
  const transient = attempt > 1 || speculative;
  const timeoutMs = taskTimeoutMs(run, attempt);
  const sticky = attempt > 1 ? null : run.sticky;
  const scheduledEventId = transient
    ? run.nextEventId
    : write(run, step.nowMs, scheduledEvent(run, { attempt, timeoutMs }));
  const task: Scheduled = {
    type: "scheduled",
    transient,
    speculative,
    scheduledEventId,
    attempt,
    stamp: nextStamp(run, step),
    scheduledAtMs: step.nowMs,
    originalScheduledAtMs: options.originalScheduledAtMs ?? step.nowMs,
    timeoutMs,
    scheduleToStartAtMs: scheduleToStartAtMs(step.nowMs, sticky, speculative),
  };
  run.workflowTask = task;
  if (speculative) run.noticed = true;
  else run.changes.core = true;
  if (!options.inline) {
    step.dispatch(workflowTaskOf(run)!);
    return undefined;
  }
  const started = begin(run, step, task, options.inline);
  sealBatch(run);
  // Whoever gets it with an answer has just seen the history before it.
  return startedReply(run, started, { ...options.inline, sticky: true });
}

function nextStamp(run: Run, step: Step): number {
  run.workflowTaskStamp = step.newStamp(run.workflowTaskStamp);
  return run.workflowTaskStamp;
}

/** A speculative task is given up soon on any queue: nobody but memory would remember it. */
function scheduleToStartAtMs(nowMs: number, sticky: Run["sticky"], speculative: boolean): number | null {
  if (sticky) return nowMs + sticky.scheduleToStartTimeoutMs;
  return speculative ? nowMs + limits.speculativeScheduleToStartMs : null;
}

/** Schedules the first workflow task although its delay has not passed. */
export function skipFirstTaskDelay(run: Run): void {
  run.firstTaskAtMs = null;
  run.changes.core = true;
}

/** What the queue is told, derived from state: also how a scheduled task is dispatched again after a restart. */
export function workflowTaskOf(run: Run): Task | undefined {
  const task = run.workflowTask;
  if (task.type !== "scheduled") return undefined;
  const sticky = task.scheduleToStartAtMs === null ? null : run.sticky;
  return {
    kind: "workflow",
    namespaceId: run.namespaceId,
    workflowId: run.workflowId,
    runId: run.runId,
    taskQueue: run.start.taskQueue,
    ...(sticky && { stickyQueue: sticky.queue }),
    scheduledEventId: task.scheduledEventId,
    stamp: task.stamp,
    scheduledAtMs: task.scheduledAtMs,
    priority: run.start.priority,
    ...taskVersioning(run),
  };
}

/** The run belongs to another version now: a task that waits for a worker of the old one goes where it should, and what was on its way is void. */
export function redispatchWorkflowTask(run: Run, step: Step): void {
  const task = run.workflowTask;
  clearSticky(run);
  if (task.type !== "scheduled") return;
  run.workflowTask = {
    ...task,
    stamp: nextStamp(run, step),
    scheduleToStartAtMs: scheduleToStartAtMs(step.nowMs, null, task.speculative),
  };
  if (task.speculative) run.noticed = true;
  else run.changes.core = true;
  const due = workflowTaskOf(run);
  if (due) step.dispatch(due);
}

/** From attempt 4 on the timeout grows (5 s, 10 s, … 10 min): workers do not report repeated failures, they let the task time out. */
function taskTimeoutMs(run: Run, attempt: number): number {
  if (attempt < limits.workflowTaskBackoffAttempt) return run.start.taskTimeoutMs;
  const extraMs = limits.workflowTaskBackoffInitialMs * 2 ** (attempt - limits.workflowTaskBackoffAttempt);
  return run.start.taskTimeoutMs + Math.min(extraMs, limits.workflowTaskBackoffMsMax);
}

/** `sticky`: whether the poll was on the run's sticky queue; a poll on the normal queue gets the whole history and ends stickiness. */
export function startWorkflowTask(
  run: Run,
  step: Step,
  command: { stamp: number; poller: Poller; sticky: boolean },
): StartedWorkflowTask | Rejection {
  const task = run.workflowTask;
  if (task.type === "started" && task.requestId === command.poller.requestId) return startedReply(run, task, command);
  if (task.type !== "scheduled" || task.stamp !== command.stamp) return taskNotFound;
  if (!command.sticky) clearSticky(run);
  const due = followPoller(run, step, task, command.poller.deploymentVersion ?? null);
  const started = begin(run, step, due, command.poller);
  sealBatch(run);
  return startedReply(run, started, command);
}

/** An unpinned run moves to the version whose worker takes its task; to that of a speculative one when it completes, for it may leave no trace. */
function followPoller(run: Run, step: Step, task: Scheduled, version: DeploymentVersion | null): Scheduled {
  if (task.speculative || (run.versioning === null && version === null)) return task;
  if (isVersionPinned(run.versioning) || isSameVersion(effectiveVersion(run.versioning), version)) return task;
  setOut(run, step, version);
  return run.workflowTask as Scheduled;
}

/** Begins the transition to the version. A task that is pending is written, if it was not: the transition lasts, and so must what ends it. */
export function setOut(run: Run, step: Step, version: DeploymentVersion | null): void {
  beginTransition(run, step.routing, version);
  clearSticky(run);
  const task = run.workflowTask;
  if (task.type === "scheduled" && task.speculative) writeShownTask(run, task);
}

function begin(run: Run, step: Step, task: Scheduled, poller: Poller): Started {
  // Something was written since the transient task was scheduled: its virtual ids are taken, so it becomes a normal first attempt.
  const upgraded = task.transient && run.nextEventId !== task.scheduledEventId;
  const attempt = upgraded ? 1 : task.attempt;
  const transient = task.transient && !upgraded;
  const scheduledEventId = upgraded
    ? write(run, step.nowMs, scheduledEvent(run, { attempt, timeoutMs: task.timeoutMs }))
    : task.scheduledEventId;
  const started: Started = {
    type: "started",
    transient,
    speculative: transient && task.speculative,
    scheduledEventId,
    startedEventId: scheduledEventId + 1,
    attempt,
    stamp: task.stamp,
    scheduledAtMs: task.scheduledAtMs,
    originalScheduledAtMs: task.originalScheduledAtMs,
    timeoutMs: task.timeoutMs,
    startedAtMs: step.nowMs,
    identity: poller.identity,
    requestId: poller.requestId,
    historySizeBytes: run.historySizeBytes,
    continueAsNewReasons: continueAsNewReasons(run),
    ...(poller.deploymentVersion && { deploymentVersion: poller.deploymentVersion }),
    ...(noticeTarget(run, step.routing) && { targetVersionChanged: true }),
  };
  if (upgraded) run.workflowTaskAttempt = 1;
  const written = transient ? started : { ...started, startedEventId: write(run, step.nowMs, startedEvent(started)) };
  run.workflowTask = written;
  if (written.speculative) run.noticed = true;
  else run.changes.core = true;
  return written;
}

/** Why the worker should let the run continue as new, if there is a reason. */
export function continueAsNewReasons(run: Run): enums.SuggestContinueAsNewReason[] {
  const reasons: enums.SuggestContinueAsNewReason[] = [];
  if (run.historySizeBytes >= limits.suggestContinueAsNewBytes)
    reasons.push(enums.SuggestContinueAsNewReason.HISTORY_SIZE_TOO_LARGE);
  if (run.nextEventId - 1 >= limits.suggestContinueAsNewEvents)
    reasons.push(enums.SuggestContinueAsNewReason.TOO_MANY_HISTORY_EVENTS);
  if (run.updates.size >= limits.suggestContinueAsNewUpdates)
    reasons.push(enums.SuggestContinueAsNewReason.TOO_MANY_UPDATES);
  return reasons;
}

function startedReply(
  run: Run,
  task: Started,
  { sticky, onlyNew = false }: SendOptions & { readonly sticky: boolean },
): StartedWorkflowTask {
  const fromEventId = sticky ? run.lastCompletedStartedEventId + 1 : 1;
  const toEventId = task.transient ? task.scheduledEventId - 1 : task.startedEventId;
  return {
    task: {
      runId: run.runId,
      scheduledEventId: task.scheduledEventId,
      startedEventId: task.startedEventId,
      attempt: task.attempt,
      stamp: task.stamp,
    },
    namespaceId: run.namespaceId,
    workflowId: run.workflowId,
    workflowType: run.start.workflowType,
    taskQueue: run.start.taskQueue,
    previousStartedEventId: run.lastCompletedStartedEventId,
    scheduledAtMs: task.scheduledAtMs,
    startedAtMs: task.startedAtMs,
    fromEventId,
    toEventId,
    virtualEvents: virtualEvents(run),
    events: toEventId < fromEventId ? new Uint8Array(0) : tailEvents(run, fromEventId, toEventId),
    historySizeBytes: run.historySizeBytes,
    messages: sendUpdates(run, task.startedEventId, { onlyNew }),
  };
}

const noEvents = new Uint8Array(0);

/** The events of a transient workflow task, which workers must see although history does not hold them. `shown`: to a reader of the history. */
export function virtualEvents(run: Run, { shown = false } = {}): Uint8Array {
  const task = run.workflowTask;
  if (task.type === "none" || !task.transient) return noEvents;
  const at = (event: HistoryEventInit, eventId: number, ms: number) => ({
    ...event,
    eventId,
    eventTime: toTimestamp(Math.max(ms, run.lastEventAtMs)),
  });
  // What was written since the task was scheduled has taken its id; it gets another one when it starts.
  const scheduledEventId = task.type === "scheduled" ? run.nextEventId : task.scheduledEventId;
  const events = [at(scheduledEvent(run, task), scheduledEventId, task.scheduledAtMs)];
  if (task.type === "started")
    events.push(at(startedEvent(shown ? { ...task, identity: "" } : task), task.startedEventId, task.startedAtMs));
  return history.History.encode({ events });
}

/** The started task that `ref` means, or undefined when it is not the current one. */
export function startedTask(run: Run, ref: WorkflowTaskRef): Started | undefined {
  const task = run.workflowTask;
  if (!isOpen(run) || task.type !== "started" || task.stamp !== ref.stamp) return undefined;
  return task.startedEventId === ref.startedEventId && task.attempt === ref.attempt ? task : undefined;
}

export interface TaskFailure {
  readonly cause: enums.WorkflowTaskFailedCause;
  readonly failure: failure.Failure | undefined;
  readonly identity: string;
  readonly binaryChecksum?: string;
  /** Set when the run comes of a reset of another. */
  readonly reset?: { readonly baseRunId: string; readonly newRunId: string };
}

/** Drops a speculative task that changed nothing, as if it had never been. */
export function dropSpeculative(run: Run): void {
  run.workflowTask = { type: "none" };
  run.noticed = true;
}

/** Ends the started task as failed (T3). The caller schedules the next one. */
export function failStartedTask(
  run: Run,
  step: Step,
  task: Started,
  { cause, failure, identity, binaryChecksum = "", reset }: TaskFailure,
): void {
  step.notes.push("workflowTaskFailed");
  // A speculative task is written, with its failure, by the first event that follows it.
  if (!task.transient || task.speculative) {
    write(run, step.nowMs, {
      eventType: enums.EventType.WORKFLOW_TASK_FAILED,
      workflowTaskFailedEventAttributes: {
        scheduledEventId: task.scheduledEventId,
        startedEventId: task.startedEventId,
        cause,
        failure,
        identity,
        binaryChecksum,
        ...reset,
      },
    });
  }
  const { RESET_WORKFLOW, FAILOVER_CLOSE_COMMAND } = enums.WorkflowTaskFailedCause;
  const resets = cause === RESET_WORKFLOW || cause === FAILOVER_CLOSE_COMMAND;
  if (!resets) countTaskFailure(run, "Failed", causeName(cause));
  endUnfinished(run, resets);
}

/** The worker did not answer in time. */
export function timeOutStartedTask(run: Run, step: Step, task: Started): void {
  step.notes.push("workflowTaskTimedOut");
  if (!task.transient || task.speculative)
    write(run, step.nowMs, timedOutEvent(task.scheduledEventId, task.startedEventId, enums.TimeoutType.START_TO_CLOSE));
  countTaskFailure(run, "TimedOut", "StartToClose");
  endUnfinished(run, false);
}

/** The worker that has the run in its cache did not come: back to the normal queue, with the same attempt. */
export function timeOutStickyTask(run: Run, step: Step, task: Scheduled): void {
  write(run, step.nowMs, timedOutEvent(task.scheduledEventId, 0, enums.TimeoutType.SCHEDULE_TO_START));
  run.workflowTask = { type: "none" };
  clearSticky(run);
}

function endUnfinished(run: Run, resetAttempt: boolean): void {
  if (resetAttempt) run.workflowTaskAttempt = 1;
  else if (!run.sticky) run.workflowTaskAttempt += 1;
  clearSticky(run);
  run.workflowTask = { type: "none" };
  run.changes.core = true;
}

export function clearSticky(run: Run): void {
  if (run.sticky === null) return;
  run.sticky = null;
  run.changes.core = true;
}

/** Drops a task that is pending when the run closes. A started one leaves a failure in history, unless it is a later attempt, which is not written there. */
export function abandonTask(run: Run, step: Step): void {
  const task = run.workflowTask;
  if (task.type === "started" && (!task.transient || task.speculative)) {
    write(run, step.nowMs, {
      eventType: enums.EventType.WORKFLOW_TASK_FAILED,
      workflowTaskFailedEventAttributes: {
        scheduledEventId: task.scheduledEventId,
        startedEventId: task.startedEventId,
        cause: enums.WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND,
        identity: "history-service",
      },
    });
  }
  run.workflowTask = { type: "none" };
  dropTail(run);
}

function timedOutEvent(
  scheduledEventId: number,
  startedEventId: number,
  timeoutType: enums.TimeoutType,
): HistoryEventInit {
  return {
    eventType: enums.EventType.WORKFLOW_TASK_TIMED_OUT,
    workflowTaskTimedOutEventAttributes: { scheduledEventId, startedEventId, timeoutType },
  };
}
