/** What stands in addresses, for the pages that read and change it. */
import { getRouteApi } from "@tanstack/react-router";

export interface WorkflowsSearch {
  readonly query?: string;
  readonly status?: string;
  /** The token of a later page. */
  readonly after?: string;
}

export const workflowsRoute = getRouteApi("/namespaces/$namespace/workflows");

export const views = ["timeline", "events"] as const;
export type View = (typeof views)[number];

export const schedulesRoute = getRouteApi("/namespaces/$namespace/schedules");
export const scheduleRoute = getRouteApi("/namespaces/$namespace/schedules/$scheduleId");
export const workersRoute = getRouteApi("/namespaces/$namespace/workers");
export const taskQueueRoute = getRouteApi("/namespaces/$namespace/task-queues/$taskQueue");
