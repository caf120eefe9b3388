import { Rejection, workflowKey } from "@pawl/engine";
import { refusalOf } from "../faults.ts";
import type { Parts } from "../parts.ts";

/**
 * Serves `confirmWorkflowTaskPath`: undefined when the start of the task has been committed, otherwise the refusal. Nothing has to be waited for here,
 * because a shard answers a command only after everything before it has been committed.
 */
export async function confirmWorkflowTask(
  { tokens, ring }: Pick<Parts, "tokens" | "ring">,
  taskToken: Uint8Array,
): Promise<Rejection | undefined> {
  const task = tokens.open("workflow", taskToken);
  if (task instanceof Rejection) return task;
  try {
    const key = workflowKey(task.namespaceId, task.workflowId);
    const reply = await ring.submit(key, { type: "confirmWorkflowTask", task });
    return reply instanceof Rejection ? reply : undefined;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return refusal;
    throw error;
  }
}
