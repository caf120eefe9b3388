/**
 * Pausing a workflow: what happens to it is recorded, and nothing of it is given to workers, until it goes on.
 *
 *   P1. A workflow task that waits is taken back; one in flight completes, and none follows it.
 *   P2. Activities that wait are held back, their deadlines are not. One that runs may end; when it fails, the next attempt waits for its
 *       backoff and for the end of the pause.
 */
import { enums } from "@pawl/protocol";
import { redispatchActivities } from "../activity/activity.ts";
import { Rejection } from "../rejection.ts";
import { happen, write } from "../run/history.ts";
import { isOpen, type Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import type { PauseRequest } from "../vocabulary.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";

const completed = new Rejection("NOT_FOUND", "workflow execution already completed");

export function pauseRun(
  run: Run,
  step: Step,
  { identity, reason, requestId }: PauseRequest,
): Record<never, never> | Rejection {
  if (!isOpen(run)) return completed;
  if (run.pause)
    return run.pause.requestId === requestId ? {} : new Rejection("FAILED_PRECONDITION", "workflow is already paused.");
  takeTaskBack(run, step);
  happen(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_EXECUTION_PAUSED,
    workerMayIgnore: true,
    workflowExecutionPausedEventAttributes: { identity, reason, requestId },
  });
  run.pause = { atMs: step.nowMs, identity, reason, requestId };
  run.changes.core = true;
  run.changes.visibility = true;
  return {};
}

/** P1. A task that history does not hold yet leaves no trace; the updates that it was for go with the next one. */
function takeTaskBack(run: Run, step: Step): void {
  const task = run.workflowTask;
  if (task.type !== "scheduled") return;
  run.workflowTask = { type: "none" };
  if (task.transient) return;
  write(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_TASK_FAILED,
    workflowTaskFailedEventAttributes: {
      scheduledEventId: task.scheduledEventId,
      cause: enums.WorkflowTaskFailedCause.WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED,
      identity: "history-service",
    },
  });
}

/** There is always something to do then: a workflow task follows whatever has happened meanwhile. */
export function unpauseRun(
  run: Run,
  step: Step,
  { identity, reason, requestId }: PauseRequest,
): Record<never, never> | Rejection {
  if (!isOpen(run)) return completed;
  if (!run.pause) return new Rejection("FAILED_PRECONDITION", "workflow is not paused.");
  run.pause = null;
  run.changes.core = true;
  run.changes.visibility = true;
  happen(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_EXECUTION_UNPAUSED,
    workerMayIgnore: true,
    workflowExecutionUnpausedEventAttributes: { identity, reason, requestId },
  });
  redispatchActivities(run, step);
  scheduleWorkflowTask(run, step);
  return {};
}
