/** The whole table of RPCs that are served. One that is not in it answers UNIMPLEMENTED with its name. */
import { activityHandlers } from "./activity.ts";
import { activityOperatorHandlers } from "./activity-operator.ts";
import { historyHandlers } from "./history.ts";
import { namespaceHandlers } from "./namespace.ts";
import type { Handlers, Parts } from "./parts.ts";
import { queryHandlers } from "./query.ts";
import { QueryRegistry } from "./query-registry.ts";
import { systemHandlers } from "./system.ts";
import { taskQueueHandlers } from "./task-queue.ts";
import { updateHandlers } from "./update.ts";
import { visibilityHandlers } from "./visibility.ts";
import { workerHandlers } from "./worker.ts";
import { workflowHandlers } from "./workflow.ts";
import { workflowTaskHandlers } from "./workflow-task.ts";

/** `queries`: what is asked in one call and answered in another. */
export function handlersOf(parts: Parts, queries = new QueryRegistry()): Handlers {
  return {
    ...systemHandlers(parts),
    ...namespaceHandlers(parts),
    ...workflowHandlers(parts, queries),
    ...workflowTaskHandlers(parts, queries),
    ...activityHandlers(parts),
    ...activityOperatorHandlers(parts),
    ...queryHandlers(parts, queries),
    ...historyHandlers(parts),
    ...updateHandlers(parts),
    ...visibilityHandlers(parts),
    ...taskQueueHandlers(parts),
    ...workerHandlers(parts),
  };
}
