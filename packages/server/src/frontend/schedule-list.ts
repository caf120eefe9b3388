/** Lists and counts of schedules by a filter. */
import { Rejection, Spec, upcomingTimes } from "@pawl/engine";
import { enums, schedule, toTimestamp } from "@pawl/protocol";
import type { Namespace } from "./namespace-registry.ts";
import type { Handlers, Parts } from "./parts.ts";
import { type Attribute, type CustomAttributes, findAttribute } from "./search-attribute.ts";
import { workflowStatuses } from "./status-name.ts";
import { count, listRows, readQuery } from "./visibility.ts";
import type { Resolve } from "./visibility-filter.ts";

const scheduleId: Attribute = { name: "ScheduleId", type: enums.IndexedValueType.KEYWORD, column: "WorkflowId" };

function resolverOf(namespace: Namespace, custom: CustomAttributes): Resolve {
  return (name) => (name === scheduleId.name ? scheduleId : findAttribute(name, namespace, custom));
}

export function scheduleListHandlers(parts: Parts) {
  const { namespaces, clock } = parts;
  const queryOf = (request: { readonly namespace: string; readonly query: string }) => {
    const namespace = namespaces.byName(request.namespace);
    if (namespace instanceof Rejection) return namespace;
    const query = readQuery(request.query, resolverOf(namespace, parts.searchAttributes));
    return query instanceof Rejection ? query : { namespaceId: namespace.id, query };
  };
  return {
    ListSchedules: async (request) => {
      const read = queryOf(request);
      if (read instanceof Rejection) return read;
      const { namespaceId, query } = read;
      const { nextPageToken, maximumPageSize: pageSize } = request;
      const rows = await listRows(parts, { kind: "schedule", namespaceId }, query.filter, { nextPageToken, pageSize });
      if (rows instanceof Rejection) return rows;
      const { infos, ...more } = rows;
      return { schedules: infos.map((info) => shownNow(info, clock.nowMs())), ...more };
    },

    CountSchedules: async (request) => {
      const read = queryOf(request);
      if (read instanceof Rejection) return read;
      const { namespaceId, query } = read;
      return count(parts, { kind: "schedule", namespaceId, statuses: workflowStatuses }, query);
    },
  } satisfies Handlers;
}

/** The row is as the schedule was when it last changed; what it will do next is told as of now. */
function shownNow(info: Uint8Array, nowMs: number): schedule.ScheduleListEntry {
  const entry = schedule.ScheduleListEntry.decode(info);
  if (!entry.info?.spec || entry.info.futureActionTimes.length === 0) return entry;
  const countMax = entry.info.futureActionTimes.length;
  const times = upcomingTimes(new Spec(entry.info.spec), { afterMs: nowMs, seed: entry.scheduleId, countMax });
  return { ...entry, info: { ...entry.info, futureActionTimes: times.map(toTimestamp) } };
}
