/** What there is to say of a task queue: who polls it, what waits in it, and how fast it may go. */
import { type DeploymentVersion, olderVersionName, partitionPrefix, Rejection, unversionedName } from "@pawl/engine";
import {
  enums,
  type Init,
  type RequestOf,
  type taskqueue,
  toDuration,
  toTimestamp,
  type workflowservice,
} from "@pawl/protocol";
import { noStats, type PollerSeen, type QueueDescription, type QueueStats } from "../../matching/description.ts";
import type { QueueRouting } from "../deployment/deployment-registry.ts";
import { invalid, taskQueueProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { configProblem, queueKindOf } from "./task-queue-config.ts";

const { BuildIdTaskReachability, DescribeTaskQueueMode, RateLimitSource, TaskQueueKind, TaskQueueType } = enums;

type DescribeRequest = RequestOf<"DescribeTaskQueue">;
type Response = Init<workflowservice.DescribeTaskQueueResponse>;
/** Undefined for a type that no tasks are of. `version`: of its workers of one version; null = of those without one; absent = of all. */
type Describe = (
  type: enums.TaskQueueType,
  version?: DeploymentVersion | null,
) => Promise<QueueDescription | undefined> | undefined;

export function taskQueueHandlers({ namespaces, matching, cluster, queueConfigs, deployments }: Parts) {
  return {
    DescribeTaskQueue: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = describeProblem(request);
      if (problem) return problem;
      const { name } = request.taskQueue!;
      const isSticky = request.taskQueue!.kind === TaskQueueKind.STICKY;
      const describe: Describe = (type, version) => {
        const kind = queueKindOf(type);
        if (kind === undefined) return undefined;
        if (isSticky) return Promise.resolve(matching.describe(namespace.id, kind, name, version));
        return matching.survey(namespace.id, [{ kind, taskQueue: name, version }]).then(([described]) => described);
      };
      if (request.apiMode === DescribeTaskQueueMode.ENHANCED)
        return { versionsInfo: await versionsInfo(request, describe) };
      const type = request.taskQueueType || TaskQueueType.WORKFLOW;
      const queue = partitionedQueue(name) ?? name;
      const config = request.reportConfig
        ? queueConfigs.of({ namespaceId: namespace.id, type, name: queue })
        : undefined;
      const kind = queueKindOf(type);
      const routing = kind && deployments.routing({ namespaceId: namespace.id, kind, taskQueue: queue });
      return {
        ...description(request, await describe(type)),
        ...(!isSticky && { versioningInfo: versioningInfo(routing) }),
        config,
      };
    },

    UpdateTaskQueueConfig: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = configProblem(request);
      if (problem) return problem;
      const config = await queueConfigs.update(namespace.id, request);
      return config instanceof Rejection ? config : { config };
    },

    ListTaskQueuePartitions: ({ namespace: name, taskQueue }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const problem = taskQueueProblem(taskQueue);
      if (problem) return problem;
      const partitions = matching.partitions(namespace.id, taskQueue!.name).map(({ ownerName }, at) => ({
        key: partitionName(taskQueue!.name, at),
        ownerHostName: ownerName ?? cluster.name,
      }));
      return { activityTaskQueuePartitions: partitions, workflowTaskQueuePartitions: partitions };
    },
  } satisfies Handlers;
}

/** Partitions are named as on the reference server: the first one, the root, as the queue itself. */
function partitionName(queue: string, at: number): string {
  return at === 0 ? queue : `${partitionPrefix}${queue}/${at}`;
}

const partitionSuffix = /\/0*[1-9]\d*$/;

/** The queue of this partition; undefined for the name of a root, or of nothing. */
function partitionedQueue(name: string): string | undefined {
  if (!name.startsWith(partitionPrefix) || !partitionSuffix.test(name)) return undefined;
  return name.slice(partitionPrefix.length).replace(partitionSuffix, "") || undefined;
}

/**
 * The official command line also asks for each partition by its name, as many as its user says. A survey of the root tells of all that a queue holds,
 * so the others are shown empty.
 */
function describeProblem({ taskQueue, apiMode, reportStats }: DescribeRequest): Rejection | undefined {
  const isEnhanced = apiMode === DescribeTaskQueueMode.ENHANCED;
  const isSticky = taskQueue?.kind === TaskQueueKind.STICKY;
  const { name = "" } = taskQueue ?? {};
  const isPartition = !isEnhanced && !isSticky && name.startsWith(partitionPrefix);
  const queue = isPartition ? partitionedQueue(name) : name;
  if (queue === undefined) return invalid(`invalid task queue partition name ${name}`);
  const problem = taskQueueProblem(taskQueue && { ...taskQueue, name: queue });
  if (problem) return problem;
  if (isSticky && isEnhanced)
    return invalid(
      "Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.",
    );
  const isRoot = !isSticky && !isPartition;
  return reportStats && !isRoot
    ? invalid("DescribeTaskQueue stats are only supported for the root partition")
    : undefined;
}

/** What the reference server shows where no rate is set. */
const unlimitedRate = 100_000;
const defaultPriority = 3;

