/** Links to complete an activity: made for somebody, shown to that somebody as JSON or as a page, answered by a POST. */
import { methods } from "@pawl/protocol";
import { isObject, JsonProblem, parseJson } from "@pawl/protocol/json";
import {
  type ActivityLink,
  type LinkTarget,
  makeActivityLink,
  openActivityLink,
  overMessage,
} from "../../frontend/activity/activity-link.ts";
import { Rejection } from "../../frontend/handler.ts";
import type { Parts } from "../../frontend/parts.ts";
import { statusOf } from "../../rpc/call.ts";
import type { Gate } from "../../rpc/gate.ts";
import type { Status, Unary } from "../../rpc/transport.ts";
import type { Exchange } from "../exchange.ts";
import type { JsonSchema } from "../json-schema.ts";
import { callMethod, type Json, jsonBody, textBody } from "../method-call.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { Route } from "../route-table.ts";
import { checkMembers, errorSchema, failureJson } from "./activity-routes.ts";
import { formPage, messagePage } from "./link-page.ts";

export interface LinkParts extends Pick<Parts, "ring" | "namespaces" | "tokens" | "clock"> {
  /** Each method's wrapper, for callers who need nobody's leave: the link is theirs. */
  readonly trustedUnary: ReadonlyMap<string, Unary>;
  readonly gate: Gate | undefined;
  /** What links begin with; without it, the address at which the maker of the link reached this server. */
  readonly publicUrl: string | undefined;
}

const prefix = "/activity-link";

export function linkRoutes(parts: LinkParts): Route[] {
  const template = `${prefix}/{link}`;
  return [
    {
      ...{ verb: "POST", template: prefix, operation: "MakeActivityLink", judges: "itself" },
      shape: {
        ...{ type: "own", summary: "Makes a link that lets whoever has it complete an activity once." },
        ...{ body: makeSchema, answer: linkSchema },
      },
      serve: (exchange) => make(exchange, parts),
    },
    {
      ...{ verb: "GET", template, operation: "ShowActivityLink" },
      shape: { ...{ type: "own", summary: "What a link is for." }, answer: linkSchema, alsoAs: ["text/html"] },
      serve: (exchange, values) => show(exchange, parts, values.get("link")!),
    },
    {
      ...{ verb: "POST", template, operation: "AnswerActivityLink" },
      shape: {
        ...{ type: "own", summary: "Completes the activity, or fails it.", body: answerSchema, alsoAs: ["text/html"] },
        answer: { type: "object", properties: { outcome: { enum: ["completed", "failed"] } } },
      },
      serve: (exchange, values) => answer(exchange, parts, values.get("link")!),
    },
  ];
}

const text = { type: "string" };
const time = { type: "string", format: "date-time" };

const makeSchema: JsonSchema = {
  type: "object",
  description: "Either task_token, or activityId and the workflowId that it belongs to, if it belongs to one.",
  properties: {
    ...{ task_token: { type: "string", contentEncoding: "base64" }, namespace: text, workflowId: text, runId: text },
    ...{ activityId: text, expiresIn: { type: "string", pattern: "^\\d+(\\.\\d+)?s$", examples: ["86400s"] } },
  },
  additionalProperties: false,
};

const linkSchema: JsonSchema = {
  type: "object",
  properties: {
    ...{ url: { type: "string", format: "uri" }, expiresTime: time },
    activity: {
      type: "object",
      properties: {
        ...{ namespace: text, workflowId: text, runId: text, workflowType: text, activityId: text, activityType: text },
        ...{ attempt: { type: "integer" }, scheduledEventId: { type: "integer" }, startedTime: time },
      },
    },
  },
};

const answerSchema: JsonSchema = {
  description: "`result` alone completes with its value, `error` alone fails; anything else is the result itself.",
  anyOf: [
    { type: "object", required: ["result"], properties: { result: {} }, additionalProperties: false },
    { type: "object", required: ["error"], properties: { error: errorSchema }, additionalProperties: false },
    {},
  ],
};

async function make(exchange: Exchange, parts: LinkParts): Promise<Reply> {
  const body = await jsonBody(exchange);
  if ("status" in body) return body;
  const { json } = body;
  checkMembers(json, ["task_token", "taskToken", "namespace", "workflowId", "runId", "activityId", "expiresIn"]);
  const target = targetOf(json);
  const visit = await parts.gate?.enter(exchange);
  if (visit !== undefined) {
    const refused = "code" in visit ? visit : visit.admitTo("MakeActivityLink", namespaceOf(parts, target));
    if (!("code" in visit)) visit.ended(refused?.code ?? "OK");
    if (refused) return problem(refused);
  }
  const made = await makeActivityLink(parts, target, durationMsOf(json["expiresIn"]));
  if (made instanceof Rejection) return problem(statusOf(made));
  const base = (parts.publicUrl ?? exchange.origin).replace(/\/$/, "");
  return jsonReply({ url: `${base}${prefix}/${made.token}`, ...linkJson(made) });
}

