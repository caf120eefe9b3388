import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums } from "@pawl/protocol";
import { InProcess, stickyQueue, taskQueue } from "../in-process.ts";

const { BuildIdTaskReachability, DescribeTaskQueueMode, RateLimitSource, TaskQueueType, WorkerVersioningMode } = enums;

/** A queue with a worker that has gone, and three workflows that wait for one. */
async function waitingQueue(): Promise<InProcess> {
  const server = await InProcess.open();
  await server.start("first");
  await server.complete(await server.pollWorkflowTask());
  for (const workflowId of ["a", "b", "c"]) await server.start(workflowId);
  server.clock.advance(2_000);
  return server;
}

describe("a queue is described", () => {
  test("by its pollers, and what waits when asked", async () => {
    await using server = await waitingQueue();
    const described = await server.ask("DescribeTaskQueue", {
      taskQueue,
      reportStats: true,
      includeTaskQueueStatus: true,
    });
    assert.deepEqual(
      described.pollers.map(({ identity }) => identity),
      ["worker"],
    );
    assert.equal(described.stats?.approximateBacklogCount, 3);
    assert.equal(described.stats?.approximateBacklogAge?.seconds, 2);
    assert.equal(described.statsByPriorityKey["3"]?.approximateBacklogCount, 3);
    assert.equal(described.taskQueueStatus?.backlogCountHint, 3);
  });

  test("without numbers when nobody asks for them, and by kind", async () => {
    await using server = await waitingQueue();
    const { stats, pollers } = await server.ask("DescribeTaskQueue", {
      taskQueue,
      taskQueueType: TaskQueueType.ACTIVITY,
    });
    assert.deepEqual([stats, pollers], [undefined, []]);
  });

  test("by the rate that its workers set", async () => {
    await using server = await InProcess.open();
    const taskQueueMetadata = { maxTasksPerSecond: { value: 2.5 } };
    const polled = server.ask("PollActivityTaskQueue", { taskQueue, taskQueueMetadata, identity: "slow" });
    await server.settle();
    const request = { taskQueue, taskQueueType: TaskQueueType.ACTIVITY };
    const { effectiveRateLimit, pollers } = await server.ask("DescribeTaskQueue", request);
    assert.deepEqual({ ...effectiveRateLimit }, { requestsPerSecond: 2.5, rateLimitSource: RateLimitSource.WORKER });
    assert.equal(pollers[0]?.ratePerSecond, 2.5);
    server.clock.advance(10_000);
    await polled;
  });

  test("in enhanced mode by the versions of its workers", async () => {
    await using server = await waitingQueue();
    const { versionsInfo } = await server.ask("DescribeTaskQueue", {
      taskQueue,
      apiMode: DescribeTaskQueueMode.ENHANCED,
      versions: { buildIds: ["v1"], unversioned: true },
      reportPollers: true,
      reportStats: true,
      reportTaskReachability: true,
    });
    const { typesInfo, taskReachability } = versionsInfo[""]!;
    assert.equal(taskReachability, BuildIdTaskReachability.REACHABLE);
    assert.equal(typesInfo[TaskQueueType.WORKFLOW]?.stats?.approximateBacklogCount, 3);
    assert.deepEqual(
      typesInfo[TaskQueueType.WORKFLOW]?.pollers.map(({ identity }) => identity),
      ["worker"],
    );
    assert.equal(typesInfo[TaskQueueType.ACTIVITY]?.stats?.approximateBacklogCount, 0);
    assert.equal(versionsInfo["v1"]?.taskReachability, BuildIdTaskReachability.UNREACHABLE);
    assert.deepEqual(versionsInfo["v1"]?.typesInfo[TaskQueueType.WORKFLOW]?.pollers, []);
  });

  test("in enhanced mode by the versions of a deployment, each with the tasks that wait for it", async () => {
    await using server = await InProcess.open();
    const deploymentOptions = {
      ...{ deploymentName: "d", buildId: "one" },
      workerVersioningMode: WorkerVersioningMode.VERSIONED,
    };
    const polled = server.ask("PollWorkflowTaskQueue", { taskQueue, deploymentOptions, identity: "versioned" });
    await server.settle();
    server.clock.advance(60_000);
    await polled;
    await server.ask("SetWorkerDeploymentCurrentVersion", { deploymentName: "d", buildId: "one" });
    await server.start("routed");
    const { versionsInfo } = await server.ask("DescribeTaskQueue", {
      ...{ taskQueue, apiMode: DescribeTaskQueueMode.ENHANCED, reportPollers: true, reportStats: true },
      versions: { buildIds: ["d:one", "one"], unversioned: true },
    });
    const shown = Object.entries(versionsInfo).map(([version, { typesInfo }]) => {
      const { pollers = [], stats } = typesInfo[TaskQueueType.WORKFLOW] ?? {};
      return [version, pollers.map(({ identity }) => identity), stats?.approximateBacklogCount];
    });
    assert.deepEqual(shown, [
      ["", [], 0],
      ["d:one", ["versioned"], 1],
      ["one", [], 0],
    ]);
  });

  test("as empty when nobody has used it", async () => {
    await using server = await InProcess.open();
    const { pollers, stats } = await server.ask("DescribeTaskQueue", { taskQueue: { name: "new" }, reportStats: true });
    assert.deepEqual([pollers, stats?.approximateBacklogCount], [[], 0]);
  });

  test("by its partitions too: the root has all of it", async () => {
    await using server = await waitingQueue();
    const request = { includeTaskQueueStatus: true, reportConfig: true };
    const pages = ["q", "/_sys/q/1", "/_sys/q/07"].map((name) =>
      server.ask("DescribeTaskQueue", { ...request, taskQueue: { name } }),
    );
    const counts = (await Promise.all(pages)).map(({ taskQueueStatus, pollers }) => [
      Number(taskQueueStatus?.backlogCountHint),
      pollers.length,
    ]);
    assert.deepEqual(counts, [
      [3, 1],
      [0, 0],
      [0, 0],
    ]);
  });

  test("and is one partition of each kind", async () => {
    await using server = await InProcess.open();
    const listed = await server.ask("ListTaskQueuePartitions", { taskQueue });
    assert.deepEqual(
      listed.workflowTaskQueuePartitions.map(({ key }) => key),
      ["q"],
    );
    assert.deepEqual(
      listed.activityTaskQueuePartitions.map(({ key }) => key),
      ["q"],
    );
  });
});

