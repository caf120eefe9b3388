/** The table of commands. The parser, the help, the documentation and the shells' completion are made from it. */

import { activityCommands } from "../verb/activity.ts";
import { apiKeyCommands } from "../verb/api-key.ts";
import { batchCommands } from "../verb/batch.ts";
import { clusterCommands } from "../verb/cluster.ts";
import { configCommands } from "../verb/config.ts";
import { deploymentCommands } from "../verb/deployment.ts";
import { doctorCommands } from "../verb/doctor.ts";
import { namespaceCommands } from "../verb/namespace.ts";
import { nexusEndpointCommands } from "../verb/nexus-endpoint.ts";
import { scheduleCommands } from "../verb/schedule.ts";
import { searchAttributeCommands } from "../verb/search-attribute.ts";
import { taskQueueCommands } from "../verb/task-queue.ts";
import { transferCommands } from "../verb/transfer.ts";
import { updateWithStartCommands } from "../verb/update-with-start.ts";
import { workerCommands } from "../verb/worker.ts";
import { endCommands } from "../verb/workflow-end.ts";
import { historyCommands } from "../verb/workflow-history.ts";
import { messageCommands } from "../verb/workflow-message.ts";
import { optionsCommands } from "../verb/workflow-options.ts";
import { resultCommands } from "../verb/workflow-result.ts";
import { startCommands } from "../verb/workflow-start.ts";
import { viewCommands } from "../verb/workflow-view.ts";
import { whyCommands } from "../verb/workflow-why.ts";
import type { Definition, Group } from "./definition.ts";

export const groups: readonly Group[] = [
  { path: "workflow", summary: "Start workflows, look at them, speak with them, end them" },
  { path: "workflow update", summary: "Send updates to workflows" },
  { path: "worker deployment manager-identity", summary: "Who alone may change a deployment" },
  { path: "activity", summary: "Work with activities, of workflows or standalone" },
  { path: "schedule", summary: "Start workflows again and again" },
  { path: "batch", summary: "Work on many workflows, in the background" },
  { path: "worker", summary: "See workers, and manage their versions" },
  { path: "worker deployment", summary: "Versions of workers, and which of them is given tasks" },
  { path: "task-queue", summary: "See who polls a task queue, and limit its rates" },
  { path: "task-queue config", summary: "Rates and weights of a task queue" },
  { path: "config", summary: "Profiles of the configuration file: where servers are, and who asks" },
  { path: "namespace", summary: "Namespaces" },
  { path: "search-attribute", summary: "Search attributes of a namespace" },
  { path: "api-key", summary: "Keys of a server that asks who calls, in its file" },
  { path: "operator", summary: "The same names as in the official command line, for the whole server" },
  { path: "operator namespace", summary: "Namespaces" },
  { path: "operator search-attribute", summary: "Search attributes of a namespace" },
  { path: "operator cluster", summary: "What the server is and how it is" },
  { path: "operator nexus", summary: "Nexus" },
  { path: "operator nexus endpoint", summary: "Where calls of Nexus operations go" },
];

export const definitions: readonly Definition[] = [
  ...startCommands,
  ...viewCommands,
  ...whyCommands,
  ...historyCommands,
  ...resultCommands,
  ...messageCommands,
  ...updateWithStartCommands,
  ...endCommands,
  ...optionsCommands,
  ...activityCommands,
  ...scheduleCommands,
  ...batchCommands,
  ...taskQueueCommands,
  ...workerCommands,
  ...deploymentCommands,
  ...namespaceCommands,
  ...searchAttributeCommands,
  ...clusterCommands,
  ...nexusEndpointCommands,
  ...configCommands,
  ...doctorCommands,
  ...apiKeyCommands,
  ...transferCommands,
];
