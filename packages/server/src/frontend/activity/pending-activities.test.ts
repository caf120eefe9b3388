import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { InProcess, jsonPayloads, taskQueue, testNamespace } from "../in-process.ts";
import { type PendingQuestion, pendingActivities } from "./pending-activities.ts";

const everything: PendingQuestion = {
  ...{ namespace: testNamespace, kind: "workflow", state: "any", activityType: "", startedForMs: 0, query: "" },
  ...{ pageSize: 0, pageToken: new Uint8Array(0) },
};

async function find({ parts }: InProcess, question: Partial<PendingQuestion> = {}) {
  const page = await pendingActivities(parts, { ...everything, ...question });
  if (page instanceof Rejection) throw new Error(page.message);
  return page;
}

/** `workflow/activity` of each, and what came of reading on to the end. */
async function findAll(server: InProcess, question: Partial<PendingQuestion> = {}): Promise<string[]> {
  const found: string[] = [];
  let page = await find(server, question);
  for (;;) {
    found.push(...page.activities.map(({ businessId, info }) => `${businessId}/${info.activityId}`));
    if (page.nextPageToken.length === 0) return found;
    page = await find(server, { ...question, pageToken: page.nextPageToken });
  }
}

async function refusal({ parts }: InProcess, question: Partial<PendingQuestion>): Promise<string> {
  const page = await pendingActivities(parts, { ...everything, ...question });
  assert.ok(page instanceof Rejection, "it is refused");
  return `${page.code} ${page.message}`;
}

/** A workflow that waits for these activities, which are named as their types in lower case. */
async function begin(server: InProcess, workflowId: string, activityIds: readonly string[]): Promise<void> {
  await server.start(workflowId);
  const task = await server.pollWorkflowTask();
  const commands = activityIds.map((activityId) => ({
    commandType: enums.CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      ...{ activityId, activityType: { name: activityId.toUpperCase() }, taskQueue },
      startToCloseTimeout: { seconds: 86_400, nanos: 0 },
      retryPolicy: { initialInterval: { seconds: 1, nanos: 0 }, backoffCoefficient: 1 },
    },
  }));
  await server.complete(task, { commands });
  server.clock.advance(1);
}

function poll(server: InProcess) {
  return server.ask("PollActivityTaskQueue", { taskQueue, identity: "worker" });
}

const failure = { message: "no", applicationFailureInfo: { type: "No" } };

async function failNext(server: InProcess): Promise<void> {
  const { taskToken } = await poll(server);
  await server.ask("RespondActivityTaskFailed", { taskToken, failure, identity: "worker" });
}

async function listed(server: InProcess, query: string): Promise<string[]> {
  const { executions } = await server.ask("ListWorkflowExecutions", { query });
  return executions.map(({ execution }) => execution!.workflowId);
}

