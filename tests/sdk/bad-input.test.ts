/** What is wrong is refused in words that help: at the call where it can be known there, and otherwise without loss of the workflow. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { enums, type history } from "@pawl/protocol";
import { ApplicationFailure, heartbeat } from "@pawl/sdk/activity";
import { Client, type WorkflowHandle } from "@pawl/sdk/client";
import { type Payload, ValueError } from "@pawl/sdk/common";
import { DefaultLogger } from "@pawl/sdk/worker";
import * as workflows from "./bad-input/workflows.ts";
import { newId, newWorker, useTarget } from "./target.ts";

const target = useTarget();
const workflowsPath = fileURLToPath(new URL("./bad-input/workflows.ts", import.meta.url));
const mended = fileURLToPath(new URL("./bad-input/mended.ts", import.meta.url));
const megabyte = 2 ** 20;

const activities = {
  take: async (text: string) => text.length,
  give: async (bytes: number) => "x".repeat(bytes),
  heartbeats: async (bytes: number) => heartbeat("x".repeat(bytes)),
  fails: async (bytes: number) => {
    throw ApplicationFailure.retryable("too long a story", "Story", "x".repeat(bytes));
  },
  failsUnwritably: async () => {
    throw ApplicationFailure.retryable("a long number", "Number", 10n);
  },
};

async function withWorker(work: (taskQueue: string) => Promise<void>): Promise<void> {
  const worker = await newWorker(target, { workflowsPath, activities });
  await worker.runUntil(work(worker.options.taskQueue));
}

/** How the first workflow task ended that failed. */
async function taskFailureOf(handle: WorkflowHandle): Promise<history.WorkflowTaskFailedEventAttributes> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    const failed = events.find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
    if (failed) return failed.workflowTaskFailedEventAttributes!;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("an activity whose failure has details that cannot be written fails as that, and is not waited for until its timeout", async () => {
  await withWorker(async (taskQueue) => {
    const options = { workflowId: newId(), taskQueue };
    const said = await target.client.workflow.execute(workflows.failsUnwritably, options);
    assert.match(said, /^ApplicationFailure TypeError false: .*BigInt/);
  });
});

test("a bug in a workflow is logged with its kind and the place in the user's file", async () => {
  const { promise: logged, resolve } = Promise.withResolvers<unknown>();
  const logger = new DefaultLogger("WARN", ({ message, meta }) => {
    if (message === "Workflow task failed") resolve(meta?.["error"]);
  });
  const worker = await newWorker(target, { workflowsPath, logger });
  const options = { workflowId: newId(), taskQueue: worker.options.taskQueue };
  const handle = await target.client.workflow.start(workflows.hasBug, options);
  const error = await worker.runUntil(logged);
  assert.match(String(error), /^TypeError: .*'goods'.*\n +at hasBug \(\S+bad-input.workflows\.ts:\d+:\d+\)/);
  await handle.terminate();
});

describe("what is not registered", () => {
  test("an activity fails, retryably, with the names of those that are there", async () => {
    await withWorker(async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue };
      for (const said of await target.client.workflow.execute(workflows.missingActivities, options)) {
        assert.match(said, /^ApplicationFailure NotFoundError false: Activity function absent is not registered.*take/);
      }
    });
  });

  test("a workflow fails its task with the names of those that are there, and goes on in a worker that has it", async () => {
    const options = { workflowId: newId(), args: [5] as [number], workflowTaskTimeout: "1 second" } as const;
    const worker = await newWorker(target, { workflowsPath, activities });
    const { taskQueue } = worker.options;
    const handle = await target.client.workflow.start("mendedAlone", { ...options, taskQueue });
    const failed = await worker.runUntil(taskFailureOf(handle));
    assert.match(
      failed.failure!.message,
      /'mendedAlone': no such function is exported by the workflow bundle, which has .*answers/,
    );
    const other = await newWorker(target, { workflowsPath: mended, activities, taskQueue });
    assert.equal(await other.runUntil(handle.result()), 5);
  });
});

describe("handlers that are there twice", () => {
  test("the one that was set last is the only one that is called", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.handlesTwice, { workflowId: newId(), taskQueue });
      assert.equal(await handle.query(workflows.asked, 1), "second");
      assert.equal(await handle.executeUpdate(workflows.changed, { args: [1] }), "second");
      await handle.signal(workflows.told, "heard");
      assert.equal(await handle.result(), "second heard");
    });
  });
});

describe("payloads that do not decode", () => {
  /** Encrypts, as far as a worker can tell that knows nothing of it. */
  const encode = async (payloads: Payload[]) =>
    payloads.map(() => ({ metadata: { encoding: Buffer.from("binary/encrypted") }, data: new Uint8Array([1, 2]) }));
  const payloadCodecs = [{ encode, decode: async (payloads: Payload[]) => payloads }];
  const unreadable = /binary\/encrypted/;
  const sealing = () => new Client({ connection: target.connection, dataConverter: { payloadCodecs } });

  test("arguments of a workflow, and of a signal, fail the task and leave the workflow open", async () => {
    await withWorker(async (taskQueue) => {
      const args = ["memo", 1] as ["memo", number];
      const begun = await sealing().workflow.start(workflows.saysTooMuch, { workflowId: newId(), taskQueue, args });
      assert.match((await taskFailureOf(begun)).failure?.message ?? "", unreadable);
      const told = await target.client.workflow.start(workflows.answers, { workflowId: newId(), taskQueue });
      await sealing().workflow.getHandle(told.workflowId).signal(workflows.told, "x");
      assert.match((await taskFailureOf(told)).failure?.message ?? "", unreadable);
      for (const handle of [begun, told]) {
        assert.equal((await handle.describe()).status.name, "RUNNING");
        await handle.terminate();
      }
    });
  });

  test("those of a query and an update are refused, and a result that the client cannot read is a ValueError", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.answers, { workflowId: newId(), taskQueue });
      const sealed = sealing().workflow.getHandle<typeof workflows.answers>(handle.workflowId);
      await assert.rejects(sealed.query(workflows.asked, 1), unreadable);
      await assert.rejects(sealed.executeUpdate(workflows.changed, { args: [1] }), (error: Error) =>
        unreadable.test(String(error.cause)),
      );
      await handle.signal(workflows.told, "the end");
      assert.equal(await handle.result(), "the end");
      const decode = async (payloads: Payload[]) => await encode(payloads);
      const blind = { payloadCodecs: [{ encode, decode }] };
      const unable = new Client({ connection: target.connection, dataConverter: blind });
      await assert.rejects(unable.workflow.getHandle(handle.workflowId).result(), (error: Error) => {
        assert.ok(error instanceof ValueError, String(error));
        assert.match(error.message, unreadable);
        return true;
      });
    });
  });
});

