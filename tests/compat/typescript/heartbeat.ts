/** A heartbeat that outlives the process of its worker. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkflowHandle } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { type NativeConnection, Worker, type WorkflowBundleOption } from "@temporalio/worker";
import * as activities from "./activities.ts";
import { type Context, eventually, type Scenario } from "./harness.ts";
import * as workflows from "./workflows.ts";

/** The worker that is killed, and the one that takes over. */
export function heartbeatWorker(
  connection: NativeConnection,
  workflowBundle: WorkflowBundleOption,
  taskQueue: string,
): Promise<Worker> {
  return Worker.create({
    connection,
    taskQueue,
    workflowBundle,
    activities,
    maxHeartbeatThrottleInterval: 100,
    // The next task of the workflow is meant for the worker that was killed; after this long it is for any.
    stickyQueueScheduleToStartTimeout: 1_000,
  });
}

async function recordedHeartbeat(handle: WorkflowHandle): Promise<unknown> {
  const payload = (await handle.describe()).raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
  return payload && defaultPayloadConverter.fromPayload(payload);
}

async function heartbeatResume(context: Context): Promise<void> {
  const { client, connection, workflowBundle, address } = context;
  const taskQueue = `${context.taskQueue}-killed-${randomUUID()}`;
  await using bundle = await bundleFile(workflowBundle);
  const main = join(import.meta.dirname, "main.ts");
  const args = [main, "worker", taskQueue, bundle.path, "--address", address, "--namespace", client.options.namespace];
  const killed = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "inherit"] });
  let handle: WorkflowHandle<typeof workflows.resumable>;
  try {
    handle = await client.workflow.start(workflows.resumable, { workflowId: context.newId(), taskQueue });
    const stuck = async () => (await recordedHeartbeat(handle)) === 7;
    await eventually(stuck, "the first worker's seventh heartbeat is recorded");
  } finally {
    killed.kill("SIGKILL");
    if (killed.exitCode === null && killed.signalCode === null) await once(killed, "exit");
  }
  const worker = await heartbeatWorker(connection, workflowBundle, taskQueue);
  const result = await worker.runUntil(handle.result());
  assert.deepEqual(result, { attempt: 2, resumedAt: 7, processed: activities.items - 7 });
}

/** The other process reads the bundle from a file, so that it need not make it again. */
async function bundleFile(bundle: WorkflowBundleOption): Promise<AsyncDisposable & { readonly path: string }> {
  assert.ok("code" in bundle);
  const folder = await mkdtemp(join(tmpdir(), "compat-bundle-"));
  const path = join(folder, "workflows.js");
  await writeFile(path, bundle.code);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

export const scenarios: Readonly<Record<string, Scenario>> = { "heartbeat-resume": heartbeatResume };
