import { activityTaskOf } from "../activity/activity.ts";
import { callbackCallOf } from "../nexus/completion-callback.ts";
import { nexusCallOf } from "../nexus/nexus-call.ts";
import { pendingMessages, senderOf } from "../outbox.ts";
import { isOpen, type Run } from "../state/run.ts";
import type { Effect } from "../vocabulary.ts";
import { workflowTaskOf } from "../workflow-task/workflow-task.ts";

/** Everything of the run that waits for somebody outside it: what must be done again after a restart, when memory is empty. */
export function pendingEffects(run: Run): Effect[] {
  const messages = pendingMessages(run, senderOf(run));
  const calls = isOpen(run)
    ? [...run.nexusOperations.values()].map((operation) => nexusCallOf(run, operation))
    : [...run.callbacks.values()].map((callback) => callbackCallOf(run, callback));
  const waiting = [...messages, ...calls.flatMap((call) => (call ? [{ type: "call", call } as const] : []))];
  if (!isOpen(run)) return waiting;
  const tasks = [workflowTaskOf(run), ...[...run.activities.values()].map((activity) => activityTaskOf(run, activity))];
  return [...waiting, ...tasks.flatMap((task) => (task ? [{ type: "dispatch", task } as const] : []))];
}
