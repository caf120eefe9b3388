/** Addresses of what operators look after. */
import { createRoute } from "@tanstack/react-router";
import { BatchesPage } from "./batches/list-page.tsx";
import { BatchPage } from "./batches/page.tsx";
import { ClusterPage } from "./cluster/page.tsx";
import { CodecPage } from "./codec/page.tsx";
import { DeploymentsPage } from "./deployments/list-page.tsx";
import { DeploymentPage } from "./deployments/page.tsx";
import { ImportPage } from "./import/page.tsx";
import { NamespacesPage } from "./namespaces/page.tsx";
import { EndpointsPage } from "./nexus/endpoints-page.tsx";
import { root, texts } from "./root-route.tsx";
import { EditSchedulePage, NewSchedulePage } from "./schedules/edit-page.tsx";
import { SchedulesPage } from "./schedules/list-page.tsx";
import { SchedulePage } from "./schedules/page.tsx";
import { SearchAttributesPage } from "./search-attributes/page.tsx";
import { TaskQueuesPage } from "./task-queue/list-page.tsx";
import { TaskQueuePage } from "./task-queue/page.tsx";
import { WorkersPage } from "./workers/page.tsx";
import { WorkerPage } from "./workers/worker-page.tsx";

const schedules = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/schedules",
  validateSearch: pageOf,
  component: SchedulesPage,
});

const schedule = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/schedules/$scheduleId",
  component: SchedulePage,
});

const newSchedule = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/schedules/create",
  component: NewSchedulePage,
});

const editSchedule = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/schedules/$scheduleId/edit",
  component: EditSchedulePage,
});

const workers = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workers",
  validateSearch: pageOf,
  component: WorkersPage,
});

const taskQueue = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/task-queues/$taskQueue",
  component: TaskQueuePage,
});

const worker = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workers/$workerKey",
  component: WorkerPage,
});

const taskQueues = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/task-queues",
  validateSearch: pageOf,
  component: TaskQueuesPage,
});

const batches = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/batch-operations",
  validateSearch: pageOf,
  component: BatchesPage,
});

const batch = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/batch-operations/$jobId",
  component: BatchPage,
});

const deployments = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/deployments",
  validateSearch: pageOf,
  component: DeploymentsPage,
});

const deployment = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/deployments/$deployment",
  component: DeploymentPage,
});

const searchAttributes = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/search-attributes",
  validateSearch: pageOf,
  component: SearchAttributesPage,
});

const namespaces = createRoute({
  getParentRoute: () => root,
  path: "/namespaces",
  validateSearch: pageOf,
  component: NamespacesPage,
});

const endpoints = createRoute({
  getParentRoute: () => root,
  path: "/nexus",
  validateSearch: pageOf,
  component: EndpointsPage,
});

const cluster = createRoute({ getParentRoute: () => root, path: "/cluster", component: ClusterPage });

const codec = createRoute({ getParentRoute: () => root, path: "/codec", component: CodecPage });
const importer = createRoute({ getParentRoute: () => root, path: "/import", component: ImportPage });

/** The address of a list that has nothing but its page and its order in its search. */
function pageOf(search: Record<string, unknown>): { readonly after?: string; readonly sort?: string } {
  return texts(search, ["after", "sort"]);
}

export const operatorRoutes = [
  schedules,
  newSchedule,
  schedule,
  editSchedule,
  workers,
  worker,
  taskQueues,
  taskQueue,
  batches,
  batch,
  deployments,
  deployment,
  searchAttributes,
  namespaces,
  endpoints,
  cluster,
  codec,
  importer,
] as const;
