/** The testing package, used as its users do: the same workflows in real time and with a clock that jumps. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, Connection, WorkflowFailedError } from "@pawl/sdk/client";
import { ActivityFailure, DefaultLogger, TimeoutFailure } from "@pawl/sdk/common";
import { startWorkflow, WorkflowRunOperationHandler } from "@pawl/sdk/nexus";
import { Worker } from "@pawl/sdk/worker";
import { TestWorkflowEnvironment } from "@pawl/testing";
import { HandlerError, serviceHandler } from "nexus-rpc";
import { asksForPatience, doneUpdate, parent, patience, retried, silent, updated, wait } from "./workflows.ts";

const workflowsPath = fileURLToPath(new URL("./workflows.ts", import.meta.url));
const taskQueue = "tests";
const [hourMs, dayMs] = [3_600_000, 86_400_000];

type Activities = Record<string, (...args: never[]) => Promise<unknown>>;

async function started(t: TestContext, env: TestWorkflowEnvironment, activities: Activities = {}) {
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue, workflowsPath, activities });
  const running = worker.run();
  t.after(async () => {
    worker.shutdown();
    await running;
    await env.teardown();
  });
  return env;
}

const skipping = async (t: TestContext, activities?: Activities) =>
  started(t, await TestWorkflowEnvironment.createTimeSkipping(), activities);

for (const [name, create] of [
  ["local", () => TestWorkflowEnvironment.createLocal()],
  ["time-skipping", () => TestWorkflowEnvironment.createTimeSkipping()],
] as const)
  test(`${name}: timers, children, updates and activities work as on any server`, async (t) => {
    const env = await started(t, await create(), { flaky: async () => 7 });
    assert.equal(env.supportsTimeSkipping, name === "time-skipping");
    const { workflow } = env.client;
    assert.ok((await workflow.execute(wait, { taskQueue, workflowId: "wait", args: [50] })) >= 50);
    assert.ok((await workflow.execute(parent, { taskQueue, workflowId: "parent", args: [50] })) >= 50);
    assert.equal(await workflow.execute(retried, { taskQueue, workflowId: "retried" }), 7);
    const handle = await workflow.start(updated, { taskQueue, workflowId: "updated" });
    assert.equal(await handle.executeUpdate(doneUpdate, { args: [50] }), "updated");
    await handle.result();
  });

describe("time that is skipped", () => {
  test("a month passes in a moment, for a workflow, its child and an update", async (t) => {
    const env = await skipping(t);
    const { workflow } = env.client;
    await workflow.execute(wait, { taskQueue, workflowId: "warm", args: [1] });
    const before = process.cpuUsage();
    const beganAtMs = await env.currentTimeMs();
    const waitedMs = await workflow.execute(wait, { taskQueue, workflowId: "month", args: [30 * dayMs] });
    assertQuick(before);
    assert.ok(waitedMs >= 30 * dayMs && waitedMs < 30 * dayMs + hourMs, `${waitedMs} ms`);
    assert.ok((await env.currentTimeMs()) - beganAtMs >= 30 * dayMs);

    assert.ok(
      (await workflow.execute(parent, { taskQueue, workflowId: "parent", args: [400 * dayMs] })) >= 400 * dayMs,
    );
    const handle = await workflow.start(updated, { taskQueue, workflowId: "updated" });
    assert.equal(await handle.executeUpdate(doneUpdate, { args: [30 * dayMs] }), "updated");
    // What has closed is still there, a year later.
    assert.equal((await workflow.getHandle("month").describe()).status.name, "COMPLETED");
  });

  test("goes its usual pace when nobody waits for it", async (t) => {
    const env = await skipping(t);
    const handle = await env.client.workflow.start(wait, { taskQueue, workflowId: "later", args: [dayMs] });
    const beganAtMs = await env.currentTimeMs();
    await delay(50);
    assert.ok((await env.currentTimeMs()) - beganAtMs < hourMs);
    assert.equal((await handle.describe()).status.name, "RUNNING");
    await env.sleep(dayMs / 2);
    assert.equal((await handle.describe()).status.name, "RUNNING");
    await env.sleep(dayMs);
    await handle.result();
    assert.ok((await env.currentTimeMs()) - beganAtMs < 2 * dayMs);
  });

  test("retries come after their hours of backoff", async (t) => {
    const atMs: number[] = [];
    const env = await skipping(t, {
      flaky: async () => {
        atMs.push(await env.currentTimeMs());
        if (atMs.length < 3) throw new Error("not yet");
        return atMs.length;
      },
    });
    assert.equal(await env.client.workflow.execute(retried, { taskQueue, workflowId: "retried" }), 3);
    const [first = 0, second = 0, third = 0] = atMs;
    assert.ok(second - first >= 2 * hourMs && second - first < 3 * hourMs, `${second - first}`);
    assert.ok(third - second >= 4 * hourMs && third - second < 5 * hourMs, `${third - second}`);
  });

  test("does not overtake an activity that runs, unless somebody sleeps", async (t) => {
    let ran = 0;
    const env = await skipping(t, {
      flaky: async () => {
        const beganAtMs = await env.currentTimeMs();
        await delay(50);
        return (await env.currentTimeMs()) - beganAtMs;
      },
      slow: async () => {
        ran += 1;
        await env.sleep("10 minutes");
        return "too late";
      },
    });
    const tookMs = await env.client.workflow.execute(retried, { taskQueue, workflowId: "runs" });
    assert.ok(tookMs >= 45 && tookMs < hourMs, `${tookMs} ms`);
    // It sleeps for longer than its heartbeat timeout, each time.
    await assert.rejects(env.client.workflow.execute(silent, { taskQueue, workflowId: "silent" }), (error: unknown) => {
      assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ActivityFailure);
      assert.ok(error.cause.cause instanceof TimeoutFailure);
      assert.equal(error.cause.cause.timeoutType, "HEARTBEAT");
      return true;
    });
    assert.equal(ran, 3);
  });

  test("a Nexus operation that a workflow does for months is over in a moment", async (t) => {
    const env = await TestWorkflowEnvironment.createTimeSkipping();
    let asked = 0;
    const handler = serviceHandler(patience, {
      wait: new WorkflowRunOperationHandler(async (context, ms: number) => {
        asked += 1;
        // Whoever asks again does so after a backoff, which is skipped too.
        if (asked < 3) throw new HandlerError("UNAVAILABLE", "not yet");
        return await startWorkflow(context, wait, { args: [ms], workflowId: context.requestId });
      }),
    });
    const worker = await Worker.create({
      ...{ connection: env.nativeConnection, taskQueue, workflowsPath, nexusServices: [handler] },
      logger: new DefaultLogger("ERROR"),
    });
    await env.connection.operatorService.createNexusEndpoint({
      spec: { name: "patience", target: { worker: { namespace: "default", taskQueue } } },
    });
    t.after(() => env.teardown());
    await worker.runUntil(async () => {
      const options = { taskQueue, workflowId: "asks", args: ["patience", 90 * dayMs] as [string, number] };
      assert.ok((await env.client.workflow.execute(asksForPatience, options)) >= 90 * dayMs);
      assert.equal(asked, 3);
    });
  });

  test("others may join over gRPC, and their calls do not end because time jumps", async (t) => {
    const env = await skipping(t);
    const { port } = await env.serve();
    const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
    t.after(() => connection.close());
    const client = new Client({ connection });
    const handle = await client.workflow.start(wait, { taskQueue, workflowId: "outside", args: [dayMs] });
    const result = handle.result();
    await env.sleep(2 * dayMs);
    assert.ok((await result) >= dayMs);
  });
});

test("an environment is ready in a moment", async () => {
  await (await TestWorkflowEnvironment.createLocal()).teardown();
  for (const create of [TestWorkflowEnvironment.createLocal, TestWorkflowEnvironment.createTimeSkipping]) {
    const before = process.cpuUsage();
    const env = await create({ namespace: "orders" });
    assertQuick(before); // some 10 ms
    await env.teardown();
  }
});

test("an existing server may be tested against, in real time", async (t) => {
  const local = await TestWorkflowEnvironment.createLocal();
  const { port } = await local.serve();
  const env = await TestWorkflowEnvironment.createFromExistingServer({ address: `127.0.0.1:${port}` });
  await started(t, env);
  t.after(() => local.teardown()); // after the worker
  assert.equal(env.supportsTimeSkipping, false);
  assert.ok((await env.client.workflow.execute(wait, { taskQueue, workflowId: "there", args: [20] })) >= 20);
  await env.sleep(5);
  await assert.rejects(env.serve(), TypeError);
});

/** By what it took of the processor, which tells the same on a busy machine. */
function assertQuick(before: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1_000;
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
}
