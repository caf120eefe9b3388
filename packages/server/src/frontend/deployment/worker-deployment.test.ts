/** Versions of workers from poll to history: who gets which task, and what becomes of a version. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, type Init, type RequestOf, type ResponseOf } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { fingerprint32 } from "../fingerprint.ts";
import { InProcess, stickyAttributes, stickyQueue, TestCall, taskQueue } from "../in-process.ts";
import { DeploymentRegistry } from "./deployment-registry.ts";

const { VersioningBehavior, WorkerDeploymentVersionStatus, WorkerVersioningMode } = enums;
const { AUTO_UPGRADE, PINNED } = VersioningBehavior;

const version = (buildId: string) => ({ deploymentName: "d", buildId });
const worker = (buildId: string) => ({ ...version(buildId), workerVersioningMode: WorkerVersioningMode.VERSIONED });

type Task = ResponseOf<"PollWorkflowTaskQueue">;

/** A server whose workers of builds 1 and 2 have been seen. */
async function opened(...buildIds: string[]): Promise<InProcess> {
  const server = await InProcess.open();
  for (const buildId of buildIds) {
    await glance(server, "PollWorkflowTaskQueue", buildId);
    await glance(server, "PollActivityTaskQueue", buildId);
  }
  return server;
}

/** Polls, and goes away when there is nothing at once. "" = a worker without a version. */
async function glance<N extends "PollWorkflowTaskQueue" | "PollActivityTaskQueue">(
  server: InProcess,
  method: N,
  buildId: string,
  queue: { name: string; kind: number } = taskQueue,
): Promise<ResponseOf<N>> {
  const call = new TestCall(server.clock.nowMs() + 10_000);
  const polled = server.ask(
    method,
    {
      taskQueue: queue,
      identity: buildId,
      ...(buildId !== "" && { deploymentOptions: worker(buildId) }),
    } as object as Init<RequestOf<N>>,
    call,
  );
  await server.settle();
  call.end("cancelled");
  return polled;
}

async function take(server: InProcess, buildId: string): Promise<Task> {
  const task = await glance(server, "PollWorkflowTaskQueue", buildId);
  assert.ok(task.taskToken.length > 0, `no workflow task for ${buildId || "unversioned workers"}`);
  return task;
}

async function takeNothing(server: InProcess, ...buildIds: string[]): Promise<void> {
  for (const buildId of buildIds) {
    const task = await glance(server, "PollWorkflowTaskQueue", buildId);
    assert.equal(task.taskToken.length, 0, `a workflow task for ${buildId || "unversioned workers"}`);
  }
}

function finish(server: InProcess, task: Task, buildId: string, more: Init<RequestOf<"RespondWorkflowTaskCompleted">>) {
  return server.complete(task, { deploymentOptions: worker(buildId), ...more });
}

async function setCurrent(server: InProcess, buildId: string): Promise<void> {
  await server.ask("SetWorkerDeploymentCurrentVersion", {
    deploymentName: "d",
    buildId,
    ignoreMissingTaskQueues: true,
  });
  await server.settle();
}

async function versioningOf(server: InProcess, workflowId: string) {
  const described = await server.ask("DescribeWorkflowExecution", { execution: { workflowId } });
  return described.workflowExecutionInfo?.versioningInfo;
}

async function statusOf(server: InProcess, buildId: string) {
  const { workerDeploymentVersionInfo: info } = await server.ask("DescribeWorkerDeploymentVersion", {
    deploymentVersion: version(buildId),
  });
  return info?.status;
}

describe("new workflows go", () => {
  test("to workers without a version, until a version is current", async () => {
    await using server = await opened("1");
    await server.start("before");
    await takeNothing(server, "1");
    await take(server, "");
    await setCurrent(server, "1");
    await server.start("after");
    await takeNothing(server, "");
    await take(server, "1");
  });

  test("to the ramping version for its share of workflow ids, each always to the same", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.ask("SetWorkerDeploymentRampingVersion", { deploymentName: "d", buildId: "2", percentage: 30 });
    const ids = Array.from({ length: 40 }, (_, at) => `order-${at}`);
    for (const id of ids) await server.start(id);
    const ramped = ids.filter((id) => (100 * fingerprint32(id)) / 2 ** 32 <= 30);
    assert.ok(ramped.length > 4 && ramped.length < 24, `${ramped.length} of 40`);
    const taken: (string | undefined)[] = [];
    for (let count = 0; count < ramped.length; count++)
      taken.push((await take(server, "2")).workflowExecution?.workflowId);
    assert.deepEqual(taken, ramped);
    await takeNothing(server, "2");
    for (let count = ramped.length; count < ids.length; count++) await take(server, "1");
  });

  test("where the routing points now, also those that waited when it changed", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("waiting");
    await setCurrent(server, "2");
    await takeNothing(server, "1", "");
    await take(server, "2");
  });
});

