/** Activity tasks: how workers get them, say that they are alive, and end them. */
import { type ActivitySelector, activityKey, type ExecutionKey, Rejection, workflowKey } from "@pawl/engine";
import type { common, failure, RequestOf } from "@pawl/protocol";
import { versionOfWorker } from "../deployment/deployment-rules.ts";
import { registerWorker } from "../deployment/worker-deployment.ts";
import { fittingFailure, serverFailure } from "../failure-size.ts";
import { idProblem, invalid, isTooLarge, lengthProblem, runIdProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { PollWatch } from "../poll/poll-watch.ts";
import { pollForTask, scalingOf } from "../poll/task-poll.ts";
import { pollProblem } from "../workflow/workflow-task.ts";
import { activityTaskResponse } from "./activity-response.ts";

export function activityHandlers(parts: Parts) {
  return { ...pollHandlers(parts), ...byTokenHandlers(parts), ...byIdHandlers(parts) } satisfies Handlers;
}

function pollHandlers(parts: Parts) {
  const { namespaces, random } = parts;
  const polling = { ...parts, watch: new PollWatch(parts.telemetry, "activity") };
  return {
    PollActivityTaskQueue: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = activityPollProblem(request);
      if (problem) return problem;
      const { identity, deploymentOptions, workerVersionCapabilities: capabilities, workerInstanceKey } = request;
      const poll = {
        namespaceId: namespace.id,
        kind: "activity",
        taskQueue: request.taskQueue!.name,
        poller: {
          ...{ identity, requestId: random.uuid(), capabilities, deploymentOptions },
          deploymentVersion: versionOfWorker(deploymentOptions),
          sdkName: call.clientName,
          sdkVersion: call.clientVersion,
        },
        workerInstanceKey,
        maxTasksPerSecond: request.taskQueueMetadata?.maxTasksPerSecond?.value,
      } as const;
      const refused = await registerWorker(parts, poll);
      if (refused) return refused;
      const polled = await pollForTask(polling, call, poll, async (match) => {
        if (match.type === "query" || match.started.kind !== "activity")
          throw new Error("something else than an activity came out of an activity task queue");
        const response = await activityTaskResponse(parts, match.started.task);
        return response && { ...response, ...scalingOf(match) };
      });
      return polled ?? {};
    },
  } satisfies Handlers;
}

function activityPollProblem(request: RequestOf<"PollActivityTaskQueue">): Rejection | undefined {
  const rate = request.taskQueueMetadata?.maxTasksPerSecond?.value ?? 0;
  // Written so that NaN is refused too.
  return pollProblem(request) ?? (rate >= 0 ? undefined : invalid("MaxTasksPerSecond cannot be negative."));
}

/** Which activity a worker or client means, and what it belongs to: a workflow, or nothing but itself. */
interface Target {
  readonly key: ExecutionKey<"workflow"> | ExecutionKey<"activity">;
  readonly activity: ActivitySelector;
}

type TokenRequest = { readonly taskToken: Uint8Array; readonly namespace: string; readonly identity: string };

/** A handler that finds the activity which a request means, and answers for it. */
function answering<Request, Reply>(
  target: (request: Request) => Target | Rejection,
  answer: (target: Target, request: Request) => Promise<Reply>,
) {
  return async (request: Request) => {
    const found = target(request);
    return found instanceof Rejection ? found : answer(found, request);
  };
}

function byTokenHandlers(parts: Parts) {
  const target = (request: TokenRequest) => targetOfToken(parts, request);
  const { heartbeat, complete, fail, cancel } = answersOf(parts);
  return {
    RecordActivityTaskHeartbeat: answering(target, heartbeat),
    RespondActivityTaskCompleted: answering(target, complete),
    RespondActivityTaskFailed: answering(
      target,
      async (found, request: TokenRequest & Failed) => failureProblem(request.failure) ?? fail(found, request),
    ),
    RespondActivityTaskCanceled: answering(target, cancel),
  } satisfies Handlers;
}

function byIdHandlers(parts: Parts) {
  const target = (request: IdRequest) => targetOfId(parts, request);
  const { heartbeat, complete, fail, cancel } = answersOf(parts);
  return {
    RecordActivityTaskHeartbeatById: answering(target, heartbeat),
    RespondActivityTaskCompletedById: answering(target, complete),
    RespondActivityTaskFailedById: answering(target, fail),
    RespondActivityTaskCanceledById: answering(target, cancel),
  } satisfies Handlers;
}

