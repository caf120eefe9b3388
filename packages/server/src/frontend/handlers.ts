/** The whole table of RPCs that are served. One that is not in it answers UNIMPLEMENTED with its name. */
import { methods } from "@pawl/protocol";
import { activityHandlers } from "./activity.ts";
import { activityExecutionHandlers } from "./activity-execution.ts";
import { activityExecutionListHandlers } from "./activity-execution-list.ts";
import { activityExecutionOperatorHandlers } from "./activity-execution-operator.ts";
import { activityOperatorHandlers } from "./activity-operator.ts";
import { batchHandlers } from "./batch.ts";
import type { Perform } from "./batch-runner.ts";
import { clusterHandlers } from "./cluster.ts";
import { historyHandlers } from "./history.ts";
import { multiOperationHandlers } from "./multi-operation.ts";
import { namespaceHandlers } from "./namespace.ts";
import { nexusEndpointHandlers } from "./nexus-endpoint.ts";
import { nexusTaskHandlers } from "./nexus-task.ts";
import { type Call, type Handler, type Handlers, type Parts, Rejection } from "./parts.ts";
import { pauseHandlers } from "./pause.ts";
import { queryHandlers } from "./query.ts";
import { resetHandlers } from "./reset.ts";
import { scheduleHandlers } from "./schedule.ts";
import { scheduleListHandlers } from "./schedule-list.ts";
import { searchAttributeHandlers } from "./search-attribute-admin.ts";
import { switchedOffHandlers } from "./switched-off.ts";
import { systemHandlers } from "./system.ts";
import { taskQueueHandlers } from "./task-queue.ts";
import { updateHandlers } from "./update.ts";
import { visibilityHandlers } from "./visibility.ts";
import { workerHandlers } from "./worker.ts";
import { workerDeploymentHandlers } from "./worker-deployment.ts";
import { workflowHandlers } from "./workflow.ts";
import { workflowOptionsHandlers } from "./workflow-options.ts";
import { workflowTaskHandlers } from "./workflow-task.ts";

export function handlersOf(parts: Parts): Handlers {
  return {
    ...systemHandlers(parts),
    ...clusterHandlers(parts),
    ...switchedOffHandlers(parts),
    ...namespaceHandlers(parts),
    ...workflowHandlers(parts),
    ...pauseHandlers(parts),
    ...resetHandlers(parts),
    ...workflowOptionsHandlers(parts),
    ...workflowTaskHandlers(parts),
    ...activityHandlers(parts),
    ...activityOperatorHandlers(parts),
    ...activityExecutionHandlers(parts),
    ...activityExecutionOperatorHandlers(parts),
    ...activityExecutionListHandlers(parts),
    ...queryHandlers(parts),
    ...historyHandlers(parts),
    ...updateHandlers(parts),
    ...multiOperationHandlers(parts),
    ...visibilityHandlers(parts),
    ...searchAttributeHandlers(parts),
    ...nexusEndpointHandlers(parts),
    ...nexusTaskHandlers(parts),
    ...scheduleHandlers(parts),
    ...scheduleListHandlers(parts),
    ...batchHandlers(parts),
    ...taskQueueHandlers(parts),
    ...workerHandlers(parts),
    ...workerDeploymentHandlers(parts),
  };
}

/** Makes a call on behalf of one that was made before: what it may do was decided then. */
export function performerOf(handlers: Handlers): Perform {
  return async ({ method, request }) => {
    const { request: codec } = methods[method];
    const whole = codec.decode(codec.encode(request as never));
    const handler = handlers[method] as Handler<typeof method> | undefined;
    return handler?.(whole as never, innerCall) ?? new Rejection("UNIMPLEMENTED", `${method} is not served`);
  };
}

const innerCall: Call = {
  deadlineMs: undefined,
  signal: new AbortController().signal,
  ended: () => "no",
  clientName: "pawl-server",
  clientVersion: "",
  supportedFeatures: [],
};
