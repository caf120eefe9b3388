import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, type Init, type RequestOf, workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { Matching } from "../../matching/matching.ts";
import { InProcess, taskQueue } from "../in-process.ts";
import { configProblem, TaskQueueConfigs } from "./task-queue-config.ts";

const { RateLimitSource, TaskQueueType } = enums;
const { WORKFLOW, ACTIVITY, NEXUS } = TaskQueueType;
type Update = Init<RequestOf<"UpdateTaskQueueConfig">>;

const limited = (requestsPerSecond: number, reason = "") => ({ rateLimit: { requestsPerSecond }, reason });
const unlimited = (reason = "") => ({ rateLimit: undefined, reason });

function update(server: InProcess, request: Update) {
  return server.ask("UpdateTaskQueueConfig", {
    taskQueue: "q",
    taskQueueType: ACTIVITY,
    identity: "operator",
    ...request,
  });
}

async function describeActivities(server: InProcess) {
  const request = { taskQueue, taskQueueType: ACTIVITY, reportConfig: true, reportStats: true };
  return server.ask("DescribeTaskQueue", request);
}

describe("what operators set for a queue", () => {
  test("is shown with who set it, when and why, and stays until somebody sets it anew or takes it back", async () => {
    await using server = await InProcess.open();
    assert.equal((await describeActivities(server)).config, undefined);
    const atSeconds = Math.floor(server.clock.nowMs() / 1_000);
    await update(server, { updateQueueRateLimit: limited(5, "busy") });
    server.clock.advance(60_000);
    await update(server, { updateFairnessKeyRateLimitDefault: limited(2), identity: "another" });
    const { config } = await update(server, { setFairnessWeightOverrides: { a: 2, b: 0.5 } });
    assert.equal(config?.queueRateLimit?.rateLimit?.requestsPerSecond, 5);
    assert.equal(config?.queueRateLimit?.metadata?.reason, "busy");
    assert.equal(config?.queueRateLimit?.metadata?.updateIdentity, "operator");
    assert.equal(config?.queueRateLimit?.metadata?.updateTime?.seconds, atSeconds);
    assert.equal(config?.fairnessKeysRateLimitDefault?.metadata?.updateIdentity, "another");
    assert.deepEqual({ ...config?.fairnessWeightOverrides }, { a: 2, b: 0.5 });
    assert.deepEqual((await describeActivities(server)).config, config);

    await update(server, { unsetFairnessWeightOverrides: ["a", "unknown"] });
    const after = await update(server, { updateQueueRateLimit: unlimited("calm again") });
    assert.equal(after.config?.queueRateLimit?.rateLimit, undefined);
    assert.equal(after.config?.queueRateLimit?.metadata?.reason, "calm again");
    assert.deepEqual({ ...after.config?.fairnessWeightOverrides }, { b: 0.5 });
    assert.equal(after.config?.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond, 2);
  });

  test("is for one kind of its tasks only, in one namespace", async () => {
    await using server = await InProcess.open();
    await update(server, { updateQueueRateLimit: limited(5), taskQueueType: NEXUS });
    const describe = (taskQueueType: enums.TaskQueueType) =>
      server.ask("DescribeTaskQueue", { taskQueue, taskQueueType, reportConfig: true });
    assert.equal((await describe(ACTIVITY)).config, undefined);
    assert.equal((await describe(WORKFLOW)).config, undefined);
    assert.equal((await describe(NEXUS)).config?.queueRateLimit?.rateLimit?.requestsPerSecond, 5);
  });

  test("goes before the rate that workers ask for, which counts again when it is taken back", async () => {
    await using server = await InProcess.open();
    const taskQueueMetadata = { maxTasksPerSecond: { value: 7 } };
    const polled = server.ask("PollActivityTaskQueue", { taskQueue, taskQueueMetadata });
    await server.settle();
    const effective = async () => {
      const { effectiveRateLimit } = await describeActivities(server);
      return [effectiveRateLimit?.requestsPerSecond, effectiveRateLimit?.rateLimitSource];
    };
    assert.deepEqual(await effective(), [7, RateLimitSource.WORKER]);
    await update(server, { updateQueueRateLimit: limited(20) });
    assert.deepEqual(await effective(), [20, RateLimitSource.API]);
    await update(server, { updateQueueRateLimit: limited(0) });
    assert.deepEqual(await effective(), [0, RateLimitSource.API]);
    await update(server, { updateQueueRateLimit: unlimited() });
    assert.deepEqual(await effective(), [7, RateLimitSource.WORKER]);
    server.clock.advance(60_000);
    await polled;
  });

  test("is there after a restart, in effect", async () => {
    await using server = await InProcess.open();
    const { config } = await update(server, {
      taskQueue: "a/b",
      updateQueueRateLimit: limited(0.5, "slowly"),
      setFairnessWeightOverrides: { a: 2.5 },
    });
    const matching = new Matching<never>(server.clock);
    const reopened = await TaskQueueConfigs.load(server.store, matching, server.clock);
    const namespaceId = server.parts.namespaces.find("orders")!.id;
    assert.deepEqual(reopened.of({ namespaceId, type: ACTIVITY, name: "a/b" }), config);
    assert.equal(matching.describe(namespaceId, "activity", "a/b").maxTasksPerSecond, 0.5);
    await reopened.forget(namespaceId);
    assert.equal(reopened.of({ namespaceId, type: ACTIVITY, name: "a/b" }), undefined);
    assert.equal(matching.describe(namespaceId, "activity", "a/b").maxTasksPerSecond, undefined);
    assert.deepEqual(await server.store.settings("task-queue/"), []);
  });

  test("is nothing when the request sets nothing", async () => {
    await using server = await InProcess.open();
    const { config } = await update(server, {});
    assert.deepEqual({ ...config?.fairnessWeightOverrides }, {});
    assert.deepEqual(await server.store.settings("task-queue/"), []);
  });
});

