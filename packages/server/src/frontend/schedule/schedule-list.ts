/** Lists and counts of schedules by a filter. */
import { Rejection, ruleCountOf, Spec, upcomingTimes } from "@pawl/engine";
import { enums, schedule, toTimestamp } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import type { Handlers } from "../handler.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { QueryError } from "../visibility/query-lexer.ts";
import { type Attribute, type CustomAttributes, findAttribute } from "../visibility/search-attribute.ts";
import { workflowStatuses } from "../visibility/status-name.ts";
import { count, type Lists, listRows, queryOf } from "../visibility/visibility.ts";
import type { Resolve } from "../visibility/visibility-filter.ts";

const scheduleId: Attribute = { name: "ScheduleId", type: enums.IndexedValueType.KEYWORD, column: "WorkflowId" };
const paused = "TemporalSchedulePaused";

/** What a schedule has none of is not to be filtered by; a namespace may have an attribute of its own called ScheduleId. */
function resolverOf(namespace: Namespace, custom: CustomAttributes): Resolve {
  return (name) => {
    const found = findAttribute(name, namespace, custom);
    if (!found) return name === scheduleId.name ? scheduleId : undefined;
    if (found.name === paused || custom.typeOf(namespace, found.name) !== undefined) return found;
    throw new QueryError(`invalid expression: cannot filter schedules on ${name}`);
  };
}

const scheduleLists: Lists = { kind: "schedule", statuses: workflowStatuses, resolverOf };

export function scheduleListHandlers(parts: Parts) {
  return {
    ListSchedules: async (request) => {
      const asked = queryOf(parts, scheduleLists, request);
      if (asked instanceof Rejection) return asked;
      const { nextPageToken, maximumPageSize: pageSize } = request;
      const rows = await listRows(parts, "schedule", asked, { nextPageToken, pageSize });
      if (rows instanceof Rejection) return rows;
      const { infos, ...more } = rows;
      return { schedules: infos.map((info) => shownNow(info, parts.clock.nowMs())), ...more };
    },

    CountSchedules: async (request) => {
      const asked = queryOf(parts, scheduleLists, request);
      return asked instanceof Rejection ? asked : count(parts, asked);
    },
  } satisfies Handlers;
}

/**
 * The row is as the schedule was when it last changed; what it will do next is told as of now, and a zone of its own by its name alone. Lists of the
 * reference server have a memo of every schedule, its description only when there is one.
 */
function shownNow(info: Uint8Array, nowMs: number): schedule.ScheduleListEntry {
  const row = schedule.ScheduleListEntry.decode(info);
  const entry = { ...row, memo: row.memo ?? { fields: {} } };
  if (!entry.info?.spec) return entry;
  const { spec, futureActionTimes } = entry.info;
  const countMax = futureActionTimes.length;
  const from = { afterMs: nowMs, seed: entry.scheduleId, countMax };
  // A page has many rows, and whoever may read asks for it again and again.
  const isLong = ruleCountOf(spec) > limits.listedScheduleRulesMax;
  const times = isLong || countMax === 0 ? futureActionTimes : upcomingTimes(new Spec(spec), from).map(toTimestamp);
  const shown = { ...spec, timezoneData: new Uint8Array() };
  return { ...entry, info: { ...entry.info, spec: shown, futureActionTimes: times } };
}
