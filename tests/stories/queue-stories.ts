/** What operators ask of task queues, workers, namespaces and clusters: answers and refusals. */
import { enums, type Init, type MethodName, type RequestOf } from "@pawl/protocol";
import { type Play, type Story, story } from "./story.ts";

const { WORKFLOW, ACTIVITY } = enums.TaskQueueType;
const { RUNNING, SHUTTING_DOWN, SHUTDOWN } = enums.WorkerStatus;
const { ENHANCED } = enums.DescribeTaskQueueMode;
const sticky = enums.TaskQueueKind.STICKY;
const day = { seconds: 86_400, nanos: 0 };
const long = "x".repeat(1_001);

const limited = (requestsPerSecond: number, reason = "because") => ({ rateLimit: { requestsPerSecond }, reason });
const unlimited = { rateLimit: undefined, reason: "never mind" };
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]));

function configure(s: Play, request: Init<RequestOf<"UpdateTaskQueueConfig">>) {
  return s.attempt("UpdateTaskQueueConfig", {
    ...{ namespace: "default", taskQueue: s.name, taskQueueType: ACTIVITY, identity: "operator" },
    ...request,
  });
}

function describe(s: Play, request: Init<RequestOf<"DescribeTaskQueue">> = {}) {
  return s.attempt("DescribeTaskQueue", { namespace: "default", taskQueue: { name: s.name }, ...request });
}

const setting = story("queue-config", "a queue is as operators have set it, part by part", async (s) => {
  await configure(s, {});
  await configure(s, { updateQueueRateLimit: limited(5) });
  await configure(s, { updateFairnessKeyRateLimitDefault: limited(2), identity: "another" });
  await configure(s, { setFairnessWeightOverrides: { a: 2, b: 0.5 } });
  await configure(s, { unsetFairnessWeightOverrides: ["a", "nobody"] });
  await describe(s, { taskQueueType: ACTIVITY, reportConfig: true });
  await configure(s, { updateQueueRateLimit: unlimited });
  await configure(s, { updateQueueRateLimit: limited(0) });
  await describe(s, { taskQueueType: ACTIVITY, reportConfig: true, reportStats: true });
  await configure(s, { taskQueueType: WORKFLOW, setFairnessWeightOverrides: { a: 3 } });
  await describe(s, { taskQueueType: WORKFLOW, reportConfig: true });
});

const badSetting = story("queue-config-bad", "what UpdateTaskQueueConfig refuses", async (s) => {
  for (const request of [
    { namespace: "nowhere" },
    { identity: long },
    { taskQueueType: WORKFLOW, updateQueueRateLimit: limited(1) },
    { taskQueueType: WORKFLOW, updateFairnessKeyRateLimitDefault: limited(1) },
    { updateQueueRateLimit: limited(-1) },
    { updateFairnessKeyRateLimitDefault: limited(-1) },
    { updateQueueRateLimit: limited(1, long) },
    { updateFairnessKeyRateLimitDefault: limited(1, long) },
    { setFairnessWeightOverrides: { a: 0 } },
    { setFairnessWeightOverrides: { a: -1 } },
    { setFairnessWeightOverrides: { "": 1 } },
    { setFairnessWeightOverrides: { ["k".repeat(65)]: 1 } },
    { unsetFairnessWeightOverrides: ["k".repeat(65)] },
    { setFairnessWeightOverrides: { a: 1 }, unsetFairnessWeightOverrides: ["a"] },
    { setFairnessWeightOverrides: many(1_001) },
  ])
    await configure(s, request);
});

const describing = story("queue-describe", "a queue is described as it is asked for", async (s) => {
  const all = { reportStats: true, reportPollers: true, reportTaskReachability: true };
  await describe(s, { reportStats: true });
  await describe(s, { apiMode: ENHANCED });
  await describe(s, { apiMode: ENHANCED, ...all });
  await describe(s, { apiMode: ENHANCED, ...all, versions: { buildIds: ["b"] } });
  await describe(s, { apiMode: ENHANCED, ...all, versions: { unversioned: true, buildIds: ["b"], allActive: true } });
  await describe(s, { apiMode: ENHANCED, ...all, versions: { allActive: true } });
  await describe(s, { taskQueue: undefined });
  await describe(s, { taskQueue: { name: "own", kind: sticky, normalName: "q" }, reportStats: true });
  await describe(s, { taskQueue: { name: "own", kind: sticky, normalName: "q" }, apiMode: ENHANCED });
  await s.attempt("ListTaskQueuePartitions", { namespace: "default" });
});

type Heartbeat = NonNullable<Init<RequestOf<"RecordWorkerHeartbeat">>["workerHeartbeat"]>[number];

const heartbeat = (s: Play, key: string, more: Heartbeat = {}): Heartbeat => ({
  ...{ workerInstanceKey: `${s.name}-${key}`, workerIdentity: key, taskQueue: s.name, status: RUNNING },
  ...{ sdkName: "temporal-go", sdkVersion: "1.2.3", hostInfo: { hostName: "h", processId: "7" } },
  ...more,
});

