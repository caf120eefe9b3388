/** What operators ask of pending activities: pause, unpause, reset, change options. */
import { jitterMs, Rejection, workflowKey } from "@pawl/engine";
import type { common, RequestOf } from "@pawl/protocol";
import { durationProblem, idProblem, invalid, lengthProblem, runIdProblem } from "../field-rules.ts";
import type { Handlers, Parts } from "../parts.ts";

export function activityOperatorHandlers({ namespaces, ring, random }: Parts) {
  /** The workflow's key, or why there is none. */
  const keyOf = (name: string, execution: common.WorkflowExecution | undefined) => {
    const namespace = namespaces.byName(name);
    if (namespace instanceof Rejection) return namespace;
    return problemOf(execution) ?? workflowKey(namespace.id, execution!.workflowId);
  };
  return {
    PauseActivity: async ({ namespace, execution, id, type, identity, reason, requestId }) => {
      const key = keyOf(namespace, execution);
      if (key instanceof Rejection) return key;
      const selection = selectionOf({ id, type });
      if (selection instanceof Rejection) return selection;
      const problem =
        lengthProblem("Identity", identity) ?? lengthProblem("Reason", reason) ?? lengthProblem("RequestId", requestId);
      if (problem) return problem;
      return ring.submit(key, {
        type: "pauseActivity",
        runId: execution!.runId,
        ...selection,
        identity,
        reason,
        requestId,
      });
    },

    UnpauseActivity: async ({ namespace, execution, id, type, unpauseAll, resetAttempts, resetHeartbeat, jitter }) => {
      const key = keyOf(namespace, execution);
      if (key instanceof Rejection) return key;
      const selection = selectionOf({ id, type, all: unpauseAll });
      if (selection instanceof Rejection) return selection;
      const problem = durationProblem("Jitter", jitter);
      if (problem) return problem;
      const delayMs = jitterMs(jitter, random.fraction());
      return ring.submit(key, {
        type: "unpauseActivity",
        runId: execution!.runId,
        ...selection,
        resetAttempts,
        resetHeartbeat,
        delayMs,
      });
    },

    ResetActivity: async (request) => {
      const { execution, resetHeartbeat, keepPaused, restoreOriginalOptions, jitter } = request;
      const key = keyOf(request.namespace, execution);
      if (key instanceof Rejection) return key;
      const selection = selectionOf({ id: request.id, type: request.type, all: request.matchAll });
      if (selection instanceof Rejection) return selection;
      const problem = durationProblem("Jitter", jitter);
      if (problem) return problem;
      const delayMs = jitterMs(jitter, random.fraction());
      return ring.submit(key, {
        type: "resetActivity",
        runId: execution!.runId,
        ...selection,
        resetHeartbeat,
        keepPaused,
        restoreOriginalOptions,
        delayMs,
      });
    },

    UpdateActivityOptions: async (request) => {
      const { execution, activityOptions: options, restoreOriginal } = request;
      const key = keyOf(request.namespace, execution);
      if (key instanceof Rejection) return key;
      const selection = selectionOf({ id: request.id, type: request.type, all: request.matchAll });
      if (selection instanceof Rejection) return selection;
      const paths = maskOf(request);
      if (paths instanceof Rejection) return paths;
      const reply = await ring.submit(key, {
        type: "updateActivityOptions",
        runId: execution!.runId,
        ...selection,
        options,
        paths,
        restoreOriginal,
      });
      return reply instanceof Rejection ? reply : { activityOptions: reply.options };
    },
  } satisfies Handlers;
}

/** As elsewhere, in the words that the reference server has here. */
function problemOf(execution: common.WorkflowExecution | undefined): Rejection | undefined {
  const { workflowId = "", runId = "" } = execution ?? {};
  return idProblem("WorkflowId", workflowId) ?? (runIdProblem(runId) ? invalid("RunId is not valid UUID.") : undefined);
}

function selectionOf({
  id,
  type,
  all,
}: {
  id?: string | undefined;
  type?: string | undefined;
  all?: boolean | undefined;
}) {
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
  if (restoreOriginal && updateMask) return invalid("Both UpdateMask and RestoreOriginal are provided");
  return updateMask?.paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}
