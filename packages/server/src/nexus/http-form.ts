/** Nexus as it is spoken over HTTP: values, links and failures as headers and bodies. */
import type { IncomingHttpHeaders } from "node:http";
import { common, enums, type failure, type nexus } from "@pawl/protocol";
import { asCanceled, fromNexusFailure, handlerFailure, isRetryable } from "../frontend/nexus/nexus-failure.ts";
import { limits } from "../limits.ts";

const { NexusHandlerErrorRetryBehavior: RetryBehavior } = enums;

export const operationTokenHeader = "nexus-operation-token";
export const operationStateHeader = "nexus-operation-state";
export const startTimeHeader = "nexus-operation-start-time";
export const requestIdHeader = "nexus-request-id";
export const linkHeader = "nexus-link";
export const callbackHeaderPrefix = "nexus-callback-";
export const retryableHeader = "nexus-request-retryable";
export const requestTimeoutHeader = "request-timeout";
/** Of a request: who asks understands failures in the form of this API. */
export const failureSupportHeader = "temporal-nexus-failure-support";
/** Of an answer that is no success: who made it one, `worker` for the handler. */
export const failureSourceHeader = "temporal-nexus-failure-source";

/** An operation that ended, and not well, is what this status is for. */
export const unsuccessfulStatus = 424;

/** Headers by their lower-case names. */
export type HeaderValues = Readonly<Record<string, string>>;

export interface Content {
  readonly headers: HeaderValues;
  readonly data: Uint8Array;
}

const unknownEncoding = "unknown/nexus-content";
const wholePayload = "application/x-temporal-payload";
const none = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value as a body whose type says how it is encoded. One that no type says it of travels as a whole payload. */
export function contentOf(payload: common.Payload | undefined): Content {
  if (!payload) return { headers: {}, data: none };
  const { data } = payload;
  const metadata = Object.entries(payload.metadata).map(([name, value]) => [name, decoder.decode(value)] as const);
  const { encoding, messageType = "", ...others } = Object.fromEntries(metadata) as Record<string, string>;
  if (encoding === unknownEncoding && metadata.every(isHeader)) {
    const headers = metadata.filter(([name]) => name !== "encoding").map(([name, value]) => [`content-${name}`, value]);
    return { headers: Object.fromEntries(headers) as HeaderValues, data };
  }
  const type =
    Object.keys(others).length === 0 && payload.externalPayloads.length === 0 && typeOf(encoding, messageType);
  if (typeof type !== "string")
    return { headers: { "content-type": wholePayload }, data: common.Payload.encode(payload) };
  return { headers: type === "" ? {} : { "content-type": type }, data };
}

/** Not `Length` in any spelling: two lengths of one answer, and a proxy takes what is between them for the next one. */
function isHeader([name, value]: readonly [string, string]): boolean {
  return /^(?!length$)[a-z\d-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value);
}

/** `""`: nothing has to be said. */
function typeOf(encoding: string | undefined, messageType: string): string | undefined {
  if (encoding === "json/protobuf" && messageType !== "")
    return `application/json; format=protobuf; message-type=${JSON.stringify(messageType)}`;
  if (encoding === "binary/protobuf" && messageType !== "")
    return `application/x-protobuf; message-type=${JSON.stringify(messageType)}`;
  if (messageType !== "") return undefined;
  const types: Readonly<Record<string, string>> = {
    "json/plain": "application/json",
    "binary/plain": "application/octet-stream",
    "binary/null": "",
  };
  return types[encoding ?? "none"];
}

