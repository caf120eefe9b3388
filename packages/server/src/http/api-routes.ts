/** The API's own HTTP bindings, method by method from the table: JSON becomes the message, and the same wrapper as for gRPC takes it from there. */
import { type HttpBinding, type Method, methods } from "@pawl/protocol";
import {
  isObject,
  JsonProblem,
  type MessageSchema,
  messageFromJson,
  messageSchema,
  messageToJson,
  parseJson,
} from "@pawl/protocol/json";
import { limits } from "../limits.ts";
import type { Unary } from "../rpc/transport.ts";
import type { Exchange } from "./exchange.ts";
import { type Format, requestShorthand, responseFormat } from "./format.ts";
import { type Json, setParameter } from "./parameters.ts";
import { invalid, jsonReply, problem, type Reply } from "./reply.ts";
import type { PathValues, Route } from "./route-table.ts";

/** `unary`: each method's wrapper by its path, as for gRPC. */
export function apiRoutes(unary: ReadonlyMap<string, Unary>): Route[] {
  return Object.values(methods).flatMap((method: Method) => {
    const handler = unary.get(method.path);
    if (!handler) return [];
    return method.http.map(({ verb, path, body }) => ({
      ...{ verb, template: path, operation: method.name },
      serve: (exchange: Exchange, values: PathValues) => serve(exchange, values, { method, handler, body }),
    }));
  });
}

interface Bound {
  readonly method: Method;
  readonly handler: Unary;
  /** "*": the body is the request. Without it the query string is. */
  readonly body: HttpBinding["body"];
}

async function serve(exchange: Exchange, values: PathValues, { method, handler, body }: Bound): Promise<Reply> {
  const format = responseFormat(exchange);
  if ("status" in format) return format;
  const given = body === undefined ? { json: {} } : await jsonBody(exchange);
  if ("status" in given) return given;
  const { json } = given;
  try {
    const schema = messageSchema(method.request.typeName)!;
    if (body === undefined) fromQuery(json, schema, exchange.query, values);
    for (const [name, value] of values) setParameter(json, schema, name, [value]);
    const shorthand = requestShorthand(exchange);
    const options = { shorthand, bytesMax: limits.messageBytesMax };
    const request = messageFromJson(method.request.typeName, json, options);
    const answer = await handler(request, exchange);
    return "code" in answer ? problem(answer) : messageReply(method.response.typeName, answer, format);
  } catch (error) {
    if (error instanceof JsonProblem) return invalid(error.message);
    throw error;
  }
}

export function messageReply(typeName: string, bytes: Uint8Array, { shorthand, isPretty, contentType }: Format): Reply {
  return jsonReply(messageToJson(typeName, bytes, { shorthand }), { isPretty, contentType });
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/** An empty body is an empty object. */
export async function jsonBody(exchange: Exchange): Promise<{ readonly json: Json } | Reply> {
  const bytes = await exchange.body();
  if (!Buffer.isBuffer(bytes)) return bytes;
  let text: string;
  try {
    text = strictDecoder.decode(bytes);
  } catch {
    return invalid("the body is not valid UTF-8");
  }
  if (text.trim() === "") return { json: {} };
  try {
    const json = parseJson(text);
    return isObject(json) ? { json } : invalid("the body must be a JSON object");
  } catch (error) {
    if (error instanceof JsonProblem) return invalid(error.message);
    throw error;
  }
}

/** A parameter that the request has no field for is ignored, as by the reference server. */
function fromQuery(json: Json, schema: MessageSchema, query: URLSearchParams, values: PathValues): void {
  for (const name of new Set(query.keys())) {
    if (!values.has(name)) setParameter(json, schema, name, query.getAll(name));
  }
}
