import { Rejection, workflowKey } from "@pawl/engine";
import { refusalOf } from "../faults.ts";
import type { Parts } from "../parts.ts";

/**
 * Serves `confirmWorkflowTaskPath`: undefined when the task is started and that is on disk. A shard answers after the commit of what came before, so nothing has to be
 * waited for here.
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
