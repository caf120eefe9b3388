/** Where following a run's history begins: at its first event, or after one that the caller has seen. */
import { Rejection, workflowKey } from "@pawl/engine";
import { executionProblem, invalid } from "../field-rules.ts";
import type { Parts } from "../parts.ts";
import { historyToken } from "./history-token.ts";

export interface HistoryStart {
  readonly runId: string;
  /** For GetWorkflowExecutionHistory. */
  readonly pageToken: Uint8Array;
  /** The run has closed and its last event has been seen: nothing will come. */
  readonly isOver: boolean;
}

/** "" for the run id: the current run. `afterEventId` 0: from the first event on. */
export async function historyStart(
  { ring, namespaces, tokens }: Pick<Parts, "ring" | "namespaces" | "tokens">,
  {
    namespace: name,
    workflowId,
    runId,
  }: { readonly namespace: string; readonly workflowId: string; readonly runId: string },
  afterEventId: number,
): Promise<HistoryStart | Rejection> {
  const namespace = namespaces.byName(name);
  if (namespace instanceof Rejection) return namespace;
  const problem = executionProblem({ workflowId, runId });
  if (problem) return problem;
  const located = await ring.submit(workflowKey(namespace.id, workflowId), { type: "locate", runId });
  if (located instanceof Rejection) return located;
  if (afterEventId > located.lastEventId)
    return invalid(`the run has no event ${afterEventId}: its last one is ${located.lastEventId}`);
  const position = { runId: located.runId, nextEventId: afterEventId + 1, toEventId: afterEventId };
  return {
    runId: located.runId,
    pageToken: historyToken.seal(tokens, namespace.id, position),
    isOver: !located.open && afterEventId === located.lastEventId,
  };
}
