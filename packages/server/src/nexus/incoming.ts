/** Nexus requests that come from outside over HTTP: to start an operation, to cancel one, and to tell how one ended. */
import { payloadBytes } from "@pawl/engine";
import { type common, enums, failure, fromNexusLinks, type Init, type nexus, toTimestamp } from "@pawl/protocol";
import { isLonger } from "../frontend/field-rules.ts";
import { asCanceled, fromNexusFailure, toNexusFailure } from "../frontend/nexus/nexus-failure.ts";
import { operationTokenProblem } from "../frontend/nexus/nexus-task.ts";
import type { NexusAnswer } from "../frontend/nexus/nexus-tasks.ts";
import { limits } from "../limits.ts";
import type { CallParts } from "./call-parts.ts";
import { endOperation } from "./end-operation.ts";
import {
  type Content,
  callbackHeaderPrefix,
  contentOf,
  durationMsOf,
  failureOf,
  failureSourceHeader,
  failureSupportHeader,
  failureText,
  type HeaderValues,
  linkHeader,
  linkHeaders,
  linksOf,
  operationStateHeader,
  operationTokenHeader,
  payloadOf,
  requestIdHeader,
  requestTimeoutHeader,
  retryableHeader,
  startTimeHeader,
  statusOfType,
  unsuccessfulOf,
  unsuccessfulStatus,
} from "./http-form.ts";
import { callbackTokenHeader } from "./operation-call.ts";

export type IncomingParts = Pick<
  CallParts,
  "ring" | "namespaces" | "nexusEndpoints" | "nexusTasks" | "tokens" | "clock"
>;

export interface IncomingReply extends Content {
  readonly status: number;
}

