/**
 * The life of an activity:
 *
 *   schedule ─▶ scheduled ──start──▶ started ──complete, fail, cancel, timeOut──▶ closed (leaves the run)
 *                   ▲                   │
 *                   └── backingOff ◀────┘ fail or timeOut, when the retry policy allows another attempt
 *
 *   A1. An attempt leaves no event; the started event is written together with the closing one.
 *   A2. An answer by token is for the attempt that the token names; a late one is NOT_FOUND and changes nothing.
 *   A3. A closed activity is not kept: history remembers it.
 */
import { type command, type common, enums, type failure, toDuration, toTimestamp } from "@pawl/protocol";
import { resolveRetryPolicy, retryPolicyProblem, wireRetryPolicy } from "../backoff.ts";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import { noteNoRetry, noteRetry } from "../run/derived-attribute.ts";
import { happen, write } from "../run/history.ts";
import type { Activity, ActivityStatus } from "../state/activity.ts";
import { type HistoryEventInit, isOpen, type Run, touchActivity, touchHeartbeat } from "../state/run.ts";
import type { DeploymentVersion } from "../state/versioning.ts";
import type { Step } from "../step.ts";
import { reservedQueueProblem } from "../task-queue-name.ts";
import {
  effectiveVersion,
  isSameVersion,
  isVersionPinned,
  targetOf,
  taskVersioning,
} from "../versioning/versioning.ts";
import type { ActivitySelector, Poller, Replies, StartedActivityTask, Task } from "../vocabulary.ts";
import { redispatchWorkflowTask, scheduleWorkflowTask, setOut } from "../workflow-task/workflow-task.ts";
import {
  isLegal,
  mayStart,
  newAttempts,
  readyAttempt,
  resolveTimeouts,
  retryAttempt,
  type Transition,
  takeAttempt,
} from "./attempt.ts";

export type ScheduleAttributes = command.ScheduleActivityTaskCommandAttributes;

/** Why the command cannot be carried out, or undefined. */
export function scheduleProblem(attributes: ScheduleAttributes, runTimeoutMs: number): string | undefined {
  const { activityId, priority } = attributes;
  const type = attributes.activityType?.name ?? "";
  const queue = attributes.taskQueue?.name ?? "";
  const max = limits.idBytesMax;
  if (activityId === "") return "activityId is not set";
  if (type === "") return "activityType is not set";
  const timeouts = resolveTimeouts(attributes, runTimeoutMs);
  const problem = retryPolicyProblem(attributes.retryPolicy) ?? (typeof timeouts === "string" ? timeouts : undefined);
  if (problem !== undefined) return problem;
  if (activityId.length > max) return `activityId exceeds length limit. Length=${activityId.length} Limit=${max}`;
  if (type.length > max) return `activityType exceeds length limit. Length=${type.length} Limit=${max}`;
  if (queue === "") return "taskQueue is not set";
  if (queue.length > max) return "taskQueue length exceeds limit";
  const reserved = reservedQueueProblem(queue);
  if (reserved !== undefined) return reserved;
  if ((priority?.priorityKey ?? 0) < 0) return "invalid priorities: priority key can't be negative";
  return undefined;
}

/** Adds the activity. The caller dispatches it, or starts it at once for the same worker. */
export function scheduleActivity(
  run: Run,
  step: Step,
  attributes: ScheduleAttributes,
  event: { completedEventId: number; userMetadata: HistoryEventInit["userMetadata"] },
): Activity {
  const timeouts = resolveTimeouts(attributes, run.start.runTimeoutMs);
  if (typeof timeouts === "string") throw new Error(timeouts);
  const retryPolicy = resolveRetryPolicy(attributes.retryPolicy);
  const taskQueue = attributes.taskQueue?.name || run.start.taskQueue;
  const { priority } = attributes;
  const scheduledEventId = write(run, step.nowMs, {
    eventType: enums.EventType.ACTIVITY_TASK_SCHEDULED,
    userMetadata: event.userMetadata,
    activityTaskScheduledEventAttributes: {
      activityId: attributes.activityId,
      activityType: attributes.activityType,
      taskQueue: { name: taskQueue, kind: enums.TaskQueueKind.NORMAL },
      header: attributes.header,
      input: attributes.input,
      scheduleToCloseTimeout: toDuration(timeouts.scheduleToCloseTimeoutMs),
      scheduleToStartTimeout: toDuration(timeouts.scheduleToStartTimeoutMs),
      startToCloseTimeout: toDuration(timeouts.startToCloseTimeoutMs),
      heartbeatTimeout: toDuration(timeouts.heartbeatTimeoutMs),
      workflowTaskCompletedEventId: event.completedEventId,
      retryPolicy: wireRetryPolicy(retryPolicy),
      useWorkflowBuildId: attributes.useWorkflowBuildId,
      priority,
    },
  });
  const activity = scheduledActivity({
    scheduledEventId,
    activityId: attributes.activityId,
    activityType: attributes.activityType!.name,
    scheduledAtMs: step.nowMs,
    options: { ...timeouts, taskQueue, retryPolicy, priority },
    scheduled: { input: attributes.input, header: attributes.header },
  });
  run.activities.set(scheduledEventId, activity);
  run.activityIds.set(activity.activityId, scheduledEventId);
  touchActivity(run, activity);
  return activity;
}