/** The value of a body. One of a type that means nothing here keeps what its headers say. */
export function payloadOf(headers: HeaderValues, data: Uint8Array): common.Payload {
  const said = Object.entries(headers).flatMap(([name, value]) => {
    const [, rest] = /^content-(.+)$/.exec(name) ?? [];
    return rest === undefined || rest === "length" || rest === "encoding" ? [] : [[rest, value] as const];
  });
  const make = (metadata: Record<string, string>) =>
    common.Payload.create({
      metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, encoder.encode(value)])),
      data,
    });
  if (said.length === 0 && data.length === 0) return make({ encoding: "binary/null" });
  const type = said.length === 1 && said[0]![0] === "type" ? parseType(said[0]![1]) : undefined;
  const whole = type?.media === wholePayload ? decodedPayload(data) : undefined;
  if (whole) return whole;
  const metadata = type && metadataOf(type);
  return make(metadata ?? { ...Object.fromEntries(said), encoding: unknownEncoding });
}

function decodedPayload(data: Uint8Array): common.Payload | undefined {
  try {
    return common.Payload.decode(data);
  } catch {
    return undefined;
  }
}

interface MediaType {
  readonly media: string;
  readonly parameters: Readonly<Record<string, string>>;
}

function metadataOf({ media, parameters }: MediaType): Record<string, string> | undefined {
  const count = Object.keys(parameters).length;
  const { format, "message-type": messageType = "" } = parameters;
  if (media === "application/octet-stream" && count === 0) return { encoding: "binary/plain" };
  if (media === "application/json" && count === 0) return { encoding: "json/plain" };
  if (messageType === "") return undefined;
  if (media === "application/json" && count === 2 && format === "protobuf")
    return { encoding: "json/protobuf", messageType };
  if (media === "application/x-protobuf" && count === 1) return { encoding: "binary/protobuf", messageType };
  return undefined;
}

function parseType(text: string): MediaType {
  const [media = "", ...rest] = text.split(";");
  const parameters = rest.map((parameter) => {
    const [name = "", ...value] = parameter.split("=");
    return [name.trim().toLowerCase(), value.join("=").trim().replaceAll(/^"|"$/g, "")];
  });
  return { media: media.trim().toLowerCase(), parameters: Object.fromEntries(parameters) as Record<string, string> };
}

/** Without those that no header can hold; nothing when there are none. */
export function linkHeaders(links: readonly nexus.Link[]): HeaderValues {
  const fitting = links.filter(({ url, type }) => /^[\x21-\x7e]+$/.test(url) && /^[\w./]+$/.test(type));
  if (fitting.length === 0) return {};
  return { [linkHeader]: fitting.map(({ url, type }) => `<${url}>; type="${type}"`).join(", ") };
}

/** What cannot be read of a link is left out: a link is no reason to refuse what it came with. */
export function linksOf(text: string): nexus.Link[] {
  // No "<" within: or a text of nothing else would be read to its end again from each of them.
  const links = text.matchAll(/<([^<>]*)>\s*;\s*type="?([\w./]+)"?/g);
  return [...links].map(([, url = "", type = ""]) => ({ url, type }));
}

export function failureText(given: nexus.Failure): string {
  return JSON.stringify(failureJson(given));
}

function failureJson({ message, stackTrace, metadata, details, cause }: nexus.Failure): object {
  return {
    ...{ message, ...(stackTrace !== "" && { stackTrace }) },
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(details.length > 0 && { details: JSON.parse(decoder.decode(details)) as unknown }),
    ...(cause && { cause: failureJson(cause) }),
  };
}

/** Undefined when the body is none. */
export function failureOf({ headers, data }: Content): nexus.Failure | undefined {
  if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "")) return undefined;
  try {
    return failureFrom(JSON.parse(decoder.decode(data)));
  } catch {
    return undefined;
  }
}

function failureFrom(json: unknown, depth = 0): nexus.Failure | undefined {
  if (depth > limits.nexusCausesMax) return undefined;
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const { message, stackTrace, metadata, details, cause } = json as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const texts = Object.entries(typeof metadata === "object" ? (metadata ?? {}) : {});
  return {
    ...{ message: text(message), stackTrace: text(stackTrace) },
    metadata: Object.fromEntries(texts.map(([name, value]) => [name, text(value)])),
    details: details === undefined || details === null ? none : encoder.encode(JSON.stringify(details)),
    cause: failureFrom(cause, depth + 1),
  };
}

