/** What operators ask of pending activities: pause, unpause, reset, change options. */
import { jitterMs, Rejection, workflowKey } from "@pawl/engine";
import type { common, googleProtobuf, RequestOf } from "@pawl/protocol";
import { durationProblem, idProblem, invalid, lengthProblem, runIdProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";

export function activityOperatorHandlers({ namespaces, ring, random }: Parts) {
  /** The workflow and which of its activities are meant, or why that cannot be told. */
  const targetOf = (request: Selecting, all: boolean) => {
    const namespace = namespaces.byName(request.namespace);
    if (namespace instanceof Rejection) return namespace;
    const problem = executionProblem(request.execution);
    if (problem) return problem;
    const selection = selectionOf(request, all);
    if (selection instanceof Rejection) return selection;
    const { workflowId, runId } = request.execution!;
    return { key: workflowKey(namespace.id, workflowId), selected: { runId, ...selection } };
  };
  const delayMsOf = (jitter: googleProtobuf.Duration | undefined) =>
    durationProblem("Jitter", jitter) ?? jitterMs(jitter, random.fraction());
  return {
    PauseActivity: async (request) => {
      const target = targetOf(request, false);
      if (target instanceof Rejection) return target;
      const { identity, reason, requestId } = request;
      const problem =
        lengthProblem("Identity", identity) ?? lengthProblem("Reason", reason) ?? lengthProblem("RequestId", requestId);
      if (problem) return problem;
      return ring.submit(target.key, { type: "pauseActivity", ...target.selected, identity, reason, requestId });
    },

    UnpauseActivity: async (request) => {
      const target = targetOf(request, request.unpauseAll ?? false);
      if (target instanceof Rejection) return target;
      const delayMs = delayMsOf(request.jitter);
      if (delayMs instanceof Rejection) return delayMs;
      const { resetAttempts, resetHeartbeat } = request;
      const how = { resetAttempts, resetHeartbeat, delayMs };
      return ring.submit(target.key, { type: "unpauseActivity", ...target.selected, ...how });
    },

    ResetActivity: async (request) => {
      const target = targetOf(request, request.matchAll ?? false);
      if (target instanceof Rejection) return target;
      const delayMs = delayMsOf(request.jitter);
      if (delayMs instanceof Rejection) return delayMs;
      const { resetHeartbeat, keepPaused, restoreOriginalOptions } = request;
      const how = { resetHeartbeat, keepPaused, restoreOriginalOptions, delayMs };
      return ring.submit(target.key, { type: "resetActivity", ...target.selected, ...how });
    },

    UpdateActivityOptions: async (request) => {
      const target = targetOf(request, request.matchAll ?? false);
      if (target instanceof Rejection) return target;
      const paths = maskOf(request);
      if (paths instanceof Rejection) return paths;
      const change = { options: request.activityOptions, paths, restoreOriginal: request.restoreOriginal };
      const reply = await ring.submit(target.key, { type: "updateActivityOptions", ...target.selected, ...change });
      return reply instanceof Rejection ? reply : { activityOptions: reply.options };
    },
  } satisfies Handlers;
}

interface Selecting {
  readonly namespace: string;
  readonly execution?: common.WorkflowExecution | undefined;
  readonly id?: string | undefined;
  readonly type?: string | undefined;
}

/** As elsewhere, in the words that the reference server has here. */
function executionProblem(execution: common.WorkflowExecution | undefined): Rejection | undefined {
  const { workflowId = "", runId = "" } = execution ?? {};
  return idProblem("WorkflowId", workflowId) ?? (runIdProblem(runId) ? invalid("RunId is not valid UUID.") : undefined);
}

function selectionOf({ id, type }: Selecting, all: boolean) {
  if (all) return { all: true };
  if (id !== undefined) return lengthProblem("ActivityId", id) ?? { activityId: id };
  if (type !== undefined) return lengthProblem("ActivityType", type) ?? { activityType: type };
  return invalid("Either Activity.Id or Activity.Type should be set on request.");
}

/** The mask's paths in snake case: JSON callers write them in camel case. */
function maskOf({
  updateMask,
  restoreOriginal,
}: RequestOf<"UpdateActivityOptions">): readonly string[] | Rejection | undefined {
  if (restoreOriginal && updateMask?.paths.length) return invalid("Both UpdateMask and RestoreOriginal are provided");
  return updateMask?.paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}