export function callbackPath(namespace: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}/nexus/callback`;
}

/** What a request is for: a queue of a namespace. */
export interface Destination {
  readonly namespaceId: string;
  readonly taskQueue: string;
  /** The name of the endpoint that leads there; "" when it was asked for by itself. */
  readonly endpoint: string;
}

export function endpointDestination({ nexusEndpoints }: IncomingParts, id: string): Destination | IncomingReply {
  const endpoint = nexusEndpoints.byId(id);
  if (!endpoint) return refusal("NOT_FOUND", "nexus endpoint not found");
  const { target, name } = endpoint;
  if (target.type === "external") return refusal("BAD_REQUEST", "the endpoint leads to another server");
  return { namespaceId: target.namespaceId, taskQueue: target.taskQueue, endpoint: name };
}

export function queueDestination(
  { namespaces }: IncomingParts,
  { namespace, taskQueue }: { namespace: string; taskQueue: string },
): Destination | IncomingReply {
  if (isLonger(namespace, limits.idBytesMax)) return refusal("BAD_REQUEST", "Namespace length exceeds limit.");
  const found = namespaces.find(namespace);
  if (!found) return refusal("NOT_FOUND", `namespace not found: ${JSON.stringify(namespace)}`);
  if (taskQueue === "" || isLonger(taskQueue, limits.idBytesMax)) return refusal("BAD_REQUEST", "invalid task queue");
  return { namespaceId: found.id, taskQueue, endpoint: "" };
}

export interface IncomingRequest extends Content {
  readonly service: string;
  readonly operation: string;
  /** Of a start: where the handler tells of the end. */
  readonly callback: string;
  readonly cancels: boolean;
  readonly signal: AbortSignal;
}

export async function dispatch(
  { nexusTasks, clock }: IncomingParts,
  { namespaceId, taskQueue, endpoint }: Destination,
  asked: IncomingRequest,
): Promise<IncomingReply> {
  const timeout = asked.headers[requestTimeoutHeader];
  const { nexusRequestMsMax: msMax, nexusAnswerMarginMs: marginMs, blobBytesMax } = limits;
  const timeoutMs = timeout === undefined ? msMax : durationMsOf(timeout);
  if (timeoutMs === undefined) return refusal("BAD_REQUEST", "cannot parse request-timeout header");
  const nowMs = clock.nowMs();
  const request: Init<nexus.Request> = {
    header: passedOn(asked.headers),
    scheduledTime: toTimestamp(nowMs),
    capabilities: { temporalFailureResponses: true },
    endpoint,
    ...(asked.cancels ? cancelOf(asked) : startOf(asked)),
  };
  if (asked.cancels && request.cancelOperation?.operationToken === "")
    return refusal("BAD_REQUEST", "missing operation token");
  const { payload } = request.startOperation ?? {};
  if (payload && payloadBytes(payload as common.Payload) > blobBytesMax)
    return refusal("BAD_REQUEST", "input exceeds size limit");
  const untilMs = nowMs + Math.max(0, Math.min(timeoutMs, msMax) - marginMs);
  const answer = await nexusTasks.ask({ namespaceId, taskQueue, request, untilMs, signal: asked.signal });
  return answer ? replyOf(answer) : ofWorker(refusal("UPSTREAM_TIMEOUT", "upstream timeout"));
}

function startOf({ headers, data, service, operation, callback }: IncomingRequest): Init<nexus.Request> {
  const callbackHeader = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(callbackHeaderPrefix) ? [[name.slice(callbackHeaderPrefix.length), value] as const] : [],
  );
  return {
    startOperation: {
      ...{ service, operation, callback, requestId: headers[requestIdHeader] ?? "" },
      callbackHeader: Object.fromEntries(callbackHeader),
      payload: payloadOf(headers, data),
      links: linksOf(headers[linkHeader] ?? ""),
    },
  };
}

function cancelOf({ headers, service, operation }: IncomingRequest): Init<nexus.Request> {
  const operationToken = headers[operationTokenHeader] ?? "";
  return { cancelOperation: { service, operation, operationToken, operationId: operationToken } };
}

/** Of the connection, of this protocol, or for this server alone: all others are the handler's. */
const kept = new RegExp(
  `^(content-.*|nexus-.*|host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|accept.*|user-agent|authorization|cookie|proxy-.*|${requestTimeoutHeader}|${failureSupportHeader})$`,
);

function passedOn(headers: HeaderValues): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !kept.test(name)));
}

function replyOf(answer: NexusAnswer): IncomingReply {
  switch (answer.type) {
    case "completed": {
      const { headers, data } = contentOf(answer.result);
      return { status: 200, headers: { ...headers, ...linkHeaders(answer.links) }, data };
    }
    case "started": {
      const data = Buffer.from(JSON.stringify({ token: answer.operationToken, state: "running" }));
      return { status: 201, headers: { ...json, ...linkHeaders(answer.links) }, data };
    }
    case "failed":
    case "canceled": {
      const data = Buffer.from(failureText(answer.said ?? toNexusFailure(answer.failure)));
      return ofWorker({ status: unsuccessfulStatus, headers: { ...json, [operationStateHeader]: answer.type }, data });
    }
    case "refused": {
      const { message, nexusHandlerFailureInfo: info, cause: plain } = answer.failure;
      const cause = answer.said ?? (plain && toNexusFailure(plain));
      const { retryBehavior } = info ?? {};
      return ofWorker(
        refusal(info?.type ?? "INTERNAL", message, { cause, retryable: answer.retryable, retryBehavior }),
      );
    }
    case "done":
      return { status: 202, headers: {}, data: nothing };
    default:
      return answer satisfies never;
  }
}

/** Somebody tells how an operation ended that a run of this server called. */
export async function complete(
  parts: IncomingParts,
  namespace: string | undefined,
  content: Content,
): Promise<IncomingReply> {
  const { headers } = content;
  const token = headers[callbackTokenHeader] ?? "";
  // Before anything else is read: everybody may send it.
  const opened = parts.tokens.openCallback(token);
  if (!opened || (namespace !== undefined && parts.namespaces.find(namespace)?.id !== opened.namespaceId))
    return refusal("BAD_REQUEST", "invalid callback token");
  const operationToken = headers[operationTokenHeader] ?? "";
  const problemOfToken = operationTokenProblem(operationToken);
  if (problemOfToken !== undefined) return refusal("BAD_REQUEST", `operation token ${problemOfToken}`);
  const outcome = outcomeOf(content);
  if (typeof outcome === "string") return refusal("BAD_REQUEST", outcome);
  const startedAtMs = Date.parse(headers[startTimeHeader] ?? "");
  const problem = await endOperation(parts, {
    ...{ token, operationToken, outcome },
    startedAtMs: Number.isNaN(startedAtMs) ? parts.clock.nowMs() : startedAtMs,
    startedLinks: fromNexusLinks(linksOf(headers[linkHeader] ?? "")),
  });
  return problem ? refusal(problem.type, problem.message) : { status: 200, headers: {}, data: nothing };
}

/** A text says what is wrong with it. */
function outcomeOf(content: Content): Parameters<typeof endOperation>[1]["outcome"] | string {
  const state = content.headers[operationStateHeader] ?? "";
  if (state === "succeeded") {
    const result = payloadOf(content.headers, content.data);
    if (payloadBytes(result) > limits.blobBytesMax) return "result exceeds size limit";
    return { type: "completed", result };
  }
  if (state !== "failed" && state !== "canceled") return `invalid request operation state: ${JSON.stringify(state)}`;
  const ended = unsuccessfulOf(content);
  if (ended) return { type: ended.type, failure: ended.failure };
  const given = failureOf(content);
  if (!given) return "failed to read Failure from request body";
  const plain = fromNexusFailure(given);
  return { type: state, failure: state === "canceled" ? asCanceled(plain) : plain };
}

const json = { "content-type": "application/json" };
const nothing = new Uint8Array(0);

interface RefusalDetails {
  readonly cause?: nexus.Failure | undefined;
  readonly retryable?: boolean;
  /** What the handler said of it by itself. */
  readonly retryBehavior?: enums.NexusHandlerErrorRetryBehavior | undefined;
}

const overrides = new Map<enums.NexusHandlerErrorRetryBehavior | undefined, boolean>([
  [enums.NexusHandlerErrorRetryBehavior.RETRYABLE, true],
  [enums.NexusHandlerErrorRetryBehavior.NON_RETRYABLE, false],
]);

function ofWorker({ status, headers, data }: IncomingReply): IncomingReply {
  return { status, headers: { ...headers, [failureSourceHeader]: "worker" }, data };
}

/** A handler error. */
function refusal(
  type: string,
  message: string,
  { cause, retryable, retryBehavior }: RefusalDetails = {},
): IncomingReply {
  const given = {
    ...toNexusFailure(failure.Failure.create({ message })),
    metadata: { type: "nexus.HandlerError" },
    details: Buffer.from(JSON.stringify({ type, retryableOverride: overrides.get(retryBehavior) })),
    cause,
  };
  const headers = { ...json, ...(retryable !== undefined && { [retryableHeader]: String(retryable) }) };
  return { status: statusOfType(type), headers, data: Buffer.from(failureText(given)) };
}

export function isRefusal(given: Destination | IncomingReply): given is IncomingReply {
  return "status" in given;
}
