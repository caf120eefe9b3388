import { activityTaskOf } from "./activity.ts";
import { isOpen, type Run } from "./run.ts";
import type { Task } from "./vocabulary.ts";
import { workflowTaskOf } from "./workflow-task.ts";

/** Every task of the run that waits for a worker: what must be dispatched again after a restart, when queues are empty. */
export function pendingTasks(run: Run): Task[] {
  if (!isOpen(run)) return [];
  const tasks = [workflowTaskOf(run), ...[...run.activities.values()].map((activity) => activityTaskOf(run, activity))];
  return tasks.filter((task) => task !== undefined);
}
