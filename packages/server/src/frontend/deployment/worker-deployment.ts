/** Worker deployments: which versions of workers there are, and which of them get new work. */
import { type DeploymentVersion, Rejection, versionName } from "@pawl/engine";
import { common, enums, type Init, type workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import type { QueueDescription } from "../../matching/description.ts";
import type { PollRequest } from "../../matching/match.ts";
import { invalid, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { statsOf } from "../worker/task-queue.ts";
import { computeConfigHandlers, scalingGroupsProblem } from "./compute-config.ts";
import {
  changeVersion,
  conflictTokenOf,
  type Deployment,
  newDeployment,
  unnamedRequest,
  type Version,
  type VersionQueue,
  versionOf,
  withDrainage,
  withoutVersion,
  withVersion,
} from "./deployment.ts";
import { disposable, pollerless } from "./deployment-queues.ts";
import { deploymentsProblem, unknownDeployment } from "./deployment-registry.ts";
import { deploymentRoutingHandlers, routedProblem } from "./deployment-routing.ts";
import { nameProblem, unknownVersion, versionOfRequest, versionPartProblem } from "./deployment-rules.ts";
import { deploymentInfo, listedDeployment, metadataOf, queueType, versionInfo } from "./deployment-view.ts";

export function workerDeploymentHandlers(parts: Parts) {
  return {
    ...readHandlers(parts),
    ...deploymentRoutingHandlers(parts),
    ...createHandlers(parts),
    ...deleteHandlers(parts),
    ...metadataHandlers(parts),
    ...computeConfigHandlers(parts),
  } satisfies Handlers;
}

/** Says that a worker of the version is there. A sticky queue is one worker's own: nothing is routed to it. */
export function registerWorker(
  parts: Pick<Parts, "deployments" | "matching" | "clock">,
  { namespaceId, kind, taskQueue, stickyOf, poller }: Omit<PollRequest, "signal" | "untilMs">,
): Promise<Rejection | undefined> | undefined {
  const version = poller.deploymentVersion;
  if (!version || stickyOf !== undefined) return undefined;
  if (parts.deployments.has({ namespaceId, kind, taskQueue }, version)) return undefined;
  return register(parts, namespaceId, version, { name: taskQueue, kind });
}

async function register(
  parts: Pick<Parts, "deployments" | "matching" | "clock">,
  namespaceId: string,
  version: DeploymentVersion,
  queue: VersionQueue,
): Promise<Rejection | undefined> {
  const { deployments, clock } = parts;
  const found = deployments.find(namespaceId, version.deploymentName);
  const room = { nowMs: clock.nowMs(), disposable: await disposable(parts, namespaceId, found) };
  return deployments.register(namespaceId, version, queue, room);
}

function readHandlers(parts: Parts) {
  const { namespaces, deployments, matching, tokens } = parts;
  return {
    DescribeWorkerDeployment: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = nameProblem(request.deploymentName);
      if (problem) return problem;
      const deployment = await refreshed(parts, namespace, request.deploymentName);
      if (!deployment) return unknownDeployment(request.deploymentName);
      return { conflictToken: conflictTokenOf(deployment), workerDeploymentInfo: deploymentInfo(deployment) };
    },

    DescribeWorkerDeploymentVersion: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const named = versionOfRequest(request);
      if (named instanceof Rejection) return named;
      const deployment = await refreshed(parts, namespace, named.deploymentName, named.buildId);
      const version = deployment && versionOf(deployment, named.buildId);
      if (!version) return new Rejection("NOT_FOUND", "Worker Deployment Version not found");
      const asked = version.queues.map(({ kind, name }) => ({ kind, taskQueue: name, version: named }));
      const described = request.reportTaskQueueStats ? await matching.survey(namespace.id, asked) : [];
      return {
        workerDeploymentVersionInfo: versionInfo(deployment, version, deployment.ramping?.percentage ?? 0),
        versionTaskQueues: version.queues.map(({ name, kind }, at) => ({
          name,
          type: queueType(kind),
          ...(described[at] && statsIn(described[at])),
        })),
      };
    },

    ListWorkerDeployments: ({ namespace: name, pageSize, nextPageToken }) => {
      const namespace = namespaces.byName(name);
      if (namespace instanceof Rejection) return namespace;
      const from = tokens.openPage("deployments", namespace.id, nextPageToken);
      if (from instanceof Rejection) return from;
      const [afterMs, afterName] = (from ?? [Number.POSITIVE_INFINITY, ""]) as [number, string];
      const rest = deployments
        .list(namespace.id)
        .filter(
          ({ createdAtMs, name: each }) => createdAtMs < afterMs || (createdAtMs === afterMs && each < afterName),
        );
      const size = pageSize > 0 ? Math.min(pageSize, limits.deploymentPageMax) : limits.deploymentPageMax;
      const page = rest.slice(0, size);
      const last = page.at(-1);
      return {
        workerDeployments: page.map(listedDeployment),
        ...(last &&
          page.length < rest.length && {
            nextPageToken: tokens.sealPage("deployments", namespace.id, [last.createdAtMs, last.name]),
          }),
      };
    },
  } satisfies Handlers;
}

