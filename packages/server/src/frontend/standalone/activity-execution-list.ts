/** Lists and counts of standalone activities by a filter. */
import { Rejection } from "@pawl/engine";
import { activity, type common, enums } from "@pawl/protocol";
import type { Handlers } from "../handler.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { type Attribute, type CustomAttributes, findAttribute } from "../visibility/search-attribute.ts";
import { activityStatuses } from "../visibility/status-name.ts";
import { count, type Lists, listRows, queryOf } from "../visibility/visibility.ts";
import type { Resolve } from "../visibility/visibility-filter.ts";

const { KEYWORD } = enums.IndexedValueType;

/** A status that no activity has: like the reference server, a filter by an unknown name finds nothing. */
const noStatus = -1;

/** Names that mean something else of activities than of workflows. */
const own: Readonly<Record<string, Attribute>> = {
  ActivityId: { name: "ActivityId", type: KEYWORD, column: "WorkflowId" },
  ActivityType: { name: "ActivityType", type: KEYWORD, column: "WorkflowType" },
  ExecutionStatus: {
    name: "ExecutionStatus",
    type: KEYWORD,
    read: (literal) => (literal.type === "text" ? (activityStatuses.statusOf(literal.value) ?? noStatus) : undefined),
  },
};

const noBytes = new Uint8Array(0);
const shownValue = ({ groupValues: [first] }: { groupValues: common.Payload[] }) => first?.data ?? noBytes;

export function activityResolver(namespace: Namespace, custom: CustomAttributes): Resolve {
  return (name) => {
    if (Object.hasOwn(own, name)) return own[name];
    return name === "WorkflowType" ? undefined : findAttribute(name, namespace, custom);
  };
}

const activityLists: Lists = { kind: "activity", statuses: activityStatuses, resolverOf: activityResolver };

export function activityExecutionListHandlers(parts: Parts) {
  return {
    ListActivityExecutions: async (request) => {
      const asked = queryOf(parts, activityLists, request);
      if (asked instanceof Rejection) return asked;
      const rows = await listRows(parts, "activity", asked, request);
      if (rows instanceof Rejection) return rows;
      const { infos, ...more } = rows;
      return { executions: infos.map((info) => activity.ActivityExecutionListInfo.decode(info)), ...more };
    },

    CountActivityExecutions: async (request) => {
      const asked = queryOf(parts, activityLists, request);
      if (asked instanceof Rejection) return asked;
      const counted = await count(parts, asked);
      // The reference server has the statuses of activities as texts, and orders groups by them.
      return { ...counted, groups: counted.groups.sort((a, b) => Buffer.compare(shownValue(a), shownValue(b))) };
    },
  } satisfies Handlers;
}
