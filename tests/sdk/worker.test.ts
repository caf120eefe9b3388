/** The life of a worker: how it is made, how it stops, and what becomes of its workflows when it does not get to stop. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { heartbeat } from "@pawl/sdk/activity";
import { Client, Connection } from "@pawl/sdk/client";
import {
  CombinedWorkerRunError,
  GracefulShutdownPeriodExpiredError,
  PromiseCompletionTimeoutError,
  Worker,
  type WorkerOptions,
  type WorkerPlugin,
} from "@pawl/sdk/worker";
import { startPawl } from "../rig/server.ts";
import * as activities from "./activities.ts";
import { isReference, newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import { startWorkerProcess } from "./worker-process.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("a worker that runs until something is done", () => {
  test("stops before it and says so, but waits when it was asked to", async () => {
    const worker = await newWorker(target);
    const stopped = worker.runUntil(async () => {
      worker.shutdown();
      await new Promise(() => undefined);
    });
    await assert.rejects(stopped, PromiseCompletionTimeoutError);
    const patient = await newWorker(target);
    const work = async () => {
      patient.shutdown();
      while (patient.getState() !== "STOPPED") await new Promise((resolve) => setImmediate(resolve));
      return "done";
    };
    assert.equal(await patient.runUntil(work, { promiseCompletionTimeout: "1 minute" }), "done");
    await assert.rejects(
      patient.runUntil(work, { promiseCompletionTimeout: "soon" as never }),
      /promiseCompletionTimeout/,
    );
  });

  test("fails together with it, and tells of both", async () => {
    const breaks: WorkerPlugin = {
      name: "breaks",
      async runWorker(worker, next) {
        await next(worker);
        throw new Error("it broke");
      },
    };
    const worker = await newWorker(target, { plugins: [breaks] });
    const both = worker.runUntil(Promise.reject(new RangeError("inner")));
    await assert.rejects(both, (error: unknown) => {
      assert.ok(error instanceof CombinedWorkerRunError);
      const { workerError, innerError } = error.cause;
      assert.deepEqual([String(workerError), String(innerError)], ["Error: it broke", "RangeError: inner"]);
      return true;
    });
  });
});

describe("a worker is made", () => {
  for (const [what, options, expected] of [
    ["without a task queue", { taskQueue: "" }, /WorkerOptions\.taskQueue is missing/],
    [
      "with a negative number of slots",
      { maxConcurrentActivityTaskExecutions: -1 },
      /maxConcurrentActivityTaskExecutions/,
    ],
    ["with a duration that is none", { shutdownGraceTime: "soon" }, /shutdownGraceTime.*"soon"/],
    [
      "with a reserved activity",
      { activities: { __temporal_own: async () => undefined } },
      /activity name "__temporal_own" is reserved/,
    ],
    ["with a reserved task queue", { taskQueue: "__temporal_queue" }, /task queue name .* is reserved/],
    ["with a reserved sink", { sinks: { __stack_trace: {} } }, /sink name "__stack_trace" is reserved/],
    ["with code twice", { workflowBundle: { code: "", sourceMap: undefined } }, /exclude each other/],
    ["from a file that is not there", { workflowsPath: "/there/is/no/such/file.ts" }, /cannot be bundled.*file\.ts/s],
  ] as const) {
    test(`${what}: refused, and the option is named`, async () => {
      await assert.rejects(newWorker(target, options as never), expected);
    });
  }

  test("with nothing to run: refused", async () => {
    const { connection } = target;
    await assert.rejects(
      Worker.create({ connection, taskQueue: "x" }),
      /workflowsPath, workflowBundle, activities or nexusServices/,
    );
  });

  test("in less than half a second of the processor", async () => {
    // The runtime's own bundle is made once a process; this is what each further worker takes.
    await newWorker(target);
    const before = process.cpuUsage();
    await newWorker(target);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 500_000, `${(user + system) / 1_000} ms`);
  });

  test("for activities alone, and for workflows alone", async () => {
    const { connection, client } = target;
    const taskQueue = newId("split");
    // A program for the official SDK may say what is without effect here.
    const native = {
      debugMode: false,
      reuseV8Context: true,
      workflowThreadPoolSize: 2,
    } satisfies Partial<WorkerOptions>;
    const workflowWorker = await Worker.create({ connection, taskQueue, workflowsPath, ...native });
    const activityWorker = await Worker.create({ connection, taskQueue, activities });
    const result = await workflowWorker.runUntil(() =>
      activityWorker.runUntil(() =>
        client.workflow.execute(workflows.greeting, { workflowId: newId(), taskQueue, args: ["both"] }),
      ),
    );
    assert.equal(result, "Hello, both!");
  });
});

test("a worker's status says what it does", async () => {
  const untilShutdown = async () => {
    heartbeat("has begun");
    return await activities.untilShutdown();
  };
  const worker = await newWorker(target, { activities: { untilShutdown }, shutdownGraceTime: "10 seconds" });
  const { taskQueue } = worker.options;
  assert.deepEqual(worker.getStatus(), { ...idle, runState: "INITIALIZED" });
  const running = worker.run();
  await target.client.workflow.start(workflows.shutdownSignal, { workflowId: newId(), taskQueue });
  const busy = {
    ...{ runState: "RUNNING", workflowPollerState: "POLLING", activityPollerState: "POLLING" },
    ...{ hasOutstandingWorkflowPoll: true, hasOutstandingActivityPoll: true, numInFlightWorkflowActivations: 0 },
    ...{ numInFlightActivities: 1, numInFlightNonLocalActivities: 1, numInFlightLocalActivities: 0 },
    ...{ numCachedWorkflows: 1, numHeartbeatingActivities: 1 },
  };
  await until(async () => isDeepStrictEqual(worker.getStatus(), busy));
  worker.shutdown();
  assert.equal(worker.getStatus().runState, "STOPPING");
  await running;
  assert.deepEqual(worker.getStatus(), { ...idle, runState: "STOPPED" });
});

const idle = {
  ...{ workflowPollerState: "SHUTDOWN", activityPollerState: "SHUTDOWN" },
  ...{ hasOutstandingWorkflowPoll: false, hasOutstandingActivityPoll: false, numInFlightWorkflowActivations: 0 },
  ...{ numInFlightActivities: 0, numInFlightNonLocalActivities: 0, numInFlightLocalActivities: 0 },
  ...{ numCachedWorkflows: 0, numHeartbeatingActivities: 0 },
};

describe("a worker stops", () => {
  test("an activity is told before, and its end still counts", async () => {
    const worker = await newWorker(target, { shutdownGraceTime: "10 seconds" });
    const { taskQueue } = worker.options;
    const running = worker.run();
    assert.equal(worker.getState(), "RUNNING");
    const handle = await target.client.workflow.start(workflows.shutdownSignal, { workflowId: newId(), taskQueue });
    await until(async () => (await handle.describe()).raw.pendingActivities.some(({ state }) => state === 2));
    worker.shutdown();
    await running;
    assert.equal(worker.getState(), "STOPPED");
    const { events } = await handle.fetchHistory();
    assert.ok(events.some(({ activityTaskCompletedEventAttributes: completed }) => completed));
    // The workflow goes on with the next worker.
    const next = await newWorker(target, { taskQueue });
    assert.equal(await next.runUntil(handle.result()), "saved");
  });

  test("an activity that goes on is cancelled after the grace time, and tried again elsewhere", async () => {
    const worker = await newWorker(target, { shutdownGraceTime: 50 });
    const { taskQueue } = worker.options;
    const running = worker.run();
    const handle = await target.client.workflow.start(workflows.cleansUp, { workflowId: newId(), taskQueue });
    await until(async () => (await handle.describe()).raw.pendingActivities.some(({ state }) => state === 2));
    worker.shutdown();
    await running;
    const [pending] = (await handle.describe()).raw.pendingActivities;
    assert.match(pending?.lastFailure?.message ?? "", /WORKER_SHUTDOWN/);
    await handle.terminate();
  });

  test("the force time ends its patience", async () => {
    const options = { shutdownGraceTime: "1 minute", shutdownForceTime: 100 } as const;
    const worker = await newWorker(target, options);
    const { taskQueue } = worker.options;
    const running = worker.run();
    const handle = await target.client.workflow.start(workflows.cleansUp, { workflowId: newId(), taskQueue });
    await until(async () => (await handle.describe()).raw.pendingActivities.some(({ state }) => state === 2));
    worker.shutdown();
    await assert.rejects(running, GracefulShutdownPeriodExpiredError);
    assert.equal(worker.getState(), "FAILED");
    await handle.terminate();
  });

  test("it is started once", async () => {
    const worker = await newWorker(target);
    await worker.runUntil(Promise.resolve());
    await assert.rejects(worker.run(), /already started/);
    assert.throws(() => worker.shutdown(), /Not running/);
  });
});

describe("a worker is killed", () => {
  test("its workflows go on with another, at the step where they were", async () => {
    const { client, server } = target;
    const first = await startWorkerProcess(server.address);
    const { taskQueue } = first;
    const options = { workflowId: newId(), taskQueue, args: [20] as [number], workflowTaskTimeout: 2_000 };
    const handle = await client.workflow.start(workflows.longWay, options);
    await until(async () => (await handle.query(workflows.total)) >= 5);
    await first.kill9();
    const second = await startWorkerProcess(server.address, { taskQueue });
    assert.equal(await handle.result(), 20);
    const { events } = await handle.fetchHistory();
    const scheduled = events.filter(({ activityTaskScheduledEventAttributes: each }) => each);
    assert.equal(scheduled.length, 20, "no step was asked for twice");
    assert.ok(new Set(events.map(({ workflowTaskCompletedEventAttributes: each }) => each?.identity)).size >= 3);
    await Worker.runReplayHistory({ workflowsPath }, { events });
    assert.equal(await second.stop(), 0);
  });

  test("many at once survive a cache that holds none of them", async () => {
    const worker = await newWorker(target, { maxCachedWorkflows: 1 });
    const { taskQueue } = worker.options;
    const results = await worker.runUntil(
      Promise.all(
        Array.from({ length: 20 }, () =>
          target.client.workflow.execute(workflows.longWay, { workflowId: newId(), taskQueue, args: [3] }),
        ),
      ),
    );
    assert.deepEqual(
      results,
      Array.from({ length: 20 }, () => 3),
    );
  });
});

test("a server that goes and comes back is found again", {
  skip: isReference && "the reference keeps no file here",
}, async (t) => {
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const { rm } = await import("node:fs/promises");
  const dbFilename = join(tmpdir(), `pawl-sdk-${process.pid}.db`);
  t.after(() => Promise.all(["", "-wal", "-shm"].map((suffix) => rm(`${dbFilename}${suffix}`, { force: true }))));
  const before = await startPawl({ dbFilename });
  const connection = await Connection.connect({ address: before.address });
  const client = new Client({ connection });
  const worker = await newWorker({ ...target, connection, client, server: before });
  const running = worker.run();
  const options = {
    workflowId: newId(),
    taskQueue: worker.options.taskQueue,
    args: [15] as [number],
    workflowTaskTimeout: 2_000,
  };
  const handle = await client.workflow.start(workflows.longWay, options);
  await until(async () => (await handle.query(workflows.total)) >= 3);
  await before.kill9();
  const after = await startPawl({ dbFilename, port: before.port });
  assert.equal(await handle.result(), 15);
  worker.shutdown();
  await running;
  await connection.close();
  await after.stop();
});