const enhanced = DescribeTaskQueueMode.ENHANCED;
for (const [name, request, verdict] of [
  ["no queue", {}, "INVALID_ARGUMENT taskQueue is not set"],
  ["an unnamed queue", { taskQueue: {} }, "INVALID_ARGUMENT missing task queue name"],
  ["an unknown namespace", { taskQueue, namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
  ["a worker's own queue", { taskQueue: stickyQueue }, "accepted"],
  ["a partition", { taskQueue: { name: "/_sys/a/b/1" } }, "accepted"],
  [
    "a partition of no queue",
    { taskQueue: { name: "/_sys//1" } },
    "INVALID_ARGUMENT invalid task queue partition name /_sys//1",
  ],
  [
    "the root by the name of a partition",
    { taskQueue: { name: "/_sys/q/0" } },
    "INVALID_ARGUMENT invalid task queue partition name /_sys/q/0",
  ],
  [
    "a partition's numbers",
    { taskQueue: { name: "/_sys/q/1" }, reportStats: true },
    "INVALID_ARGUMENT DescribeTaskQueue stats are only supported for the root partition",
  ],
  [
    "a partition in enhanced mode",
    { taskQueue: { name: "/_sys/q/1" }, apiMode: enhanced },
    "INVALID_ARGUMENT task queue name cannot start with reserved prefix /_sys/",
  ],
  [
    "a worker's own queue in enhanced mode",
    { taskQueue: stickyQueue, apiMode: enhanced },
    "INVALID_ARGUMENT Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.",
  ],
] as const)
  test(`DescribeTaskQueue of ${name}: ${verdict}`, async () => {
    await using server = await InProcess.open();
    assert.equal(await server.verdict("DescribeTaskQueue", request), verdict);
  });

test("workflows of one priority get their tasks in turns of their fairness keys, by weight; urgent ones first", async () => {
  await using server = await InProcess.open();
  const priority = (fairnessKey: string, fairnessWeight = 1, priorityKey = 3) => ({
    priority: { priorityKey, fairnessKey, fairnessWeight },
  });
  for (const id of ["big-1", "big-2", "big-3", "big-4"]) await server.start(id, priority("big"));
  for (const id of ["small-1", "small-2"]) await server.start(id, priority("small", 2));
  await server.start("urgent", priority("big", 1, 1));
  const order: (string | undefined)[] = [];
  for (let i = 0; i < 7; i++) order.push((await server.pollWorkflowTask()).workflowExecution?.workflowId);
  assert.deepEqual(order, ["urgent", "small-1", "big-1", "small-2", "big-2", "big-3", "big-4"]);
});

test("a worker is told with its task whether fewer polls would do, or more would help", async () => {
  await using server = await InProcess.open();
  const waited = server.pollWorkflowTask();
  await server.settle();
  server.clock.advance(2_000);
  await server.start("first");
  assert.equal((await waited).pollerScalingDecision?.pollRequestDeltaSuggestion, -1);
  for (const id of ["a", "b", "c"]) await server.start(id);
  server.clock.advance(500);
  assert.equal((await server.pollWorkflowTask()).pollerScalingDecision?.pollRequestDeltaSuggestion, 1);
});