const long = "x".repeat(limits.idBytesMax + 1);
const many = (count: number, key = "k") => Object.fromEntries(Array.from({ length: count }, (_, i) => [key + i, 1]));
for (const [rule, request, verdict] of [
  ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
  ["no queue", { taskQueue: "" }, "INVALID_ARGUMENT missing task queue name"],
  ["a long queue", { taskQueue: long }, "INVALID_ARGUMENT taskQueue length exceeds limit"],
  ["no type", { taskQueueType: 0 }, "INVALID_ARGUMENT TaskQueueType is not set on request, or unknown."],
  ["an unknown type", { taskQueueType: 9 as 1 }, "INVALID_ARGUMENT TaskQueueType is not set on request, or unknown."],
  ["a long identity", { identity: long }, "INVALID_ARGUMENT Identity field too long (max 1000 characters)."],
  [
    "a rate for workflow tasks",
    { taskQueueType: WORKFLOW, updateQueueRateLimit: limited(1) },
    "INVALID_ARGUMENT Setting rate limit on workflow task queues is not allowed.",
  ],
  [
    "a rate for keys of workflow tasks",
    { taskQueueType: WORKFLOW, updateFairnessKeyRateLimitDefault: limited(1) },
    "INVALID_ARGUMENT Setting fairness key rate limit on workflow task queues is not allowed.",
  ],
  ["weights for workflow tasks", { taskQueueType: WORKFLOW, setFairnessWeightOverrides: { a: 1 } }, "accepted"],
  [
    "a negative rate",
    { updateQueueRateLimit: limited(-1) },
    "INVALID_ARGUMENT RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative.",
  ],
  [
    "a negative rate of keys",
    { updateFairnessKeyRateLimitDefault: limited(-1) },
    "INVALID_ARGUMENT RequestsPerSecond for UpdateFairnessKeyRateLimitDefault rate limit must be non-negative.",
  ],
  [
    "an infinite rate",
    { updateQueueRateLimit: limited(Number.POSITIVE_INFINITY) },
    "INVALID_ARGUMENT RequestsPerSecond for UpdateQueueRateLimit rate limit must be a finite number.",
  ],
  [
    "a long reason",
    { updateQueueRateLimit: limited(1, long) },
    "INVALID_ARGUMENT UpdateQueueRateLimit.Reason field too long (max 1000 characters).",
  ],
  [
    "an empty key",
    { setFairnessWeightOverrides: { "": 1 } },
    "INVALID_ARGUMENT fairness weight override key must not be empty",
  ],
  [
    "a long key",
    { unsetFairnessWeightOverrides: ["k".repeat(65)] },
    "INVALID_ARGUMENT fairness key length exceeds limit",
  ],
  [
    "a weight of nothing",
    { setFairnessWeightOverrides: { a: 0 } },
    'INVALID_ARGUMENT invalid fairness weight weight for key "a": must be greater than zero',
  ],
  [
    "a key to set and to unset",
    { setFairnessWeightOverrides: { a: 1 }, unsetFairnessWeightOverrides: ["a"] },
    'INVALID_ARGUMENT fairness weight override key "a" present in both set and unset lists',
  ],
  ["as many keys as there may be", { setFairnessWeightOverrides: many(1_000) }, "accepted"],
  [
    "too many keys",
    { setFairnessWeightOverrides: many(1_001) },
    "INVALID_ARGUMENT too many fairness weight overrides in request: got 1001, maximum 1000",
  ],
] as const satisfies readonly (readonly [string, Update, string])[])
  test(`UpdateTaskQueueConfig with ${rule}: ${verdict}`, async () => {
    await using server = await InProcess.open();
    const given = { taskQueue: "q", taskQueueType: ACTIVITY, identity: "operator", ...request };
    assert.equal(await server.verdict("UpdateTaskQueueConfig", given), verdict);
  });

test("numbers that are none are refused as negative ones are", () => {
  const request = { taskQueue: "q", taskQueueType: ACTIVITY };
  const { UpdateTaskQueueConfigRequest } = workflowservice;
  const problem = (given: Partial<RequestOf<"UpdateTaskQueueConfig">>) =>
    configProblem(UpdateTaskQueueConfigRequest.create({ ...request, ...given }));
  assert.match(problem({ updateQueueRateLimit: limited(Number.NaN) })?.message ?? "", /finite/);
  assert.match(problem({ setFairnessWeightOverrides: { a: Number.NaN } })?.message ?? "", /greater than zero/);
});

test("keys that are set one after another may not become too many", async () => {
  await using server = await InProcess.open();
  await update(server, { setFairnessWeightOverrides: many(600, "a") });
  const further = { taskQueue: "q", taskQueueType: ACTIVITY, setFairnessWeightOverrides: many(600, "b") };
  const refused = "INVALID_ARGUMENT fairness weight overrides update rejected: exceeding maximum key size";
  assert.equal(await server.verdict("UpdateTaskQueueConfig", further), refused);
  const unsetFairnessWeightOverrides = Object.keys(many(600, "a"));
  assert.equal(await server.verdict("UpdateTaskQueueConfig", { ...further, unsetFairnessWeightOverrides }), "accepted");
});
