/** The whole table of RPCs that are served. One that is not in it answers UNIMPLEMENTED with its name. */
import { Rejection } from "@pawl/engine";
import { methods } from "@pawl/protocol";
import { activityHandlers } from "./activity/activity.ts";
import { activityOperatorHandlers } from "./activity/activity-operator.ts";
import { batchHandlers } from "./batch/batch.ts";
import type { Perform } from "./batch/batch-runner.ts";
import { clusterHandlers } from "./cluster.ts";
import { workerDeploymentHandlers } from "./deployment/worker-deployment.ts";
import type { Call, Handler, Handlers } from "./handler.ts";
import { historyHandlers } from "./history/history.ts";
import { namespaceHandlers } from "./namespace/namespace.ts";
import { nexusEndpointHandlers } from "./nexus/nexus-endpoint.ts";
import { nexusTaskHandlers } from "./nexus/nexus-task.ts";
import type { Parts } from "./parts.ts";
import { scheduleHandlers } from "./schedule/schedule.ts";
import { scheduleListHandlers } from "./schedule/schedule-list.ts";
import { activityExecutionHandlers } from "./standalone/activity-execution.ts";
import { activityExecutionListHandlers } from "./standalone/activity-execution-list.ts";
import { activityExecutionOperatorHandlers } from "./standalone/activity-execution-operator.ts";
import { switchedOffHandlers } from "./switched-off.ts";
import { systemHandlers } from "./system.ts";
import { searchAttributeHandlers } from "./visibility/search-attribute-admin.ts";
import { visibilityHandlers } from "./visibility/visibility.ts";
import { taskQueueHandlers } from "./worker/task-queue.ts";
import { workerHandlers } from "./worker/worker.ts";
import { multiOperationHandlers } from "./workflow/multi-operation.ts";
import { pauseHandlers } from "./workflow/pause.ts";
import { queryHandlers } from "./workflow/query.ts";
import { resetHandlers } from "./workflow/reset.ts";
import { updateHandlers } from "./workflow/update.ts";
import { workflowHandlers } from "./workflow/workflow.ts";
import { workflowOptionsHandlers } from "./workflow/workflow-options.ts";
import { workflowTaskHandlers } from "./workflow/workflow-task.ts";

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
