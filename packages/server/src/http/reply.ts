/** What a request is answered with, and how a refusal is written: a problem (RFC 9457) that holds google.rpc.Status too, so that clients of either read it. */
import { STATUS_CODES } from "node:http";
import { googleRpc } from "@pawl/protocol";
import { messageToJson } from "@pawl/protocol/json";
import { retryInfoType } from "../rpc/retry-info.ts";
import { type Status, type StatusCode, statusCodes } from "../rpc/transport.ts";

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** As gateways of gRPC map them. */
const httpStatuses: Readonly<Record<StatusCode, number>> = {
  ...{ OK: 200, CANCELLED: 499, UNKNOWN: 500, INVALID_ARGUMENT: 400, DEADLINE_EXCEEDED: 504, NOT_FOUND: 404 },
  ...{ ALREADY_EXISTS: 409, PERMISSION_DENIED: 403, RESOURCE_EXHAUSTED: 429, FAILED_PRECONDITION: 400 },
  ...{ ABORTED: 409, OUT_OF_RANGE: 400, UNIMPLEMENTED: 501, INTERNAL: 500, UNAVAILABLE: 503, UNAUTHENTICATED: 401 },
};

export function jsonReply(value: unknown, { isPretty = false, contentType = "application/json" } = {}): Reply {
  const body = isPretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value);
  return { status: 200, headers: { "content-type": contentType }, body };
}

export interface ProblemOptions {
  /** Where HTTP says it more exactly than the status code's usual translation, as with 405 and 413. */
  readonly httpStatus?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function problem(status: Status, { httpStatus, headers = {} }: ProblemOptions = {}): Reply {
  const body = problemJson(status, httpStatus);
  return {
    status: body.status,
    headers: { "content-type": "application/problem+json", ...retryAfter(status), ...headers },
    body: JSON.stringify(body),
  };
}

function retryAfter({ retryAfterMs }: Status): Readonly<Record<string, string>> {
  return retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
}

/** The members of both: of a problem, and of google.rpc.Status. */
export function problemJson(status: Status, httpStatus: number = httpStatuses[status.code]) {
  const details = detailsOf(status);
  return {
    ...{
      type: "about:blank",
      title: STATUS_CODES[httpStatus] ?? status.code,
      status: httpStatus,
      detail: status.message,
    },
    ...{ code: statusCodes[status.code], message: status.message, ...(details.length > 0 && { details }) },
  };
}

export function invalid(message: string): Reply {
  return problem({ code: "INVALID_ARGUMENT", message });
}

function detailsOf({ details, retryAfterMs = 0 }: Status): unknown[] {
  if (!details) return [];
  const status = googleRpc.Status.decode(details);
  return status.details.map(({ type_url, value }) => {
    const name = type_url.slice(type_url.lastIndexOf("/") + 1);
    // The API's descriptors do not have this one.
    if (name === retryInfoType) return { "@type": type_url, retryDelay: `${retryAfterMs / 1_000}s` };
    return { "@type": type_url, ...(messageToJson(name, value) as object) };
  });
}