describe("a run that is under way", () => {
  test("stays with its version when it is pinned", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w");
    await finish(server, await take(server, "1"), "1", { versioningBehavior: PINNED });
    await setCurrent(server, "2");
    await server.signal("w");
    await takeNothing(server, "2", "");
    await take(server, "1");
    const info = await versioningOf(server, "w");
    assert.deepEqual([info?.behavior, info?.deploymentVersion?.buildId], [PINNED, "1"]);
  });

  test("moves with the current version when it upgrades by itself, also from its worker's sticky queue", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w");
    await finish(server, await take(server, "1"), "1", { versioningBehavior: AUTO_UPGRADE, stickyAttributes });
    await glance(server, "PollWorkflowTaskQueue", "1", stickyQueue);
    await setCurrent(server, "2");
    await server.signal("w");
    const onSticky = await glance(server, "PollWorkflowTaskQueue", "1", stickyQueue);
    assert.equal(onSticky.taskToken.length, 0);
    const task = await take(server, "2");
    assert.equal((await versioningOf(server, "w"))?.versionTransition?.deploymentVersion?.buildId, "2");
    await finish(server, task, "2", { versioningBehavior: AUTO_UPGRADE });
    const info = await versioningOf(server, "w");
    assert.deepEqual([info?.versionTransition, info?.deploymentVersion?.buildId], [undefined, "2"]);
  });

  test("moves when a worker of the new version takes its activity, which waits until the workflow has moved", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w");
    await finish(server, await take(server, "1"), "1", { versioningBehavior: AUTO_UPGRADE, commands: [activity()] });
    await setCurrent(server, "2");
    assert.equal((await glance(server, "PollActivityTaskQueue", "1")).taskToken.length, 0);
    assert.equal((await glance(server, "PollActivityTaskQueue", "2")).taskToken.length, 0);
    const task = await take(server, "2");
    await finish(server, task, "2", { versioningBehavior: AUTO_UPGRADE });
    assert.equal((await glance(server, "PollActivityTaskQueue", "2")).activityId, "a");
  });

  test("has its activities done by its own version while it is pinned", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w");
    const commands = [activity(), activity("elsewhere", "other")];
    await finish(server, await take(server, "1"), "1", { versioningBehavior: PINNED, commands });
    await setCurrent(server, "2");
    assert.equal((await glance(server, "PollActivityTaskQueue", "2")).taskToken.length, 0);
    assert.equal((await glance(server, "PollActivityTaskQueue", "1")).activityId, "a");
    // The version's workers do not poll this queue: it belongs to workers of its own.
    const other = { ...taskQueue, name: "other" };
    assert.equal((await glance(server, "PollActivityTaskQueue", "", other)).activityId, "elsewhere");
  });

  test("is told when newer code than its own is current", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w");
    await finish(server, await take(server, "1"), "1", { versioningBehavior: PINNED });
    await setCurrent(server, "2");
    await server.signal("w");
    await take(server, "1");
    const { history } = await server.ask("GetWorkflowExecutionHistory", { execution: { workflowId: "w" } });
    const started = server.eventsOf(history).findLast((event) => event.workflowTaskStartedEventAttributes);
    assert.equal(started?.workflowTaskStartedEventAttributes?.targetWorkerDeploymentVersionChanged, true);
  });
});

function activity(activityId = "a", queue = taskQueue.name) {
  return {
    commandType: enums.CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId,
      activityType: { name: "A" },
      taskQueue: { name: queue },
      startToCloseTimeout: { seconds: 10, nanos: 0 },
    },
  };
}

