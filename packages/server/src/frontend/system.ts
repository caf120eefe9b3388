/** Who this server is and what it can do: the first thing that every SDK asks. */

import type { namespace, workflowservice } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import type { Random } from "../random.ts";
import type { Handlers } from "./handler.ts";
import type { Cluster, Parts } from "./parts.ts";
import { settle } from "./stored-map.ts";

/** The version of the reference server whose behaviour this one follows: clients compare it with what they need. */
export const referenceVersion = "1.32.0";

/** Announced to clients, which change what they do by it: true only when the server keeps the promise. */
const systemCapabilities: workflowservice.GetSystemInfoResponse_Capabilities = {
  signalAndQueryHeader: true,
  internalErrorDifferentiation: true,
  activityFailureIncludeHeartbeat: true,
  encodedFailureAttributes: true,
  eagerWorkflowStart: true,
  sdkMetadata: true,
  supportsSchedules: true,
  /** Workers say which build they are. The calls that would route by it are off, as at the reference server. */
  buildIdBasedVersioning: true,
  upsertMemo: true,
  countGroupByExecutionStatus: true,
  nexus: true,
  serverScaledDeployments: false,
  serverScaledProviderCloudRun: false,
};

/** The same for what is announced with each namespace. */
export const namespaceCapabilities: namespace.NamespaceInfo_Capabilities = {
  eagerWorkflowStart: true,
  workerHeartbeats: true,
  /** SDKs then wait for ShutdownWorker to end their polls, instead of cancelling them with a task that may be on its way. */
  workerPollCompleteOnShutdown: true,
  pollerAutoscaling: true,
  pollerAutoscalingAutoEnroll: false,
  syncUpdate: true,
  asyncUpdate: true,
  reportedProblemsSearchAttribute: true,
  workflowPause: true,
  standaloneActivities: true,
  standaloneActivityStartDelay: true,
  standaloneActivityBatchOperations: false,
  standaloneActivityOperatorCommands: true,
  standaloneNexusOperation: false,
  workerCommands: false,
  workflowUpdateCallbacks: false,
  workflowTaskCompletionPagination: false,
};

/** Which clients the reference server takes, as it says it; none is turned away here. */
const supportedClients = {
  "Nexus-go-sdk": "<2.0.0",
  "temporal-cli": "<2.0.0",
  "temporal-go": "<2.0.0",
  "temporal-java": "<2.0.0",
  "temporal-php": "<2.0.0",
  "temporal-server": "<2.0.0",
  "temporal-typescript": "<2.0.0",
  "temporal-ui": "<3.0.0",
};

export function systemHandlers({ cluster, store }: Parts) {
  return {
    GetSystemInfo: () => ({ serverVersion: referenceVersion, capabilities: systemCapabilities }),
    GetClusterInfo: () => ({
      supportedClients,
      serverVersion: referenceVersion,
      clusterId: cluster.id,
      clusterName: cluster.name,
      historyShardCount: cluster.shardCount,
      persistenceStore: store.kind,
      visibilityStore: store.kind,
      initialFailoverVersion,
      failoverVersionIncrement: 10,
    }),
  } as const satisfies Handlers;
}

/** Versions of namespaces would tell by it which cluster wrote last. */
export const initialFailoverVersion = 1;

const clusterSetting = "cluster-id";

/** The only cluster name that there is; official clients expect this one of a server without replication. */
export const clusterName = "active";

/** Whether no server has been here yet. */
export async function isNew(store: Store): Promise<boolean> {
  return (await store.setting(clusterSetting)) === null;
}

/** The cluster's id is made at the first start on a store and kept there. */
export async function loadCluster(store: Store, random: Random): Promise<Pick<Cluster, "id" | "name">> {
  const id = await settle(store, clusterSetting, () => new TextEncoder().encode(random.uuid()));
  return { id: new TextDecoder().decode(id), name: clusterName };
}