/** An activity that no worker has had yet. */
export function scheduledActivity(
  known: Pick<Activity, "scheduledEventId" | "activityId" | "activityType" | "scheduledAtMs" | "options" | "scheduled">,
): Activity {
  const { options, scheduledAtMs } = known;
  const status = { type: "scheduled", dispatchAtMs: scheduledAtMs } as const;
  return { ...known, ...newAttempts(options, { scheduledAtMs, status }), cancelRequestedEventId: null };
}

/** A field that the activity or child sets wins over the workflow's, as that is when it counts. */
export function mergePriority(
  base: common.Priority | undefined,
  own: common.Priority | undefined,
): common.Priority | undefined {
  if (!base || !own) return own ?? base;
  return {
    priorityKey: own.priorityKey || base.priorityKey,
    fairnessKey: own.fairnessKey || base.fairnessKey,
    fairnessWeight: own.fairnessWeight || base.fairnessWeight,
  };
}

/** What the queue is told of an activity that waits for a worker, derived from state. */
export function activityTaskOf(run: Run, activity: Activity): Task | undefined {
  if (activity.status.type !== "scheduled" || activity.paused || run.pause || run.versioning?.transition)
    return undefined;
  return {
    kind: "activity",
    namespaceId: run.namespaceId,
    workflowId: run.workflowId,
    runId: run.runId,
    taskQueue: activity.options.taskQueue,
    scheduledEventId: activity.scheduledEventId,
    stamp: activity.stamp,
    scheduledAtMs: activity.status.dispatchAtMs,
    priority: mergePriority(run.start.priority, activity.options.priority),
    ...taskVersioning(run),
  };
}

/** The run belongs to another version now: activities that wait go where they should, and what was on its way is void. */
export function redispatchActivities(
  run: Run,
  step: Step,
  except: readonly { readonly activity: Activity }[] = [],
): void {
  const fresh = new Set(except.map(({ activity }) => activity));
  for (const activity of run.activities.values()) {
    if (activity.status.type !== "scheduled" || fresh.has(activity)) continue;
    activity.stamp += 1;
    touchActivity(run, activity);
    const task = activityTaskOf(run, activity);
    if (task) step.dispatch(task);
  }
}

export function startActivityTask(
  run: Run,
  step: Step,
  command: { scheduledEventId: number; stamp: number; poller: Poller },
): StartedActivityTask | undefined | Rejection {
  const activity = run.activities.get(command.scheduledEventId);
  if (!isOpen(run) || !activity) return activityNotFound;
  if (activity.status.type === "started" && activity.status.requestId === command.poller.requestId)
    return startedReply(run, activity, activity.status);
  if (run.pause || run.versioning?.transition || !mayStart(activity, command.stamp)) return activityNotFound;
  if (movesRun(run, step, command.poller.deploymentVersion ?? null)) return undefined;
  return beginAttempt(run, step, activity, command.poller);
}

/**
 * Whether the run sets out to the version that would take its activity, because its workflow tasks go there now too. Otherwise the activity
 * belongs to a deployment of its own, and the run stays where it is.
 */
function movesRun(run: Run, step: Step, version: DeploymentVersion | null): boolean {
  if (run.versioning === null && version === null) return false;
  if (isVersionPinned(run.versioning) || isSameVersion(effectiveVersion(run.versioning), version)) return false;
  if (!isSameVersion(targetOf(run, step.routing).version, version)) return false;
  setOut(run, step, version);
  redispatchWorkflowTask(run, step);
  scheduleWorkflowTask(run, step);
  return true;
}

/** The attempt begins; no event is written (A1). */
export function beginAttempt(run: Run, step: Step, activity: Activity, poller: Poller): StartedActivityTask {
  const { status, attemptScheduledAtMs } = takeAttempt(activity, step.nowMs, poller);
  touchActivity(run, activity);
  const reply = startedReply(run, activity, status, attemptScheduledAtMs);
  // A later attempt reads the input from history: it need not stay in memory while the worker has it.
  activity.scheduled = undefined;
  return reply;
}

