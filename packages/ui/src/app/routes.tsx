/** Addresses and their pages. They are the addresses of the official UI, so that links made for that one lead to the same things. */
import { createRoute, createRouter, redirect } from "@tanstack/react-router";
import { activityRoutes } from "./activity-routes.tsx";
import { type View, views, type WorkflowsSearch } from "./addresses.ts";
import { operatorRoutes } from "./operator-routes.tsx";
import { root, texts } from "./root-route.tsx";
import { StartPage } from "./start/page.tsx";
import { WorkflowPage } from "./workflow/page.tsx";
import { WorkflowsPage } from "./workflows/page.tsx";

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
  validateSearch: (search: Record<string, unknown>): WorkflowsSearch =>
    texts(search, ["query", "status", "after", "columns", "sort"]),
  component: WorkflowsPage,
});

const startRoute = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/start-workflow",
  validateSearch: (
    search: Record<string, unknown>,
  ): { readonly like?: string; readonly run?: string; readonly taskQueue?: string } =>
    texts(search, ["like", "run", "taskQueue"]),
  component: StartPage,
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

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    namespaceHome,
    workflowsRoute,
    startRoute,
    workflowRoute,
    latestRoute,
    historyLink,
    ...activityRoutes,
    ...operatorRoutes,
  ]),
  // Plain text on both sides, for people who read and change addresses.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter(([, value]) => typeof value === "string" && value !== "");
    return given.length === 0 ? "" : `?${new URLSearchParams(given as [string, string][])}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
