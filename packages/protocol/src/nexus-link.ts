/** Links between executions as Nexus carries them, addresses with a type, and as this API's events hold them. */
import { common, enums, type nexus } from "./gen/index.js";

const eventLinkType = "temporal.api.common.v1.Link.WorkflowEvent";
const eventPath = /^\/namespaces\/([^/]+)\/workflows\/([^/]+)\/([^/]+)\/history$/;

const eventReference = "EventReference";
const requestIdReference = "RequestIdReference";

export function toNexusLink({ workflowEvent }: common.Link): nexus.Link | undefined {
  if (!workflowEvent) return undefined;
  const { namespace, workflowId, runId, eventRef, requestIdRef } = workflowEvent;
  const [inNamespace, ofWorkflow, ofRun] = [namespace, workflowId, runId].map(encodeURIComponent);
  const query = new URLSearchParams();
  if (requestIdRef) {
    query.set("eventType", nameOf(requestIdRef.eventType));
    query.set("referenceType", requestIdReference);
    query.set("requestID", requestIdRef.requestId);
  } else if (eventRef) {
    if (eventRef.eventId > 0) query.set("eventID", String(eventRef.eventId));
    query.set("eventType", nameOf(eventRef.eventType));
    query.set("referenceType", eventReference);
  }
  return {
    url: `temporal:///namespaces/${inNamespace}/workflows/${ofWorkflow}/${ofRun}/history?${query}`,
    type: eventLinkType,
  };
}

/** Those that point to events; what else a handler links to has no place in a history. */
export function fromNexusLinks(links: readonly nexus.Link[]): common.Link[] {
  return links.flatMap((link) => fromNexusLink(link) ?? []);
}

function fromNexusLink({ url, type }: nexus.Link): common.Link | undefined {
  if (type !== eventLinkType || !url.startsWith("temporal://")) return undefined;
  const parsed = URL.parse(url);
  const [, ...names] = eventPath.exec(parsed?.pathname ?? "") ?? [];
  const [namespace, workflowId, runId] = names.map(decoded);
  if (!parsed || !namespace || !workflowId || !runId) return undefined;
  const query = parsed.searchParams;
  const eventType = typeOf(query.get("eventType") ?? "");
  if (eventType === undefined) return undefined;
  const about = { namespace, workflowId, runId };
  switch (query.get("referenceType")) {
    case eventReference:
      return linkTo({ ...about, eventRef: { eventId: Number(query.get("eventID") ?? 0) || 0, eventType } });
    case requestIdReference:
      return linkTo({ ...about, requestIdRef: { requestId: query.get("requestID") ?? "", eventType } });
    default:
      return undefined;
  }
}

function linkTo(workflowEvent: common.Link["workflowEvent"]): common.Link {
  return common.Link.create({ workflowEvent });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** `NEXUS_OPERATION_SCHEDULED` as `NexusOperationScheduled`. */
function nameOf(eventType: enums.EventType): string {
  const [name = ""] = Object.entries(enums.EventType).find(([, value]) => value === eventType) ?? [];
  return name.replaceAll(/([A-Z])([A-Z]*)_?/g, (_, first: string, rest: string) => first + rest.toLowerCase());
}

const typesByName = new Map<string, enums.EventType>(
  Object.values(enums.EventType).map((type) => [nameOf(type), type] as const),
);

/** By its short name, or by the one that it has in JSON. */
function typeOf(text: string): enums.EventType | undefined {
  const byName = typesByName.get(text);
  if (byName !== undefined) return byName;
  return (enums.EventType as Record<string, enums.EventType>)[text.replace(/^EVENT_TYPE_/, "")];
}
