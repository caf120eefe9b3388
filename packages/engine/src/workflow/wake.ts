/**
 * What falls due by itself in a run, and when. Nothing here is kept apart from state: the deadlines are computed from it, so none can be lost,
 * and one whose reason has gone (an activity that completed) simply is not found any more.
 */
import { enums, failure } from "@pawl/protocol";
import { endBackoff } from "../activity/activity.ts";
import { dueTimeout, nextActivityAtMs, timeOutActivity } from "../activity/activity-timeout.ts";
import { endCallbackBackoffs, hasCallbackUnderWay, nextCallbackAtMs } from "../nexus/completion-callback.ts";
import { nextNexusAtMs } from "../nexus/nexus-call.ts";
import { wakeNexusOperation } from "../nexus/nexus-operation.ts";
import { sealBatch } from "../run/history.ts";
import { isOpen, type Run, type Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import { scheduleWorkflowTask, timeOutStartedTask, timeOutStickyTask } from "../workflow-task/workflow-task.ts";
import { afterFailure, beginNext } from "./chain.ts";
import { closeFromOutside } from "./close.ts";
import { deleteDue } from "./deletion.ts";
import { fireTimer } from "./timer.ts";

/** The earliest time at which `wake` would do something; Infinity = never. */
export function nextWakeAtMs(run: Run): number {
  if (!isOpen(run)) return Math.min(run.deletion?.atMs ?? Number.POSITIVE_INFINITY, nextCallbackAtMs(run));
  let atMs = run.start.runExpiresAtMs > 0 ? run.start.runExpiresAtMs : Number.POSITIVE_INFINITY;
  if (run.firstTaskAtMs !== null) atMs = Math.min(atMs, run.firstTaskAtMs);
  atMs = Math.min(atMs, workflowTaskAtMs(run));
  for (const timer of run.timers.values()) atMs = Math.min(atMs, timer.fireAtMs);
  for (const activity of run.activities.values()) atMs = Math.min(atMs, nextActivityAtMs(activity));
  for (const operation of run.nexusOperations.values()) atMs = Math.min(atMs, nextNexusAtMs(operation));
  return atMs;
}

function workflowTaskAtMs({ workflowTask: task }: Run): number {
  if (task.type === "started") return task.startedAtMs + task.timeoutMs;
  return task.type === "scheduled" && task.scheduleToStartAtMs !== null
    ? task.scheduleToStartAtMs
    : Number.POSITIVE_INFINITY;
}

/** Does everything that is due at `step.nowMs`, and nothing early (I20). */
export function wake(workflow: Workflow, run: Run, step: Step): void {
  if (!isOpen(run)) {
    deleteDue(run, step, { owes: hasCallbackUnderWay(run) });
    if (!run.changes.deleted) endCallbackBackoffs(run, step);
    return;
  }
  const { nowMs } = step;
  if (run.start.runExpiresAtMs > 0 && run.start.runExpiresAtMs <= nowMs) {
    timeOutRun(workflow, run, step);
    return;
  }
  const dueTimers = [...run.timers.values()]
    .filter((timer) => timer.fireAtMs <= nowMs)
    .sort((a, b) => a.fireAtMs - b.fireAtMs || a.startedEventId - b.startedEventId);
  for (const { timerId } of dueTimers) fireTimer(run, step, timerId);
  for (const activity of [...run.activities.values()]) {
    const timeout = dueTimeout(activity, nowMs);
    if (timeout !== undefined) timeOutActivity(run, step, activity, timeout);
    else if (activity.status.type === "backingOff" && activity.status.dispatchAtMs <= nowMs)
      endBackoff(run, step, activity);
  }
  for (const operation of [...run.nexusOperations.values()]) wakeNexusOperation(run, step, operation);
  if (run.firstTaskAtMs !== null && run.firstTaskAtMs <= nowMs) {
    run.firstTaskAtMs = null;
    run.changes.core = true;
    scheduleWorkflowTask(run, step);
  }
  if (workflowTaskAtMs(run) <= nowMs) timeOutWorkflowTask(run, step);
  // Else the store, which has not heard of heartbeats since, would have the run woken again and again.
  if (run.stored && run.stored.wakeAtMs <= nowMs) run.changes.core = true;
}

function timeOutWorkflowTask(run: Run, step: Step): void {
  const task = run.workflowTask;
  if (task.type === "started") timeOutStartedTask(run, step, task);
  else if (task.type === "scheduled") timeOutStickyTask(run, step, task);
  scheduleWorkflowTask(run, step);
}

function timeOutRun(workflow: Workflow, run: Run, step: Step): void {
  const expired = run.start.executionExpiresAtMs > 0 && run.start.executionExpiresAtMs <= step.nowMs;
  const cause = failure.Failure.create({
    message: "workflow timeout",
    source: "Server",
    timeoutFailureInfo: { timeoutType: enums.TimeoutType.START_TO_CLOSE, lastHeartbeatDetails: undefined },
  });
  const next = expired ? undefined : afterFailure(run, step, cause);
  const retryState = next?.retryState ?? enums.RetryState.TIMEOUT;
  const closing = {
    eventType: enums.EventType.WORKFLOW_EXECUTION_TIMED_OUT,
    workflowExecutionTimedOutEventAttributes: {
      retryState,
      newExecutionRunId: next?.spec?.runId ?? "",
    },
  };
  closeFromOutside(run, step, { type: "timedOut", retryState }, closing, {
    followed: next?.spec !== undefined,
    retried: retryState === enums.RetryState.IN_PROGRESS,
  });
  sealBatch(run);
  if (next?.spec) beginNext(workflow, step, next.spec);
}