function description(request: DescribeRequest, queue: QueueDescription | undefined): Response {
  const limit = queue?.maxTasksPerSecond;
  const byPriority = queue?.byPriority ?? new Map<number, QueueStats>();
  return {
    pollers: queue?.pollers.map(pollerInfo) ?? [],
    ...(request.reportStats && {
      stats: statsOf(queue, queue),
      statsByPriorityKey: Object.fromEntries(
        [[defaultPriority, noStats] as const, ...byPriority].map(([key, stats]) => [key, statsOf(stats, queue)]),
      ),
    }),
    ...(limit !== undefined && {
      effectiveRateLimit: {
        requestsPerSecond: limit,
        rateLimitSource: queue?.rateSource === "config" ? RateLimitSource.API : RateLimitSource.WORKER,
      },
    }),
    ...(request.includeTaskQueueStatus && {
      taskQueueStatus: { backlogCountHint: queue?.backlogCount ?? 0, ratePerSecond: limit ?? unlimitedRate },
    }),
  };
}

/** Where tasks go that are not pinned. */
function versioningInfo(routing: QueueRouting | undefined): Init<taskqueue.TaskQueueVersioningInfo> {
  const { current, currentChangedAtMs, ramping } = routing ?? unrouted;
  const changedAtMs = Math.max(currentChangedAtMs, ramping?.changedAtMs ?? 0);
  return {
    ...(current.version && { currentDeploymentVersion: current.version }),
    currentVersion: nameOf(current.version),
    ...(ramping && {
      ...(ramping.target.version && { rampingDeploymentVersion: ramping.target.version }),
      rampingVersion: nameOf(ramping.target.version),
      rampingVersionPercentage: ramping.percentage,
    }),
    updateTime: changedAtMs === 0 ? never : toTimestamp(changedAtMs),
  };
}

const unrouted: QueueRouting = { current: { version: null, revision: 0 }, currentChangedAtMs: 0, ramping: null };

/** How the reference server writes a time that there is not: the year 1. */
const never = { seconds: -62_135_596_800, nanos: 0 };

function nameOf(version: DeploymentVersion | null): string {
  return version === null ? unversionedName : olderVersionName(version);
}

/**
 * Workers without a version are under "", those of a deployment's version under `deployment:build`, as they are asked for. A build id alone means
 * the versions of before deployments: their workers are told apart, but all tasks wait with those for workers without a version.
 */
async function versionsInfo(request: DescribeRequest, describe: Describe) {
  const { taskQueueTypes, reportPollers, reportStats, reportTaskReachability } = request;
  const types = taskQueueTypes.length > 0 ? taskQueueTypes : [TaskQueueType.WORKFLOW, TaskQueueType.ACTIVITY];
  const unversioned = await Promise.all(types.map(async (type) => [type, await describe(type, null)] as const));
  const typeInfoOf = async (buildId: string, type: enums.TaskQueueType, shared: QueueDescription | undefined) => {
    const version = versionNamed(buildId);
    const queue = version ? await describe(type, version) : shared;
    const pollers = queue?.pollers.filter((poller) => version || buildIdOf(poller) === buildId) ?? [];
    const stats = reportStats ? statsOf(version || buildId === "" ? queue : noStats, queue) : undefined;
    return [type, { pollers: reportPollers ? pollers.map(pollerInfo) : [], stats }] as const;
  };
  const infoOf = async (buildId: string): Promise<Init<taskqueue.TaskQueueVersionInfo>> => ({
    typesInfo: Object.fromEntries(
      await Promise.all(unversioned.map(([type, shared]) => typeInfoOf(buildId, type, shared))),
    ),
    ...(reportTaskReachability && {
      taskReachability: buildId === "" ? BuildIdTaskReachability.REACHABLE : BuildIdTaskReachability.UNREACHABLE,
    }),
  });
  const active = () => unversioned.flatMap(([, queue]) => queue?.pollers.map(buildIdOf) ?? []);
  const wanted = wantedBuildIds(request, active).map(async (buildId) => [buildId, await infoOf(buildId)] as const);
  return Object.fromEntries(await Promise.all(wanted));
}

/** Without a choice, the workers that have no version. */
function wantedBuildIds({ versions }: DescribeRequest, active: () => readonly string[]): string[] {
  if (!versions) return [""];
  const wanted = [...(versions.unversioned ? [""] : []), ...versions.buildIds, ...(versions.allActive ? active() : [])];
  return [...new Set(wanted)];
}

/** The version that is written as `deployment:build`. */
function versionNamed(text: string): DeploymentVersion | undefined {
  const at = text.indexOf(":");
  return at < 0 ? undefined : { deploymentName: text.slice(0, at), buildId: text.slice(at + 1) };
}

function buildIdOf({ capabilities }: PollerSeen): string {
  return capabilities?.useVersioning ? capabilities.buildId : "";
}

function pollerInfo(poller: PollerSeen): Init<taskqueue.PollerInfo> {
  return {
    lastAccessTime: toTimestamp(poller.lastAccessMs),
    identity: poller.identity,
    ratePerSecond: poller.maxTasksPerSecond ?? unlimitedRate,
    workerVersionCapabilities: poller.capabilities,
    deploymentOptions: poller.deploymentOptions,
  };
}

export function statsOf(
  stats: QueueStats = noStats,
  queue: Pick<QueueDescription, "rateLimited"> | undefined,
): Init<taskqueue.TaskQueueStats> {
  return {
    approximateBacklogCount: stats.backlogCount,
    approximateBacklogAge: toDuration(stats.backlogAgeMs),
    tasksAddRate: stats.addRate,
    tasksDispatchRate: stats.dispatchRate,
    rateLimitingActive: queue?.rateLimited ?? false,
  };
}
