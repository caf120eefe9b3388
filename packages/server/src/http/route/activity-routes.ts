/**
 * An activity's end by its task token, for whoever has no SDK: an approval, a webhook, a script. What the API's own routes take as messages is
 * taken here as plain JSON: `{"task_token": "…", "result": {"approved": true}}`.
 */
import { type MethodName, methods } from "@pawl/protocol";
import { isObject, JsonProblem } from "@pawl/protocol/json";
import type { Unary } from "../../rpc/transport.ts";
import type { Exchange } from "../exchange.ts";
import type { JsonSchema } from "../json-schema.ts";
import { callMethod, type Json, jsonBody } from "../method-call.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { Route } from "../route-table.ts";

interface Ending {
  readonly path: string;
  readonly rpc: MethodName;
  /** The members that it takes beside the token and the identity. */
  readonly takes: Readonly<Record<string, JsonSchema>>;
  readonly summary: string;
  request(body: Json): Json;
}

const anyJson: JsonSchema = { description: "Any JSON." };

export const errorSchema: JsonSchema = {
  anyOf: [
    { type: "string" },
    {
      type: "object",
      required: ["message"],
      properties: {
        ...{ message: { type: "string" }, type: { type: "string" }, nonRetryable: { type: "boolean" } },
        details: anyJson,
      },
      additionalProperties: false,
    },
  ],
};

function bodySchema({ takes }: Ending): JsonSchema {
  const task_token = { type: "string", contentEncoding: "base64" };
  const properties = { task_token, identity: { type: "string" }, ...takes };
  return { type: "object", required: ["task_token"], properties, additionalProperties: false };
}

const endings: readonly Ending[] = [
  {
    path: "/complete-activity",
    rpc: "RespondActivityTaskCompleted",
    summary: "Completes an activity with any JSON.",
    takes: { result: anyJson },
    request: (body) => ("result" in body ? { result: [body["result"]] } : {}),
  },
  {
    path: "/fail-activity",
    rpc: "RespondActivityTaskFailed",
    summary: "Fails an activity.",
    takes: { error: errorSchema },
    request: (body) => ({ failure: failureJson(body["error"]) }),
  },
  {
    path: "/cancel-activity",
    rpc: "RespondActivityTaskCanceled",
    summary: "Ends an activity as canceled, once that was asked for.",
    takes: { details: anyJson },
    request: (body) => ("details" in body ? { details: [body["details"]] } : {}),
  },
  {
    path: "/heartbeat-activity",
    rpc: "RecordActivityTaskHeartbeat",
    summary: "Says that an activity is alive, and hears whether it should stop.",
    takes: { details: anyJson },
    request: (body) => ("details" in body ? { details: [body["details"]] } : {}),
  },
];

export function activityRoutes(unary: ReadonlyMap<string, Unary>): Route[] {
  return endings.map((ending) => ({
    ...{ verb: "POST", template: ending.path, operation: ending.rpc },
    shape: { type: "own", summary: ending.summary, body: bodySchema(ending), answer: { type: "object" } },
    serve: (exchange) => serve(exchange, unary, ending),
  }));
}

async function serve(exchange: Exchange, unary: ReadonlyMap<string, Unary>, ending: Ending): Promise<Reply> {
  const body = await jsonBody(exchange);
  if ("status" in body) return body;
  const { json } = body;
  checkMembers(json, ["task_token", "taskToken", "identity", ...Object.keys(ending.takes)]);
  if ("task_token" in json && "taskToken" in json)
    throw new JsonProblem("taskToken", "it cannot be set together with task_token");
  const taskToken = json["task_token"] ?? json["taskToken"];
  if (taskToken === undefined) throw new JsonProblem("task_token", "the activity's task token is expected, as base64");
  const request = { taskToken, identity: json["identity"] ?? null, ...ending.request(json) };
  const answer = await callMethod(
    exchange,
    { method: methods[ending.rpc], handler: unary.get(methods[ending.rpc].path)! },
    request,
  );
  return "code" in answer ? problem(answer) : jsonReply(answer.json);
}

/** Throws `JsonProblem` for a member that nothing reads: a misspelled one would be lost in silence. */
export function checkMembers(json: Json, known: readonly string[]): void {
  const stray = Object.keys(json).find((key) => !known.includes(key));
  if (stray !== undefined) throw new JsonProblem(stray.slice(0, 100), `one of ${known.join(", ")} is expected`);
}

/** `"out of stock"`, or `{"message": "out of stock", "type": "OutOfStock", "nonRetryable": true, "details": …}`, as a failure of the application. */
export function failureJson(error: unknown): Json {
  const given = typeof error === "string" ? { message: error } : error;
  if (!isObject(given)) throw new JsonProblem("error", "a text or an object with a message is expected");
  const { message, type = "", nonRetryable = false, details, ...others } = given;
  const [stray] = Object.keys(others);
  if (stray !== undefined)
    throw new JsonProblem(
      `error.${stray.slice(0, 100)}`,
      "message, type, nonRetryable and details are what an error has",
    );
  if (typeof message !== "string") throw new JsonProblem("error.message", "a text is expected");
  const info = { type, nonRetryable, ...(details !== undefined && { details: [details] }) };
  return { message, source: "HTTP", applicationFailureInfo: info };
}
