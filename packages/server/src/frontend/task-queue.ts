/** What there is to say of a task queue: who polls it and what waits in it. */
import { Rejection } from "@pawl/engine";
import {
  enums,
  type Init,
  type RequestOf,
  type taskqueue,
  toDuration,
  toTimestamp,
  type workflowservice,
} from "@pawl/protocol";
import type { PollerSeen, QueueDescription, QueueKind, QueueStats } from "../matching/match.ts";
import { invalid, taskQueueProblem } from "./field-rules.ts";
import type { Handlers, Parts } from "./parts.ts";

const { BuildIdTaskReachability, DescribeTaskQueueMode, RateLimitSource, TaskQueueKind, TaskQueueType } = enums;

type DescribeRequest = RequestOf<"DescribeTaskQueue">;
type Response = Init<workflowservice.DescribeTaskQueueResponse>;

export function taskQueueHandlers({ namespaces, matching, cluster }: Parts) {
  return {
    DescribeTaskQueue: (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = describeProblem(request);
      if (problem) return problem;
      const { name } = request.taskQueue!;
      const describe = (kind: QueueKind) => matching.describe(namespace.id, kind, name);
      return request.apiMode === DescribeTaskQueueMode.ENHANCED
        ? { versionsInfo: versionsInfo(request, describe) }
        : description(request, describe(kindOf(request.taskQueueType) ?? "workflow"));
    },

    /** A queue is whole: one partition of each kind. */
    ListTaskQueuePartitions: ({ namespace: name, taskQueue }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = taskQueueProblem(taskQueue);
      if (problem) return problem;
      const partition = { key: taskQueue!.name, ownerHostName: cluster.name };
      return { activityTaskQueuePartitions: [partition], workflowTaskQueuePartitions: [partition] };
    },
  } satisfies Handlers;
}

export function describeProblem({ taskQueue, apiMode }: DescribeRequest): Rejection | undefined {
  const problem = taskQueueProblem(taskQueue);
  if (problem) return problem;
  if (apiMode === DescribeTaskQueueMode.ENHANCED && taskQueue!.kind === TaskQueueKind.STICKY)
    return invalid(
      "Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.",
    );
  return undefined;
}

function kindOf(type: enums.TaskQueueType): QueueKind | undefined {
  if (type === TaskQueueType.WORKFLOW) return "workflow";
  return type === TaskQueueType.ACTIVITY ? "activity" : undefined;
}

function description(request: DescribeRequest, queue: QueueDescription): Response {
  const limit = queue.maxTasksPerSecond;
  return {
    pollers: queue.pollers.map(pollerInfo),
    ...(request.reportStats && {
      stats: statsOf(queue, queue.rateLimited),
      statsByPriorityKey: Object.fromEntries(
        [...queue.byPriority].map(([key, stats]) => [key, statsOf(stats, queue.rateLimited)]),
      ),
    }),
    ...(request.reportConfig && { config: {} }),
    ...(limit !== undefined && {
      effectiveRateLimit: { requestsPerSecond: limit, rateLimitSource: RateLimitSource.WORKER },
    }),
    ...(request.includeTaskQueueStatus && {
      taskQueueStatus: { backlogCountHint: queue.backlogCount, ratePerSecond: limit ?? 0 },
    }),
  };
}

/** Workers without a version are under "". */
function versionsInfo(request: DescribeRequest, describe: (kind: QueueKind) => QueueDescription) {
  const { versions, taskQueueTypes, reportPollers, reportStats, reportTaskReachability } = request;
  const types = taskQueueTypes.length > 0 ? taskQueueTypes : [TaskQueueType.WORKFLOW, TaskQueueType.ACTIVITY];
  const buildIds = versions?.buildIds ?? [];
  const wanted = buildIds.length === 0 || versions?.unversioned || versions?.allActive ? ["", ...buildIds] : buildIds;
  const infoOf = (buildId: string): Init<taskqueue.TaskQueueVersionInfo> => ({
    typesInfo: Object.fromEntries(
      types.map((type) => {
        const kind = kindOf(type);
        const queue = kind && describe(kind);
        const pollers = queue?.pollers.filter((poller) => buildIdOf(poller) === buildId) ?? [];
        // Tasks wait in one backlog, whichever version takes them: it is counted once.
        const stats = reportStats && queue && buildId === "" ? statsOf(queue, queue.rateLimited) : undefined;
        return [type, { pollers: reportPollers ? pollers.map(pollerInfo) : [], stats }];
      }),
    ),
    ...(reportTaskReachability && {
      taskReachability: buildId === "" ? BuildIdTaskReachability.REACHABLE : BuildIdTaskReachability.UNREACHABLE,
    }),
  });
  return Object.fromEntries(wanted.map((buildId) => [buildId, infoOf(buildId)]));
}

function buildIdOf({ capabilities, deploymentOptions }: PollerSeen): string {
  if (deploymentOptions?.workerVersioningMode === enums.WorkerVersioningMode.VERSIONED)
    return deploymentOptions.buildId;
  return capabilities?.useVersioning ? capabilities.buildId : "";
}

function pollerInfo(poller: PollerSeen): Init<taskqueue.PollerInfo> {
  return {
    lastAccessTime: toTimestamp(poller.lastAccessMs),
    identity: poller.identity,
    // What the reference server shows where a worker sets none.
    ratePerSecond: poller.maxTasksPerSecond ?? 100_000,
    workerVersionCapabilities: poller.capabilities,
    deploymentOptions: poller.deploymentOptions,
  };
}

function statsOf(stats: QueueStats, rateLimitingActive: boolean): Init<taskqueue.TaskQueueStats> {
  return {
    approximateBacklogCount: stats.backlogCount,
    approximateBacklogAge: toDuration(stats.backlogAgeMs),
    tasksAddRate: stats.addRate,
    tasksDispatchRate: stats.dispatchRate,
    rateLimitingActive,
  };
}
