/** A workflow, its worker and its client go on while the server is killed and started again: whoever runs this kills it meanwhile. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "@temporalio/worker";
import { marked } from "./activities.ts";
import { type Context, count, eventsOf, type Scenario } from "./harness.ts";
import * as workflows from "./workflows.ts";

const rounds = 40;
const signals = 20;

async function outliveServer(context: Context): Promise<void> {
  const { client, taskQueue, workflowBundle } = context;
  const handle = await client.workflow.start(workflows.outlasting, {
    args: [rounds, signals],
    workflowId: context.newId(),
    taskQueue,
    // What a killed server's worker had in hand is given out again after this long.
    workflowTaskTimeout: "2s",
  });
  await context.announce();
  const numbers = Array.from({ length: signals }, (_, number) => number);
  for (const number of numbers) {
    await handle.signal(workflows.receive, number);
    await delay(150);
  }
  assert.deepEqual(await handle.result(), numbers, "every signal once, in order");
  assert.equal(new Set(marked.get(handle.workflowId)).size, rounds, "rounds");
  const events = await eventsOf(handle);
  assert.equal(count(events, "ACTIVITY_TASK_COMPLETED"), rounds);
  assert.equal(count(events, "WORKFLOW_EXECUTION_SIGNALED"), signals);
  await Worker.runReplayHistory({ workflowBundle }, await handle.fetchHistory(), handle.workflowId);
}

export const scenarios: Readonly<Record<string, Scenario>> = { "outlive-server": outliveServer };