function namespaceOf({ tokens, namespaces }: LinkParts, target: LinkTarget): string {
  if (!("taskToken" in target)) return target.namespace;
  const token = tokens.open("activity", target.taskToken);
  const namespace = token instanceof Rejection ? token : namespaces.byId(token.namespaceId);
  return namespace instanceof Rejection ? "" : namespace.name;
}

function targetOf(json: Json): LinkTarget {
  const text = (name: string, otherwise: string) => {
    const value = json[name] ?? otherwise;
    if (typeof value !== "string") throw new JsonProblem(name, "a text is expected");
    // As in messages: half a character is none.
    return value.toWellFormed();
  };
  const token = text("task_token", text("taskToken", ""));
  if (token !== "") return { taskToken: Buffer.from(token, "base64") };
  return {
    namespace: text("namespace", "default"),
    ...{ workflowId: text("workflowId", ""), runId: text("runId", ""), activityId: text("activityId", "") },
  };
}

/** As JSON has durations: `"86400s"`. */
function durationMsOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const [, seconds] = (typeof value === "string" && /^(\d{1,10}(?:\.\d{1,9})?)s$/.exec(value)) || [];
  if (seconds === undefined) throw new JsonProblem("expiresIn", 'a duration such as "86400s" is expected');
  return Number(seconds) * 1_000;
}

function linkJson({ activity: { startedAtMs, stamp: _, ...activity }, expiresAtMs }: ActivityLink) {
  const time = (ms: number) => new Date(ms).toISOString();
  return { expiresTime: time(expiresAtMs), activity: { ...activity, startedTime: time(startedAtMs) } };
}

async function show(exchange: Exchange, parts: LinkParts, text: string): Promise<Reply> {
  const link = await openActivityLink(parts, text);
  if (link.type !== "open") return refusal(exchange, link);
  return wantsPage(exchange) ? formPage(link) : jsonReply(linkJson(link));
}

async function answer(exchange: Exchange, parts: LinkParts, text: string): Promise<Reply> {
  const link = await openActivityLink(parts, text);
  if (link.type !== "open") return refusal(exchange, link);
  const given = await answerOf(exchange);
  if ("status" in given) return given;
  const rpc = given.type === "complete" ? "RespondActivityTaskCompleted" : "RespondActivityTaskFailed";
  const content = given.type === "complete" ? { result: [given.result] } : { failure: failureJson(given.error) };
  const request = { taskToken: Buffer.from(link.taskToken).toString("base64"), identity: "activity-link", ...content };
  const callable = { method: methods[rpc], handler: parts.trustedUnary.get(methods[rpc].path)! };
  const answered = await callMethod(exchange, callable, request);
  // Somebody else was faster.
  if ("code" in answered && answered.code === "NOT_FOUND")
    return refusal(exchange, { type: "over", message: overMessage });
  if ("code" in answered) return shown(exchange, problem(answered), answered);
  const outcome = given.type === "complete" ? "completed" : "failed";
  if (wantsPage(exchange)) return messagePage(200, "Thank you", `The activity was ${outcome}; the workflow goes on.`);
  return jsonReply({ outcome });
}

type Answer =
  | { readonly type: "complete"; readonly result: unknown }
  | { readonly type: "fail"; readonly error: unknown };

/**
 * `{"result": …}` or `{"error": …}` alone say which of both it is. Anything else is the result itself, because those who call back from elsewhere seldom let
 * one choose what they send.
 */
async function answerOf(exchange: Exchange): Promise<Answer | Reply> {
  const text = await textBody(exchange);
  if (typeof text !== "string") return text;
  if (exchange.header("content-type").startsWith("application/x-www-form-urlencoded") && !isJsonLike(text)) {
    const form = new URLSearchParams(text);
    const error = form.get("error");
    return error === null ? { type: "complete", result: parseJson(form.get("result") ?? "") } : { type: "fail", error };
  }
  const json = text.trim() === "" ? null : parseJson(text);
  const [only, ...others] = isObject(json) ? Object.entries(json) : [];
  if (only?.[0] === "error" && others.length === 0) return { type: "fail", error: only[1] };
  if (only?.[0] === "result" && others.length === 0) return { type: "complete", result: only[1] };
  return { type: "complete", result: json };
}

/** What `curl -d` sends without a header of its own: JSON that says it is a form. */
function isJsonLike(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

const refusals = {
  unknown: { status: { code: "NOT_FOUND" }, httpStatus: 404, title: "Unknown link" },
  expired: { status: { code: "FAILED_PRECONDITION" }, httpStatus: 410, title: "Expired" },
  over: { status: { code: "NOT_FOUND" }, httpStatus: 410, title: "No longer needed" },
} as const;

function refusal(exchange: Exchange, { type, message }: { type: keyof typeof refusals; message: string }): Reply {
  const { status, httpStatus, title } = refusals[type];
  if (wantsPage(exchange)) return messagePage(httpStatus, title, message);
  return problem({ ...status, message }, { httpStatus });
}

function shown(exchange: Exchange, reply: Reply, { message }: Status): Reply {
  return wantsPage(exchange) ? messagePage(reply.status, "This did not work", message) : reply;
}

function wantsPage(exchange: Exchange): boolean {
  return exchange.header("accept").includes("text/html");
}
