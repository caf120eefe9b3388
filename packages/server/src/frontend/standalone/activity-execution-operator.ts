/** Pause, unpause, reset and options of one activity, whether it is an execution of its own or, when a workflow is named, a workflow's. */
import { type ExecutionKey, jitterMs, Rejection, workflowKey } from "@pawl/engine";
import { lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { activityKeyOf } from "./activity-execution.ts";
import { callerProblem, jitterProblem, reasonProblem, updatePathsOf } from "./activity-execution-rules.ts";

interface Request {
  readonly namespace: string;
  readonly workflowId: string;
  readonly activityId: string;
  readonly runId: string;
  readonly identity: string;
  readonly requestId: string;
}

export function activityExecutionOperatorHandlers(parts: Parts) {
  const { ring, random } = parts;
  const target = (request: Request): ExecutionKey<"workflow"> | ExecutionKey<"activity"> | Rejection => {
    const key = activityKeyOf(parts, request);
    const problem = key instanceof Rejection ? key : callerProblem(request);
    if (key instanceof Rejection || problem) return problem ?? key;
    const { workflowId } = request;
    return workflowId === ""
      ? key
      : (lengthProblem("WorkflowId", workflowId) ?? workflowKey(key.namespaceId, workflowId));
  };
  const idOf = ({ requestId }: Request) => requestId || random.uuid();
  return {
    PauseActivityExecution: async (request) => {
      const key = target(request);
      if (key instanceof Rejection) return key;
      const { runId, activityId, identity, reason } = request;
      const problem = reasonProblem(reason);
      if (problem) return problem;
      const asked = { identity, reason, requestId: idOf(request) };
      return ring.submit(key, { type: "pauseActivity", runId, activityId, ...asked });
    },

    UnpauseActivityExecution: async (request) => {
      const key = target(request);
      if (key instanceof Rejection) return key;
      const problem = jitterProblem(request.jitter);
      if (problem) return problem;
      const { runId, activityId } = request;
      const delayMs = jitterMs(request.jitter, random.fraction());
      const how = { resetAttempts: false, resetHeartbeat: false, delayMs, requestId: idOf(request) };
      return ring.submit(key, { type: "unpauseActivity", runId, activityId, ...how });
    },

    ResetActivityExecution: async (request) => {
      const key = target(request);
      if (key instanceof Rejection) return key;
      const problem = jitterProblem(request.jitter);
      if (problem) return problem;
      const { runId, activityId, resetHeartbeat, keepPaused, restoreOriginalOptions } = request;
      const delayMs = jitterMs(request.jitter, random.fraction());
      const how = { resetHeartbeat, keepPaused, restoreOriginalOptions, delayMs, requestId: idOf(request) };
      return ring.submit(key, { type: "resetActivity", runId, activityId, ...how });
    },

    UpdateActivityExecutionOptions: async (request) => {
      const key = target(request);
      if (key instanceof Rejection) return key;
      const paths = updatePathsOf(request);
      if (paths instanceof Rejection) return paths;
      const { runId, activityId, activityOptions: options, restoreOriginal } = request;
      const change = { options, paths, restoreOriginal, requestId: idOf(request) };
      const reply = await ring.submit(key, { type: "updateActivityOptions", runId, activityId, ...change });
      return reply instanceof Rejection ? reply : { activityOptions: reply.options };
    },
  } satisfies Handlers;
}
