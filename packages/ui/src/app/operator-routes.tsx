/** Addresses of what operators look after: schedules, workers, queues. */
import { createRoute } from "@tanstack/react-router";
import { root, texts } from "./root-route.tsx";
import { SchedulesPage } from "./schedules/list-page.tsx";
import { SchedulePage } from "./schedules/page.tsx";
import { TaskQueuePage } from "./task-queue/page.tsx";
import { WorkersPage } from "./workers/page.tsx";

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

export const operatorRoutes = [schedules, schedule, workers, taskQueue] as const;
