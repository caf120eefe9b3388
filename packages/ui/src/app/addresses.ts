/** What stands in addresses, for the pages that read and change it. */
import { getRouteApi } from "@tanstack/react-router";

export interface WorkflowsSearch {
  readonly query?: string;
  readonly status?: string;
  /** The token of a later page. */
  readonly after?: string;
  /** See `workflows/columns.ts`. */
  readonly columns?: string;
  readonly sort?: string;
}

export const workflowsRoute = getRouteApi("/namespaces/$namespace/workflows");

export const views = ["timeline", "events", "json"] as const;
export type View = (typeof views)[number];

export const schedulesRoute = getRouteApi("/namespaces/$namespace/schedules");
export const scheduleRoute = getRouteApi("/namespaces/$namespace/schedules/$scheduleId");
export const workersRoute = getRouteApi("/namespaces/$namespace/workers");
export const taskQueueRoute = getRouteApi("/namespaces/$namespace/task-queues/$taskQueue");
export const taskQueuesRoute = getRouteApi("/namespaces/$namespace/task-queues");
export const workerRoute = getRouteApi("/namespaces/$namespace/workers/$workerKey");
export const batchesRoute = getRouteApi("/namespaces/$namespace/batch-operations");
export const batchRoute = getRouteApi("/namespaces/$namespace/batch-operations/$jobId");
export const deploymentsRoute = getRouteApi("/namespaces/$namespace/deployments");
export const deploymentRoute = getRouteApi("/namespaces/$namespace/deployments/$deployment");
export const searchAttributesRoute = getRouteApi("/namespaces/$namespace/search-attributes");
export const namespacesRoute = getRouteApi("/namespaces");
export const endpointsRoute = getRouteApi("/nexus");
export const startRoute = getRouteApi("/namespaces/$namespace/start-workflow");
export const activitiesRoute = getRouteApi("/namespaces/$namespace/activities");
export const pendingRoute = getRouteApi("/namespaces/$namespace/pending-activities");
export const inboxRoute = getRouteApi("/namespaces/$namespace/inbox");
export const newScheduleRoute = getRouteApi("/namespaces/$namespace/schedules/create");
export const scheduleEditRoute = getRouteApi("/namespaces/$namespace/schedules/$scheduleId/edit");
