/** What a client does beside starting and signalling: interceptors, update-with-start, lists of histories, its connection's keys and plugins. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Client,
  type ClientPlugin,
  Connection,
  type ConnectionPlugin,
  defaultPayloadConverter,
  WithStartWorkflowOperation,
  type WorkflowClientInterceptor,
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
} from "@pawl/sdk/client";
import { Worker } from "@pawl/sdk/worker";
import { newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();

async function withWorker(work: (taskQueue: string) => Promise<void>): Promise<void> {
  const worker = await newWorker(target);
  await worker.runUntil(work(worker.options.taskQueue));
}

describe("client interceptors", () => {
  test("are there for every call, outermost first, and headers reach history", async () => {
    const seen: string[] = [];
    const note = (who: string): WorkflowClientInterceptor => {
      const through =
        (deed: string) =>
        // biome-ignore lint/suspicious/noExplicitAny: every method of an interceptor has this form.
        (input: any, next: any) => {
          seen.push(`${who} ${deed}`);
          return next(input.headers ? { ...input, headers: { by: defaultPayloadConverter.toPayload(who) } } : input);
        };
      const deeds = ["signal", "query", "terminate", "cancel", "describe", "startUpdate", "signalWithStart"] as const;
      const start = who === "outer" ? { start: through("start") } : { startWithDetails: through("start") };
      return { ...Object.fromEntries(deeds.map((deed) => [deed, through(deed)])), ...start };
    };
    const interceptors = { workflow: [note("outer"), note("inner")] };
    const client = new Client({ connection: target.connection, interceptors });
    await withWorker(async (taskQueue) => {
      const handle = await client.workflow.start(workflows.messages, { workflowId: newId(), taskQueue });
      await handle.signal(workflows.add, 2);
      assert.equal(await handle.query(workflows.total), 2);
      assert.equal(await handle.executeUpdate(workflows.increase, { args: [3] }), 5);
      await handle.describe();
      await handle.cancel();
      await handle.terminate();
      const options = { workflowId: newId(), taskQueue, signal: workflows.add, signalArgs: [1] as [number] };
      const second = await client.workflow.signalWithStart(workflows.messages, options);
      await second.terminate();
      const deeds = [
        "start",
        "signal",
        "query",
        "startUpdate",
        "describe",
        "cancel",
        "terminate",
        "signalWithStart",
        "terminate",
      ];
      assert.deepEqual(
        seen,
        deeds.flatMap((deed) => [`outer ${deed}`, `inner ${deed}`]),
      );
      const { events } = await handle.fetchHistory();
      const header = events[0]?.workflowExecutionStartedEventAttributes?.header?.fields["by"];
      assert.equal(header && defaultPayloadConverter.fromPayload(header), "inner");
    });
  });

  test("may change what is asked, and what is answered", async () => {
    const interceptor: WorkflowClientInterceptor = {
      start: (input, next) => next({ ...input, options: { ...input.options, args: ["someone else"] } }),
    };
    const client = new Client({ connection: target.connection, interceptors: { workflow: [interceptor] } });
    await withWorker(async (taskQueue) => {
      const options = { workflowId: newId(), taskQueue, args: ["me"] as [string] };
      assert.equal(await client.workflow.execute(workflows.greeting, options), "Hello, someone else!");
    });
  });
});

describe("update-with-start", () => {
  test("starts the workflow once, updates it, and gives its handle", async () => {
    await withWorker(async (taskQueue) => {
      const { workflow } = target.client;
      const options = { workflowId: newId(), taskQueue, workflowIdConflictPolicy: "USE_EXISTING" as const };
      const first = new WithStartWorkflowOperation(workflows.messages, options);
      const args = [2] as [number];
      assert.equal(
        await workflow.executeUpdateWithStart(workflows.increase, { args, startWorkflowOperation: first }),
        2,
      );
      const handle = await first.workflowHandle();
      const again = new WithStartWorkflowOperation(workflows.messages, options);
      const update = await workflow.startUpdateWithStart(workflows.increase, {
        ...{ args, updateId: "mine", waitForStage: "ACCEPTED", startWorkflowOperation: again },
      });
      assert.deepEqual([update.updateId, await update.result()], ["mine", 4]);
      await assert.rejects(
        workflow.executeUpdateWithStart(workflows.increase, { args, startWorkflowOperation: again }),
        /already been executed/,
      );
      await handle.signal(workflows.finish);
      assert.equal(await handle.result(), 4);
    });
  });

  test("a refused update leaves the workflow started, and its handle known", async () => {
    await withWorker(async (taskQueue) => {
      const { workflow } = target.client;
      const options = { workflowId: newId(), taskQueue, workflowIdConflictPolicy: "FAIL" as const };
      const operation = new WithStartWorkflowOperation(workflows.messages, options);
      await assert.rejects(
        workflow.executeUpdateWithStart(workflows.increase, { args: [-1], startWorkflowOperation: operation }),
        WorkflowUpdateFailedError,
      );
      const handle = await operation.workflowHandle();
      assert.equal((await handle.describe()).status.name, "RUNNING");
      const second = new WithStartWorkflowOperation(workflows.messages, options);
      await assert.rejects(
        workflow.executeUpdateWithStart(workflows.increase, { args: [1], startWorkflowOperation: second }),
        WorkflowExecutionAlreadyStartedError,
      );
      await assert.rejects(second.workflowHandle(), WorkflowExecutionAlreadyStartedError);
      await handle.terminate();
    });
  });
});

test("what is listed can be replayed", async () => {
  const type = `greeting`;
  await withWorker(async (taskQueue) => {
    const { workflow } = target.client;
    const ids = [newId(), newId(), newId()];
    for (const workflowId of ids) await workflow.execute(workflows.greeting, { workflowId, taskQueue, args: ["x"] });
    const query = `WorkflowType = '${type}' AND TaskQueue = '${taskQueue}'`;
    while ((await workflow.count(query)).count < ids.length) await new Promise((resolve) => setTimeout(resolve, 50));
    const histories = workflow.list({ query, pageSize: 2 }).intoHistories({ concurrency: 2 });
    const replayed: string[] = [];
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath }, histories)) {
      assert.equal(error, undefined);
      replayed.push(workflowId);
    }
    assert.deepEqual(replayed.toSorted(), ids.toSorted());
  });
});

describe("a connection", () => {
  test("carries keys and metadata where they are given, and plugins reach clients too", async () => {
    const seen: Record<string, string>[] = [];
    const transport = {
      call: async ({ metadata }: { metadata: Readonly<Record<string, string>> }) => {
        seen.push({ ...metadata });
        return new Uint8Array(0);
      },
      close: () => undefined,
    };
    const plugin: ConnectionPlugin & ClientPlugin = {
      name: "test",
      configureConnection: (options) => ({ ...options, metadata: { ...options.metadata, plugged: "in" } }),
      configureClient: (options) => ({ ...options, namespace: "from-the-plugin" }),
    };
    const connection = await Connection.connect({ transport, apiKey: "one", plugins: [plugin] });
    connection.setApiKey(() => "two");
    await connection.withMetadata({ extra: "yes" }, () => connection.ensureConnected());
    await connection.withApiKey("three", () => connection.ensureConnected());
    await connection.ensureConnected();
    assert.deepEqual(
      seen.map(({ authorization, plugged, extra }) => [authorization, plugged, extra]),
      [
        ["Bearer one", "in", undefined],
        ["Bearer two", "in", "yes"],
        ["Bearer three", "in", undefined],
        ["Bearer two", "in", undefined],
      ],
    );
    assert.equal(new Client({ connection }).options.namespace, "from-the-plugin");
  });
});
