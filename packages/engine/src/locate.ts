import { isOpen, type Run } from "./run.ts";
import { statusOf } from "./start.ts";
import type { Located } from "./vocabulary.ts";
import { virtualEvents } from "./workflow-task.ts";

/** Where the run stands, as a value of its own. */
export function locate(run: Run): Located {
  const { workflowTask } = run;
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
    virtualEvents: virtualEvents(run, { shown: true }),
  };
}