describe("an override", () => {
  test("pins a run to a version from its start", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w", { versioningOverride: { pinned: { behavior: 1, version: version("2") } } });
    await takeNothing(server, "1", "");
    const task = await take(server, "2");
    await finish(server, task, "2", { versioningBehavior: AUTO_UPGRADE });
    await server.signal("w");
    await takeNothing(server, "1");
    await take(server, "2");
  });

  test("without a version pins a run to the one that it is pinned to already", async () => {
    await using server = await opened("1");
    await setCurrent(server, "1");
    const pin = (workflowId: string) => ({
      workflowExecution: { workflowId },
      workflowExecutionOptions: { versioningOverride: { pinned: { behavior: 1 as const } } },
      updateMask: { paths: ["versioning_override"] },
    });
    for (const [workflowId, versioningBehavior] of [
      ["pinned", PINNED],
      ["upgrading", AUTO_UPGRADE],
    ] as const) {
      await server.start(workflowId);
      await finish(server, await take(server, "1"), "1", { versioningBehavior });
    }
    const { workflowExecutionOptions: after } = await server.ask("UpdateWorkflowExecutionOptions", pin("pinned"));
    assert.deepEqual(after?.versioningOverride?.pinned?.version, version("1"));
    assert.equal(
      await server.verdict("UpdateWorkflowExecutionOptions", pin("upgrading")),
      "FAILED_PRECONDITION must specify a specific pinned override version because workflow with id upgrading has behavior AutoUpgrade and is not yet pinned to any version",
    );
  });

  test("for one task is over when that has completed", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w", { versioningOverride: { oneTime: { targetDeploymentVersion: version("2") } } });
    await finish(server, await take(server, "2"), "2", { versioningBehavior: AUTO_UPGRADE });
    assert.equal((await versioningOf(server, "w"))?.versioningOverride, undefined);
    await server.signal("w");
    await takeNothing(server, "2");
    await take(server, "1");
  });
});

describe("a version", () => {
  test("that is no longer current drains until no open run is pinned to it", async () => {
    await using server = await opened("1", "2");
    await setCurrent(server, "1");
    await server.start("w");
    await finish(server, await take(server, "1"), "1", { versioningBehavior: PINNED });
    await setCurrent(server, "2");
    assert.equal(await statusOf(server, "1"), WorkerDeploymentVersionStatus.DRAINING);
    server.clock.advance(limits.drainageGraceMs);
    assert.equal(await statusOf(server, "1"), WorkerDeploymentVersionStatus.DRAINING);
    await server.ask("TerminateWorkflowExecution", { workflowExecution: { workflowId: "w" } });
    server.clock.advance(limits.drainageRefreshMs);
    assert.equal(await statusOf(server, "1"), WorkerDeploymentVersionStatus.DRAINED);
    assert.equal(await statusOf(server, "2"), WorkerDeploymentVersionStatus.CURRENT);
  });

  test("to which a run is pinned although nothing is sent there drains as well, and is not deleted", async () => {
    await using server = await opened("1", "2", "3", "4", "5");
    const override = (buildId: string) => ({ pinned: { behavior: 1 as const, version: version(buildId) } });
    const updateMask = { paths: ["versioning_override"] };
    const workflowExecutionOptions = (buildId: string) => ({ versioningOverride: override(buildId) });
    await server.start("w", { versioningOverride: override("1") });
    await server.ask("SignalWithStartWorkflowExecution", {
      workflowId: "signaled",
      workflowType: { name: "W" },
      taskQueue,
      signalName: "s",
      versioningOverride: override("2"),
    });
    const workflowExecution = { workflowId: "w" };
    const options = { workflowExecutionOptions: workflowExecutionOptions("3"), updateMask };
    await finish(server, await take(server, "1"), "1", { versioningBehavior: PINNED });
    await server.ask("UpdateWorkflowExecutionOptions", { workflowExecution, ...options });
    const reset = (buildId: string) => ({
      workflowExecution,
      requestId: `reset-${buildId}`,
      workflowTaskFinishEventId: 4,
      postResetOperations: [
        { updateWorkflowOptions: { workflowExecutionOptions: workflowExecutionOptions(buildId), updateMask } },
      ],
    });
    await server.ask("ResetWorkflowExecution", reset("4"));
    assert.match(
      await server.verdict("ResetWorkflowExecution", reset("9")),
      /^FAILED_PRECONDITION Pinned version 'd:9' is not present in task queue/,
    );
    const { DRAINED, DRAINING, INACTIVE } = WorkerDeploymentVersionStatus;
    const statuses = async () => Promise.all(["1", "2", "3", "4", "5"].map((buildId) => statusOf(server, buildId)));
    assert.deepEqual(await statuses(), [DRAINING, DRAINING, DRAINING, DRAINING, INACTIVE]);
    assert.match(
      await server.verdict("DeleteWorkerDeploymentVersion", { deploymentVersion: version("1") }),
      /'d:1' cannot be deleted since it is draining/,
    );
    // By then the reset run is pinned to the fourth, and the other to the second.
    server.clock.advance(limits.drainageGraceMs);
    assert.deepEqual(await statuses(), [DRAINED, DRAINING, DRAINED, DRAINING, INACTIVE]);
    await server.start("again", { versioningOverride: override("1") });
    assert.equal(await statusOf(server, "1"), DRAINING);
  });

  test("and its routing are there after a restart", async () => {
    await using server = await opened("1");
    await setCurrent(server, "1");
    const again = await DeploymentRegistry.load(server.store);
    const namespaceId = server.parts.namespaces.find("orders")!.id;
    const queue = { namespaceId, kind: "workflow", taskQueue: "q", workflowId: "w" } as const;
    assert.deepEqual(again.target(queue, false).version, version("1"));
    assert.deepEqual(again.target({ ...queue, taskQueue: "other" }, false).version, null);
  });

  test("cannot become current while tasks come to a queue that it does not poll", async () => {
    await using server = await opened("1");
    await setCurrent(server, "1");
    await glance(server, "PollWorkflowTaskQueue", "2");
    const request = { deploymentName: "d", buildId: "2" };
    await server.start("w");
    await finish(server, await take(server, "1"), "1", { versioningBehavior: AUTO_UPGRADE, commands: [activity()] });
    assert.match(
      await server.verdict("SetWorkerDeploymentCurrentVersion", request),
      /^FAILED_PRECONDITION proposed current version 'd:2' is missing active task queues/,
    );
    assert.equal(
      await server.verdict("SetWorkerDeploymentCurrentVersion", { ...request, ignoreMissingTaskQueues: true }),
      "accepted",
    );
  });
});

