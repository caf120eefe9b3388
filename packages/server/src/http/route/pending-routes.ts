/** Pending activities across workflows, and standalone ones, as JSON: what waits for a person, what is tried again, what is held. */

import { workflow as api } from "@pawl/protocol";
import { JsonProblem, messageToJson } from "@pawl/protocol/json";
import {
  type FoundActivity,
  pendingActivities,
  pendingKinds,
  pendingStates,
} from "../../frontend/activity/pending-activities.ts";
import { Rejection } from "../../frontend/handler.ts";
import type { Parts } from "../../frontend/parts.ts";
import { statusOf } from "../../rpc/call.ts";
import type { Exchange } from "../exchange.ts";
import { responseFormat } from "../format.ts";
import type { JsonSchema } from "../json-schema.ts";
import { wholeNumber } from "../query-value.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { PathValues, Route } from "../route-table.ts";

export type PendingParts = Pick<Parts, "store" | "namespaces" | "searchAttributes" | "matching" | "tokens" | "clock">;

const text = { type: "string" };

const answer: JsonSchema = {
  type: "object",
  required: ["activities", "examinedCount"],
  properties: {
    activities: {
      type: "array",
      items: {
        type: "object",
        required: ["workflowId", "runId", "workflowType", "taskQueue", "activity"],
        properties: {
          workflowId: { ...text, description: "Empty for a standalone activity." },
          ...{ runId: text, workflowType: text, taskQueue: text },
          activity: { type: "object", description: "temporal.api.workflow.v1.PendingActivityInfo" },
        },
      },
    },
    examinedCount: { type: "integer", description: "How many open executions were read for this page." },
    nextPageToken: {
      ...text,
      description: "Absent when all have been read. A page may be empty and the next one not.",
    },
  },
};

export function pendingRoutes(parts: PendingParts): Route[] {
  return [
    {
      ...{ verb: "GET", template: "/api/v1/namespaces/{namespace}/pending-activities", operation: "PendingActivities" },
      shape: {
        ...{ type: "own", summary: "Activities that have not ended, of all open workflows or standalone, in pages." },
        query: {
          ...{ kind: { enum: [...pendingKinds] }, state: { enum: [...pendingStates] }, activityType: text },
          startedFor: { type: "string", description: 'Begun at least so long ago, such as "60s".' },
          query: { ...text, description: "A filter of the list of workflows, or of standalone activities." },
          ...{ pageSize: { type: "integer" }, nextPageToken: text },
        },
        answer,
      },
      serve: (exchange, values) => serve(exchange, parts, values),
    },
  ];
}

async function serve(exchange: Exchange, parts: PendingParts, values: PathValues): Promise<Reply> {
  const { query } = exchange;
  const format = responseFormat(exchange);
  if ("status" in format) return format;
  const page = await pendingActivities(parts, {
    namespace: values.get("namespace")!,
    kind: oneOf(query, "kind", pendingKinds),
    state: oneOf(query, "state", pendingStates),
    activityType: query.get("activityType") ?? "",
    startedForMs: startedForMs(query.get("startedFor")),
    query: query.get("query") ?? "",
    pageSize: wholeNumber(query, "pageSize"),
    pageToken: Buffer.from(query.get("nextPageToken") ?? "", "base64"),
  });
  if (page instanceof Rejection) return problem(statusOf(page));
  const { activities, examinedCount, nextPageToken } = page;
  return jsonReply(
    {
      activities: activities.map((activity) => shown(activity, format.shorthand)),
      examinedCount,
      ...(nextPageToken.length > 0 && { nextPageToken: Buffer.from(nextPageToken).toString("base64") }),
    },
    format,
  );
}

function shown(
  { businessId, runId, workflowType, taskQueue, scheduledEventId, info }: FoundActivity,
  shorthand: boolean,
) {
  const bytes = api.PendingActivityInfo.encode(info);
  return {
    workflowId: scheduledEventId === 0 ? "" : businessId,
    ...{ runId, workflowType, taskQueue },
    activity: messageToJson("temporal.api.workflow.v1.PendingActivityInfo", bytes, { shorthand }),
  };
}

/** The first where nothing is said. Throws `JsonProblem`. */
function oneOf<Word extends string>(query: URLSearchParams, name: string, words: readonly Word[]): Word {
  const given = query.get(name) ?? words[0]!;
  const word = words.find((each) => each === given);
  if (word === undefined) throw new JsonProblem(name, `one of ${words.join(", ")} is expected`);
  return word;
}

function startedForMs(given: string | null): number {
  if (given === null) return 0;
  const [, seconds] = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(given) ?? [];
  if (seconds === undefined) throw new JsonProblem("startedFor", 'a duration such as "60s" is expected');
  return Number(seconds) * 1_000;
}
