/** The table of commands. What stands here is parsed, helped with, documented and completed. */
import type { Definition, Group } from "./definition.ts";
import { activityCommands } from "./verb/activity.ts";
import { clusterCommands } from "./verb/cluster.ts";
import { namespaceCommands } from "./verb/namespace.ts";
import { searchAttributeCommands } from "./verb/search-attribute.ts";
import { taskQueueCommands } from "./verb/task-queue.ts";
import { endCommands } from "./verb/workflow-end.ts";
import { historyCommands } from "./verb/workflow-history.ts";
import { messageCommands } from "./verb/workflow-message.ts";
import { resultCommands } from "./verb/workflow-result.ts";
import { startCommands } from "./verb/workflow-start.ts";
import { viewCommands } from "./verb/workflow-view.ts";
import { whyCommands } from "./verb/workflow-why.ts";

export const groups: readonly Group[] = [
  { path: "workflow", summary: "Start workflows, look at them, speak with them, end them" },
  { path: "workflow update", summary: "Send updates to workflows" },
  { path: "activity", summary: "Work with activities, of workflows or standalone" },
  { path: "task-queue", summary: "See who polls a task queue, and limit its rates" },
  { path: "task-queue config", summary: "Rates and weights of a task queue" },
  { path: "namespace", summary: "Namespaces" },
  { path: "search-attribute", summary: "Search attributes of a namespace" },
  { path: "operator", summary: "The same names as in the official command line, for the whole server" },
  { path: "operator namespace", summary: "Namespaces" },
  { path: "operator search-attribute", summary: "Search attributes of a namespace" },
  { path: "operator cluster", summary: "What the server is and how it is" },
];

export const definitions: readonly Definition[] = [
  ...startCommands,
  ...viewCommands,
  ...whyCommands,
  ...historyCommands,
  ...resultCommands,
  ...messageCommands,
  ...endCommands,
  ...activityCommands,
  ...taskQueueCommands,
  ...namespaceCommands,
  ...searchAttributeCommands,
  ...clusterCommands,
];
