import { activityTaskOf } from "./activity.ts";
import { pendingMessages, senderOf } from "./outbox.ts";
import { isOpen, type Run } from "./run.ts";
import type { Effect } from "./vocabulary.ts";
import { workflowTaskOf } from "./workflow-task.ts";

/** Everything of the run that waits for a worker or another execution: what must be done again after a restart, when memory is empty. */
export function pendingEffects(run: Run): Effect[] {
  const messages = pendingMessages(run, senderOf(run));
  if (!isOpen(run)) return messages;
  const tasks = [workflowTaskOf(run), ...[...run.activities.values()].map((activity) => activityTaskOf(run, activity))];
  return [...messages, ...tasks.flatMap((task) => (task ? [{ type: "dispatch", task } as const] : []))];
}