describe("pending activities across workflows", () => {
  test("are those of open workflows, with what a worker has told of them", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a", "b"]);
    await begin(server, "two", ["c"]);
    await begin(server, "gone", ["d"]);
    await server.ask("TerminateWorkflowExecution", { workflowExecution: { workflowId: "gone" } });
    assert.deepEqual(await findAll(server), ["two/c", "one/a", "one/b"]);
    const { taskToken } = await poll(server);
    await server.ask("RecordActivityTaskHeartbeat", { taskToken, details: jsonPayloads({ percent: 4 }) });
    const { activities, examinedCount } = await find(server, { state: "started" });
    assert.deepEqual([activities.length, examinedCount], [1, 2]);
    const [{ workflowType, info, businessId, runId, startedAtMs, taskQueue: queue }] = activities as [
      (typeof activities)[0],
    ];
    assert.deepEqual([workflowType, queue, businessId, startedAtMs], ["T", "q", "one", server.clock.nowMs()]);
    assert.deepEqual([info.activityId, info.lastWorkerIdentity], ["a", "worker"]);
    assert.ok(info.heartbeatDetails && runId);
  });

  test("are told apart by state, type, how long ago they were begun, and the workflows' own filter", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a", "b"]);
    await begin(server, "two", ["c"]);
    await failNext(server); // a
    await poll(server); // b
    server.clock.advance(60_000);
    const two = { execution: { workflowId: "two" }, id: "c", identity: "op", reason: "look" };
    await server.ask("PauseActivity", two);
    assert.deepEqual(await findAll(server, { state: "retrying" }), ["one/a"]);
    assert.deepEqual(await findAll(server, { state: "paused" }), ["two/c"]);
    assert.deepEqual(await findAll(server, { state: "started" }), ["one/b"]);
    assert.deepEqual(await findAll(server, { startedForMs: 60_000 }), ["one/b"]);
    assert.deepEqual(await findAll(server, { startedForMs: 60_001 }), []);
    assert.deepEqual(await findAll(server, { activityType: "C" }), ["two/c"]);
    assert.deepEqual(await findAll(server, { query: "WorkflowId = 'one'" }), ["one/a", "one/b"]);
  });

  test("come in pages, which also end within a workflow", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a", "b", "c"]);
    await begin(server, "two", ["d"]);
    const all = ["two/d", "one/a", "one/b", "one/c"];
    for (const pageSize of [1, 2, 3, 4, 5]) assert.deepEqual(await findAll(server, { pageSize }), all);
    const first = await find(server, { pageSize: 2 });
    await begin(server, "three", ["e"]);
    const second = await find(server, { pageSize: 2, pageToken: first.nextPageToken });
    assert.deepEqual(
      second.activities.map(({ info }) => info.activityId),
      ["b", "c"],
    );
  });

  test("a page reads a bounded number of workflows, and may be empty though the next one is not", async () => {
    await using server = await InProcess.open();
    await begin(server, "oldest", ["a"]);
    for (let i = 0; i < limits.pendingScanMax; i++) await server.start(`idle-${i}`);
    const first = await find(server);
    assert.deepEqual([first.activities, first.examinedCount], [[], limits.pendingScanMax]);
    const second = await find(server, { pageToken: first.nextPageToken });
    assert.deepEqual([second.activities.length, second.examinedCount, second.nextPageToken.length], [1, 1, 0]);
  });

  test("standalone ones are a list of their own", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a"]);
    const startToCloseTimeout = { seconds: 10, nanos: 0 };
    const start = { activityType: { name: "S" }, taskQueue, startToCloseTimeout };
    for (const activityId of ["x", "y"]) await server.ask("StartActivityExecution", { ...start, activityId });
    await server.ask("TerminateActivityExecution", { activityId: "y" });
    assert.deepEqual(await findAll(server, { kind: "activity" }), ["x/x"]);
    assert.deepEqual(await findAll(server, { kind: "activity", state: "started" }), []);
    const [found] = (await find(server, { kind: "activity" })).activities;
    assert.deepEqual([found?.scheduledEventId, found?.workflowType, found?.taskQueue], [0, "", "q"]);
  });

  test("each refusal names what is wrong", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a", "b"]);
    const { nextPageToken } = await find(server, { pageSize: 1 });
    const table = [
      [{ namespace: "none" }, /^NOT_FOUND .*none/],
      [{ pageSize: limits.pendingPageMax + 1 }, /^INVALID_ARGUMENT pageSize must be from 0 to 200$/],
      [{ query: "Nonsense = 1" }, /^INVALID_ARGUMENT .*Nonsense/],
      [{ query: "GROUP BY ExecutionStatus" }, /^INVALID_ARGUMENT .*GROUP BY/],
      [{ pageToken: new Uint8Array([1]) }, /^INVALID_ARGUMENT Invalid NextPageToken/],
      [{ kind: "activity", pageToken: nextPageToken }, /^INVALID_ARGUMENT Invalid NextPageToken/],
    ] as const;
    for (const [question, message] of table) assert.match(await refusal(server, question), message);
  });
});

