/** A run's history as server-sent events: what there is, then what comes, until the run closes. Each event's id says where to go on. */
import { methods } from "@pawl/protocol";
import { isObject } from "@pawl/protocol/json";
import { Rejection } from "../../frontend/handler.ts";
import { historyStart } from "../../frontend/history/history-follow.ts";
import type { Parts } from "../../frontend/parts.ts";
import { statusOf } from "../../rpc/call.ts";
import type { Unary } from "../../rpc/transport.ts";
import { EventStream, withoutDeadline } from "../event-stream.ts";
import type { Exchange } from "../exchange.ts";
import { callMethod, type Json } from "../method-call.ts";
import { invalid, problem, problemJson, type Reply } from "../reply.ts";

type StreamParts = Pick<Parts, "ring" | "namespaces" | "tokens">;

/** Follows instead of answering a page. `json` is the request of GetWorkflowExecutionHistory. */
export function historyFollower(parts: StreamParts, handler: Unary) {
  return async (exchange: Exchange, json: Json): Promise<Reply | undefined> => {
    const seen = lastSeen(exchange);
    if (seen === undefined) return invalid("Last-Event-ID is `<run id>:<event id>`, as an event before had it");
    const { execution, namespace } = json;
    const { workflowId, workflow_id, runId, run_id } = (isObject(execution) ? execution : {}) as Record<string, string>;
    const ids = { namespace: String(namespace), workflowId: workflowId ?? workflow_id ?? "" };
    const asked = runId ?? run_id ?? "";
    if (asked !== "" && seen.runId !== "" && asked !== seen.runId) return invalid("Last-Event-ID is of another run");
    const start = await historyStart(parts, { ...ids, runId: asked || seen.runId }, seen.eventId);
    if (start instanceof Rejection) return problem(statusOf(start));
    // The one answer that makes an EventSource stop asking.
    if (start.isOver) return { status: 204 };
    const stream = await EventStream.open(exchange);
    const token = Buffer.from(start.pageToken).toString("base64");
    if (stream) await follow(exchange, stream, { handler, json, runId: start.runId, token });
    return undefined;
  };
}

interface Following {
  readonly handler: Unary;
  readonly json: Json;
  readonly runId: string;
  readonly token: string;
}

async function follow(
  exchange: Exchange,
  stream: EventStream,
  { handler, json, runId, token }: Following,
): Promise<void> {
  const responseShorthand = !exchange.query.has("noPayloadShorthand");
  const callable = { method: methods.GetWorkflowExecutionHistory, handler };
  let nextPageToken: string | undefined = token;
  while (nextPageToken !== undefined && exchange.ended() === "no") {
    const request: Json = { ...json, waitNewEvent: true, nextPageToken };
    const options = { requestShorthand: true, responseShorthand };
    const answer = await callMethod(withoutDeadline(exchange), callable, request, options);
    if ("code" in answer) {
      await stream.send({ type: "problem", data: problemJson(answer) });
      return stream.end();
    }
    const page = answer.json as { history?: { events?: { eventId: string }[] }; nextPageToken?: string };
    const events = page.history?.events ?? [];
    for (const event of events) if (!(await stream.send({ id: `${runId}:${event.eventId}`, data: event }))) return;
    if (events.length === 0 && !(await stream.beat())) return;
    nextPageToken = page.nextPageToken;
  }
  if (exchange.ended() === "no") await stream.send({ type: "end", data: { runId } });
  stream.end();
}

/** From the header that EventSource sends when it connects again, or from the query for the first time. */
function lastSeen(exchange: Exchange): { readonly runId: string; readonly eventId: number } | undefined {
  const text = exchange.header("last-event-id") || (exchange.query.get("lastEventId") ?? "");
  if (text === "") return { runId: "", eventId: 0 };
  const [, runId, eventId] = /^([0-9a-f-]{36}):(\d{1,15})$/.exec(text) ?? [];
  return runId === undefined ? undefined : { runId, eventId: Number(eventId) };
}
