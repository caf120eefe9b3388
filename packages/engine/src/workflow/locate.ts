import { findActivity } from "../activity/activity.ts";
import { Rejection } from "../rejection.ts";
import { pendingActivity } from "../run/describe.ts";
import { isOpen, type Run } from "../state/run.ts";
import { taskVersioning } from "../versioning/versioning.ts";
import type { ActivitySelector, Located, LocatedActivity } from "../vocabulary.ts";
import { virtualEvents } from "../workflow-task/workflow-task.ts";
import { statusOf } from "./start.ts";

/** Where the run stands, as a value of its own. */
export function locate(run: Run): Located {
  const { workflowTask } = run;
  const closing = isOpen(run) ? undefined : run.tail.at(-1);
  return {
    runId: run.runId,
    workflowId: run.workflowId,
    workflowType: run.start.workflowType,
    status: statusOf(run),
    open: isOpen(run),
    lastEventId: run.nextEventId - 1,
    taskQueue: run.start.taskQueue,
    stickyQueue: run.sticky?.queue,
    stickyScheduleToStartTimeoutMs: run.sticky?.scheduleToStartTimeoutMs ?? 0,
    lastCompletedStartedEventId: run.lastCompletedStartedEventId,
    workflowTask:
      workflowTask.type === "none"
        ? workflowTask
        : { type: workflowTask.type, attempt: workflowTask.attempt, stamp: workflowTask.stamp },
    firstTaskAtMs: run.firstTaskAtMs ?? undefined,
    historySizeBytes: run.historySizeBytes,
    ...taskVersioning(run),
    virtualEvents: virtualEvents(run, { shown: true }),
    ...(closing?.lastEventId === run.nextEventId - 1 && { closingEvents: closing.bytes }),
  };
}

/** What somebody is told who is to answer for an activity, or watches it. By token: the attempt that the token was given for. */
export function locateActivity(run: Run, selector: ActivitySelector): LocatedActivity | Rejection {
  const activity = findActivity(run, selector, "locate");
  if (activity instanceof Rejection) return activity;
  const { scheduledEventId, attempt, activityId, activityType, status } = activity;
  return {
    activity: { runId: run.runId, scheduledEventId, attempt },
    workflowType: run.start.workflowType,
    activityId,
    activityType,
    startedAtMs: status.type === "started" ? status.startedAtMs : undefined,
    info: pendingActivity(activity),
  };
}