const statusesByType: Readonly<Record<string, number>> = {
  ...{ BAD_REQUEST: 400, UNAUTHENTICATED: 401, UNAUTHORIZED: 403, NOT_FOUND: 404, REQUEST_TIMEOUT: 408, CONFLICT: 409 },
  ...{ RESOURCE_EXHAUSTED: 429, INTERNAL: 500, NOT_IMPLEMENTED: 501, UNAVAILABLE: 503, UPSTREAM_TIMEOUT: 520 },
};

const typesByStatus = new Map(Object.entries(statusesByType).map(([type, status]) => [status, type] as const));

export function statusOfType(type: string): number {
  return statusesByType[type] ?? 500;
}

export interface HttpAnswer extends Content {
  readonly status: number;
  readonly statusText: string;
}

/** Why a request was refused. `named`: in the terms of Nexus; else somebody has answered who does not speak it. */
export type HttpRefusal =
  | { readonly type: "named"; readonly failure: failure.Failure; readonly retryable: boolean }
  | { readonly type: "unexpected"; readonly message: string };

/** What an answer that is no success says. */
export function refusalOf(answer: HttpAnswer): HttpRefusal {
  const given = failureOf(answer);
  const said = given?.metadata["type"] === "nexus.HandlerError" ? detailsOf(given) : undefined;
  const type = said?.["type"] || typesByStatus.get(answer.status);
  if (typeof type !== "string") {
    const message = `unexpected response status: ${JSON.stringify(`${answer.status} ${answer.statusText}`)}`;
    return { type: "unexpected", message: given?.message ? `${message}: ${given.message}` : message };
  }
  const retryBehavior = retryBehaviorOf(said?.["retryableOverride"] ?? answer.headers[retryableHeader]);
  // A failure in Nexus' own form is the error itself; any other is what the error came of.
  const cause = said ? given?.cause : given;
  const made = handlerFailure(type, said ? given?.message : "", {
    cause: cause && fromNexusFailure(cause),
    retryBehavior,
  });
  return { type: "named", failure: made, retryable: isRetryable(made) };
}

function retryBehaviorOf(said: unknown): enums.NexusHandlerErrorRetryBehavior {
  if (String(said).toLowerCase() === "true") return RetryBehavior.RETRYABLE;
  if (String(said).toLowerCase() === "false") return RetryBehavior.NON_RETRYABLE;
  return RetryBehavior.UNSPECIFIED;
}

export interface Unsuccessful {
  readonly type: "failed" | "canceled";
  readonly failure: failure.Failure;
}

/** How an operation ended that did not end well; undefined when that is not said. */
export function unsuccessfulOf({ headers, data }: Content): Unsuccessful | undefined {
  const given = failureOf({ headers, data });
  if (!given) return undefined;
  const wraps = given.metadata["type"] === "nexus.OperationError";
  const state = (wraps && detailsOf(given)["state"]) || headers[operationStateHeader];
  if (state !== "failed" && state !== "canceled") return undefined;
  const plain = { ...given, metadata: {}, details: none };
  // Whoever only passes on why it ended says nothing of its own.
  const passesOn = given.cause && (given.metadata["unwrap-error"] === "true" || given.message === "");
  const ended = fromNexusFailure(wraps ? (passesOn ? given.cause! : plain) : given);
  return { type: state, failure: state === "canceled" ? asCanceled(ended) : ended };
}

function detailsOf({ details }: nexus.Failure): Record<string, unknown> {
  if (details.length === 0) return {};
  const json: unknown = JSON.parse(decoder.decode(details));
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}

/** `"10s"`, `"1500ms"`, `"2m"`; undefined when it is none. */
export function durationMsOf(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  return Number(number) * { ms: 1, s: 1_000, m: 60_000 }[unit as "ms"];
}

/** Each name once, with its first value. */
export function headerValues(headers: IncomingHttpHeaders): HeaderValues {
  const values = Object.entries(headers).flatMap(([name, value]) => {
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined ? [] : [[name, first] as const];
  });
  return Object.fromEntries(values);
}
