/** The API's own HTTP bindings, method by method from the table: JSON becomes the message, and the same wrapper as for gRPC takes it from there. */
import { type HttpBinding, type Method, type MethodName, methods } from "@pawl/protocol";
import { type MessageSchema, messageSchema } from "@pawl/protocol/json";
import type { Unary } from "../../rpc/transport.ts";
import { wantsEvents } from "../event-stream.ts";
import type { Exchange } from "../exchange.ts";
import { requestShorthand, responseFormat } from "../format.ts";
import { type Callable, callMethod, type Json, jsonBody } from "../method-call.ts";
import { setParameter } from "../parameters.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { PathValues, Route } from "../route-table.ts";

/** Answers a request of the method, as JSON, with a stream of events. */
export type Follower = (exchange: Exchange, json: Json) => Promise<Reply | undefined>;

export interface ApiRouteOptions {
  /** Each method's wrapper by its path, as for gRPC. */
  readonly unary: ReadonlyMap<string, Unary>;
  /** The methods behind which there is a handler. */
  readonly served: ReadonlySet<string>;
  /** What else a method can do for a caller who wants events. */
  readonly followers?: Readonly<Record<string, Follower>>;
}

export function apiRoutes({ unary, served, followers = {} }: ApiRouteOptions): Route[] {
  return Object.values(methods).flatMap((method: Method) => {
    const handler = unary.get(method.path);
    if (!handler) return [];
    const follower = followers[method.name];
    return method.http.map(({ verb, path, body }): Route => {
      const bound = { method, handler, body, follower };
      const isServed = served.has(method.name);
      return {
        ...{ verb, template: path, operation: method.name as MethodName },
        shape: { type: "method", method, body, isServed, follows: follower !== undefined },
        serve: (exchange, values) => serve(exchange, values, bound),
      };
    });
  });
}

interface Bound extends Callable {
  /** "*": the body is the request. Without it the query string is. */
  readonly body: HttpBinding["body"];
  readonly follower: Follower | undefined;
}

async function serve(
  exchange: Exchange,
  values: PathValues,
  { body, follower, ...callable }: Bound,
): Promise<Reply | undefined> {
  const isFollowed = follower !== undefined && wantsEvents(exchange);
  const format = isFollowed ? undefined : responseFormat(exchange);
  if (format && "status" in format) return format;
  const given = body === undefined ? { json: {} } : await jsonBody(exchange);
  if ("status" in given) return given;
  const { json } = given;
  const schema = messageSchema(callable.method.request.typeName)!;
  if (body === undefined) fromQuery(json, schema, exchange.query, values);
  for (const [name, value] of values) setParameter(json, schema, name, [value]);
  if (!format) return follower!(exchange, json);
  const shorthand = { requestShorthand: requestShorthand(exchange), responseShorthand: format.shorthand };
  const answer = await callMethod(exchange, callable, json, shorthand);
  return "code" in answer ? problem(answer) : jsonReply(answer.json, format);
}

/** A parameter that the request has no field for is ignored, as by the reference server. */
function fromQuery(json: Json, schema: MessageSchema, query: URLSearchParams, values: PathValues): void {
  for (const name of new Set(query.keys())) {
    if (!values.has(name)) setParameter(json, schema, name, query.getAll(name));
  }
}