function statsIn(queue: QueueDescription) {
  return {
    stats: statsOf(queue, queue),
    statsByPriorityKey: Object.fromEntries([...queue.byPriority].map(([key, stats]) => [key, statsOf(stats, queue)])),
  };
}

/** The deployment after its draining versions were asked again whether open runs are pinned to them, where the last answer is too old. */
async function refreshed(
  { deployments, store, clock }: Pick<Parts, "deployments" | "store" | "clock">,
  { id }: Namespace,
  name: string,
  buildId?: string,
): Promise<Deployment | undefined> {
  const found = deployments.find(id, name);
  const nowMs = clock.nowMs();
  const asked = found?.versions.filter((one) => isDue(one, nowMs) && (buildId ?? one.buildId) === one.buildId) ?? [];
  if (asked.length === 0) return found;
  const drained = new Map<string, boolean>();
  for (const version of asked) {
    const pinnedCount = await openPinnedCount(store, id, { deploymentName: name, buildId: version.buildId });
    drained.set(version.buildId, pinnedCount === 0);
  }
  const after = await deployments.change(id, name, (before) => {
    let changed = before;
    for (const [each, isDrained] of drained) changed = changed && withDrainage(changed, each, isDrained, nowMs);
    return changed;
  });
  return after instanceof Rejection ? found : after;
}

async function openPinnedCount(
  store: Parts["store"],
  namespaceId: string,
  version: DeploymentVersion,
): Promise<number> {
  const groups = await store.countVisibility({
    kind: "workflow",
    namespaceId,
    filter: {
      op: "and",
      all: [
        { op: "=", name: "ExecutionStatus", value: enums.WorkflowExecutionStatus.RUNNING },
        { op: "=", name: "TemporalWorkerDeploymentVersion", value: versionName(version) },
        { op: "=", name: "TemporalWorkflowVersioningBehavior", value: "Pinned" },
      ],
    },
  });
  return groups.reduce((sum, { count }) => sum + count, 0);
}

function isDue({ drainage }: Version, nowMs: number): boolean {
  if (!drainage) return false;
  const isFresh = !drainage.drained && nowMs - drainage.changedAtMs < limits.drainageGraceMs;
  return !isFresh && nowMs - drainage.checkedAtMs >= limits.drainageRefreshMs;
}

function createHandlers(parts: Parts) {
  const { namespaces, deployments, clock } = parts;
  return {
    CreateWorkerDeployment: async ({ namespace: in_, deploymentName: name, identity, requestId }) => {
      const namespace = namespaces.byName(in_);
      if (namespace instanceof Rejection) return namespace;
      const problem =
        (name === "" ? invalid("deployment name cannot be empty") : nameProblem(name)) ??
        callerProblem(identity, requestId);
      if (problem) return problem;
      const made = await deployments.change(namespace.id, name, (found) => {
        if (!found)
          return (
            deploymentsProblem(deployments.list(namespace.id).length) ??
            newDeployment(name, { nowMs: clock.nowMs(), requestId: requestId || unnamedRequest, identity })
          );
        if (requestId !== "" && found.createRequestId === requestId) return found;
        // A caller always names its request, if not by an id of its own.
        const byPoll = found.createRequestId === "" ? " (auto-created from worker polls)" : "";
        return new Rejection("ALREADY_EXISTS", `Worker Deployment with name "${name}" already exists${byPoll}`);
      });
      return made instanceof Rejection ? made : { conflictToken: conflictTokenOf(made) };
    },

    CreateWorkerDeploymentVersion: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const { deploymentVersion } = request;
      const missing = versionPartProblem(deploymentVersion);
      if (missing) return missing;
      const named = versionOfRequest({ version: "", deploymentVersion });
      if (named instanceof Rejection) return named;
      const { identity, requestId, computeConfig } = request;
      const problem = callerProblem(identity, requestId);
      if (problem) return problem;
      const { deploymentName: name, buildId } = named;
      const room = await disposable(parts, namespace.id, deployments.find(namespace.id, name));
      const made = await deployments.change(namespace.id, name, (found) => {
        if (!found) return unknownDeployment(name);
        const version = versionOf(found, buildId);
        if (version && requestId !== "" && version.createRequestId === requestId) return found;
        if (version)
          return new Rejection("ALREADY_EXISTS", `Worker Deployment Version "${name}.${buildId}" already exists`);
        const unstartable = scalingGroupsProblem(computeConfig?.scalingGroups ?? {});
        if (unstartable) return unstartable;
        const by = { nowMs: clock.nowMs(), requestId: requestId || unnamedRequest, identity };
        return withVersion(found, buildId, by, room);
      });
      return made instanceof Rejection ? made : {};
    },
  } satisfies Handlers;
}

