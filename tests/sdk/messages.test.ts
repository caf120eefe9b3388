/** What a client can say to a workflow and ask of it, and what it is told when that makes no sense. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ApplicationFailure,
  CallFailed,
  Client,
  NamespaceNotFoundError,
  QueryNotRegisteredError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from "@pawl/sdk/client";
import { DefaultLogger, type LogEntry, Worker } from "@pawl/sdk/worker";
import { newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();

/** A worker while `work` lasts, on the queue that it is told. */
async function withWorker(work: (taskQueue: string) => Promise<void>): Promise<void> {
  const worker = await newWorker(target);
  await worker.runUntil(work(worker.options.taskQueue));
}

describe("signals", () => {
  test("they are heard in their order, and a query sees what they did", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.messages, { workflowId: newId(), taskQueue });
      await handle.signal(workflows.add, 2);
      await handle.signal("add", 3);
      assert.equal(await handle.query(workflows.total), 5);
      await handle.signal(workflows.finish);
      assert.equal(await handle.result(), 5);
      assert.equal(await handle.query<number>("total"), 5, "a closed workflow still answers");
      await Worker.runReplayHistory({ workflowsPath }, await handle.fetchHistory());
    });
  });

  test("those that come before their handler wait for it", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.lateHandlers, { workflowId: newId(), taskQueue });
      await handle.signal("one", 1);
      await handle.signal("two", 2, "x");
      assert.deepEqual(await handle.result(), ["one 1", "two 2,x"]);
    });
  });

  test("signal-with-start starts once, and signals whatever runs", async () => {
    await withWorker(async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue, signal: workflows.add, signalArgs: [2] as [number] };
      const first = await target.client.workflow.signalWithStart(workflows.messages, options);
      const second = await target.client.workflow.signalWithStart(workflows.messages, options);
      assert.equal(first.signaledRunId, second.signaledRunId);
      await second.signal(workflows.finish);
      assert.equal(await first.result(), 4);
    });
  });

  test("a signal resolves a trigger", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.triggered, { workflowId: newId(), taskQueue });
      await handle.signal(workflows.add, 9);
      assert.equal(await handle.result(), 9);
    });
  });
});

describe("handlers at the end", () => {
  for (const quietly of [false, true]) {
    test(`a workflow that ends while they work ${quietly ? "says nothing when they may be abandoned" : "warns of each"}`, async () => {
      const lines: LogEntry[] = [];
      const logger = new DefaultLogger("WARN", (entry) => lines.push(entry));
      const worker = await newWorker(target, { logger });
      const { taskQueue } = worker.options;
      await worker.runUntil(async () => {
        const options = { workflowId: newId(), taskQueue, args: [quietly] as [boolean] };
        const handle = await target.client.workflow.start(workflows.endsAmidHandlers, options);
        await handle.signal(workflows.add, 1);
        const waitForStage = "ACCEPTED";
        const update = await handle.startUpdate(workflows.increase, { args: [1], updateId: "u1", waitForStage });
        await handle.result();
        await assert.rejects(update.result());
        await Worker.runReplayHistory({ workflowsPath, logger }, await handle.fetchHistory());
      });
      const warnings = lines.map(({ message }) => message).filter((message) => message.includes("TMPRL1102"));
      const expected = [
        /still handled: signal add\..*allHandlersFinished.*ABANDON/,
        /still handled: update increase \(u1\)\./,
      ];
      assert.equal(warnings.length, quietly ? 0 : 2, warnings.join("\n"));
      for (const [at, warning] of warnings.entries()) assert.match(warning, expected[at]!);
    });
  }

  test("an update that continues the workflow as new ends its run", async () => {
    await withWorker(async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue, args: [1] as [number] };
      const handle = await target.client.workflow.start(workflows.endedByUpdate, options);
      await handle.startUpdate(workflows.increase, { args: [1], waitForStage: "ACCEPTED" });
      assert.equal(await handle.result(), "continued by its update");
    });
  });
});

describe("updates", () => {
  test("an update is validated, done and answered, and replays", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.messages, { workflowId: newId(), taskQueue });
      assert.equal(await handle.executeUpdate(workflows.increase, { args: [2] }), 2);
      await assert.rejects(handle.executeUpdate(workflows.increase, { args: [-1] }), (error: unknown) => {
        assert.ok(error instanceof WorkflowUpdateFailedError);
        assert.equal(error.cause?.message, "must not be negative");
        assert.match(error.cause?.stack ?? "", /workflows\.ts:\d+:\d+/);
        return true;
      });
      assert.equal(await handle.executeUpdate(workflows.increase, { args: [3] }), 5);
      const started = await handle.startUpdate(workflows.increase, { args: [4], updateId: "the-same" });
      assert.equal(await started.result(), 9);
      const again = await handle.executeUpdate(workflows.increase, { args: [4], updateId: "the-same" });
      assert.equal(again, 9, "the same id twice is one update");
      assert.equal(await handle.getUpdateHandle<number>("the-same").result(), 9);
      await handle.signal(workflows.finish);
      assert.equal(await handle.result(), 9);
      await Worker.runReplayHistory({ workflowsPath }, await handle.fetchHistory());
    });
  });

  test("an update knows which it is, and the rest of the workflow does not take itself for it", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.knowsItsUpdate, { workflowId: newId(), taskQueue });
      const info = await handle.executeUpdate(workflows.which, { updateId: "mine" });
      assert.deepEqual(info, { id: "mine", name: "which" });
      assert.equal(await handle.result(), "none");
    });
  });

  test("an update that throws a failure fails, and its workflow goes on", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.messages, { workflowId: newId(), taskQueue });
      await assert.rejects(handle.executeUpdate(workflows.failing), (error: unknown) => {
        assert.ok(error instanceof WorkflowUpdateFailedError);
        assert.ok(error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.type, "Refused");
        assert.match(error.cause.stack ?? "", /workflows\.ts:\d+:\d+/);
        return true;
      });
      await assert.rejects(handle.executeUpdate("there is none"), WorkflowUpdateFailedError);
      await handle.signal(workflows.finish);
      assert.equal(await handle.result(), 0);
      await Worker.runReplayHistory({ workflowsPath }, await handle.fetchHistory());
    });
  });
});

