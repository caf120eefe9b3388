/**
 * The filter for workflows whose task queue no worker polls. This is not stored with the workflows, because it changes with the workers: when the filter is
 * read, it becomes a list of the queues that have no poller at that moment.
 */
import type { VisibilityFilter } from "@pawl/store";
import { limits } from "../../limits.ts";
import type { Queues } from "../queues.ts";

const attribute = "PawlStuckReasons";
/** Beside the reasons that are kept with a workflow. */
const reason = "NoWorkers";

/** The filter of a list of workflows, with what it says of that reason put in other words. */
export async function withUnservedQueues(
  matching: Pick<Queues, "list">,
  namespaceId: string,
  filter: VisibilityFilter,
): Promise<VisibilityFilter> {
  if (!asks(filter)) return filter;
  const { queues } = await matching.list(namespaceId, limits.taskQueuesListedMax);
  const values = queues
    .filter(({ kind, pollers, backlogCount }) => kind === "workflow" && pollers === 0 && backlogCount > 0)
    .map(({ taskQueue }) => taskQueue);
  if (values.length === 0) return filter;
  const open: VisibilityFilter = { op: "isNull", name: "CloseTime" };
  return reworded(filter, { op: "and", all: [open, { op: "in", name: "TaskQueue", values }] });
}

function asks(filter: VisibilityFilter): boolean {
  if ("all" in filter) return filter.all.some(asks);
  return "filter" in filter ? asks(filter.filter) : filter.name === attribute;
}

function reworded(filter: VisibilityFilter, unserved: VisibilityFilter): VisibilityFilter {
  if ("all" in filter) return { ...filter, all: filter.all.map((one) => reworded(one, unserved)) };
  if ("filter" in filter) return { ...filter, filter: reworded(filter.filter, unserved) };
  if (filter.name !== attribute) return filter;
  if (filter.op === "isNull") return { op: "and", all: [filter, { op: "not", filter: unserved }] };
  const isMeant = filter.op === "isNotNull" || (filter.op === "contains" && filter.values.includes(reason));
  return isMeant ? { op: "or", all: [filter, unserved] } : filter;
}