describe("payloads that are too large", () => {
  for (const [what, field] of [
    ["activity", "scheduleActivityTaskCommandAttributes.input of take"],
    ["child", "startChildWorkflowExecutionCommandAttributes.input of take"],
    ["memo", "modifyWorkflowPropertiesCommandAttributes.upsertedMemo"],
    ["result", "completeWorkflowExecutionCommandAttributes.result"],
    ["failure", "failWorkflowExecutionCommandAttributes.failure"],
    ["next", "continueAsNewWorkflowExecutionCommandAttributes.input of saysTooMuch"],
    ["localResult", "recordMarkerCommandAttributes.details"],
  ] as const) {
    test(`${what}: the task fails, with field and size, and the workflow stays open`, async () => {
      await withWorker(async (taskQueue) => {
        const args = [what, 3 * megabyte] as [typeof what, number];
        const options = { workflowId: newId(), taskQueue, args };
        const handle = await target.client.workflow.start(workflows.saysTooMuch, options);
        const { cause, failure } = await taskFailureOf(handle);
        const message = failure?.message ?? "";
        assert.equal(cause, enums.WorkflowTaskFailedCause.PAYLOADS_TOO_LARGE);
        assert.ok(message.includes(`[TMPRL1103]`) && message.includes(field), message);
        assert.ok(Number(/has (\d+) bytes/.exec(message)?.[1]) >= 3 * megabyte, message);
        assert.equal((await handle.describe()).status.name, "RUNNING");
        await handle.terminate();
      });
    });
  }

  test("an answer that is too large as a whole fails the task, and says so", async () => {
    await withWorker(async (taskQueue) => {
      const args = ["many", 5 * megabyte] as ["many", number];
      const options = { workflowId: newId(), taskQueue, args };
      const handle = await target.client.workflow.start(workflows.saysTooMuch, options);
      const { cause, failure } = await taskFailureOf(handle);
      assert.equal(cause, enums.WorkflowTaskFailedCause.PAYLOADS_TOO_LARGE, failure?.message);
      assert.match(failure?.message ?? "", /larger than max/);
      assert.equal((await handle.describe()).status.name, "RUNNING");
      await handle.terminate();
    });
  });

  test("an activity's result, heartbeat and failure fail its attempt, retryably", async () => {
    await withWorker(async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue, args: [3 * megabyte] as [number] };
      const said = await target.client.workflow.execute(workflows.activityEnds, options);
      for (const [i, field] of [
        "the activity's result",
        "the heartbeat's details",
        "the activity's failure",
      ].entries()) {
        assert.match(said[i]!, /^ApplicationFailure PayloadsTooLarge false: \[TMPRL1103\]/);
        assert.ok(said[i]!.includes(field), said[i]);
      }
    });
  });

  test("a query's answer fails the query", async () => {
    await withWorker(async (taskQueue) => {
      const handle = await target.client.workflow.start(workflows.answers, { workflowId: newId(), taskQueue });
      await assert.rejects(handle.query(workflows.asked, 3 * megabyte), /TMPRL1103.*the result of query asked/);
      assert.equal(await handle.query(workflows.asked, 1), "x");
      await handle.signal(workflows.told, "the end");
      assert.equal(await handle.result(), "the end");
    });
  });

  test("a workflow goes on once its code says less", async () => {
    const first = await newWorker(target, { workflowsPath, activities });
    const { taskQueue } = first.options;
    const options = { workflowId: newId(), taskQueue, args: ["activity", 3 * megabyte] as ["activity", number] };
    const handle = await target.client.workflow.start(workflows.saysTooMuch, {
      ...options,
      workflowTaskTimeout: "1 second",
    });
    await first.runUntil(taskFailureOf(handle));
    const second = await newWorker(target, { workflowsPath: mended, activities, taskQueue });
    assert.equal(await second.runUntil(handle.result()), megabyte);
  });
});

describe("options that make no sense", () => {
  test("in workflow code they are refused at the call, by their names", async () => {
    await withWorker(async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue };
      assert.deepEqual(await target.client.workflow.execute(workflows.optionsThatPass, options), []);
    });
  });

  for (const [option, bad] of [
    ["workflowIdReusePolicy", "SOMETIMES"],
    ["workflowIdConflictPolicy", "SHRUG"],
    ["workflowRunTimeout", "a while"],
    ["startDelay", -1],
  ] as const) {
    test(`a client's ${option} is refused before anything is sent`, async () => {
      const options = { workflowId: newId(), taskQueue: "nobody", [option]: bad };
      await assert.rejects(target.client.workflow.start(workflows.answers, options as never), (error: Error) => {
        assert.ok(error instanceof TypeError, String(error));
        return error.message.includes(`options.${option}`);
      });
    });
  }
});