function deleteHandlers(parts: Parts) {
  const { namespaces, deployments } = parts;
  return {
    DeleteWorkerDeployment: async ({ namespace: in_, deploymentName: name, identity }) => {
      const namespace = namespaces.byName(in_);
      if (namespace instanceof Rejection) return namespace;
      const problem = routedProblem({ deploymentName: name, identity });
      if (problem) return problem;
      const left = await deployments.change(namespace.id, name, (found) =>
        found && found.versions.length > 0
          ? new Rejection("FAILED_PRECONDITION", "deployment has versions, can't be deleted")
          : undefined,
      );
      return left instanceof Rejection ? left : {};
    },

    DeleteWorkerDeploymentVersion: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const named = versionOfRequest(request);
      if (named instanceof Rejection) return named;
      const { deploymentName: name, buildId } = named;
      const before = await refreshed(parts, namespace, name, buildId);
      const polled = before && versionOf(before, buildId);
      const quiet = await pollerless(parts, namespace.id, name, polled ? [polled] : []);
      const left = await deployments.change(namespace.id, name, (found) => {
        const version = found && versionOf(found, buildId);
        if (!found) return unknownDeployment(name);
        if (!version) return found;
        // One that has come meanwhile had a poller just now.
        const hasPollers = !quiet.has(buildId);
        return withoutVersion(found, buildId, { ...request, hasPollers });
      });
      return left instanceof Rejection ? left : {};
    },
  } satisfies Handlers;
}

function metadataHandlers({ namespaces, deployments }: Parts) {
  return {
    UpdateWorkerDeploymentVersionMetadata: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const named = versionOfRequest(request);
      if (named instanceof Rejection) return named;
      const problem = metadataProblem(request);
      if (problem) return problem;
      const after = await deployments.change(namespace.id, named.deploymentName, (found) =>
        found && versionOf(found, named.buildId) ? withMetadata(found, named, request) : unknownVersion(named),
      );
      if (after instanceof Rejection) return after;
      const version = versionOf(after, named.buildId)!;
      const isEmpty = Object.keys(version.metadata).length === 0;
      // Like the reference server, which makes room for metadata with the first entry.
      return isEmpty && Object.keys(request.upsertEntries).length === 0 ? {} : { metadata: metadataOf(version) };
    },
  } satisfies Handlers;
}

function callerProblem(identity: string, requestId: string): Rejection | undefined {
  return lengthProblem("Identity", identity) ?? lengthProblem("RequestId", requestId);
}

type MetadataRequest = workflowservice.UpdateWorkerDeploymentVersionMetadataRequest;

function metadataProblem({ upsertEntries, removeEntries, identity }: MetadataRequest): Rejection | undefined {
  if (Object.keys(upsertEntries).length === 0 && removeEntries.length === 0)
    return invalid("At least one of remove_entries or upsert_entries must be provided");
  return lengthProblem("Identity", identity);
}

function withMetadata(deployment: Deployment, { buildId }: DeploymentVersion, request: MetadataRequest) {
  const metadata = new Map(Object.entries(versionOf(deployment, buildId)!.metadata));
  for (const [key, payload] of Object.entries(request.upsertEntries))
    metadata.set(key, Buffer.from(common.Payload.encode(payload as Init<common.Payload>)).toString("base64"));
  for (const key of request.removeEntries) metadata.delete(key);
  const bytes = [...metadata].reduce((sum, [key, text]) => sum + Buffer.byteLength(key) + (text.length * 3) / 4, 0);
  if (bytes > limits.versionMetadataBytesMax)
    return invalid(`Version metadata exceeds ${limits.versionMetadataBytesMax} bytes.`);
  const changed = { metadata: Object.fromEntries(metadata), modifier: request.identity };
  return changeVersion(deployment, buildId, (version) => ({ ...version, ...changed }));
}
