/** Addresses of activities: standalone ones, pending ones, and those that wait for an answer. */
import { createRoute } from "@tanstack/react-router";
import { ActivitiesPage } from "./activities/list-page.tsx";
import { ActivityPage } from "./activities/page.tsx";
import { InboxPage, PendingPage, type PendingSearch } from "./inbox/page.tsx";
import { root, texts } from "./root-route.tsx";

interface ActivitiesSearch {
  readonly query?: string;
  readonly after?: string;
  readonly sort?: string;
}

const activities = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/activities",
  validateSearch: (search: Record<string, unknown>): ActivitiesSearch => texts(search, ["query", "after", "sort"]),
  component: ActivitiesPage,
});

const activity = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/activities/$activityId/$runId",
  component: ActivityPage,
});

/** The latest run of an id. */
const latestActivity = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/activities/$activityId",
  component: ActivityPage,
});

function pendingSearch(search: Record<string, unknown>): PendingSearch {
  return texts(search, ["state", "type", "kind", "startedFor", "query", "after"]);
}

const pending = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/pending-activities",
  validateSearch: pendingSearch,
  component: PendingPage,
});

const inbox = createRoute({
  getParentRoute: () => root,
  path: "/namespaces/$namespace/inbox",
  validateSearch: pendingSearch,
  component: InboxPage,
});

export const activityRoutes = [activities, activity, latestActivity, pending, inbox] as const;
