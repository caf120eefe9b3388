/** Addresses and their pages. They are the addresses of the official UI, so that links made for that one lead to the same things. */
import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { type View, views, type WorkflowsSearch } from "./addresses.ts";
import { Empty } from "./parts/notice.tsx";
import { SchedulesPage } from "./schedules/list-page.tsx";
import { SchedulePage } from "./schedules/page.tsx";
import { Shell } from "./shell/shell.tsx";
import { TaskQueuePage } from "./task-queue/page.tsx";
import { WorkersPage } from "./workers/page.tsx";
import { WorkflowPage } from "./workflow/page.tsx";
import { WorkflowsPage } from "./workflows/page.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: () => <Empty title="There is no such page" /> });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/namespaces/$namespace/workflows", params: { namespace: "default" } });
  },
});

const namespaceHome = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/namespaces/$namespace/workflows", params });
  },
});

const workflowsRoute = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workflows",
  validateSearch: (search: Record<string, unknown>): WorkflowsSearch => texts(search, ["query", "status", "after"]),
  component: WorkflowsPage,
});

const workflowRoute = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workflows/$workflowId/$runId",
  validateSearch: (search: Record<string, unknown>): { readonly view?: View } => {
    const view = views.find((name) => name === search["view"]);
    return view === undefined ? {} : { view };
  },
  component: WorkflowPage,
});

/** The latest run of an id. */
const latestRoute = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workflows/$workflowId",
  component: WorkflowPage,
});

const historyLink = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workflows/$workflowId/$runId/history",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/namespaces/$namespace/workflows/$workflowId/$runId", params });
  },
});

const schedules = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/schedules",
  validateSearch: (search: Record<string, unknown>): { readonly after?: string } => texts(search, ["after"]),
  component: SchedulesPage,
});

const schedule = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/schedules/$scheduleId",
  component: SchedulePage,
});

const workers = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/workers",
  validateSearch: (search: Record<string, unknown>): { readonly after?: string } => texts(search, ["after"]),
  component: WorkersPage,
});

const taskQueue = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/task-queues/$taskQueue",
  component: TaskQueuePage,
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    namespaceHome,
    workflowsRoute,
    workflowRoute,
    latestRoute,
    historyLink,
    schedules,
    schedule,
    workers,
    taskQueue,
  ]),
  // Plain text on both sides, for people who read and change addresses.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter(([, value]) => typeof value === "string" && value !== "");
    return given.length === 0 ? "" : `?${new URLSearchParams(given as [string, string][])}`;
  },
});

function texts<Name extends string>(
  search: Record<string, unknown>,
  names: readonly Name[],
): { [name in Name]?: string } {
  const given = names.filter((name) => typeof search[name] === "string" && search[name] !== "");
  return Object.fromEntries(given.map((name) => [name, search[name]])) as { [name in Name]?: string };
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
