/** Worker deployments as the API shows them. A build id "" stands for workers without a version. */
import { ask } from "./ask.ts";
import { identity } from "./workflows.ts";

export interface Version {
  readonly deploymentName: string;
  readonly buildId: string;
}

export interface RoutingConfig {
  readonly currentDeploymentVersion?: Version;
  readonly currentVersionChangedTime?: string;
  readonly rampingDeploymentVersion?: Version;
  readonly rampingVersion?: string;
  readonly rampingVersionPercentage?: number;
  readonly rampingVersionChangedTime?: string;
}

export interface VersionSummary {
  readonly deploymentVersion?: Version;
  readonly status?: string;
  readonly createTime?: string;
  readonly drainageInfo?: {
    readonly status?: string;
    readonly lastChangedTime?: string;
    readonly lastCheckedTime?: string;
  };
  readonly currentSinceTime?: string;
  readonly rampingSinceTime?: string;
}

export interface ListedDeployment {
  readonly name: string;
  readonly createTime?: string;
  readonly routingConfig?: RoutingConfig;
  readonly latestVersionSummary?: VersionSummary;
}

export interface DeploymentDescription {
  readonly conflictToken?: string;
  readonly workerDeploymentInfo: {
    readonly name: string;
    readonly createTime?: string;
    readonly versionSummaries?: readonly VersionSummary[];
    readonly routingConfig?: RoutingConfig;
    readonly lastModifierIdentity?: string;
  };
}

export interface VersionDescription {
  readonly workerDeploymentVersionInfo: {
    readonly taskQueueInfos?: readonly { readonly name: string; readonly type?: string }[];
    readonly metadata?: { readonly entries?: Readonly<Record<string, unknown>> };
  };
}

export function listDeployments(namespace: string, after: string | undefined, signal: AbortSignal) {
  const query = { pageSize: "50", nextPageToken: after };
  return ask<{ workerDeployments?: readonly ListedDeployment[]; nextPageToken?: string }>(
    ["namespaces", namespace, "worker-deployments"],
    { query, signal },
  );
}

export interface DeploymentAddress {
  readonly namespace: string;
  readonly deployment: string;
}

export function describeDeployment({ namespace, deployment }: DeploymentAddress, signal: AbortSignal) {
  return ask<DeploymentDescription>(["namespaces", namespace, "worker-deployments", deployment], { signal });
}

export function describeVersion({ namespace, deployment }: DeploymentAddress, buildId: string, signal: AbortSignal) {
  const path = ["namespaces", namespace, "worker-deployment-versions", deployment, buildId];
  return ask<VersionDescription>(path, { signal });
}

/** What its reader saw, so that nobody's change is undone unseen. */
export interface RoutingChange {
  readonly buildId: string;
  readonly conflictToken: string | undefined;
  /** Also a version that no worker of some queue of the former one has, or that no worker polls for. */
  readonly isForced: boolean;
}

function bodyOf({ buildId, conflictToken, isForced }: RoutingChange) {
  return { buildId, conflictToken, identity, ignoreMissingTaskQueues: isForced, allowNoPollers: isForced };
}

export function setCurrentVersion({ namespace, deployment }: DeploymentAddress, change: RoutingChange) {
  const body = bodyOf(change);
  return ask(["namespaces", namespace, "worker-deployments", deployment, "set-current-version"], { body });
}

export function setRampingVersion(
  { namespace, deployment }: DeploymentAddress,
  { percentage, ...change }: RoutingChange & { readonly percentage: number },
) {
  const body = { ...bodyOf(change), percentage };
  return ask(["namespaces", namespace, "worker-deployments", deployment, "set-ramping-version"], { body });
}

export function deleteVersion({ namespace, deployment }: DeploymentAddress, buildId: string) {
  const path = ["namespaces", namespace, "worker-deployment-versions", deployment, buildId];
  return ask(path, { method: "DELETE", query: { identity } });
}

export function deleteDeployment({ namespace, deployment }: DeploymentAddress) {
  const path = ["namespaces", namespace, "worker-deployments", deployment];
  return ask(path, { method: "DELETE", query: { identity } });
}