test("a worker whose deployment has an unusable name is turned away", async () => {
  await using server = await InProcess.open();
  for (const [options, problem] of [
    [{ deploymentName: "d", buildId: "" }, "Deployment name and build id must be set together."],
    [{ deploymentName: "a.b", buildId: "1" }, "worker deployment name cannot contain '.'"],
    [{ deploymentName: "a:b", buildId: "1" }, "worker deployment name cannot contain ':'"],
    [{ deploymentName: "__a", buildId: "1" }, "WorkerDeploymentName cannot start with '__'"],
    [{ deploymentName: "a", buildId: "x".repeat(481) }, "size of BuildID larger than the maximum allowed"],
  ] as const) {
    const deploymentOptions = { ...options, workerVersioningMode: WorkerVersioningMode.VERSIONED };
    assert.equal(
      await server.verdict("PollWorkflowTaskQueue", { taskQueue, deploymentOptions }),
      `INVALID_ARGUMENT ${problem}`,
    );
  }
});

test("a worker of a version polls a sticky queue only with the normal one that it stands for", async () => {
  await using server = await InProcess.open();
  const request = { taskQueue: { ...stickyQueue, normalName: "" }, deploymentOptions: worker("1") };
  assert.equal(
    await server.verdict("PollWorkflowTaskQueue", request),
    "INVALID_ARGUMENT NormalName must be set on sticky queue when UseVersioning is true or DeploymentOptions are set.",
  );
});

test("what is made twice is refused, and so is a version without its names", async () => {
  await using server = await opened("1");
  const made = { deploymentName: "made", requestId: "r" };
  await server.ask("CreateWorkerDeployment", made);
  await server.ask("CreateWorkerDeployment", { deploymentName: "unnamed" });
  for (const [deploymentName, by] of [
    ["made", ""],
    ["unnamed", ""],
    ["d", " (auto-created from worker polls)"],
  ] as const)
    assert.equal(
      await server.verdict("CreateWorkerDeployment", { deploymentName, requestId: "other" }),
      `ALREADY_EXISTS Worker Deployment with name "${deploymentName}" already exists${by}`,
    );
  for (const [deploymentVersion, problem] of [
    [{ deploymentName: "", buildId: "1" }, "deployment name cannot be empty"],
    [{ deploymentName: "made", buildId: "" }, "build ID cannot be empty"],
  ] as const)
    assert.equal(
      await server.verdict("CreateWorkerDeploymentVersion", { deploymentVersion }),
      `INVALID_ARGUMENT ${problem}`,
    );
});

test("a namespace has so many deployments", async () => {
  await using server = await InProcess.open();
  for (let index = 0; index < limits.deploymentsMax; index++)
    await server.ask("CreateWorkerDeployment", { deploymentName: `d${index}` });
  assert.equal(
    await server.verdict("CreateWorkerDeployment", { deploymentName: "more" }),
    `RESOURCE_EXHAUSTED reached maximum deployments in namespace (${limits.deploymentsMax})`,
  );
  const seen: string[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await server.ask("ListWorkerDeployments", { pageSize: 30, ...(nextPageToken && { nextPageToken }) });
    seen.push(...page.workerDeployments.map(({ name }) => name));
    nextPageToken = page.nextPageToken.length > 0 ? page.nextPageToken : undefined;
  } while (nextPageToken);
  assert.equal(new Set(seen).size, limits.deploymentsMax);
});
