/** Nexus over HTTP, for callers and handlers that are not workers of this server. Its answers and its errors are Nexus' own, not those of the other routes. */

import type { Operation } from "../../access/table.ts";
import { Rejection } from "../../frontend/handler.ts";
import { headerValues } from "../../nexus/http-form.ts";
import {
  complete,
  type Destination,
  dispatch,
  endpointDestination,
  type IncomingParts,
  type IncomingReply,
  isRefusal,
  queueDestination,
} from "../../nexus/incoming.ts";
import type { Exchange } from "../exchange.ts";
import type { JsonSchema } from "../json-schema.ts";
import type { Reply } from "../reply.ts";
import type { PathValues, Route } from "../route-table.ts";

const endpointTemplate = "/nexus/endpoints/{endpoint}/services/{service}/{operation}";
const queueTemplate = "/namespaces/{namespace}/task-queues/{task_queue}/nexus-services/{service}/{operation}";

export function nexusRoutes(parts: IncomingParts): Route[] {
  const byEndpoint = (values: PathValues) => endpointDestination(parts, values.get("endpoint") ?? "");
  const byQueue = (values: PathValues) =>
    queueDestination(parts, {
      namespace: values.get("namespace") ?? "",
      taskQueue: values.get("task_queue") ?? "",
    });
  const operations = [
    { template: endpointTemplate, name: "ByEndpoint" as const, find: byEndpoint },
    { template: queueTemplate, name: "ByTaskQueue" as const, find: byQueue },
  ]
    .flatMap(({ template, name, find }) => [
      route(template, `StartNexusOperation${name}`, "Starts a Nexus operation.", (exchange, values) =>
        ask(parts, { exchange, values, destination: find(values), cancels: false }),
      ),
      route(
        `${template}/cancel`,
        `CancelNexusOperation${name}`,
        "Asks to cancel a Nexus operation.",
        (exchange, values) => ask(parts, { exchange, values, destination: find(values), cancels: true }),
      ),
    ])
    .map((each) => ({ ...each, namespaceOf: (values: PathValues) => namespaceOf(parts, values) }));
  const tell = async (exchange: Exchange, values: PathValues) => {
    const body = await exchange.body();
    if ("status" in body) return body;
    return replied(
      await complete(parts, values.get("namespace"), { headers: headerValues(exchange.headers), data: body }),
    );
  };
  const told = "Tells how a Nexus operation ended that a workflow of this server has called.";
  return [
    ...operations,
    route("/nexus/callback", "CompleteNexusOperation", told, tell),
    route("/namespaces/{namespace}/nexus/callback", "CompleteNexusOperationOfNamespace", told, tell),
  ];
}

/** Of the queue that the path leads to; "" where it leads nowhere. */
function namespaceOf(parts: IncomingParts, values: PathValues): string {
  const named = values.get("namespace");
  if (named !== undefined) return named;
  const destination = endpointDestination(parts, values.get("endpoint") ?? "");
  if (isRefusal(destination)) return "";
  const namespace = parts.namespaces.byId(destination.namespaceId);
  return namespace instanceof Rejection ? "" : namespace.name;
}

function route(template: string, operation: Operation, summary: string, serve: Route["serve"]): Route {
  return { verb: "POST", template, operation, shape: { type: "own", summary, body: {}, answer: {}, refusal }, serve };
}

const refusal: JsonSchema = {
  type: "object",
  description: "A Nexus failure.",
  required: ["message"],
  properties: { message: { type: "string" }, metadata: { type: "object" }, details: {}, cause: { type: "object" } },
};

interface Asking {
  readonly exchange: Exchange;
  readonly values: PathValues;
  readonly destination: Destination | IncomingReply;
  readonly cancels: boolean;
}

async function ask(parts: IncomingParts, { exchange, values, destination, cancels }: Asking): Promise<Reply> {
  if (isRefusal(destination)) return replied(destination);
  const data = await exchange.body();
  if ("status" in data) return data;
  const reply = await dispatch(parts, destination, {
    ...{ headers: headerValues(exchange.headers), data, cancels, signal: exchange.signal },
    service: values.get("service") ?? "",
    operation: values.get("operation") ?? "",
    callback: exchange.query.get("callback") ?? "",
  });
  return replied(reply);
}

function replied({ status, headers, data }: IncomingReply): Reply {
  return { status, headers, body: data };
}
