/** Nexus tasks as workers see them: polled, and answered with what the handler made of the request. */
import { Rejection } from "@pawl/engine";
import { failure, type nexus, type RequestOf } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { versionOfWorker } from "../deployment/deployment-rules.ts";
import { registerWorker } from "../deployment/worker-deployment.ts";
import { fittingFailure, serverFailure } from "../failure-size.ts";
import { invalid, isLonger, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { PollWatch } from "../poll/poll-watch.ts";
import { pollForTask, scalingOf } from "../poll/task-poll.ts";
import { pollProblem } from "../workflow/workflow-task.ts";
import { asCanceled, fromNexusFailure, handlerFailure, hasReadableDetails, isRetryable } from "./nexus-failure.ts";
import type { NexusAnswer } from "./nexus-tasks.ts";

export function nexusTaskHandlers(parts: Parts) {
  const { namespaces, random, tokens, nexusTasks } = parts;
  const polling = { ...parts, watch: new PollWatch(parts.telemetry, "nexus") };
  return {
    PollNexusTaskQueue: async (request, call) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = pollProblem(request);
      if (problem) return problem;
      const { identity, deploymentOptions, workerVersionCapabilities: capabilities, workerInstanceKey } = request;
      const taskQueue = request.taskQueue!.name;
      const poll = {
        namespaceId: namespace.id,
        kind: "nexus",
        taskQueue,
        poller: {
          identity,
          requestId: random.uuid(),
          capabilities,
          deploymentOptions,
          deploymentVersion: versionOfWorker(deploymentOptions),
        },
        workerInstanceKey,
      } as const;
      const refused = await registerWorker(parts, poll);
      if (refused) return refused;
      const polled = await pollForTask(polling, call, poll, async (match) => {
        if (match.type !== "query") throw new Error(`a ${match.task.kind} task came out of a Nexus task queue`);
        const asked = await nexusTasks.requestOf(match.query.id);
        const token = { kind: "nexus", namespaceId: namespace.id, taskQueue, taskId: match.query.id } as const;
        return asked && { taskToken: tokens.seal(token), request: asked, ...scalingOf(match) };
      });
      return polled ?? {};
    },

    RespondNexusTaskCompleted: (request) =>
      respond(parts, request, () => answerOf(request.response?.startOperation, request.response?.cancelOperation)),

    RespondNexusTaskFailed: (request) => respond(parts, request, () => refusalOf(request)),
  } satisfies Handlers;
}

function respond(
  { namespaces, tokens, nexusTasks }: Pick<Parts, "namespaces" | "tokens" | "nexusTasks">,
  request: { readonly namespace: string; readonly taskToken: Uint8Array; readonly identity: string },
  answer: () => NexusAnswer | Rejection,
) {
  const token = tokens.open("nexus", request.taskToken);
  if (token instanceof Rejection) return token;
  const namespace = namespaces.ofToken(token, request.namespace);
  if (namespace instanceof Rejection) return namespace;
  const problem = lengthProblem("Identity", request.identity);
  if (problem) return problem;
  const answered = answer();
  if (answered instanceof Rejection) return answered;
  if (nexusTasks.answer(token.taskId, answered)) return {};
  return new Rejection("NOT_FOUND", "Nexus task not found or already expired");
}

const unreadableDetails = invalid("failure details must be JSON serializable");

/** What a worker's response says, or why it cannot be taken: then the worker may still send another. */
function answerOf(
  started: nexus.StartOperationResponse | undefined,
  cancelled: nexus.CancelOperationResponse | undefined,
): NexusAnswer | Rejection {
  if (!started) return cancelled ? { type: "done" } : noOutcome();
  const { syncSuccess, asyncSuccess, operationError } = started;
  if (syncSuccess) return { type: "completed", result: syncSuccess.payload, links: syncSuccess.links };
  if (asyncSuccess) return startedAnswer(asyncSuccess);
  if (operationError) return endedAnswer(operationError);
  if (started.failure) {
    const ended = fittingFailure(started.failure)!;
    return { type: ended.canceledFailureInfo ? "canceled" : "failed", failure: ended };
  }
  return noOutcome();
}

/** A worker that answers with nothing may do better the next time. */
function noOutcome(): NexusAnswer {
  return { type: "refused", retryable: true, failure: handlerFailure("INTERNAL", "empty outcome") };
}

function startedAnswer({
  operationToken,
  operationId,
  links,
}: nexus.StartOperationResponse_Async): NexusAnswer | Rejection {
  // The token's older name.
  const token = operationToken || operationId;
  if (token === "") return invalid("missing operation token in response");
  const problem = operationTokenProblem(token);
  if (problem !== undefined) return invalid(`operation token ${problem}`);
  return { type: "started", operationToken: token, links };
}

/** Why a handler may not call an operation so, or undefined. */
export function operationTokenProblem(token: string): string | undefined {
  const { nexusOperationTokenBytesMax: bytesMax } = limits;
  if (!isLonger(token, bytesMax)) return undefined;
  return `length exceeds allowed limit (${Buffer.byteLength(token)}/${bytesMax})`;
}

function endedAnswer({ operationState, failure: given }: nexus.UnsuccessfulOperationError): NexusAnswer | Rejection {
  if (!hasReadableDetails(given)) return unreadableDetails;
  const { fitting, said } = given ? fittingNexusFailure(given) : { fitting: failure.Failure.create({}) };
  if (operationState === "canceled") return { type: "canceled", failure: asCanceled(fitting), ...(said && { said }) };
  if (operationState === "failed") return { type: "failed", failure: fitting, ...(said && { said }) };
  const message = `unexpected operation state: ${JSON.stringify(operationState)}`;
  return { type: "refused", retryable: true, failure: handlerFailure("INTERNAL", message) };
}

function refusalOf({ error, failure: given }: RequestOf<"RespondNexusTaskFailed">): NexusAnswer | Rejection {
  if (error) {
    if (!hasReadableDetails(error.failure)) return unreadableDetails;
    const { fitting: cause, said } = error.failure ? fittingNexusFailure(error.failure) : {};
    const { errorType, retryBehavior } = error;
    return { ...refused(handlerFailure(errorType, "", { cause, retryBehavior })), ...(said && { said }) };
  }
  if (!given) return invalid("request must contain error or failure");
  if (!given.nexusHandlerFailureInfo)
    return invalid("request Failure must contain error or failure with NexusHandlerFailureInfo");
  return failure.Failure.encode(given).length > limits.blobBytesMax
    ? refused({
        ...given,
        stackTrace: "",
        encodedAttributes: undefined,
        cause: serverFailure("Failure exceeds size limit."),
      })
    : refused(given);
}

/** `said` is left out when it is too large. */
function fittingNexusFailure(given: nexus.Failure): { fitting: failure.Failure; said?: nexus.Failure } {
  const plain = fromNexusFailure(given);
  const fitting = fittingFailure(plain)!;
  return fitting === plain ? { fitting, said: given } : { fitting };
}

function refused(failure: failure.Failure): NexusAnswer & { readonly type: "refused" } {
  return { type: "refused", retryable: isRetryable(failure), failure };
}