function startedReply(
  run: Run,
  activity: Activity,
  status: Extract<ActivityStatus, { type: "started" }>,
  attemptScheduledAtMs = status.startedAtMs,
): StartedActivityTask {
  const { options } = activity;
  return {
    activity: { runId: run.runId, scheduledEventId: activity.scheduledEventId, attempt: activity.attempt },
    namespaceId: run.namespaceId,
    workflowId: run.workflowId,
    workflowType: run.start.workflowType,
    activityId: activity.activityId,
    activityType: activity.activityType,
    scheduledAtMs: activity.scheduledAtMs,
    attemptScheduledAtMs,
    startedAtMs: status.startedAtMs,
    attempt: activity.attempt,
    scheduleToCloseTimeoutMs: options.scheduleToCloseTimeoutMs,
    startToCloseTimeoutMs: options.startToCloseTimeoutMs,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    retryPolicy: wireRetryPolicy(options.retryPolicy),
    heartbeatDetails: activity.heartbeatDetails,
    priority: mergePriority(run.start.priority, options.priority),
    scheduled: activity.scheduled,
  };
}

const activityNotFound = new Rejection(
  "NOT_FOUND",
  "invalid activityID or activity already timed out or invoking workflow is completed",
);

/** The activity that an answer means, if it is still open to that answer (A2). */
export function findActivity(run: Run, selector: ActivitySelector, transition: Transition): Activity | Rejection {
  if (!isOpen(run)) return new Rejection("NOT_FOUND", "workflow execution already completed");
  if (selector.by === "id") {
    const activity = run.activities.get(run.activityIds.get(selector.activityId) ?? 0);
    if (!activity)
      return new Rejection(
        "NOT_FOUND",
        `cannot find pending activity with ActivityID ${selector.activityId}, check workflow execution history for more details`,
      );
    return isLegal(transition, activity) ? activity : activityNotFound;
  }
  const activity = run.activities.get(selector.scheduledEventId);
  if (!activity || activity.attempt !== selector.attempt || !isLegal(transition, activity)) return activityNotFound;
  return activity;
}

export function completeActivity(
  run: Run,
  step: Step,
  command: { activity: ActivitySelector; result: common.Payloads | undefined; identity: string },
): Record<never, never> | Rejection {
  const activity = findActivity(
    run,
    command.activity,
    command.activity.by === "id" ? "completeById" : "completeByToken",
  );
  if (activity instanceof Rejection) return activity;
  step.notes.push("activityCompleted");
  closeActivity(run, step, activity, { forcedBy: command.identity }, (startedEventId) => ({
    eventType: enums.EventType.ACTIVITY_TASK_COMPLETED,
    activityTaskCompletedEventAttributes: {
      result: command.result,
      scheduledEventId: activity.scheduledEventId,
      startedEventId,
      identity: command.identity,
    },
  }));
  return {};
}

export function failActivity(
  run: Run,
  step: Step,
  command: {
    activity: ActivitySelector;
    failure: failure.Failure | undefined;
    lastHeartbeatDetails: common.Payloads | undefined;
    identity: string;
  },
): Record<never, never> | Rejection {
  const activity = findActivity(run, command.activity, "fail");
  if (activity instanceof Rejection) return activity;
  if (command.lastHeartbeatDetails) {
    activity.heartbeatDetails = command.lastHeartbeatDetails;
    activity.lastHeartbeatAtMs = step.nowMs;
  }
  step.notes.push("activityAttemptFailed");
  const retryState = retryOrState(run, step, activity, command.failure);
  if (retryState === enums.RetryState.IN_PROGRESS) return {};
  step.notes.push("activityFailed");
  closeActivity(run, step, activity, {}, (startedEventId) => ({
    eventType: enums.EventType.ACTIVITY_TASK_FAILED,
    activityTaskFailedEventAttributes: {
      failure: command.failure,
      scheduledEventId: activity.scheduledEventId,
      startedEventId,
      identity: command.identity,
      retryState,
    },
  }));
  return {};
}

export function cancelActivity(
  run: Run,
  step: Step,
  command: { activity: ActivitySelector; details: common.Payloads | undefined; identity: string },
): Record<never, never> | Rejection {
  const activity = findActivity(run, command.activity, "cancel");
  if (activity instanceof Rejection) return activity;
  if (activity.cancelRequestedEventId === null) {
    return new Rejection(
      "INVALID_ARGUMENT",
      "unable to mark activity as canceled without activity being request canceled first",
    );
  }
  step.notes.push("activityCanceled");
  closeActivity(run, step, activity, {}, (startedEventId) =>
    canceledEvent(activity, { details: command.details, startedEventId, identity: command.identity }),
  );
  return {};
}

