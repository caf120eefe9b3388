import { Rejection, workflowKey } from "@pawl/engine";
import { statusOf } from "../../rpc/call.ts";
import type { Status } from "../../rpc/transport.ts";
import { refusalOf } from "../faults.ts";
import type { Parts } from "../parts.ts";

/** Serves `confirmWorkflowTaskPath`. A shard answers after the commit of what came before, so nothing has to be waited for here. */
export function confirmWorkflowTask({ tokens, ring }: Pick<Parts, "tokens" | "ring">) {
  return async (taskToken: Uint8Array): Promise<Uint8Array | Status> => {
    const task = tokens.open("workflow", taskToken);
    if (task instanceof Rejection) return statusOf(task);
    try {
      const key = workflowKey(task.namespaceId, task.workflowId);
      const reply = await ring.submit(key, { type: "confirmWorkflowTask", task });
      return reply instanceof Rejection ? statusOf(reply) : new Uint8Array(0);
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) throw error;
      return statusOf(refusal);
    }
  };
}
