/** Telling those who asked for it how a run ended. What is for this cluster is a command to the caller's run; nothing of it leaves the process. */
import { type Call, type CallFailure, Rejection, type RejectionCode, workflowKey } from "@pawl/engine";
import { common, enums, failure } from "@pawl/protocol";
import { systemCallback } from "../frontend/callback-rules.ts";
import { readEvent } from "../frontend/history-page.ts";
import { outcomeOf } from "./completion.ts";
import { callbackTokenHeader } from "./operation-call.ts";
import type { CallParts } from "./outside-calls.ts";

type CallbackCall = Extract<Call, { type: "completionCallback" }>;

export const operationTokenHeader = "nexus-operation-token";

/** What came of it; undefined when the run has been deleted meanwhile. Throws when it is unknown, and to be tried again. */
export async function deliverEnd(
  parts: CallParts,
  call: CallbackCall,
  _signal: AbortSignal,
): Promise<{ problem: CallFailure | undefined } | undefined> {
  const closing = await readEvent(parts.store, call.from.runId, call.closedEventId);
  if (!closing) return undefined;
  const { url = "", header = {} } = call.callback.nexus ?? {};
  if (url !== systemCallback) return { problem: handlerError("BAD_REQUEST", `no callback can be made to ${url}`) };
  const token = parts.tokens.openCallback(header[callbackTokenHeader] ?? "");
  if (!token) return { problem: handlerError("BAD_REQUEST", "invalid callback token") };
  const { namespaceId, workflowId, runId, scheduledEventId, requestId } = token;
  const completion = {
    type: "completeNexusOperation",
    ...{ scheduledEventId, requestId },
    operationToken: header[operationTokenHeader] ?? "",
    startedAtMs: call.startedAtMs,
    startedLinks: [linkToStart(parts, call)],
    outcome: outcomeOf(closing),
  } as const;
  const key = workflowKey(namespaceId, workflowId);
  let reply = await parts.ring.submit(key, { ...completion, runId });
  // A run that was reset goes on as another, which has its operations; the request id tells whether it is the same one.
  if (reply instanceof Rejection && reply.code === "NOT_FOUND")
    reply = await parts.ring.submit(key, { ...completion, runId: "" });
  return { problem: reply instanceof Rejection ? rejected(reply) : undefined };
}

function linkToStart({ namespaces }: CallParts, { from }: CallbackCall): common.Link {
  const namespace = namespaces.byId(from.namespaceId);
  return common.Link.create({
    workflowEvent: {
      namespace: namespace instanceof Rejection ? "" : namespace.name,
      workflowId: from.businessId,
      runId: from.runId,
      eventRef: { eventId: 1, eventType: enums.EventType.WORKFLOW_EXECUTION_STARTED },
    },
  });
}

const typesByCode: Partial<Record<RejectionCode, string>> = {
  NOT_FOUND: "NOT_FOUND",
  INVALID_ARGUMENT: "BAD_REQUEST",
  FAILED_PRECONDITION: "BAD_REQUEST",
};

function rejected({ code, message }: Rejection): CallFailure {
  return handlerError(typesByCode[code] ?? "INTERNAL", message);
}

/** As the reference server words it. */
function handlerError(type: string, message: string): CallFailure {
  const info = failure.ApplicationFailureInfo.create({ nonRetryable: true });
  return {
    retryable: false,
    failure: failure.Failure.create({ message: `handler error (${type}): ${message}`, applicationFailureInfo: info }),
  };
}
