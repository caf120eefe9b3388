/** The whole table of RPCs that are served. One that is not in it answers UNIMPLEMENTED with its name. */
import { activityHandlers } from "./activity.ts";
import { activityOperatorHandlers } from "./activity-operator.ts";
import { historyHandlers } from "./history.ts";
import { multiOperationHandlers } from "./multi-operation.ts";
import { namespaceHandlers } from "./namespace.ts";
import type { Handlers, Parts } from "./parts.ts";
import { queryHandlers } from "./query.ts";
import { QueryRegistry } from "./query-registry.ts";
import { searchAttributeHandlers } from "./search-attribute-admin.ts";
import { SearchAttributeRegistry } from "./search-attribute-registry.ts";
import { systemHandlers } from "./system.ts";
import { taskQueueHandlers } from "./task-queue.ts";
import { updateHandlers } from "./update.ts";
import { visibilityHandlers } from "./visibility.ts";
import { workerHandlers } from "./worker.ts";
import { workflowHandlers } from "./workflow.ts";
import { workflowTaskHandlers } from "./workflow-task.ts";

/** `queries`: what is asked in one call and answered in another. `custom`: the search attributes of each namespace, read from the store. */
export function handlersOf(
  parts: Parts,
  queries = new QueryRegistry(),
  custom = new SearchAttributeRegistry(parts.store),
): Handlers {
  return {
    ...systemHandlers(parts),
    ...namespaceHandlers(parts),
    ...workflowHandlers(parts, queries, custom),
    ...workflowTaskHandlers(parts, queries, custom),
    ...activityHandlers(parts),
    ...activityOperatorHandlers(parts),
    ...queryHandlers(parts, queries),
    ...historyHandlers(parts),
    ...updateHandlers(parts),
    ...multiOperationHandlers(parts, custom),
    ...visibilityHandlers(parts, custom),
    ...searchAttributeHandlers(parts, custom),
    ...taskQueueHandlers(parts),
    ...workerHandlers(parts),
  };
}
