/** A method of the API, called with JSON and answered in JSON, through the same wrapper as over gRPC. */
import type { Method } from "@pawl/protocol";
import { isObject, messageFromJson, messageToJson, parseJson } from "@pawl/protocol/json";
import { limits } from "../limits.ts";
import type { Incoming, Status, Unary } from "../rpc/transport.ts";
import type { Exchange } from "./exchange.ts";
import { invalid, type Reply } from "./reply.ts";

export type Json = Record<string, unknown>;

export interface Callable {
  readonly method: Method;
  readonly handler: Unary;
}

export interface CallOptions {
  /** Whether a bare value in the request, and in the answer, stands for a payload. */
  readonly requestShorthand: boolean;
  readonly responseShorthand: boolean;
}

/** The answer's JSON in a box, or the refusal. Throws `JsonProblem` for JSON that is no request of the method. */
export async function callMethod(
  incoming: Incoming,
  { method, handler }: Callable,
  json: Json,
  { requestShorthand, responseShorthand }: CallOptions = { requestShorthand: true, responseShorthand: true },
): Promise<{ readonly json: unknown } | Status> {
  const options = { shorthand: requestShorthand, bytesMax: limits.messageBytesMax };
  const request = messageFromJson(method.request.typeName, json, options);
  const answer = await handler(request, incoming);
  if ("code" in answer) return answer;
  return { json: messageToJson(method.response.typeName, answer, { shorthand: responseShorthand }) };
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true });

export async function textBody(exchange: Exchange): Promise<string | Reply> {
  const bytes = await exchange.body();
  if (!Buffer.isBuffer(bytes)) return bytes;
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return invalid("the body is not valid UTF-8");
  }
}

/** Any JSON, in a box. An empty body is an empty object. Throws `JsonProblem`. */
async function anyJsonBody(exchange: Exchange): Promise<{ readonly json: unknown } | Reply> {
  const text = await textBody(exchange);
  if (typeof text !== "string") return text;
  if (text.trim() === "") return { json: {} };
  return { json: parseJson(text) };
}

export async function jsonBody(exchange: Exchange): Promise<{ readonly json: Json } | Reply> {
  const body = await anyJsonBody(exchange);
  if ("status" in body) return body;
  return isObject(body.json) ? { json: body.json } : invalid("the body must be a JSON object");
}