describe("lists of workflows", () => {
  test("find those with activities that are tried again, until none is", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a", "b"]);
    const retrying = "PawlRetryingActivities IS NOT NULL";
    assert.deepEqual(await listed(server, retrying), []);
    await failNext(server);
    assert.deepEqual(await listed(server, retrying), ["one"]);
    assert.deepEqual(await listed(server, "PawlRetryingActivities = 'A'"), ["one"]);
    assert.deepEqual(await listed(server, "PawlRetryingActivities = 'B'"), []);
    await failNext(server);
    assert.deepEqual(await listed(server, "PawlRetryingActivities = 'B'"), ["one"]);
    const ids = { workflowId: "one", activityId: "a", identity: "op" };
    await server.ask("RespondActivityTaskCompletedById", ids);
    assert.deepEqual(await listed(server, "PawlRetryingActivities = 'A'"), []);
    await server.ask("ResetActivity", { execution: { workflowId: "one" }, id: "b", identity: "op" });
    assert.deepEqual(await listed(server, retrying), []);
    const { workflowExecutionInfo } = await server.ask("DescribeWorkflowExecution", {
      execution: { workflowId: "one" },
    });
    assert.deepEqual(Object.keys(workflowExecutionInfo?.searchAttributes?.indexedFields ?? {}), ["BuildIds"]);
  });

  test("call a workflow stuck whose activity goes on failing, and not once it has closed", async () => {
    await using server = await InProcess.open();
    await begin(server, "one", ["a"]);
    for (let failures = 1; failures <= 10; failures++) {
      assert.deepEqual(await listed(server, "PawlStuckReasons IS NOT NULL"), []);
      await failNext(server);
      server.clock.advance(1_000);
      await server.settle();
    }
    assert.deepEqual(await listed(server, "PawlStuckReasons = 'ActivityFailing'"), ["one"]);
    await server.ask("TerminateWorkflowExecution", { workflowExecution: { workflowId: "one" } });
    assert.deepEqual(await listed(server, "PawlStuckReasons IS NOT NULL OR PawlRetryingActivities IS NOT NULL"), []);
  });

  test("call a workflow stuck whose workflow tasks go on failing, until one completes", async () => {
    await using server = await InProcess.open();
    await server.start("one");
    const stuck = "PawlStuckReasons = 'WorkflowTaskFailing'";
    for (let failures = 1; failures <= 5; failures++) {
      assert.deepEqual(await listed(server, stuck), []);
      const { taskToken } = await server.pollWorkflowTask();
      const cause = enums.WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR;
      await server.ask("RespondWorkflowTaskFailed", { taskToken, cause, identity: "worker" });
      server.clock.advance(600_000);
      await server.settle();
    }
    assert.deepEqual(await listed(server, stuck), ["one"]);
    await server.complete(await server.pollWorkflowTask());
    assert.deepEqual(await listed(server, stuck), []);
  });

  test("call a workflow stuck that waits where nobody asks for work, until somebody does", async () => {
    await using server = await InProcess.open();
    await server.start("waits");
    await server.start("elsewhere", { taskQueue: { name: "served" } });
    await server.pollWorkflowTask({ name: "served" });
    const query = "PawlStuckReasons = 'NoWorkers'";
    for (const found of [query, "PawlStuckReasons IS NOT NULL", "PawlStuckReasons IN ('NoWorkers', 'ActivityFailing')"])
      assert.deepEqual(await listed(server, found), ["waits"], found);
    assert.deepEqual(await listed(server, "PawlStuckReasons IS NULL"), ["elsewhere"]);
    assert.deepEqual(await listed(server, `NOT (${query})`), ["elsewhere"]);
    assert.deepEqual(await listed(server, "PawlStuckReasons = 'ActivityFailing'"), []);
    assert.equal((await server.ask("CountWorkflowExecutions", { query })).count, 1);
    const cancellationOperation = { identity: "op" };
    await server.ask("StartBatchOperation", { jobId: "j", reason: "r", visibilityQuery: query, cancellationOperation });
    const { totalOperationCount } = await server.ask("DescribeBatchOperation", { jobId: "j" });
    assert.equal(totalOperationCount, 1);
    await server.pollWorkflowTask();
    assert.deepEqual(await listed(server, "PawlStuckReasons IS NOT NULL"), []);
  });

  test("their names cannot be registered, nor set by a start", async () => {
    await using server = await InProcess.open();
    const name = "PawlStuckReasons";
    const searchAttributes = { [name]: enums.IndexedValueType.KEYWORD };
    assert.match(await server.verdict("AddSearchAttributes", { searchAttributes }), /is reserved by system/);
    const indexedFields = { [name]: jsonPayloads("x").payloads[0]! };
    const start = { workflowId: "w", workflowType: { name: "T" }, taskQueue, searchAttributes: { indexedFields } };
    assert.match(await server.verdict("StartWorkflowExecution", start), /PawlStuckReasons attribute can't be set/);
  });
});
