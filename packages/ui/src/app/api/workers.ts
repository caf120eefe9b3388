/** Workers and task queues as the API shows them: the parts that the pages read. */
import { ask } from "./ask.ts";

export interface Slots {
  readonly currentAvailableSlots?: number;
  readonly currentUsedSlots?: number;
}

export interface WorkerHeartbeat {
  readonly workerInstanceKey: string;
  readonly workerIdentity?: string;
  readonly hostInfo?: { readonly hostName?: string; readonly processId?: string };
  readonly taskQueue?: string;
  readonly sdkName?: string;
  readonly sdkVersion?: string;
  readonly status?: string;
  readonly startTime?: string;
  readonly heartbeatTime?: string;
  readonly workflowTaskSlotsInfo?: Slots;
  readonly activityTaskSlotsInfo?: Slots;
  readonly currentStickyCacheSize?: number;
}

export function listWorkers(namespace: string, after: string | undefined, signal: AbortSignal) {
  const query = { pageSize: "50", nextPageToken: after };
  return ask<{ workersInfo?: readonly { readonly workerHeartbeat: WorkerHeartbeat }[]; nextPageToken?: string }>(
    ["namespaces", namespace, "workers"],
    { query, signal },
  );
}

export interface Poller {
  readonly identity?: string;
  readonly lastAccessTime?: string;
}

export interface QueueDescription {
  readonly pollers?: readonly Poller[];
  readonly stats?: {
    readonly approximateBacklogCount?: string;
    readonly approximateBacklogAge?: string;
    readonly tasksAddRate?: number;
    readonly tasksDispatchRate?: number;
  };
}

export type QueueKind = "WORKFLOW" | "ACTIVITY";

export function describeQueue(
  { namespace, taskQueue, kind }: { readonly namespace: string; readonly taskQueue: string; readonly kind: QueueKind },
  signal: AbortSignal,
) {
  const query = { taskQueueType: `TASK_QUEUE_TYPE_${kind}`, reportStats: "true" };
  return ask<QueueDescription>(["namespaces", namespace, "task-queues", taskQueue], { query, signal });
}
