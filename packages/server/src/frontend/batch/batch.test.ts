import assert from "node:assert/strict";
import { test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { eventTypes, InProcess } from "../in-process.ts";

const { BatchOperationState: State } = enums;

const terminate = { terminationOperation: { identity: "me" } };

async function startBatch(server: InProcess, more: Init<RequestOf<"StartBatchOperation">>): Promise<void> {
  await server.ask("StartBatchOperation", { jobId: "job", reason: "enough", ...more });
}

/** Lets the batch do its work: each step waits for the clock. */
async function finished(server: InProcess, jobId = "job") {
  for (let count = 0; count < 200; count++) {
    const described = await server.ask("DescribeBatchOperation", { jobId });
    if (described.state !== State.RUNNING) return described;
    await server.clock.advance(1_000);
    await new Promise(setImmediate);
  }
  return assert.fail("the batch did not end");
}

async function countOf(server: InProcess, query: string): Promise<number> {
  return (await server.ask("CountWorkflowExecutions", { query })).count;
}

async function historyOf(server: InProcess, workflowId: string) {
  const { history } = await server.ask("GetWorkflowExecutionHistory", { execution: { workflowId } });
  return eventTypes(history);
}

test("a batch does to each workflow of a query what is asked, and tells how far it is", async () => {
  const server = await InProcess.open();
  for (let count = 0; count < 130; count++) await server.start(`w${count}`);
  await server.start("other");
  await startBatch(server, { visibilityQuery: "WorkflowId STARTS_WITH 'w'", maxOperationsPerSecond: 60, ...terminate });
  const running = await server.ask("DescribeBatchOperation", { jobId: "job" });
  assert.deepEqual([running.state, running.totalOperationCount], [State.RUNNING, 130]);
  const ended = await finished(server);
  assert.deepEqual(
    [ended.state, ended.completeOperationCount, ended.failureOperationCount, ended.reason, ended.identity],
    [State.COMPLETED, 130, 0, "enough", "me"],
  );
  assert.equal(await countOf(server, "ExecutionStatus = 'Terminated'"), 130);
  assert.equal(await countOf(server, "ExecutionStatus = 'Running'"), 1);
  const listed = await server.ask("ListBatchOperations", {});
  assert.deepEqual(
    listed.operationInfo.map(({ jobId, operationType }) => [jobId, operationType]),
    [["job", enums.BatchOperationType.TERMINATE_WORKFLOW]],
  );
});

test("a batch that has dealt with all of them at once has ended", async () => {
  const server = await InProcess.open();
  await server.start("w");
  await startBatch(server, { visibilityQuery: "WorkflowId = 'w'", maxOperationsPerSecond: 2, ...terminate });
  await server.settle();
  assert.equal((await server.ask("DescribeBatchOperation", { jobId: "job" })).state, State.COMPLETED);
});

test("a batch goes no faster than it may", async () => {
  const server = await InProcess.open();
  for (let count = 0; count < 10; count++) await server.start(`w${count}`);
  await startBatch(server, { visibilityQuery: "WorkflowId STARTS_WITH 'w'", maxOperationsPerSecond: 2, ...terminate });
  for (let second = 0; second < 3; second++) await server.clock.advance(999);
  assert.ok((await countOf(server, "ExecutionStatus = 'Terminated'")) <= 6);
  await finished(server);
  assert.equal(await countOf(server, "ExecutionStatus = 'Terminated'"), 10);
});

test("signals, cancellations and deletions; executions that are named, and ones that are not there", async () => {
  const server = await InProcess.open();
  for (const id of ["a", "b"]) await server.start(id);
  const executions = [{ workflowId: "a" }, { workflowId: "nobody" }];
  await startBatch(server, { executions, signalOperation: { signal: "go", identity: "me" } });
  const signalled = await finished(server);
  assert.deepEqual([signalled.completeOperationCount, signalled.failureOperationCount], [2, 0]);
  const shown = signalled.executions.map(({ type, businessId }) => [type, businessId]);
  const type = enums.ExecutionType.WORKFLOW;
  assert.deepEqual(shown, [
    [type, "a"],
    [type, "nobody"],
  ]);
  assert.ok((await historyOf(server, "a")).includes("WORKFLOW_EXECUTION_SIGNALED"));
  assert.ok(!(await historyOf(server, "b")).includes("WORKFLOW_EXECUTION_SIGNALED"));
  await startBatch(server, {
    jobId: "2",
    visibilityQuery: "WorkflowId = 'b'",
    cancellationOperation: { identity: "me" },
  });
  await finished(server, "2");
  assert.ok((await historyOf(server, "b")).includes("WORKFLOW_EXECUTION_CANCEL_REQUESTED"));
  await startBatch(server, {
    jobId: "3",
    visibilityQuery: "WorkflowId IN ('a', 'b')",
    deletionOperation: { identity: "me" },
  });
  await finished(server, "3");
  assert.equal(await countOf(server, ""), 0);
});

test("a batch resets each run to its first or last workflow task", async () => {
  for (const [options, eventCount] of [
    [{ firstWorkflowTask: {} }, 4],
    [{ lastWorkflowTask: {} }, 8],
  ] as const) {
    const server = await InProcess.open();
    await server.start("w");
    await server.complete(await server.pollWorkflowTask());
    await server.ask("SignalWorkflowExecution", { workflowExecution: { workflowId: "w" }, signalName: "go" });
    await server.complete(await server.pollWorkflowTask());
    await server.clock.advance(1);
    const none = [enums.ResetReapplyExcludeType.SIGNAL];
    const resetOperation = { identity: "me", options: { ...options, resetReapplyExcludeTypes: none } };
    await startBatch(server, { visibilityQuery: "WorkflowId = 'w'", resetOperation });
    assert.equal((await finished(server)).completeOperationCount, 1);
    const types = await historyOf(server, "w");
    assert.deepEqual([types[eventCount - 1], types.length], ["WORKFLOW_TASK_FAILED", eventCount + 1]);
    assert.equal(await countOf(server, "ExecutionStatus = 'Terminated'"), 1);
  }
});

test("a batch that is stopped does no more", async () => {
  const server = await InProcess.open();
  for (let count = 0; count < 10; count++) await server.start(`w${count}`);
  await startBatch(server, { visibilityQuery: "WorkflowId STARTS_WITH 'w'", maxOperationsPerSecond: 1, ...terminate });
  await server.clock.advance(1_000);
  await server.ask("StopBatchOperation", { jobId: "job", reason: "mistake", identity: "me" });
  await server.clock.advance(20_000);
  assert.ok((await countOf(server, "ExecutionStatus = 'Terminated'")) <= 3);
  assert.equal((await server.ask("DescribeBatchOperation", { jobId: "job" })).state, State.FAILED);
  assert.match(await server.verdict("StopBatchOperation", { jobId: "job", reason: "again" }), /^NOT_FOUND/);
});

test("a batch goes on where it was after a restart", async () => {
  const server = await InProcess.open();
  for (let count = 0; count < 10; count++) await server.start(`w${count}`);
  await startBatch(server, { visibilityQuery: "WorkflowId STARTS_WITH 'w'", maxOperationsPerSecond: 1, ...terminate });
  await server.clock.advance(2_000);
  await server.parts.batches.close();
  const before = await countOf(server, "ExecutionStatus = 'Terminated'");
  assert.ok(before > 0 && before < 10, `${before}`);
  await server.reopenBatches();
  const ended = await finished(server);
  assert.deepEqual([ended.completeOperationCount, await countOf(server, "ExecutionStatus = 'Terminated'")], [10, 10]);
});

test("what cannot be is refused with the field and the rule", async () => {
  const server = await InProcess.open();
  const untold = { jobId: "job", reason: "enough", visibilityQuery: "WorkflowId = 'w'" };
  const whole = { ...untold, ...terminate };
  const activity = { type: enums.ExecutionType.ACTIVITY, businessId: "a" };
  for (const [request, words] of [
    [{ ...whole, jobId: "" }, /^INVALID_ARGUMENT JobId/],
    [{ ...whole, reason: "" }, /^INVALID_ARGUMENT Reason/],
    [{ ...whole, visibilityQuery: "" }, /^INVALID_ARGUMENT VisibilityQuery, Executions or/],
    [{ ...whole, executions: [{ workflowId: "w" }] }, /^INVALID_ARGUMENT .* mutually exclusive/],
    [{ ...whole, visibilityQuery: "", targetExecutions: [activity] }, /^INVALID_ARGUMENT target_executions\[0\]/],
    [{ ...untold, signalOperation: {} }, /^INVALID_ARGUMENT Signal name/],
    [{ ...untold, updateWorkflowOptionsOperation: {} }, /^INVALID_ARGUMENT WorkflowExecutionOptions/],
    [{ ...untold, resetOperation: {} }, /^INVALID_ARGUMENT ResetType/],
    [{ ...untold, resetOperation: { options: {} } }, /^INVALID_ARGUMENT Target of the reset/],
    [{ ...untold, unpauseActivitiesOperation: { type: "" } }, /^INVALID_ARGUMENT Either activity type/],
    [{ ...untold, resetActivitiesOperation: { matchAll: false } }, /^INVALID_ARGUMENT Either activity type/],
    [
      { ...untold, updateActivityOptionsOperation: { restoreOriginal: true } },
      /^INVALID_ARGUMENT Either activity type/,
    ],
    [{ ...untold, updateActivityOptionsOperation: { type: "A" } }, /^INVALID_ARGUMENT Either activity options/],
    [
      { ...untold, updateActivityOptionsOperation: { type: "A", activityOptions: {}, restoreOriginal: true } },
      /^INVALID_ARGUMENT cannot set both activity options/,
    ],
    [{ ...whole, visibilityQuery: "nonsense" }, /^INVALID_ARGUMENT invalid query/],
    [{ ...whole, terminationOperation: undefined }, /^INVALID_ARGUMENT Exactly one operation/],
    [{ ...whole, maxOperationsPerSecond: -1 }, /^INVALID_ARGUMENT MaxOperationsPerSecond/],
  ] as const) {
    assert.match(await server.verdict("StartBatchOperation", request), words);
  }
  await server.start("w");
  await startBatch(server, { ...whole, maxOperationsPerSecond: 0.01 });
  assert.match(await server.verdict("StartBatchOperation", whole), /^ALREADY_EXISTS/);
  assert.match(
    await server.verdict("StartBatchOperation", { ...whole, jobId: "2" }),
    /^RESOURCE_EXHAUSTED Max concurrent/,
  );
  assert.match(await server.verdict("DescribeBatchOperation", { jobId: "nobody" }), /^NOT_FOUND/);
  assert.ok(!((await server.call("ListBatchOperations", {})) instanceof Rejection));
});
