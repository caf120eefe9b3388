/** Requests to handlers of Nexus operations that are somewhere else, over HTTP. */
import { failure, type Init, type nexus } from "@pawl/protocol";
import { handlerFailure } from "../frontend/nexus/nexus-failure.ts";
import type { NexusAnswer } from "../frontend/nexus/nexus-tasks.ts";
import type { CallParts } from "./call-parts.ts";
import {
  callbackHeaderPrefix,
  contentOf,
  failureSupportHeader,
  type HeaderValues,
  type HttpAnswer,
  linkHeader,
  linkHeaders,
  linksOf,
  operationTokenHeader,
  payloadOf,
  refusalOf,
  requestIdHeader,
  requestTimeoutHeader,
  unsuccessfulOf,
  unsuccessfulStatus,
} from "./http-form.ts";
import { NoAnswer, post } from "./post.ts";

export interface ExternalAsking {
  readonly request: Init<nexus.Request>;
  readonly untilMs: number;
  readonly signal: AbortSignal;
  /** Where the handler tells of the end. */
  readonly callbackUrl: string | undefined;
}

/** Undefined when there was no answer in time. */
export async function askExternal(
  { addresses, clock }: Pick<CallParts, "addresses" | "clock">,
  baseUrl: string,
  asking: ExternalAsking,
): Promise<NexusAnswer | undefined> {
  const leftMs = asking.untilMs - clock.nowMs();
  const late = new AbortController();
  const cancelWake = clock.wake(asking.untilMs, () => late.abort());
  const { url, headers, data } = requestOf(baseUrl, asking);
  try {
    const answer = await post(addresses, url, {
      headers: { ...headers, [requestTimeoutHeader]: `${Math.floor(leftMs)}ms` },
      data,
      signal: AbortSignal.any([asking.signal, late.signal]),
    });
    if (late.signal.aborted || asking.signal.aborted) return undefined;
    return answer instanceof NoAnswer ? callError(answer) : answerOf(answer, asking.request);
  } finally {
    cancelWake();
  }
}

function requestOf(baseUrl: string, { request, callbackUrl }: ExternalAsking) {
  const { startOperation: start, cancelOperation: cancel, header = {} } = request;
  const { service = "", operation = "" } = start ?? cancel ?? {};
  const base = baseUrl.replace(/[?#].*$/s, "").replace(/\/+$/, "");
  const path = `${base}/${encodeURIComponent(service)}/${encodeURIComponent(operation)}`;
  if (!start) {
    const headers = { ...header, [operationTokenHeader]: cancel?.operationToken ?? "" };
    return { url: `${path}/cancel`, headers: headers as HeaderValues, data: new Uint8Array(0) };
  }
  const { payload, requestId = "", links = [], callbackHeader = {} } = start as nexus.StartOperationRequest;
  const callback = Object.entries(callbackHeader).map(([name, value]) => [`${callbackHeaderPrefix}${name}`, value]);
  const content = contentOf(payload);
  const headers: HeaderValues = {
    ...(callbackUrl === undefined ? {} : (Object.fromEntries(callback) as HeaderValues)),
    ...content.headers,
    ...linkHeaders(links),
    ...(header as HeaderValues),
    [requestIdHeader]: requestId,
    [failureSupportHeader]: "true",
  };
  const query = callbackUrl === undefined ? "" : `?callback=${encodeURIComponent(callbackUrl)}`;
  return { url: `${path}${query}`, headers, data: content.data };
}

function answerOf(answer: HttpAnswer, { startOperation }: Init<nexus.Request>): NexusAnswer {
  const { status, headers } = answer;
  if (!startOperation) return status >= 200 && status < 300 ? { type: "done" } : refused(answer);
  const links = linksOf(headers[linkHeader] ?? "");
  if (status === 200) return { type: "completed", result: payloadOf(headers, answer.data), links };
  if (status === 201) {
    const operationToken = tokenOf(answer);
    if (operationToken === undefined) return unexpected("empty operation token in response");
    return { type: "started", operationToken, links };
  }
  if (status !== unsuccessfulStatus) return refused(answer);
  return (
    unsuccessfulOf(answer) ??
    unexpected(`invalid operation state header: ${JSON.stringify(headers["nexus-operation-state"] ?? "")}`)
  );
}

function tokenOf({ data }: HttpAnswer): string | undefined {
  try {
    const { token, id } = JSON.parse(Buffer.from(data).toString()) as { token?: unknown; id?: unknown };
    const text = token ?? id;
    return typeof text === "string" && text !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}

function refused(answer: HttpAnswer): NexusAnswer {
  const refusal = refusalOf(answer);
  if (refusal.type === "unexpected") return unexpected(refusal.message);
  return { type: "refused", retryable: refusal.retryable, failure: refusal.failure };
}

function unexpected(message: string): NexusAnswer {
  return callError({ message, final: false });
}

function callError({ message, final }: Pick<NoAnswer, "message" | "final">): NexusAnswer {
  const info = failure.ApplicationFailureInfo.create({ type: "CallError", nonRetryable: final });
  return {
    type: "refused",
    retryable: !final,
    failure: final
      ? handlerFailure("BAD_REQUEST", message)
      : failure.Failure.create({ message, applicationFailureInfo: info }),
  };
}