describe("queries", () => {
  test("one without a handler is refused, with the names of those that have one", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.messages, { workflowId: newId(), taskQueue });
      await assert.rejects(handle.query("weather"), (error: unknown) => {
        assert.ok(error instanceof QueryNotRegisteredError);
        assert.match(error.message, /weather.*\[total\]/);
        return true;
      });
      await handle.signal(workflows.finish);
      await handle.result();
    });
  });

  test("a handler that would change the workflow is told so", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.queryChanges, { workflowId: newId(), taskQueue });
      await assert.rejects(handle.query(workflows.total), /must only read/);
      await handle.terminate();
    });
  });

  test("a worker that has not the run in its cache answers from its history", async () => {
    const workflowId = newId();
    const first = await newWorker(target);
    const { taskQueue } = first.options;
    const handle = await target.client.workflow.start(workflows.messages, { workflowId, taskQueue });
    await first.runUntil(async () => {
      await handle.signal(workflows.add, 4);
      assert.equal(await handle.query(workflows.total), 4);
    });
    const second = await newWorker(target, { taskQueue });
    await second.runUntil(async () => {
      assert.equal(await handle.query(workflows.total), 4);
      await handle.signal(workflows.finish);
      assert.equal(await handle.result(), 4);
    });
  });
});

describe("what a client is told", () => {
  const options = () => ({ workflowId: newId(), taskQueue: newId("nobody"), args: ["x"] as [string] });

  test("an id that runs already is refused, unless its policy says otherwise", async () => {
    const taken = options();
    const { client } = target;
    const handle = await client.workflow.start(workflows.greeting, taken);
    await assert.rejects(client.workflow.start(workflows.greeting, taken), (error: unknown) => {
      assert.ok(error instanceof WorkflowExecutionAlreadyStartedError);
      assert.deepEqual([error.workflowId, error.workflowType], [taken.workflowId, "greeting"]);
      return true;
    });
    const same = await client.workflow.start(workflows.greeting, {
      ...taken,
      workflowIdConflictPolicy: "USE_EXISTING",
    });
    assert.equal(same.firstExecutionRunId, handle.firstExecutionRunId);
    await handle.terminate();
  });

  test("what is not there is not found", async () => {
    const handle = target.client.workflow.getHandle("there is no such workflow");
    await assert.rejects(handle.describe(), WorkflowNotFoundError);
    await assert.rejects(handle.signal("x"), WorkflowNotFoundError);
    await assert.rejects(handle.cancel(), WorkflowNotFoundError);
    await assert.rejects(handle.terminate(), WorkflowNotFoundError);
    await assert.rejects(handle.result(), WorkflowNotFoundError);
    await assert.rejects(handle.query("x"), WorkflowNotFoundError);
    await assert.rejects(handle.fetchHistory(), WorkflowNotFoundError);
  });

  test("a namespace that is not there is named", async () => {
    const client = new Client({ connection: target.connection, namespace: "nowhere" });
    await assert.rejects(client.workflow.start(workflows.greeting, options()), NamespaceNotFoundError);
    await assert.rejects(newWorker(target, { namespace: "nowhere" }), NamespaceNotFoundError);
  });

  test("a list filter that cannot be read is a ServiceError", async () => {
    await assert.rejects(target.client.workflow.count("Weather = 'fine'"), (error: unknown) => {
      assert.ok(error instanceof ServiceError);
      assert.ok(error.cause instanceof CallFailed);
      assert.equal(error.cause.code, 3);
      return true;
    });
  });

  for (const [what, bad, expected] of [
    ["no task queue", { workflowId: "x" }, /options\.taskQueue is missing/],
    ["no id", { taskQueue: "x" }, /options\.workflowId is missing/],
    [
      "a timeout that is none",
      { workflowId: "x", taskQueue: "x", workflowRunTimeout: "soon" },
      /workflowRunTimeout.*"soon"/,
    ],
    ["a policy that is none", { workflowId: "x", taskQueue: "x", retry: { maximumAttempts: 0 } }, /maximumAttempts/],
  ] as const) {
    test(`${what} is refused before anything is sent`, async () => {
      await assert.rejects(target.client.workflow.start("greeting", bad as never), expected);
    });
  }
});
