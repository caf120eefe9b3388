/** Pausing a workflow and letting it go on, for operators. */
import { Rejection, workflowKey } from "@pawl/engine";
import type { RequestOf } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { invalid, isLonger, isRunId } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";

type Request = RequestOf<"PauseWorkflowExecution"> | RequestOf<"UnpauseWorkflowExecution">;

export function pauseHandlers({ namespaces, ring }: Parts) {
  const submit = async (type: "pause" | "unpause", { namespace: name, workflowId, ...command }: Request) => {
    const namespace = namespaces.byName(name);
    if (namespace instanceof Rejection) return namespace;
    return (
      pauseProblem({ workflowId, ...command }) ??
      ring.submit(workflowKey(namespace.id, workflowId), { type, ...command })
    );
  };
  return {
    PauseWorkflowExecution: (request) => submit("pause", request),
    UnpauseWorkflowExecution: (request) => submit("unpause", request),
  } satisfies Handlers;
}

function pauseProblem({
  workflowId,
  runId,
  requestId,
  identity,
  reason,
}: Omit<Request, "namespace">): Rejection | undefined {
  if (workflowId === "") return invalid("Can't load workflow execution.  WorkflowId not set.");
  if (isLonger(workflowId, limits.idBytesMax)) return invalid("workflow id is too long.");
  if (!isRunId(runId)) return invalid("RunId is not valid UUID.");
  if (isLonger(requestId, limits.idBytesMax)) return invalid("request id is too long.");
  if (isLonger(identity, limits.idBytesMax)) return invalid("identity is too long.");
  return isLonger(reason, limits.idBytesMax) ? invalid("reason is too long.") : undefined;
}
