/** The histories of every workflow that the other scenarios have run, under the code that made them, in the official replayer. */
import assert from "node:assert/strict";
import { Worker } from "@temporalio/worker";
import type { Context, Scenario } from "./harness.ts";

async function replayAll({ client, workflowBundle }: Context): Promise<void> {
  const types = new Map<string, number>();
  const failures: string[] = [];
  const histories = async function* () {
    for await (const { workflowId, runId, type } of client.workflow.list({
      query: "TaskQueue STARTS_WITH 'typescript-'",
    })) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      // One that no worker has answered for is nobody's doing.
      if (!history.events?.some((event) => event.workflowTaskCompletedEventAttributes)) continue;
      types.set(type, (types.get(type) ?? 0) + 1);
      yield { workflowId, history };
    }
  };
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories()))
    if (error) failures.push(`${workflowId}: ${error}`);
  assert.deepEqual(failures, []);
  assert.ok(types.size >= 30, `many types of workflows were replayed: ${[...types.keys()]}`);
}

export const afterwards: Readonly<Record<string, Scenario>> = { "replay-all": replayAll };
