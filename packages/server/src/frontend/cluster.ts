/** Clusters as operators see them: there is this one, which replicates to no other. */
import { Rejection } from "@pawl/engine";
import { idProblem } from "./field-rules.ts";
import type { Handlers } from "./handler.ts";
import type { Parts } from "./parts.ts";
import { initialFailoverVersion } from "./system.ts";

export function clusterHandlers({ cluster }: Pick<Parts, "cluster">) {
  return {
    ListClusters: () => ({
      clusters: [
        {
          clusterName: cluster.name,
          clusterId: cluster.id,
          address: cluster.address,
          initialFailoverVersion,
          historyShardCount: cluster.shardCount,
          isConnectionEnabled: true,
        },
      ],
    }),

    /** The reference server would look the other cluster up, and copy namespaces to and fro. */
    AddOrUpdateRemoteCluster: ({ frontendAddress }) =>
      idProblem("FrontendAddress", frontendAddress) ??
      new Rejection(
        "FAILED_PRECONDITION",
        `Cluster ${cluster.name} is not configured for replication: ${frontendAddress} cannot be added.`,
      ),

    RemoveRemoteCluster: ({ clusterName }) =>
      clusterName === cluster.name
        ? new Rejection("FAILED_PRECONDITION", "Cannot delete current cluster metadata.")
        : new Rejection("NOT_FOUND", "The cluster to be deleted cannot be found in clusters cache."),
  } satisfies Handlers;
}
