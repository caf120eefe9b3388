/** The events of a workflow task, apart from when they are written: a transient or speculative one is shown before it is. */
import { enums, toDuration } from "@pawl/protocol";
import type { HistoryEventInit, Run } from "../state/run.ts";
import type { WorkflowTask } from "../state/workflow-task.ts";

type Started = Extract<WorkflowTask, { type: "started" }>;

export function scheduledEvent(run: Run, task: { attempt: number; timeoutMs: number }): HistoryEventInit {
  const sticky = task.attempt === 1 ? run.sticky : null;
  return {
    eventType: enums.EventType.WORKFLOW_TASK_SCHEDULED,
    workflowTaskScheduledEventAttributes: {
      taskQueue: sticky
        ? { name: sticky.queue, kind: enums.TaskQueueKind.STICKY, normalName: run.start.taskQueue }
        : { name: run.start.taskQueue, kind: enums.TaskQueueKind.NORMAL },
      startToCloseTimeout: toDuration(task.timeoutMs),
      attempt: task.attempt,
    },
  };
}

export function startedEvent(task: Started): HistoryEventInit {
  return {
    eventType: enums.EventType.WORKFLOW_TASK_STARTED,
    workflowTaskStartedEventAttributes: {
      scheduledEventId: task.scheduledEventId,
      identity: task.identity,
      requestId: task.requestId,
      historySizeBytes: task.historySizeBytes,
      suggestContinueAsNew: task.continueAsNewReasons.length > 0,
      suggestContinueAsNewReasons: task.continueAsNewReasons,
      targetWorkerDeploymentVersionChanged: task.targetVersionChanged ?? false,
    },
  };
}
