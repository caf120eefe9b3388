/** For operators' tools, the web UI first: calls that the API binds to no path, the queues of a namespace, and the metrics as JSON. */

import { type MethodName, methods } from "@pawl/protocol";
import type { Parts } from "../../frontend/parts.ts";
import { limits } from "../../limits.ts";
import type { Unary } from "../../rpc/transport.ts";
import type { MetricsHistory } from "../../telemetry/metrics-history.ts";
import type { Exchange } from "../exchange.ts";
import type { JsonSchema } from "../json-schema.ts";
import { callMethod, type Json, jsonBody } from "../method-call.ts";
import { wholeNumber } from "../query-value.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { PathValues, Route, Verb } from "../route-table.ts";
import { checkMembers } from "./activity-routes.ts";

export interface OperatorParts extends Pick<Parts, "namespaces" | "matching" | "clock" | "telemetry"> {
  readonly unary: ReadonlyMap<string, Unary>;
  readonly metricsHistory: MetricsHistory;
}

const text: JsonSchema = { type: "string" };
const count: JsonSchema = { type: "number" };
const namespacePath = "/api/v1/namespaces/{namespace}";

export function operatorRoutes(parts: OperatorParts): Route[] {
  return [
    ...unboundCalls.map((call) => routeOf(call, parts)),
    queuesRoute(parts),
    metricsRoute(parts),
    historyRoute(parts),
  ];
}

/** An RPC with a path of ours. */
interface UnboundCall {
  readonly verb: Verb;
  readonly template: string;
  readonly rpc: MethodName;
  readonly summary: string;
  readonly body?: Readonly<Record<string, JsonSchema>>;
  request(values: PathValues, body: Json): Json;
}

const unboundCalls: readonly UnboundCall[] = [
  {
    ...{ verb: "POST", template: `${namespacePath}/workflows/{workflow_id}/delete`, rpc: "DeleteWorkflowExecution" },
    summary: "Deletes a run and its history; one that is open is terminated first.",
    body: { runId: text },
    request: (values, { runId = "" }) => ({
      namespace: values.get("namespace"),
      workflowExecution: { workflowId: values.get("workflow_id"), runId },
    }),
  },
  {
    ...{ verb: "POST", template: `${namespacePath}/activities/{activity_id}/delete`, rpc: "DeleteActivityExecution" },
    summary: "Deletes a standalone activity; one that is open is terminated first.",
    body: { runId: text },
    request: (values, { runId = "" }) => ({
      namespace: values.get("namespace"),
      activityId: values.get("activity_id"),
      runId,
    }),
  },
  {
    ...{ verb: "POST", template: `${namespacePath}/search-attributes`, rpc: "AddSearchAttributes" },
    summary: "Adds search attributes: their names, and of which type each is.",
    body: { searchAttributes: { type: "object", additionalProperties: text } },
    request: (values, { searchAttributes = {} }) => ({ namespace: values.get("namespace"), searchAttributes }),
  },
  {
    ...{ verb: "DELETE", template: `${namespacePath}/search-attributes/{name}`, rpc: "RemoveSearchAttributes" },
    summary: "Removes a search attribute; what runs have in it is not found by it any more.",
    request: (values) => ({ namespace: values.get("namespace"), searchAttributes: [values.get("name")] }),
  },
];

function routeOf({ verb, template, rpc, summary, body, request }: UnboundCall, { unary }: OperatorParts): Route {
  const callable = { method: methods[rpc], handler: unary.get(methods[rpc].path)! };
  const bodySchema = body && { type: "object", properties: body, additionalProperties: false };
  return {
    ...{ verb, template, operation: rpc },
    shape: { type: "own", summary, ...(bodySchema && { body: bodySchema }), answer: { type: "object" } },
    serve: async (exchange, values) => {
      const given = body ? await jsonBody(exchange) : { json: {} };
      if ("status" in given) return given;
      checkMembers(given.json, Object.keys(body ?? {}));
      const answer = await callMethod(exchange, callable, request(values, given.json));
      return "code" in answer ? problem(answer) : jsonReply(answer.json);
    },
  };
}

const queueSchema: JsonSchema = {
  type: "object",
  properties: {
    ...{ name: text, kind: { enum: ["workflow", "activity", "nexus"] }, pollers: count },
    ...{ backlogCount: count, backlogAgeMs: count, addRate: count, dispatchRate: count },
  },
};

/** Those with the most waiting tasks first. */
function queuesRoute(parts: OperatorParts): Route {
  const properties = { taskQueues: { type: "array", items: queueSchema }, isCut: { type: "boolean" } };
  return {
    ...{ verb: "GET", template: `${namespacePath}/task-queues`, operation: "ListTaskQueues" },
    shape: {
      ...{ type: "own", summary: "The task queues that were used lately: who polls them, and what waits in them." },
      answer: { type: "object", properties },
    },
    serve: async (exchange, values) => {
      const name = values.get("namespace")!;
      const refusal = await askFirst("DescribeNamespace", { namespace: name }, exchange, parts);
      if (refusal) return refusal;
      const namespaceId = parts.namespaces.find(name)?.id ?? "";
      const { queues, isCut } = await parts.matching.list(namespaceId, limits.taskQueuesListedMax);
      const taskQueues = queues.map(({ taskQueue, ...queue }) => ({ name: taskQueue, ...queue }));
      return jsonReply({ taskQueues, isCut });
    },
  };
}

function metricsRoute(parts: OperatorParts): Route {
  const properties = { atMs: count, samples: { type: "array", items: { type: "object" } } };
  return {
    ...{ verb: "GET", template: "/api/v1/metrics", operation: "Metrics" },
    shape: {
      ...{ type: "own", summary: "The metrics of this process, as JSON: what /metrics of the metrics port says." },
      answer: { type: "object", properties },
    },
    serve: async (exchange) => {
      const refusal = await askFirst("GetClusterInfo", {}, exchange, parts);
      return refusal ?? jsonReply({ atMs: parts.clock.nowMs(), samples: parts.telemetry.metrics.snapshot() });
    },
  };
}

function historyRoute(parts: OperatorParts): Route {
  return {
    ...{ verb: "GET", template: "/api/v1/metrics/history", operation: "MetricsHistory" },
    shape: {
      type: "own",
      summary: "A few of the metrics of this process, summed over their labels, every five seconds of the last hour.",
      query: { afterMs: { ...count, description: "Only what was taken later than this, in milliseconds since 1970." } },
      answer: { type: "object", properties: { snapshots: { type: "array", items: { type: "object" } } } },
    },
    serve: async (exchange) => {
      const refusal = await askFirst("GetClusterInfo", {}, exchange, parts);
      const afterMs = wholeNumber(exchange.query, "afterMs");
      return refusal ?? jsonReply({ snapshots: parts.metricsHistory.after(afterMs) });
    },
  };
}

/** Who may not make this call may not hear the answer either. */
async function askFirst(
  rpc: MethodName,
  request: Json,
  exchange: Exchange,
  { unary }: OperatorParts,
): Promise<Reply | undefined> {
  const callable = { method: methods[rpc], handler: unary.get(methods[rpc].path)! };
  const answer = await callMethod(exchange, callable, request);
  return "code" in answer ? problem(answer) : undefined;
}
