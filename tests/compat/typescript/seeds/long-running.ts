/** What the document on long-running activities promises: they resume where they were, and clean up when they are cancelled. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WorkflowFailedError } from "@temporalio/client";
import { CancelledFailure } from "@temporalio/common";
import { type Context, eventsOf, eventually, instance, one, rejection, type Scenario } from "../harness.ts";
import { cleanedUp, seen } from "./long-running-activities.ts";
import * as workflows from "./long-running-workflows.ts";

function lineNames(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `line ${from + index}`);
}

async function fileOf(lines: number): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "compat-lines-"));
  const path = join(folder, "lines.txt");
  await writeFile(path, `${lineNames(0, lines).join("\n")}\n`);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

async function progress(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  await using file = await fileOf(450);
  const workflowId = context.newId();
  const handle = await client.workflow.start(workflows.processFile, { args: [file.path], workflowId, taskQueue });
  await handle.result();
  // The 251st line fails. The retry resumes after the 200 lines of the last heartbeat.
  assert.deepEqual(seen.get(workflowId), [...lineNames(0, 251), ...lineNames(200, 450)]);
  const started = one(await eventsOf(handle), "ACTIVITY_TASK_STARTED").activityTaskStartedEventAttributes;
  assert.equal(started?.attempt, 2);
  assert.equal(started?.lastFailure?.message, "the disk has gone");
}

async function cancellation(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  await using file = await fileOf(240);
  const workflowId = context.newId();
  const handle = await client.workflow.start(workflows.processFileOrCleanUp, {
    args: [file.path],
    workflowId,
    taskQueue,
  });
  await eventually(() => (seen.get(workflowId)?.length ?? 0) > 5, "some lines are processed");
  await handle.cancel();
  instance(CancelledFailure, (await rejection(WorkflowFailedError, handle.result())).cause);
  assert.ok(cleanedUp.has(workflowId), "the activity cleans up");
  assert.ok(seen.get(workflowId)!.length < 240, "the file was not read to its end");
}

async function batch(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  const workflowId = context.newId();
  const items = ["a", "bad-1", "b", "stuck", "c", "bad-2", "d"];
  const handle = await client.workflow.start(workflows.processAll, { args: [items], workflowId, taskQueue });
  assert.deepEqual(await handle.result(), { processedCount: 5, failedCount: 2 });
  // The first attempt gets stuck and misses its heartbeat; the second goes on with the item after the last heartbeat.
  assert.deepEqual(seen.get(workflowId), ["a", "bad-1", "b", "stuck", "stuck", "c", "bad-2", "d"]);
  const started = one(await eventsOf(handle), "ACTIVITY_TASK_STARTED").activityTaskStartedEventAttributes;
  assert.equal(started?.attempt, 2);
  assert.equal(started?.lastFailure?.message, "activity Heartbeat timeout");
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  "seed-progress": progress,
  "seed-cancellation": cancellation,
  "seed-batch": batch,
};
