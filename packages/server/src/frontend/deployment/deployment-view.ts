/** Worker deployments as the API shows them. */
import { olderVersionName, unversionedName } from "@pawl/engine";
import { type deployment as api, common, enums, type Init, toTimestamp, type workflowservice } from "@pawl/protocol";
import type { QueueKind } from "../../matching/match.ts";
import type { Deployment, Version } from "./deployment.ts";

const { RoutingConfigUpdateState, TaskQueueType, VersionDrainageStatus, WorkerDeploymentVersionStatus } = enums;

type Summary = Init<api.WorkerDeploymentInfo_WorkerDeploymentVersionSummary>;

/** In a list it is shorter than by itself. */
export function listedDeployment(
  deployment: Deployment,
): Init<workflowservice.ListWorkerDeploymentsResponse_WorkerDeploymentSummary> {
  const { name, createdAtMs, versions, current, ramping } = deployment;
  const summaryOf = (version: Version | undefined) => version && summary(deployment, version);
  const find = (buildId: string | null | undefined) => versions.find((version) => version.buildId === buildId);
  return {
    name,
    createTime: toTimestamp(createdAtMs),
    routingConfig: routingConfig(deployment),
    latestVersionSummary: summaryOf(versions.at(-1)),
    currentVersionSummary: summaryOf(find(current)),
    rampingVersionSummary: summaryOf(find(ramping?.buildId)),
  };
}

export function deploymentInfo(deployment: Deployment): Init<api.WorkerDeploymentInfo> {
  return {
    name: deployment.name,
    versionSummaries: [...deployment.versions].reverse().map((version) => ({
      ...summary(deployment, version),
      drainageStatus: drainageStatus(version),
    })),
    createTime: toTimestamp(deployment.createdAtMs),
    routingConfig: routingConfig(deployment),
    lastModifierIdentity: deployment.lastModifier,
    managerIdentity: deployment.manager,
    // Routing is one and the same for all queues of this server: a change is everywhere when it is acknowledged.
    routingConfigUpdateState: RoutingConfigUpdateState.COMPLETED,
  };
}

export function versionInfo(
  { name }: Deployment,
  version: Version,
  percentage: number,
): Init<api.WorkerDeploymentVersionInfo> {
  const { buildId } = version;
  const entries = Object.entries(version.metadata);
  return {
    ...named(name, buildId),
    status: statusOf(version),
    createTime: toTimestamp(version.createdAtMs),
    routingChangedTime: optionalTime(version.routingChangedAtMs),
    currentSinceTime: optionalTime(version.currentSinceMs),
    rampingSinceTime: optionalTime(version.rampingSinceMs),
    rampPercentage: version.rampingSinceMs === null ? 0 : percentage,
    taskQueueInfos: version.queues.map((queue) => ({ name: queue.name, type: queueType(queue.kind) })),
    drainageInfo: drainageInfo(version),
    ...(entries.length > 0 && { metadata: metadataOf(version) }),
    lastModifierIdentity: version.modifier,
  };
}

export function metadataOf({ metadata }: Version): Init<api.VersionMetadata> {
  return {
    entries: Object.fromEntries(
      Object.entries(metadata).map(([key, text]) => [key, common.Payload.decode(Buffer.from(text, "base64"))]),
    ),
  };
}

const queueTypes = {
  workflow: TaskQueueType.WORKFLOW,
  activity: TaskQueueType.ACTIVITY,
  nexus: TaskQueueType.NEXUS,
} as const satisfies Record<QueueKind, enums.TaskQueueType>;

export function queueType(kind: QueueKind): enums.TaskQueueType {
  return queueTypes[kind];
}

function summary({ name }: Deployment, version: Version): Summary {
  return {
    ...named(name, version.buildId),
    status: statusOf(version),
    createTime: toTimestamp(version.createdAtMs),
    drainageInfo: drainageInfo(version),
    currentSinceTime: optionalTime(version.currentSinceMs),
    rampingSinceTime: optionalTime(version.rampingSinceMs),
    routingUpdateTime: optionalTime(version.routingChangedAtMs),
    firstActivationTime: optionalTime(version.firstActivatedAtMs),
    lastCurrentTime: optionalTime(version.lastCurrentAtMs),
    lastDeactivationTime: optionalTime(version.deactivatedAtMs),
  };
}

function named(deploymentName: string, buildId: string) {
  const deploymentVersion = { deploymentName, buildId };
  return { version: olderVersionName(deploymentVersion), deploymentVersion };
}

function statusOf({ currentSinceMs, rampingSinceMs, drainage, queues, createRequestId }: Version) {
  if (currentSinceMs !== null) return WorkerDeploymentVersionStatus.CURRENT;
  if (rampingSinceMs !== null) return WorkerDeploymentVersionStatus.RAMPING;
  if (drainage)
    return drainage.drained ? WorkerDeploymentVersionStatus.DRAINED : WorkerDeploymentVersionStatus.DRAINING;
  const wasOnlyCreated = createRequestId !== "" && queues.length === 0;
  return wasOnlyCreated ? WorkerDeploymentVersionStatus.CREATED : WorkerDeploymentVersionStatus.INACTIVE;
}

function drainageStatus({ drainage }: Version): enums.VersionDrainageStatus {
  if (!drainage) return VersionDrainageStatus.UNSPECIFIED;
  return drainage.drained ? VersionDrainageStatus.DRAINED : VersionDrainageStatus.DRAINING;
}

function drainageInfo(version: Version): Init<api.VersionDrainageInfo> | undefined {
  const { drainage } = version;
  return drainage
    ? {
        status: drainageStatus(version),
        lastChangedTime: toTimestamp(drainage.changedAtMs),
        lastCheckedTime: toTimestamp(drainage.checkedAtMs),
      }
    : undefined;
}

function routingConfig(deployment: Deployment): Init<api.RoutingConfig> {
  const { name, current, ramping } = deployment;
  return {
    ...(current !== null && { currentDeploymentVersion: { deploymentName: name, buildId: current } }),
    currentVersion: textOf(name, current),
    ...(ramping && {
      ...(ramping.buildId !== null && { rampingDeploymentVersion: { deploymentName: name, buildId: ramping.buildId } }),
      rampingVersion: textOf(name, ramping.buildId),
      rampingVersionPercentage: ramping.percentage,
    }),
    currentVersionChangedTime: optionalTime(deployment.currentChangedAtMs),
    rampingVersionChangedTime: optionalTime(deployment.rampingChangedAtMs),
    rampingVersionPercentageChangedTime: optionalTime(deployment.percentageChangedAtMs),
    revisionNumber: deployment.revision,
  };
}

/** As the older fields say it, which have no other way to say "none". */
export function textOf(deploymentName: string, buildId: string | null): string {
  return buildId === null ? unversionedName : olderVersionName({ deploymentName, buildId });
}

function optionalTime(ms: number | null) {
  return ms === null ? undefined : toTimestamp(ms);
}
