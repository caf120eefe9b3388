/** Workers and task queues as the API shows them: the parts that the pages read. */
import { ask } from "./ask.ts";
import { identity } from "./workflows.ts";

export interface Slots {
  readonly currentAvailableSlots?: number;
  readonly currentUsedSlots?: number;
  readonly slotSupplierKind?: string;
  readonly totalProcessedTasks?: number;
  readonly totalFailedTasks?: number;
}

export interface WorkerHeartbeat {
  readonly workerInstanceKey: string;
  readonly workerIdentity?: string;
  readonly hostInfo?: {
    readonly hostName?: string;
    readonly processId?: string;
    readonly currentHostCpuUsage?: number;
    readonly currentHostMemUsage?: number;
  };
  readonly deploymentVersion?: { readonly deploymentName: string; readonly buildId: string };
  readonly taskQueue?: string;
  readonly sdkName?: string;
  readonly sdkVersion?: string;
  readonly status?: string;
  readonly startTime?: string;
  readonly heartbeatTime?: string;
  readonly workflowTaskSlotsInfo?: Slots;
  readonly activityTaskSlotsInfo?: Slots;
  readonly nexusTaskSlotsInfo?: Slots;
  readonly localActivitySlotsInfo?: Slots;
  readonly currentStickyCacheSize?: number;
  readonly totalStickyCacheHit?: number;
  readonly totalStickyCacheMiss?: number;
}

export interface ListedWorker {
  readonly workerHeartbeat: WorkerHeartbeat;
}

export function listWorkers(namespace: string, after: string | undefined, signal: AbortSignal) {
  const query = { pageSize: "50", nextPageToken: after };
  return ask<{ workersInfo?: readonly ListedWorker[]; nextPageToken?: string }>(["namespaces", namespace, "workers"], {
    ...{ query, signal },
  });
}

export function describeWorker(namespace: string, workerKey: string, signal: AbortSignal) {
  return ask<{ workerInfo: { workerHeartbeat: WorkerHeartbeat } }>(
    ["namespaces", namespace, "workers", "describe", workerKey],
    { signal },
  );
}

export interface Poller {
  readonly identity?: string;
  readonly lastAccessTime?: string;
}

interface RateLimitConfig {
  readonly rateLimit?: { readonly requestsPerSecond?: number };
  readonly metadata?: { readonly reason?: string; readonly updateIdentity?: string; readonly updateTime?: string };
}

export interface QueueConfig {
  readonly queueRateLimit?: RateLimitConfig;
  readonly fairnessKeysRateLimitDefault?: RateLimitConfig;
  readonly fairnessWeightOverrides?: Readonly<Record<string, number>>;
}

export interface QueueDescription {
  readonly pollers?: readonly Poller[];
  readonly stats?: {
    readonly approximateBacklogCount?: string;
    readonly approximateBacklogAge?: string;
    readonly tasksAddRate?: number;
    readonly tasksDispatchRate?: number;
  };
  readonly config?: QueueConfig;
  readonly effectiveRateLimit?: { readonly requestsPerSecond?: number; readonly rateLimitSource?: string };
}

export type QueueKind = "WORKFLOW" | "ACTIVITY" | "NEXUS";

export function describeQueue({ namespace, taskQueue, kind }: QueueAddress, signal: AbortSignal) {
  const query = { taskQueueType: `TASK_QUEUE_TYPE_${kind}`, reportStats: "true", reportConfig: "true" };
  return ask<QueueDescription>(["namespaces", namespace, "task-queues", taskQueue], { query, signal });
}

export interface QueueAddress {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly kind: QueueKind;
}

/** Tasks per second; `undefined`: no limit. */
export interface QueueLimits {
  readonly perSecond: number | undefined;
  readonly perFairnessKey: number | undefined;
  readonly reason: string;
  /** The share of each fairness key in place of what its tasks say. */
  readonly weights: Readonly<Record<string, number>>;
}

/** `before` is what the weights were: those that are no more among them are taken back. */
export function setQueueLimits(
  { namespace, taskQueue, kind }: QueueAddress,
  { perSecond, perFairnessKey, reason, weights }: QueueLimits,
  before: QueueLimits["weights"],
) {
  const update = (limit: number | undefined) => ({
    reason,
    ...(limit !== undefined && { rateLimit: { requestsPerSecond: limit } }),
  });
  const body = {
    ...{ taskQueueType: `TASK_QUEUE_TYPE_${kind}`, identity, setFairnessWeightOverrides: weights },
    unsetFairnessWeightOverrides: Object.keys(before).filter((key) => !Object.hasOwn(weights, key)),
    ...(kind !== "WORKFLOW" && { updateQueueRateLimit: update(perSecond) }),
    ...(kind === "ACTIVITY" && { updateFairnessKeyRateLimitDefault: update(perFairnessKey) }),
  };
  return ask(["namespaces", namespace, "task-queues", taskQueue, "update-config"], { body });
}

/** As the server's own route lists them: those with the most waiting tasks first. */
export interface ListedQueue {
  readonly name: string;
  readonly kind: "workflow" | "activity" | "nexus";
  readonly pollers: number;
  readonly backlogCount: number;
  readonly backlogAgeMs: number;
  readonly addRate: number;
  readonly dispatchRate: number;
}

export function listQueues(namespace: string, signal: AbortSignal) {
  return ask<{ taskQueues: readonly ListedQueue[]; isCut: boolean }>(["namespaces", namespace, "task-queues"], {
    signal,
  });
}
