/** Activities without a workflow, by their client. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activityInfo, CompleteAsyncError, Context } from "@pawl/sdk/activity";
import {
  type ActivityClientInterceptor,
  ActivityExecutionAlreadyStartedError,
  ActivityExecutionFailedError,
  ActivityNotFoundError,
  ActivityPausedError,
  ApplicationFailure,
  CallFailed,
  CancelledFailure,
  Client,
  TerminatedFailure,
} from "@pawl/sdk/client";
import { newId, newWorker, useTarget } from "./target.ts";

const target = useTarget();

/** Task tokens of activities that wait for someone else, by their ids. */
const left = new Map<string, Uint8Array>();

const activities = {
  async leaves(): Promise<string> {
    left.set(activityInfo().activityId, activityInfo().taskToken);
    throw new CompleteAsyncError();
  },
  async add(a: number, b: number): Promise<number> {
    const { inWorkflow, activityRunId, workflowExecution } = activityInfo();
    assert.deepEqual([inWorkflow, workflowExecution.workflowId, typeof activityRunId], [false, "", "string"]);
    return a + b;
  },
  async refuse(): Promise<void> {
    throw ApplicationFailure.nonRetryable("not like this", "Refused", 7);
  },
  async waits(): Promise<void> {
    const context = Context.current();
    using _ = context.heartbeat.auto({ everyMs: 50 });
    await context.cancelled;
  },
};
type Activities = typeof activities;