const workers = story("workers", "workers are listed while they say that they are there", async (s) => {
  const namespace = "default";
  const versioned = { deploymentVersion: { deploymentName: "d", buildId: "b" } };
  const workerHeartbeat = [
    heartbeat(s, "a"),
    heartbeat(s, "b", { status: SHUTTING_DOWN }),
    heartbeat(s, "c", versioned),
  ];
  await s.attempt("RecordWorkerHeartbeat", { namespace, workerHeartbeat });
  await s.attempt("RecordWorkerHeartbeat", { namespace, workerHeartbeat: [heartbeat(s, "d", { status: SHUTDOWN })] });
  for (const filter of [
    `WorkerInstanceKey = '${s.name}-a'`,
    `WorkerInstanceKey STARTS_WITH '${s.name}'`,
    "WorkerIdentity != 'a'",
    "HostName = 'h'",
    "DeploymentName = 'd'",
    "DeploymentName IS NULL",
    "BuildId = 'b'",
    "SdkName = 'temporal-go'",
    "WorkerStatus = 'Running'",
    "Status = 'ShuttingDown'",
    "HostName = 'h' OR BuildId = 'b'",
  ])
    await s.attempt("CountWorkers", { namespace, query: `TaskQueue = '${s.name}' AND (${filter})` });
  await s.attempt("ListWorkers", { namespace, query: `WorkerInstanceKey = '${s.name}-c'` });
  await s.attempt("DescribeWorker", { namespace, workerInstanceKey: `${s.name}-a` });
  await s.attempt("ShutdownWorker", { namespace });
  await s.attempt("ShutdownWorker", {
    ...{ namespace, workerInstanceKey: `${s.name}-a`, workerHeartbeat: heartbeat(s, "a", { status: SHUTDOWN }) },
  });
  await s.attempt("DescribeWorker", { namespace, workerInstanceKey: `${s.name}-a` });
});

const switchedOff = story("switched-off", "what is switched off says so", async (s) => {
  const namespace = "default";
  for (const method of [
    ...(["GetWorkerBuildIdCompatibility", "UpdateWorkerBuildIdCompatibility", "UpdateWorkerVersioningRules"] as const),
    ...(["GetWorkerVersioningRules", "GetWorkerTaskReachability", "DescribeDeployment", "ListDeployments"] as const),
    ...(["GetDeploymentReachability", "GetCurrentDeployment", "SetCurrentDeployment", "CreateWorkflowRule"] as const),
    ...(["DescribeWorkflowRule", "DeleteWorkflowRule", "ListWorkflowRules", "TriggerWorkflowRule"] as const),
    ...(["FetchWorkerConfig", "UpdateWorkerConfig", "ListArchivedWorkflowExecutions"] as const),
  ] satisfies MethodName[]) {
    await s.attempt(method, { namespace });
    await s.attempt(method, { namespace: "nowhere" });
  }
});

const namespaces = story("namespace-deletion", "a namespace that is deleted has another name at once", async (s) => {
  const { name } = s;
  const namespaceDeleteDelay = { seconds: 3_600, nanos: 0 };
  await s.attempt("RegisterNamespace", { namespace: name, workflowExecutionRetentionPeriod: day });
  await s.attempt("RegisterNamespace", { namespace: name, workflowExecutionRetentionPeriod: day });
  const described = await s.unrecorded("DescribeNamespace", { namespace: name });
  const id = described.namespaceInfo?.id ?? "";
  await s.attempt("DeleteNamespace", {});
  await s.attempt("DeleteNamespace", { namespace: name, namespaceId: id });
  await s.attempt("DeleteNamespace", { namespace: `${name}-unknown` });
  const { deletedNamespace } = await s.unrecorded("DeleteNamespace", { namespace: name, namespaceDeleteDelay });
  s.note("the name is made of its own and its id", deletedNamespace === `${name}-deleted-${id.slice(0, 5)}`);
  await s.attempt("DescribeNamespace", { namespace: name });
  const after = await s.unrecorded("DescribeNamespace", { id });
  s.note("state", after.namespaceInfo?.state ?? 0);
  const again = await s.unrecorded("DeleteNamespace", { namespaceId: id });
  s.note("again it is the same", again.deletedNamespace === deletedNamespace);
  await s.attempt("RegisterNamespace", { namespace: name, workflowExecutionRetentionPeriod: day });
});

const clusters = story("clusters", "there is one cluster", async (s) => {
  const { clusters: listed } = await s.unrecorded("ListClusters", {});
  const info = await s.unrecorded("GetClusterInfo", {});
  s.note("how many", listed.length);
  s.note("its name", listed[0]?.clusterName ?? "");
  s.note("its id is the one of GetClusterInfo", listed[0]?.clusterId === info.clusterId);
  s.note(
    "its failover version is the one of GetClusterInfo",
    listed[0]?.initialFailoverVersion === info.initialFailoverVersion,
  );
  s.note("connected, replicating", [listed[0]?.isConnectionEnabled ?? false, listed[0]?.isReplicationEnabled ?? false]);
  await s.attempt("RemoveRemoteCluster", { clusterName: "elsewhere" });
});

export const queueStories: readonly Story[] = [
  setting,
  badSetting,
  describing,
  workers,
  switchedOff,
  namespaces,
  clusters,
];
