/** Telling those who asked for it how a run ended. What is for this cluster is a command to the caller's run, and nothing of it leaves the process. */
import { type Call, type CallFailure, type NexusOutcome, Rejection } from "@pawl/engine";
import { type common, failure, toNexusLink } from "@pawl/protocol";
import { readEvent } from "../frontend/history/history-page.ts";
import { toNexusFailure } from "../frontend/nexus/nexus-failure.ts";
import { systemCallback } from "../frontend/workflow/callback-rules.ts";
import { startLink } from "../frontend/workflow/response-link.ts";
import { limits } from "../limits.ts";
import type { CallParts } from "./call-parts.ts";
import { outcomeOf } from "./completion.ts";
import { endOperation } from "./end-operation.ts";
import {
  type Content,
  contentOf,
  failureText,
  type HeaderValues,
  linkHeaders,
  operationStateHeader,
  operationTokenHeader,
  refusalOf,
  startTimeHeader,
} from "./http-form.ts";
import { callbackTokenHeader } from "./operation-call.ts";
import { NoAnswer, post } from "./post.ts";

type CallbackCall = Extract<Call, { type: "completionCallback" }>;

/** What came of it; undefined when the run has been deleted meanwhile. Throws when it is unknown, and to be tried again. */
export async function deliverEnd(
  parts: CallParts,
  call: CallbackCall,
  signal: AbortSignal,
): Promise<{ problem: CallFailure | undefined } | undefined> {
  const closing = await readEvent(parts.store, call.from.runId, call.closedEventId);
  if (!closing) return undefined;
  const outcome = outcomeOf(closing);
  const { url = "", header = {} } = call.callback.nexus ?? {};
  if (url !== systemCallback) return postEnd(parts, call, { url, header, outcome, signal });
  const startedLinks = [linkToStart(parts, call)];
  const told = { token: header[callbackTokenHeader] ?? "", operationToken: header[operationTokenHeader] ?? "" };
  const problem = await endOperation(parts, { ...told, startedAtMs: call.startedAtMs, startedLinks, outcome });
  return { problem: problem && handlerError(problem) };
}

interface Posting {
  readonly url: string;
  readonly header: HeaderValues;
  readonly outcome: NexusOutcome;
  readonly signal: AbortSignal;
}

/** Undefined when the server stops meanwhile. */
async function postEnd(
  parts: CallParts,
  call: CallbackCall,
  { url, header, outcome, signal }: Posting,
): Promise<{ problem: CallFailure | undefined } | undefined> {
  const { clock, addresses } = parts;
  const link = toNexusLink(linkToStart(parts, call));
  const content = bodyOf(outcome);
  const headers = {
    ...content.headers,
    ...(link && linkHeaders([link])),
    [startTimeHeader]: new Date(call.startedAtMs).toUTCString(),
    "nexus-operation-close-time": new Date(call.closedAtMs).toISOString(),
    ...header,
    [operationStateHeader]: outcome.type === "completed" ? "succeeded" : outcome.type,
  };
  const late = new AbortController();
  const cancelWake = clock.after(limits.outsideCallMsMax, () => late.abort());
  const given = { headers, data: content.data, signal: AbortSignal.any([signal, late.signal]) };
  const answer = await post(addresses, url, given).finally(cancelWake);
  if (signal.aborted) return undefined;
  if (answer instanceof NoAnswer) return { problem: callFailure(answer.message, { final: answer.final }) };
  if (answer.status >= 200 && answer.status < 300) return { problem: undefined };
  const refusal = refusalOf(answer);
  if (refusal.type === "unexpected") return { problem: callFailure(refusal.message, { final: false }) };
  const { message, nexusHandlerFailureInfo: info } = refusal.failure;
  const text = `handler error (${info?.type})${message === "" ? "" : `: ${message}`}`;
  return { problem: callFailure(text, { final: !refusal.retryable }) };
}

function bodyOf(outcome: NexusOutcome): Content {
  if (outcome.type === "completed") return contentOf(outcome.result);
  const text = failureText(toNexusFailure(outcome.failure));
  return { headers: { "content-type": "application/json" }, data: Buffer.from(text) };
}

/** To what brought the callback to the run. */
function linkToStart({ namespaces }: CallParts, { from, attachedRequestId }: CallbackCall): common.Link {
  const found = namespaces.byId(from.namespaceId);
  const namespace = found instanceof Rejection ? "" : found.name;
  const run = { namespace, workflowId: from.businessId, runId: from.runId };
  return startLink(run, attachedRequestId, { attached: attachedRequestId !== "" });
}

/** As the reference server words it. */
function handlerError({ type, message }: { type: string; message: string }): CallFailure {
  return callFailure(`handler error (${type}): ${message}`, { final: true });
}

function callFailure(message: string, { final }: { final: boolean }): CallFailure {
  const info = failure.ApplicationFailureInfo.create({ nonRetryable: final });
  return { retryable: !final, failure: failure.Failure.create({ message, applicationFailureInfo: info }) };
}
