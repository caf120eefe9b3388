/** Signals and queries. */
import assert from "node:assert/strict";
import { Client, QueryNotRegisteredError, QueryRejectedError } from "@temporalio/client";
import { WorkflowNotFoundError } from "@temporalio/common";
import proto from "@temporalio/proto";
import { type Context, count, eventsOf, eventually, namesOf, rejection, type Scenario } from "./harness.ts";
import * as workflows from "./workflows.ts";

async function signal(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.basket, { workflowId: context.newId(), taskQueue });
  await handle.signal(workflows.add, "apple", 1);
  await handle.signal(workflows.add, "pear", 2);
  await handle.signal("add", "plum", 1);
  await handle.signal(workflows.checkOut);
  assert.deepEqual(await handle.result(), ["apple", "pear", "pear", "plum"]);
  assert.equal(count(await eventsOf(handle), "WORKFLOW_EXECUTION_SIGNALED"), 4);
  await rejection(WorkflowNotFoundError, handle.signal(workflows.checkOut));
  await rejection(WorkflowNotFoundError, client.workflow.getHandle("typescript-nobody").signal(workflows.checkOut));
}

async function signalWithStart(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const add = (item: string) =>
    client.workflow.signalWithStart(workflows.basket, {
      workflowId,
      taskQueue,
      signal: workflows.add,
      signalArgs: [item, 1],
    });
  const first = await add("apple");
  const second = await add("pear");
  assert.equal(second.signaledRunId, first.signaledRunId, "the run that the second call found");
  await first.signal(workflows.checkOut);
  assert.deepEqual(await first.result(), ["apple", "pear"]);
  assert.deepEqual(namesOf(await eventsOf(first)).slice(0, 3), [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  const third = await add("plum");
  assert.notEqual(third.signaledRunId, first.signaledRunId, "a new run after the end");
  await third.signal(workflows.checkOut);
  assert.deepEqual(await third.result(), ["plum"]);
}

async function query(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.basket, { workflowId: context.newId(), taskQueue });
  assert.equal(await handle.query(workflows.size), 0, "before any signal");
  await handle.signal(workflows.add, "apple", 2);
  assert.equal(await handle.query(workflows.size), 2, "a query sees the signal before it");
  assert.equal(await handle.query(workflows.has, "apple"), true);
  assert.equal(await handle.query(workflows.has, "pear"), false);
  assert.match((await rejection(QueryNotRegisteredError, handle.query("weight"))).message, /weight/);
  const broken = await rejection(QueryNotRegisteredError, handle.query(workflows.broken));
  assert.match(broken.message, /this query cannot be answered/);
  await handle.signal(workflows.checkOut);
  await handle.result();
  assert.equal(await handle.query(workflows.size), 2, "after the end");
  const onlyOpen = new Client({ connection: client.connection, workflow: { queryRejectCondition: "NOT_OPEN" } });
  const rejected = await rejection(
    QueryRejectedError,
    onlyOpen.workflow.getHandle(handle.workflowId).query(workflows.size),
  );
  assert.equal(
    rejected.status,
    proto.temporal.api.enums.v1.WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED,
  );
  await rejection(WorkflowNotFoundError, client.workflow.getHandle("typescript-nobody").query(workflows.size));
}

async function queryWhileBusy(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const handle = await client.workflow.start(workflows.busy, { workflowId: context.newId(), taskQueue });
  const seen: number[] = [];
  await eventually(async () => {
    seen.push(await handle.query(workflows.progress));
    return seen.length >= 20 && seen.at(-1)! >= 3;
  }, "twenty queries are answered");
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
    "a later query never sees less",
  );
  await handle.signal(workflows.stop);
  const rounds = await handle.result();
  assert.ok(rounds >= seen.at(-1)!, "the result counts what the queries saw");
  assert.equal(await handle.query(workflows.progress), rounds);
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  signal,
  "signal-with-start": signalWithStart,
  query,
  "query-while-busy": queryWhileBusy,
};
