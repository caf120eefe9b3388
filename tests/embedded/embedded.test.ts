/** `open`: server, client and worker inside one process, and what happens to it from outside. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Connection, WorkflowNotFoundError } from "@pawl/sdk/client";
import { defineSearchAttributeKey, TypedSearchAttributes } from "@pawl/sdk/common";
import { type App, type OpenOptions, open } from "pawl";
import { preparePython } from "../rig/python.ts";
import { appAddress, endWithThisProcess } from "../rig/server.ts";
import { goSignal, greeting, nameUpdate } from "./workflows.ts";

const workflowsPath = fileURLToPath(new URL("./workflows.ts", import.meta.url));
const taskQueue = "greetings";
const activities = { greet: async (name: string) => `Hello, ${name}!` };

async function openFor(t: TestContext, address: string, options?: OpenOptions): Promise<App> {
  const app = await open(address, options);
  t.after(() => app.close());
  return app;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pawl-embedded-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Everything of the API that waits: a task, an update, a result. */
async function greet(app: App, workflowId: string): Promise<string> {
  const handle = await app.client.workflow.start(greeting, { taskQueue, workflowId });
  assert.equal(await handle.executeUpdate(nameUpdate, { args: ["Ada"] }), "you are Ada");
  const result = handle.result();
  await handle.signal(goSignal);
  return await result;
}

describe("an app in one process", () => {
  test("is ready in a moment, and runs workflows without a port", async (t) => {
    const before = process.cpuUsage();
    const app = await openFor(t, "memory:");
    const { user, system } = process.cpuUsage(before);
    // Some 10 ms. What it takes of the processor tells the same on a busy machine.
    assert.ok(user + system < 1e6, `ready after ${(user + system) / 1_000} ms`);
    await app.worker({ taskQueue, workflowsPath, activities });
    assert.equal(await greet(app, "one"), "Hello, Ada!");
  });

  test("keeps its namespace and its workflows in its file, which it holds alone and releases", async (t) => {
    const address = await appAddress(join(folder(t), "app.db"));
    const first = await openFor(t, address, { namespace: "shop" });
    const handle = await first.client.workflow.start(greeting, { taskQueue, workflowId: "kept" });
    await assert.rejects(open(address), { name: "StartFailure", message: /in use|another|already/ });
    await Promise.all([first.close(), first.close()]);
    await assert.rejects(first.worker({ taskQueue, activities }), { message: /has been closed/ });
    await assert.rejects(first.client.workflow.getHandle("kept").describe(), /the connection is closed/);

    const second = await openFor(t, address, { namespace: "shop" });
    const described = await second.client.workflow.getHandle("kept").describe();
    assert.deepEqual([described.runId, described.status.name], [handle.firstExecutionRunId, "RUNNING"]);
    const other = await openFor(t, await appAddress(), { namespace: "shop" });
    await assert.rejects(other.client.workflow.getHandle("kept").describe(), WorkflowNotFoundError);
  });

  test("its namespace has the search attributes that it asks for", async (t) => {
    const options = { namespace: "bakery", searchAttributes: { Customer: "Keyword" } };
    const { client } = await openFor(t, "memory:", options);
    const about = [{ key: defineSearchAttributeKey("Customer", "KEYWORD"), value: "ada" }];
    const typedSearchAttributes = new TypedSearchAttributes(about);
    await client.workflow.start(greeting, { taskQueue, workflowId: "w1", typedSearchAttributes });
    assert.deepEqual(await client.workflow.count("Customer = 'ada'"), { count: 1, groups: [] });
  });

  test("a start brings its first task to the app's worker, if told to; and many polls wait", async (t) => {
    const app = await openFor(t, "memory:");
    const worker = await app.worker({ taskQueue, workflowsPath, activities });
    assert.equal(worker.options.workflowPollers.maximum + worker.options.stickyPollers.maximum, 128);
    assert.equal(worker.options.activityPollers.maximum, 16);
    for (const [workflowId, eager] of Object.entries({ atOnce: { requestEagerStart: true }, queued: {} })) {
      const handle = await app.client.workflow.start(greeting, { taskQueue, workflowId, ...eager });
      assert.equal(handle.eagerlyStarted, workflowId === "atOnce");
      const { events } = await handle.fetchHistory();
      const { eagerExecutionAccepted } = events[0]!.workflowExecutionStartedEventAttributes!;
      assert.equal(eagerExecutionAccepted, handle.eagerlyStarted);
      await handle.terminate();
    }
    // Polls hold slots: a worker with few of these has few of them.
    const small = await app.worker({ taskQueue, workflowsPath, maxConcurrentWorkflowTaskExecutions: 6 });
    assert.equal(small.options.workflowPollers.maximum + small.options.stickyPollers.maximum, 5);
  });

  test("serves others when told to; they and the app do each other's work", async (t) => {
    const app = await openFor(t, await appAddress());
    const { port } = await app.serve({ port: 0 });
    const outside = await openFor(t, `pawl://127.0.0.1:${port}`);
    await outside.worker({ taskQueue, workflowsPath, activities });
    assert.equal(await greet(app, "inside"), "Hello, Ada!");
    assert.equal(await greet(outside, "outside"), "Hello, Ada!");
    await assert.rejects(app.serve({ port: 0 }), { message: /listens already/ });
    await assert.rejects(outside.serve(), { message: /elsewhere/ });
    await outside.close();
    await app.close();
    await assert.rejects(Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: "300 ms" }));
  });

  test("a worker on an official SDK joins it", { timeout: 120_000 }, async (t) => {
    const python = await preparePython();
    if ("skipped" in python) return t.skip(python.skipped);
    const app = await openFor(t, await appAddress());
    const { port } = await app.serve({ port: 0 });
    const program = fileURLToPath(new URL("./worker.py", import.meta.url));
    const { command } = python.tool.scenarios;
    const worker = spawn(command, ["-B", program, `127.0.0.1:${port}`], { stdio: ["ignore", "inherit", "inherit"] });
    endWithThisProcess(worker);
    t.after(() => worker.kill("SIGKILL"));
    const options = { taskQueue: "python", workflowId: "praise", args: ["Ada"] };
    const died = once(worker, "exit").then(() => assert.fail("the worker has ended"));
    assert.equal(await Promise.race([app.client.workflow.execute("Praise", options), died]), "Well done, Ada!");
    died.catch(() => {});
  });

  test("lets an activity finish before it closes", async (t) => {
    const app = await openFor(t, await appAddress());
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    let isDone = false;
    const slow = async (name: string) => {
      begun.resolve();
      await end.promise;
      isDone = true;
      return name;
    };
    await app.worker({ taskQueue, workflowsPath, activities: { greet: slow } });
    const handle = await app.client.workflow.start(greeting, { taskQueue, workflowId: "slow" });
    await handle.executeUpdate(nameUpdate, { args: ["Ada"] });
    await handle.signal(goSignal);
    await begun.promise;
    const closed = app.close();
    end.resolve();
    await closed;
    assert.equal(isDone, true);
  });

  test("says what is wrong with its address or its options, and leaves nothing open", async (t) => {
    for (const address of [
      "",
      "app.db",
      "file:",
      "memory",
      "memory:x",
      "pawl://",
      "pawl://host/path",
      "postgres:",
      "http://host",
    ])
      await assert.rejects(open(address), { name: "StartFailure", message: /cannot be opened: it is file:/ }, address);
    const file = `file:${join(folder(t), "app.db")}`;
    const unloadable = { payloadConverterPath: join(folder(t), "none.ts") };
    await assert.rejects(open(file, { client: { dataConverter: unloadable } }));
    await assert.rejects(open(file, { namespace: "" }), { name: "StartFailure" });
    await openFor(t, file);
    await assert.rejects(open("postgres://nobody@127.0.0.1:1/none"), { name: "StartFailure" });
    await assert.rejects(open(`file:${join(folder(t), "none", "app.db")}`), { message: /does not exist/ });
  });
});

