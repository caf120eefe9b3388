/** Update-with-start: ExecuteMultiOperation takes exactly a start and an update of one workflow, which succeed or fail together. */
import { detail, Rejection, workflowKey } from "@pawl/engine";
import { errordetails, failure, type Init, type RequestOf, statusCodes, type workflowservice } from "@pawl/protocol";
import { invalid } from "../field-rules.ts";
import type { Call, Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { attributesToSet } from "../visibility/search-attribute.ts";
import { keptCallbacks } from "./callback-rules.ts";
import { startLink } from "./response-link.ts";
import { startProblem } from "./start-rules.ts";
import { abortedByClosing, updateProblem, updateResponse, waitForStage, wantedStage } from "./update.ts";
import { notePinned, startPlaceProblem } from "./versioning-override.ts";

type Start = RequestOf<"StartWorkflowExecution">;
type Update = RequestOf<"UpdateWorkflowExecution">;

export function multiOperationHandlers(parts: Parts) {
  const { namespaces, random } = parts;
  return {
    ExecuteMultiOperation: async (request, call) => {
      const namespace = namespaces.forStart(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const operations = operationsOf(request);
      if (operations instanceof Rejection) return operations;
      const { start, update } = operations;
      const startRefused =
        startProblem(start, parts.addresses) ?? startRule(start) ?? startPlaceProblem(parts, namespace, start);
      if (startRefused) return failed("start", startRefused);
      const updateRefused = updateProblem(update) ?? updateRule(update);
      if (updateRefused) return failed("update", updateRefused);
      const searchAttributes = attributesToSet(start.searchAttributes, namespace, parts.searchAttributes);
      if (searchAttributes instanceof Rejection) return failed("start", searchAttributes);

      const meta = { ...update.request!.meta!, updateId: update.request!.meta!.updateId || random.uuid() };
      const requestId = start.requestId || random.uuid();
      const completionCallbacks = keptCallbacks(start.completionCallbacks);
      const both = {
        start: { ...start, requestId, searchAttributes, completionCallbacks },
        update: { ...update, request: { ...update.request!, meta } },
      };
      const answer = await startAndUpdate(parts, namespace, both, call);
      if (answer !== abortedByClosing) return answer;
      // The workflow was there already, and closed without the update: now this call may start one. But not for ever.
      const again = await startAndUpdate(parts, namespace, both, call);
      return again === abortedByClosing ? failed("update", new Rejection("ABORTED", abortedByClosing.message)) : again;
    },
  } satisfies Handlers;
}

/** `abortedByClosing`: so the update was, by a workflow that another call had started. */
async function startAndUpdate(
  parts: Parts,
  namespace: { readonly id: string; readonly name: string },
  { start, update }: { readonly start: Start; readonly update: Update },
  call: Call,
): Promise<Init<workflowservice.ExecuteMultiOperationResponse> | Rejection> {
  const { ring } = parts;
  const key = workflowKey(namespace.id, start.workflowId);
  using verdict = ring.awaitVerdict(key, update.request!.meta!.updateId);
  const reply = await ring.submit(key, { type: "startWithUpdate", start, update });
  if (reply instanceof Rejection) return reply;
  if ("refused" in reply) return failed(reply.refused, reply.rejection);
  await notePinned(parts, namespace, start.versioningOverride);
  const { runId, firstRunId, started, status } = reply.start;
  const run = { namespace: namespace.name, workflowId: start.workflowId, runId };
  const firstExecutionRunId = started ? firstRunId : "";
  const stage = wantedStage(update.waitPolicy?.lifecycleStage);
  const progress = await waitForStage(parts, { key, progress: reply.update, stage, verdict, call });
  if (progress === abortedByClosing && !started) return progress;
  if (progress instanceof Rejection) return failed("update", progress);
  const link = startLink(run, start.requestId, reply.start);
  return {
    responses: [
      { startWorkflow: { runId, firstExecutionRunId, started, status, link } },
      { updateWorkflow: updateResponse(update, progress) },
    ],
  };
}

function operationsOf({
  namespace,
  operations,
}: RequestOf<"ExecuteMultiOperation">): { start: Start; update: Update } | Rejection {
  const [first, second] = operations;
  if (operations.length !== 2 || !first?.startWorkflow || !second?.updateWorkflow) {
    return invalid("Operations have to be exactly [Start, Update].");
  }
  for (const operation of [first.startWorkflow, second.updateWorkflow]) {
    // The namespace that was authorised is the one that is used.
    if (operation.namespace !== "" && operation.namespace !== namespace)
      return invalid("Operations have to be of the request's namespace.");
  }
  const workflowId = second.updateWorkflow.workflowExecution?.workflowId;
  if (workflowId !== first.startWorkflow.workflowId) return invalid("WorkflowId is not consistent between operations.");
  return { start: { ...first.startWorkflow, namespace }, update: { ...second.updateWorkflow, namespace } };
}

function startRule({ cronSchedule, requestEagerExecution, workflowStartDelay }: Start): Rejection | undefined {
  if (cronSchedule !== "") return invalid("CronSchedule is not allowed.");
  if (requestEagerExecution) return invalid("RequestEagerExecution is not supported.");
  return workflowStartDelay ? invalid("WorkflowStartDelay is not supported.") : undefined;
}

function updateRule({ workflowExecution, firstExecutionRunId }: Update): Rejection | undefined {
  if (workflowExecution?.runId) return invalid("RunId is not allowed.");
  return firstExecutionRunId === "" ? undefined : invalid("FirstExecutionRunId is not allowed.");
}

const aborted: Init<errordetails.MultiOperationExecutionFailure_OperationStatus> = {
  code: statusCodes.ABORTED,
  message: "Operation was aborted.",
  details: [any(failure.MultiOperationExecutionAborted.typeName, new Uint8Array(0))],
};

/** The code of the operation that failed, with what became of each. */
function failed(operation: "start" | "update", rejection: Rejection): Rejection {
  const status = {
    code: statusCodes[rejection.code],
    message: rejection.message,
    details: rejection.detail ? [any(rejection.detail.typeName, rejection.detail.bytes)] : [],
  };
  const statuses = operation === "start" ? [status, aborted] : [aborted, status];
  const details = detail(errordetails.MultiOperationExecutionFailure, { statuses });
  return new Rejection(rejection.code, "Update-with-Start could not be executed.", details);
}

function any(typeName: string, value: Uint8Array) {
  return { type_url: `type.googleapis.com/${typeName}`, value };
}