function targetOfToken(
  { tokens, namespaces }: Pick<Parts, "tokens" | "namespaces">,
  request: TokenRequest,
): Target | Rejection {
  const token = tokens.open("activity", request.taskToken);
  if (token instanceof Rejection) return token;
  const namespace = namespaces.ofToken(token, request.namespace);
  if (namespace instanceof Rejection) return namespace;
  const problem = lengthProblem("Identity", request.identity);
  if (problem) return problem;
  const { namespaceId, runId, scheduledEventId, attempt, stamp } = token;
  return { key: ownerKey(namespaceId, token), activity: { by: "token", runId, scheduledEventId, attempt, stamp } };
}

interface IdRequest {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly activityId: string;
  readonly identity: string;
}

function targetOfId({ namespaces }: Pick<Parts, "namespaces">, request: IdRequest): Target | Rejection {
  const namespace = namespaces.byName(request.namespace);
  if (namespace instanceof Rejection) return namespace;
  const { runId, activityId } = request;
  const problem = activityIdProblem(request);
  return problem ?? { key: ownerKey(namespace.id, request), activity: { by: "id", runId, activityId } };
}

/** An empty workflow id means an activity without a workflow. */
export function ownerKey(namespaceId: string, { workflowId, activityId }: { workflowId: string; activityId: string }) {
  return workflowId === "" ? activityKey(namespaceId, activityId) : workflowKey(namespaceId, workflowId);
}

export function activityIdProblem(request: IdRequest): Rejection | undefined {
  return (
    idProblem("ActivityId", request.activityId) ??
    lengthProblem("WorkflowId", request.workflowId) ??
    (runIdProblem(request.runId) ? invalid("RunId is not valid UUID.") : undefined) ??
    lengthProblem("Identity", request.identity)
  );
}

/** How an activity ends or goes on. What is too large for a history ends it instead, so that its workflow learns of it. */
function answersOf({ ring }: Pick<Parts, "ring">) {
  const failTooLarge = ({ key, activity }: Target, identity: string, message: string) =>
    ring.submit(key, {
      type: "failActivity",
      activity,
      failure: serverFailure(message),
      lastHeartbeatDetails: undefined,
      identity,
    });
  return {
    async heartbeat(target: Target, { details, identity }: Answer<{ details: common.Payloads }>) {
      if (isTooLarge(details)) {
        const failed = await failTooLarge(target, identity, heartbeatTooLarge);
        return failed instanceof Rejection ? failed : { cancelRequested: true };
      }
      return ring.submit(target.key, { type: "heartbeatActivity", activity: target.activity, details, identity });
    },

    complete(target: Target, { result, identity }: Answer<{ result: common.Payloads }>) {
      if (isTooLarge(result)) return failTooLarge(target, identity, "Complete result exceeds size limit.");
      return ring.submit(target.key, { type: "completeActivity", activity: target.activity, result, identity });
    },

    async fail({ key, activity }: Target, request: Failed) {
      const detailsTooLarge = isTooLarge(request.lastHeartbeatDetails);
      const fitting = fittingFailure(request.failure);
      const failed = await ring.submit(key, {
        type: "failActivity",
        activity,
        failure: fitting,
        lastHeartbeatDetails: detailsTooLarge ? undefined : request.lastHeartbeatDetails,
        identity: request.identity,
      });
      if (failed instanceof Rejection) return failed;
      // The worker is told what was not kept as it was.
      const cut = fitting && fitting !== request.failure ? [fitting] : [];
      return { failures: detailsTooLarge ? [...cut, serverFailure(heartbeatTooLarge)] : cut };
    },

    cancel(target: Target, { details, identity }: Answer<{ details: common.Payloads }>) {
      if (isTooLarge(details)) return failTooLarge(target, identity, "Cancel details exceed size limit.");
      return ring.submit(target.key, { type: "cancelActivity", activity: target.activity, details, identity });
    },
  };
}

type Answer<Fields> = { readonly identity: string } & { readonly [K in keyof Fields]?: Fields[K] | undefined };

type Failed = Answer<{ failure: failure.Failure; lastHeartbeatDetails: common.Payloads }>;

const heartbeatTooLarge = "Heartbeat details exceed size limit.";

/** Who answers by id may also say that the attempt timed out, or that a server failed. */
function failureProblem(given: failure.Failure | undefined): Rejection | undefined {
  return given && !given.applicationFailureInfo ? invalid("Failure must have ApplicationFailureInfo.") : undefined;
}