export function canceledEvent(
  activity: Activity,
  {
    details,
    startedEventId,
    identity,
  }: { details: common.Payloads | undefined; startedEventId: number; identity: string },
): HistoryEventInit {
  return {
    eventType: enums.EventType.ACTIVITY_TASK_CANCELED,
    activityTaskCanceledEventAttributes: {
      details,
      latestCancelRequestedEventId: activity.cancelRequestedEventId ?? 0,
      scheduledEventId: activity.scheduledEventId,
      startedEventId,
      identity,
    },
  };
}

export function heartbeatActivity(
  run: Run,
  step: Step,
  command: { activity: ActivitySelector; details: common.Payloads | undefined; identity: string },
): Replies["heartbeatActivity"] | Rejection {
  const activity = findActivity(run, command.activity, "heartbeat");
  if (activity instanceof Rejection) return activity;
  // The worker did not say who it is when it took the task.
  const isUnnamed = activity.status.type === "started" && activity.status.identity === "";
  if (isUnnamed && command.identity !== "") activity.lastWorkerIdentity = command.identity;
  activity.heartbeatDetails = command.details;
  activity.lastHeartbeatAtMs = step.nowMs;
  touchHeartbeat(run, activity);
  step.notes.push("activityHeartbeat");
  return {
    cancelRequested: activity.cancelRequestedEventId !== null,
    activityPaused: activity.paused !== null,
    activityReset: activity.reset !== null,
  };
}

/** Puts the activity into its next attempt's backoff (answer IN_PROGRESS), or says why there is none. */
export function retryOrState(
  run: Run,
  step: Step,
  activity: Activity,
  cause: failure.Failure | undefined,
): enums.RetryState {
  const cancelRequested = activity.cancelRequestedEventId !== null;
  const state = retryAttempt(activity, { nowMs: step.nowMs, cancelRequested, cause, keptByPause: true });
  if (state === enums.RetryState.IN_PROGRESS) {
    touchActivity(run, activity);
    noteRetry(run, activity);
  }
  // No attempt could have mended it, whoever tells of it.
  const isOutOfTime = state === enums.RetryState.NON_RETRYABLE_FAILURE && isDeadline(cause?.timeoutFailureInfo);
  return isOutOfTime ? enums.RetryState.TIMEOUT : state;
}

function isDeadline(info: failure.TimeoutFailureInfo | undefined): boolean {
  const { SCHEDULE_TO_START, SCHEDULE_TO_CLOSE } = enums.TimeoutType;
  return info?.timeoutType === SCHEDULE_TO_START || info?.timeoutType === SCHEDULE_TO_CLOSE;
}

/** The backoff is over: the next attempt waits for a worker. */
export function endBackoff(run: Run, step: Step, activity: Activity): void {
  if (!readyAttempt(activity)) return;
  touchActivity(run, activity);
  const task = activityTaskOf(run, activity);
  if (task) step.dispatch(task);
}

/**
 * Writes (or buffers) the started event, if the attempt had started, and the closing one, and forgets the activity (A1, A3).
 * `forcedBy`: who closed it by id while no worker held it; the started event is then made up, as the reference server does.
 */
export function closeActivity(
  run: Run,
  step: Step,
  activity: Activity,
  { forcedBy }: { forcedBy?: string },
  closing: (startedEventId: number) => HistoryEventInit,
): void {
  const { status } = activity;
  let startedEventId = 0;
  if (status.type === "started" || forcedBy !== undefined) {
    const startedEvent: HistoryEventInit = {
      eventType: enums.EventType.ACTIVITY_TASK_STARTED,
      eventTime: toTimestamp(status.type === "started" ? status.startedAtMs : step.nowMs),
      activityTaskStartedEventAttributes: {
        scheduledEventId: activity.scheduledEventId,
        identity: status.type === "started" ? status.identity : forcedBy,
        requestId: status.type === "started" ? status.requestId : "",
        attempt: activity.attempt,
        lastFailure: activity.lastFailure,
        ...(status.type === "started" && { workerVersion: status.workerVersion }),
      },
    };
    if (happen(run, step.nowMs, startedEvent)) startedEventId = run.nextEventId - 1;
  }
  happen(run, step.nowMs, closing(startedEventId));
  forgetActivity(run, activity);
  scheduleWorkflowTask(run, step);
}

export function forgetActivity(run: Run, activity: Activity): void {
  run.activities.delete(activity.scheduledEventId);
  run.activityIds.delete(activity.activityId);
  if (activity.paused) run.changes.visibility = true;
  noteNoRetry(run, activity);
  touchActivity(run, activity);
}