test("the example goes on after kill -9 where it was", async (t) => {
  const database = join(folder(t), "countdown.db");
  const example = fileURLToPath(new URL("../../examples/embedded/app.ts", import.meta.url));
  const start = () => {
    const child = spawn(process.execPath, [example, database], { stdio: ["ignore", "pipe", "inherit"] });
    endWithThisProcess(child);
    return { child, lines: createInterface({ input: child.stdout! }) };
  };
  const first = start();
  const before: string[] = [];
  for await (const line of first.lines) {
    before.push(line);
    if (before.length === 3) break;
  }
  const died = once(first.child, "exit");
  first.child.kill("SIGKILL");
  await died;
  assert.deepEqual(before, ["10 to go", "9 to go", "8 to go"]);

  const second = start();
  const after: string[] = [];
  const ended = once(second.child, "exit");
  for await (const line of second.lines) after.push(line);
  assert.deepEqual(await ended, [0, null]);
  // The step under way when it died may be done again; what was recorded is not.
  assert.match(after[0]!, /^[87] to go$/);
  assert.deepEqual(after.slice(-2), ["1 to go", "lift-off"]);
});

test("a signal closes the app and ends the program, which may listen for it and end as it likes", async (t) => {
  const database = join(folder(t), "app.db");
  const program = fileURLToPath(new URL("./signalled.ts", import.meta.url));
  const start = async (...args: readonly string[]) => {
    const child = spawn(process.execPath, [program, `file:${database}`, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    endWithThisProcess(child);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "waits");
    return { child, lines, ended: once(child, "exit") };
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const { child, ended } = await start();
    child.kill(signal);
    assert.deepEqual(await ended, [null, signal]);
    // Who closes a file in order leaves nothing beside it.
    assert.ok(!existsSync(`${database}-wal`));
  }
  const { child, lines, ended } = await start("listens");
  child.kill("SIGTERM");
  assert.equal((await lines.next()).value, "asked");
  child.stdin!.end("go on\n");
  assert.equal((await lines.next()).value, "closed");
  assert.deepEqual(await ended, [0, null]);
});
