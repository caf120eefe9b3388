/** What a client can see of workflows from outside, and what replaying their histories shows. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ServiceError, type WorkflowHandle } from "@temporalio/client";
import { WorkflowNotFoundError } from "@temporalio/common";
import proto from "@temporalio/proto";
import { Worker } from "@temporalio/worker";
import { DeterminismViolationError } from "@temporalio/workflow";
import * as activities from "./activities.ts";
import { type Context, count, eventsOf, eventually, rejection, type Scenario } from "./harness.ts";
import * as workflows from "./workflows.ts";

async function describeListCount(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const memo = { customer: "c-17", tries: 3 };
  const handle = await client.workflow.start(workflows.observed, { workflowId: context.newId(), taskQueue, memo });
  await eventually(async () => {
    const { pendingActivities } = (await handle.describe()).raw;
    return pendingActivities?.length === 1 && pendingActivities[0]?.attempt === 2;
  }, "the second activity waits for its second attempt");
  await checkOpen(context, handle);

  await handle.signal(workflows.go);
  assert.equal(await handle.result(), "seen");
  const closed = await handle.describe();
  assert.equal(closed.status.name, "COMPLETED");
  assert.ok(closed.closeTime, "close time");
  assert.equal(closed.historyLength, (await eventsOf(handle)).length, "history length");
  assert.deepEqual(closed.raw.pendingActivities, [], "pending activities after the end");
  await checkLists(context, handle);

  await rejection(WorkflowNotFoundError, client.workflow.getHandle("typescript-nobody").describe());
}

async function checkOpen({ taskQueue }: Context, handle: WorkflowHandle): Promise<void> {
  const described = await handle.describe();
  assert.equal(described.workflowId, handle.workflowId);
  assert.equal(described.type, "observed");
  assert.equal(described.taskQueue, taskQueue);
  assert.equal(described.status.name, "RUNNING");
  assert.deepEqual(described.memo, { customer: "c-17", tries: 3 });
  assert.equal(described.closeTime, undefined);
  const [pending] = described.raw.pendingActivities!;
  assert.equal(pending?.activityType?.name, "failForNow");
  assert.equal(pending?.state, proto.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED);
  assert.equal(pending?.lastFailure?.message, "not yet");
}

async function checkLists(context: Context, handle: WorkflowHandle): Promise<void> {
  const { client, taskQueue } = context;
  const otherId = context.newId("-other");
  await client.workflow.execute(workflows.steps, { args: [1, 1], workflowId: otherId, taskQueue });
  const byId = `WorkflowId = '${handle.workflowId}'`;
  const both = `(${byId} OR WorkflowId = '${otherId}') AND ExecutionStatus = 'Completed'`;
  const listed = (query: string, pageSize = 100) => Array.fromAsync(client.workflow.list({ query, pageSize }));
  // A visibility store of its own may be behind.
  await eventually(async () => (await listed(both)).length === 2, "both workflows are listed as completed");

  const ofType = await listed(`${both} AND WorkflowType = 'steps'`);
  assert.deepEqual(
    ofType.map(({ workflowId }) => workflowId),
    [otherId],
  );
  const [mine, ...none] = await listed(byId);
  assert.deepEqual(none, []);
  assert.equal(mine?.workflowId, handle.workflowId);
  assert.deepEqual(mine?.memo, { customer: "c-17", tries: 3 }, "memo in the list");
  assert.deepEqual(await listed(`${byId} AND ExecutionStatus = 'Running'`), []);
  assert.equal((await client.workflow.count(both)).count, 2);
  assert.equal((await client.workflow.count(`${byId} AND ExecutionStatus = 'Failed'`)).count, 0);
  const paged = (await listed(both, 1)).map(({ workflowId }) => workflowId);
  assert.deepEqual(paged.sort(), [handle.workflowId, otherId].sort(), "two pages of one");

  const error = await rejection(ServiceError, listed("WorkflowId ==="));
  assert.match(String(error.cause), /INVALID_ARGUMENT/, "a query that is none");
}

/** Nothing is cached, so every workflow task comes with the whole history, page by page. */
async function bigHistory(context: Context): Promise<void> {
  const { client, connection, workflowBundle } = context;
  const taskQueue = `${context.taskQueue}-uncached-${randomUUID()}`;
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, activities, maxCachedWorkflows: 0 });
  const handle = await worker.runUntil(async () => {
    const started = await client.workflow.start(workflows.steps, {
      args: [40, 5],
      workflowId: context.newId(),
      taskQueue,
    });
    assert.equal(await started.result(), (200 * 199) / 2);
    return started;
  });
  const events = await eventsOf(handle);
  assert.equal(count(events, "ACTIVITY_TASK_COMPLETED"), 200);
  assert.ok(events.length > 600, `${events.length} events`);
}

async function replay(context: Context): Promise<void> {
  const { client, taskQueue, workflowBundle } = context;
  const observed = await client.workflow.start(workflows.observed, { workflowId: context.newId(), taskQueue });
  await observed.signal(workflows.go);
  await observed.result();
  const steps = await client.workflow.start(workflows.steps, {
    args: [3, 4],
    workflowId: context.newId("-steps"),
    taskQueue,
  });
  await steps.result();
  for (const handle of [observed, steps]) {
    await Worker.runReplayHistory({ workflowBundle }, await handle.fetchHistory(), handle.workflowId);
  }
  // The same history under the code of another workflow, as after a careless change.
  const changed = await steps.fetchHistory();
  changed.events![0]!.workflowExecutionStartedEventAttributes!.workflowType!.name = "stepsInAnotherOrder";
  await rejection(DeterminismViolationError, Worker.runReplayHistory({ workflowBundle }, changed, steps.workflowId));
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  "describe-list-count": describeListCount,
  "big-history": bigHistory,
  replay,
};