/** A server without them says so by its answer. */
async function isServed(): Promise<boolean> {
  return await target.connection.call("CountActivityExecutions", { namespace: "default" }).then(
    () => true,
    (error) => !(error instanceof CallFailed && error.code === 12),
  );
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function withWorker(work: (taskQueue: string) => Promise<void>): Promise<void> {
  const worker = await newWorker(target, { activities });
  await worker.runUntil(work(worker.options.taskQueue));
}

const startToCloseTimeout = "30 seconds";

describe("an activity without a workflow", () => {
  test("is started, awaited, described, listed and counted", async (t) => {
    if (!(await isServed())) return t.skip("this server has no activities without a workflow");
    const { activity } = target.client;
    await withWorker(async (taskQueue) => {
      const options = { id: newId("activity"), taskQueue, args: [2, 3] as const, startToCloseTimeout } as const;
      const typed = activity.typed<Activities>();
      const handle = await typed.start("add", { ...options, summary: "adds" });
      assert.equal(await handle.result(), 5);
      assert.equal(await typed.execute("add", { ...options, id: newId("activity") }), 5);
      const described = await handle.describe({ includeInput: true, includeOutcome: true });
      assert.deepEqual([described.activityType, described.status, described.attempt], ["add", "COMPLETED", 1]);
      assert.deepEqual([await described.getInput(), await described.getResult()], [[2, 3], 5]);
      const query = `TaskQueue = '${taskQueue}'`;
      await until(async () => (await activity.count(query)).count === 2);
      const listed: string[] = [];
      for await (const { activityId } of activity.list(query)) listed.push(activityId);
      assert.ok(listed.includes(options.id));
    });
  });

  test("fails with its reason, and is cancelled and terminated by its handle", async (t) => {
    if (!(await isServed())) return t.skip("this server has no activities without a workflow");
    const { activity } = target.client;
    await withWorker(async (taskQueue) => {
      const options = () => ({ id: newId("activity"), taskQueue, startToCloseTimeout }) as const;
      await assert.rejects(activity.execute("refuse", options()), (error: unknown) => {
        assert.ok(error instanceof ActivityExecutionFailedError && error.cause instanceof ApplicationFailure);
        assert.deepEqual(
          [error.cause.message, error.cause.type, error.cause.details],
          ["not like this", "Refused", [7]],
        );
        return true;
      });
      const first = options();
      const waiting = await activity.start("waits", { ...first, heartbeatTimeout: 1_000 });
      await assert.rejects(activity.start("waits", first), ActivityExecutionAlreadyStartedError);
      await until(async () => (await waiting.describe()).runState === "STARTED");
      await waiting.cancel("enough");
      await assert.rejects(waiting.result(), (error: unknown) => {
        assert.ok(error instanceof ActivityExecutionFailedError && error.cause instanceof CancelledFailure);
        return true;
      });
      const other = await activity.start("waits", options());
      await other.terminate("now");
      await assert.rejects(other.result(), (error: unknown) => {
        assert.ok(error instanceof ActivityExecutionFailedError && error.cause instanceof TerminatedFailure);
        return true;
      });
      await assert.rejects(activity.getHandle("there-is-none").describe(), ActivityNotFoundError);
    });
  });

  test("is paused, changed, restored and unpaused by its handle", async (t) => {
    if (!(await isServed())) return t.skip("this server has no activities without a workflow");
    const { activity } = target.client;
    const taskQueue = newId("nobody-polls");
    const started = { id: newId("activity"), taskQueue, startToCloseTimeout, retry: { maximumAttempts: 3 } } as const;
    const handle = await activity.start("add", { ...started, args: [2, 3] });
    await handle.pause({ reason: "not now" });
    assert.equal((await handle.describe()).runState, "PAUSED");
    const changed = await handle.updateOptions({ startToCloseTimeout: "1 minute", retry: { maximumAttempts: 7 } });
    assert.deepEqual(
      [changed.taskQueue, changed.startToCloseTimeout, changed.retry?.maximumAttempts],
      [taskQueue, 60_000, 7],
    );
    assert.equal((await handle.updateOptions({ heartbeatTimeout: "5 seconds" })).heartbeatTimeout, 5_000);
    assert.ok(!(await handle.updateOptions({ heartbeatTimeout: null })).heartbeatTimeout, "null takes it away");
    const restored = await handle.restoreOriginalOptions();
    assert.deepEqual([restored.startToCloseTimeout, restored.retry?.maximumAttempts], [30_000, 3]);
    const { runId } = handle;
    assert.ok(runId);
    await activity.getHandleWithOptions(started.id, { runId }).unpause({ jitter: 1 });
    await until(async () => (await handle.describe()).runState === "SCHEDULED");
    await assert.rejects(handle.updateOptions({ startDelay: "soon" as never }), /options\.startDelay: "soon"/);
    await assert.rejects(handle.updateOptions({ taskQueue: "" }), /options\.taskQueue is missing/);
    await assert.rejects(activity.getHandle("there-is-none").pause(), ActivityNotFoundError);
    const worker = await newWorker(target, { activities, taskQueue });
    assert.equal(await worker.runUntil(handle.result()), 5);
  });

  test("that is completed from outside hears with its heartbeat that it is paused", async (t) => {
    if (!(await isServed())) return t.skip("this server has no activities without a workflow");
    const { activity } = target.client;
    await withWorker(async (taskQueue) => {
      const options = {
        id: newId("activity"),
        taskQueue,
        startToCloseTimeout,
        heartbeatTimeout: "30 seconds",
      } as const;
      const handle = await activity.start("leaves", options);
      await until(async () => left.has(options.id));
      const taskToken = left.get(options.id)!;
      await activity.heartbeat(taskToken, 1);
      await handle.pause();
      await assert.rejects(activity.heartbeat(taskToken, 2), ActivityPausedError);
      await activity.complete(taskToken, "done");
      assert.equal(await handle.result(), "done");
    });
  });

  test("is started through interceptors", async (t) => {
    if (!(await isServed())) return t.skip("this server has no activities without a workflow");
    const interceptor: ActivityClientInterceptor = {
      start: (input, next) => next({ ...input, options: { ...input.options, args: [20, 22] } }),
      getResult: async (input, next) => `it is ${await next(input)}`,
    };
    const client = new Client({ connection: target.connection, interceptors: { activity: [interceptor] } });
    await withWorker(async (taskQueue) => {
      const options = { id: newId("activity"), taskQueue, args: [1, 1], startToCloseTimeout } as const;
      assert.equal(await client.activity.execute("add", options), "it is 42");
    });
  });

  for (const [options, expected] of [
    [{ taskQueue: "q", startToCloseTimeout: 1 }, /options\.id is missing/],
    [{ id: "a", startToCloseTimeout: 1 }, /options\.taskQueue is missing/],
    [{ id: "a", taskQueue: "q" }, /Required either scheduleToCloseTimeout or startToCloseTimeout/],
    [{ id: "a", taskQueue: "q", startToCloseTimeout: "soon" }, /options\.startToCloseTimeout: "soon"/],
  ] as const) {
    test(`with ${JSON.stringify(options)} is refused before the server hears of it`, async () => {
      await assert.rejects(target.client.activity.start("add", options as never), expected);
    });
  }
});
