/** A pending activity's progress: its state, attempt and heartbeat details, once as JSON or as server-sent events whenever they change. */
import { messageToJson } from "@pawl/protocol/json";
import {
  type ActivityProgress,
  activityProgress,
  type WatchedActivity,
  watchedActivity,
} from "../../frontend/activity/activity-progress.ts";
import { Rejection } from "../../frontend/handler.ts";
import { pause, Wait } from "../../frontend/long-poll.ts";
import type { Parts } from "../../frontend/parts.ts";
import { limits } from "../../limits.ts";
import { statusOf } from "../../rpc/call.ts";
import { EventStream, wantsEvents } from "../event-stream.ts";
import type { Exchange } from "../exchange.ts";
import { responseFormat } from "../format.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { PathValues, Route } from "../route-table.ts";

type StreamParts = Pick<Parts, "ring" | "namespaces" | "clock">;

const templates = [
  "/api/v1/namespaces/{namespace}/workflows/{workflow_id}/activities/{activity_id}/progress",
  "/api/v1/namespaces/{namespace}/activities/{activity_id}/progress",
];

export function activityProgressRoutes(parts: StreamParts): Route[] {
  return templates.map((template): Route => {
    return {
      ...{ verb: "GET", template, operation: "ActivityProgress" },
      shape: {
        ...{ type: "own", summary: "An open activity's state, attempt and heartbeat details." },
        ...{ query: { runId: { type: "string" } }, answer: { type: "object" }, alsoAs: ["text/event-stream"] },
      },
      serve: (exchange, values) => serve(exchange, parts, values),
    };
  });
}

async function serve(exchange: Exchange, parts: StreamParts, values: PathValues): Promise<Reply | undefined> {
  const ids = { namespace: values.get("namespace")!, workflowId: values.get("workflow_id") ?? "" };
  const runId = exchange.query.get("runId") ?? "";
  const watched = watchedActivity(parts, { ...ids, runId, activityId: values.get("activity_id")! });
  if (watched instanceof Rejection) return problem(statusOf(watched));
  const first = await activityProgress(parts, watched);
  if (first instanceof Rejection) return problem(statusOf(first));
  if (!wantsEvents(exchange)) {
    const format = responseFormat(exchange);
    return "status" in format ? format : jsonReply(shown(first, format.shorthand), format);
  }
  const stream = await EventStream.open(exchange);
  // The same run from here on, also when another one follows it.
  const selector = { ...watched.selector, runId: first.runId };
  if (stream) await follow(exchange, stream, { parts, watched: { ...watched, selector }, first });
  return undefined;
}

interface Following {
  readonly parts: StreamParts;
  readonly watched: WatchedActivity;
  readonly first: ActivityProgress;
}

async function follow(exchange: Exchange, stream: EventStream, { parts, watched, first }: Following): Promise<void> {
  const { ring, clock } = parts;
  const shorthand = !exchange.query.has("noPayloadShorthand");
  let sent: string | undefined;
  while (exchange.ended() === "no") {
    using wait = new Wait(exchange.signal, clock, clock.nowMs() + limits.streamBeatMs);
    const changed = ring.changed(first.runId, wait.signal);
    const now = await activityProgress(parts, watched);
    if (now instanceof Rejection || now.scheduledEventId !== first.scheduledEventId) {
      await stream.send({ type: "end", data: { runId: first.runId } });
      break;
    }
    const data = shown(now, shorthand);
    const text = JSON.stringify(data);
    if (!(await (text === sent ? stream.beat() : stream.send({ data })))) return;
    sent = text;
    await changed;
    // Heartbeats can come by the hundred; whoever looks wants the latest.
    await pause(clock, limits.streamPauseMs, exchange.signal);
  }
  stream.end();
}

function shown({ info }: ActivityProgress, shorthand: boolean): unknown {
  return messageToJson("temporal.api.workflow.v1.PendingActivityInfo", info, { shorthand });
}
