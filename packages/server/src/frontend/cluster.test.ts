import assert from "node:assert/strict";
import { test } from "node:test";
import { InProcess } from "./in-process.ts";

test("there is one cluster, and it says of itself what GetClusterInfo says", async () => {
  await using server = await InProcess.open();
  const info = await server.ask("GetClusterInfo", {});
  const { clusters } = await server.ask("ListClusters", {});
  assert.equal(clusters.length, 1);
  const [{ clusterName, clusterId, historyShardCount, initialFailoverVersion, address } = {}] = clusters;
  assert.deepEqual(
    { clusterName, clusterId, historyShardCount },
    { clusterName: info.clusterName, clusterId: info.clusterId, historyShardCount: info.historyShardCount },
  );
  assert.equal(initialFailoverVersion, info.initialFailoverVersion);
  assert.equal(address, "127.0.0.1:7233");
});

test("no other cluster can be added or removed, nor this one", async () => {
  await using server = await InProcess.open();
  const verdicts = [
    await server.verdict("AddOrUpdateRemoteCluster", {}),
    await server.verdict("AddOrUpdateRemoteCluster", { frontendAddress: "elsewhere:7233" }),
    await server.verdict("RemoveRemoteCluster", { clusterName: "elsewhere" }),
    await server.verdict("RemoveRemoteCluster", { clusterName: "active" }),
  ];
  assert.deepEqual(verdicts, [
    "INVALID_ARGUMENT FrontendAddress is not set on request.",
    "FAILED_PRECONDITION Cluster active is not configured for replication: elsewhere:7233 cannot be added.",
    "NOT_FOUND The cluster to be deleted cannot be found in clusters cache.",
    "FAILED_PRECONDITION Cannot delete current cluster metadata.",
  ]);
});
