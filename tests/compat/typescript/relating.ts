/** Workflows that answer updates, speak to each other, follow each other, and say things of themselves. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  WithStartWorkflowOperation,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateStage,
} from "@temporalio/client";
import { ApplicationFailure, CancelledFailure, TypedSearchAttributes, WorkflowNotFoundError } from "@temporalio/common";
import proto from "@temporalio/proto";
import { type Context, count, eventsOf, eventually, instance, one, rejection, type Scenario } from "./harness.ts";
import * as workflows from "./relating-workflows.ts";

const { IndexedValueType } = proto.temporal.api.enums.v1;

async function updates(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const account = await client.workflow.start(workflows.account, { workflowId: context.newId(), taskQueue });
  const { deposit, withdraw } = workflows;
  assert.equal(await account.executeUpdate(deposit, { args: [100], updateId: "first" }), 100);
  assert.equal(await account.executeUpdate(deposit, { args: [100], updateId: "first" }), 100, "the same update");
  const before = (await eventsOf(account)).length;
  const refused = await rejection(WorkflowUpdateFailedError, account.executeUpdate(deposit, { args: [-1] }));
  assert.equal(instance(ApplicationFailure, refused.cause).type, "TooLittle");
  assert.equal((await eventsOf(account)).length, before, "a refused update leaves no event");

  const waitForStage = WorkflowUpdateStage.ACCEPTED;
  const waiting = await account.startUpdate(withdraw, { args: [30], waitForStage });
  const overdrawn = await account.startUpdate(withdraw, { args: [1_000], waitForStage });
  await account.signal(workflows.grant);
  assert.equal(await waiting.result(), 70);
  assert.equal(await account.getUpdateHandle(waiting.updateId).result(), 70, "asked for later");
  const failed = await rejection(WorkflowUpdateFailedError, overdrawn.result());
  assert.equal(instance(ApplicationFailure, failed.cause).type, "Overdrawn");
  await account.signal(workflows.close);
  assert.equal(await account.result(), 70);
  const events = await eventsOf(account);
  assert.equal(count(events, "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"), 3);
  assert.equal(count(events, "WORKFLOW_EXECUTION_UPDATE_COMPLETED"), 3);
  await rejection(WorkflowNotFoundError, account.executeUpdate(deposit, { args: [1] }));
}

async function updateWithStart(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const runs = new Set<string>();
  for (const expected of [5, 10]) {
    const startWorkflowOperation = new WithStartWorkflowOperation(workflows.account, {
      ...{ workflowId, taskQueue },
      workflowIdConflictPolicy: "USE_EXISTING",
    });
    const balance = await client.workflow.executeUpdateWithStart(workflows.deposit, {
      args: [5],
      startWorkflowOperation,
    });
    assert.equal(balance, expected);
    runs.add((await (await startWorkflowOperation.workflowHandle()).describe()).runId);
  }
  assert.equal(runs.size, 1, "runs that were started");
  const account = client.workflow.getHandle<typeof workflows.account>(workflowId);
  await account.signal(workflows.close);
  assert.equal(await account.result(), 10);
}

async function externalMessages(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const listener = await client.workflow.start(workflows.listener, {
    workflowId: context.newId("-listener"),
    taskQueue,
  });
  const cancelled = await client.workflow.start(workflows.listener, {
    workflowId: context.newId("-cancelled"),
    taskQueue,
  });
  const speaker = await client.workflow.start(workflows.speaker, {
    args: [listener.workflowId, cancelled.workflowId, `nobody-${randomUUID()}`],
    workflowId: context.newId(),
    taskQueue,
  });
  assert.equal(await speaker.result(), 2, "failures of what is said to nobody");
  assert.equal(await listener.result(), "hello");
  const error = await rejection(WorkflowFailedError, cancelled.result());
  instance(CancelledFailure, error.cause);
  const events = await eventsOf(speaker);
  for (const name of [
    "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED",
    "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
  ])
    one(events, name);
  const heard = one(await eventsOf(listener), "WORKFLOW_EXECUTION_SIGNALED");
  const { externalWorkflowExecution: from } = heard.workflowExecutionSignaledEventAttributes!;
  assert.equal(from?.workflowId, speaker.workflowId);
}

async function childPolicies(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const parent = await client.workflow.start(workflows.parent, { workflowId: context.newId(), taskQueue });
  assert.deepEqual(await parent.result(), ["Naughty", "CancelledFailure", "already started"]);
  const [terminate, requestCancel, abandon] = workflows.policies.map((policy) =>
    client.workflow.getHandle<typeof workflows.listener>(`${parent.workflowId}-${policy}`),
  );
  const statusOf = async (handle: typeof abandon) => (await handle!.describe()).status.name;
  await eventually(async () => (await statusOf(terminate)) === "TERMINATED", "a child ends with its parent");
  await eventually(
    async () => (await statusOf(requestCancel)) === "CANCELLED",
    "a child is cancelled after its parent",
  );
  assert.equal(await statusOf(abandon), "RUNNING");
  await abandon!.signal(workflows.word, "go on");
  assert.equal(await abandon!.result(), "go on");
}

async function cron(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const { firstExecutionRunId } = await client.workflow.start(workflows.counting, {
    ...{ workflowId, taskQueue },
    cronSchedule: "@every 1s",
  });
  const latest = client.workflow.getHandle(workflowId);
  await eventually(async () => {
    const { runId } = await latest.describe();
    const [first] = await eventsOf(latest);
    const started = first!.workflowExecutionStartedEventAttributes!;
    assert.equal(started.firstExecutionRunId, firstExecutionRunId);
    assert.equal(started.cronSchedule, "@every 1s");
    const last = started.lastCompletionResult?.payloads?.[0]?.data;
    return runId !== firstExecutionRunId && last?.toString() === "2";
  }, "a third run knows the result of the second");
  await latest.terminate();
}

async function continueAsNew(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const memo = { baton: "red" };
  const runs = await client.workflow.execute(workflows.relay, { args: [3, []], workflowId, taskQueue, memo });
  assert.equal(new Set(runs).size, 3, "runs");
  for (const [index, runId] of runs.entries()) {
    const run = client.workflow.getHandle(workflowId, runId);
    assert.deepEqual((await run.describe()).memo, memo);
    const [first] = await eventsOf(run);
    const started = first!.workflowExecutionStartedEventAttributes!;
    assert.equal(started.firstExecutionRunId, runs[0]);
    assert.equal(started.continuedExecutionRunId, runs[index - 1] ?? "");
  }
}

async function upserts(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const { color, tries } = workflows;
  await client.connection.operatorService.addSearchAttributes({
    namespace: client.options.namespace,
    searchAttributes: {
      [color.name]: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
      [tries.name]: IndexedValueType.INDEXED_VALUE_TYPE_INT,
    },
  });
  const handle = await client.workflow.start(workflows.telling, {
    ...{ workflowId: context.newId(), taskQueue },
    memo: { note: "first", gone: 1, kept: true },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: color, value: "red" },
      { key: tries, value: 3 },
    ]),
    staticSummary: "tells things",
    staticDetails: "of itself",
  });
  const query = `${color.name} = 'blue' AND ${tries.name} IS NULL AND WorkflowId = '${handle.workflowId}'`;
  await eventually(
    async () => (await client.workflow.count(query)).count === 1,
    "the workflow is found by its new color",
  );
  const description = await handle.describe();
  assert.equal(description.typedSearchAttributes.get(color), "blue");
  assert.equal(description.typedSearchAttributes.get(tries), undefined);
  assert.deepEqual(description.memo, { note: "changed", kept: true });
  assert.equal(await description.staticSummary(), "tells things");
  assert.equal(await description.staticDetails(), "of itself");
  const timer = one(await eventsOf(handle), "TIMER_STARTED");
  assert.equal(timer.userMetadata?.summary?.data?.toString(), '"a short nap"');
  const metadata = await handle.query<proto.temporal.api.sdk.v1.IWorkflowMetadata>("__temporal_workflow_metadata");
  assert.equal(metadata.currentDetails, "waiting for the end");
  await handle.signal(workflows.finish);
  assert.equal(await handle.result(), "changed");
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  updates,
  "update-with-start": updateWithStart,
  "external-messages": externalMessages,
  "child-policies": childPolicies,
  cron,
  "continue-as-new": continueAsNew,
  upserts,
};
