/** The sandbox keeps the process out of workflow code, and replay finds code that no longer does what its history says. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { history } from "@pawl/protocol";
import type { WorkflowHandle } from "@pawl/sdk/client";
import { messageToJson } from "@pawl/sdk/proto/json";
import { bundleWorkflowCode, DeterminismViolationError, Worker } from "@pawl/sdk/worker";
import { newId, newWorker, useTarget, workflowsPath } from "./target.ts";
import { startWorkerProcess } from "./worker-process.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();
/** Inside the repository, where the code's imports are found, and ignored by git. */
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

async function withCode<T>(code: string, use: (path: string) => Promise<T>): Promise<T> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "made-up-"));
  const path = join(folder, "workflows.ts");
  await writeFile(path, code);
  try {
    return await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function historyOf(
  workflow: (...args: never[]) => Promise<unknown>,
  args: unknown[] = [],
): Promise<history.History> {
  const worker = await newWorker(target);
  const { taskQueue } = worker.options;
  return await worker.runUntil(async () => {
    const options = { workflowId: newId(), taskQueue, args: args as never };
    const handle = await target.client.workflow.start(workflow as never, options);
    await handle.result();
    return await handle.fetchHistory();
  });
}

/** The message with which the first workflow task failed. */
async function taskFailureOf(handle: WorkflowHandle): Promise<string> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    const failed = events.find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
    if (failed) return failed.workflowTaskFailedEventAttributes?.failure?.message ?? "";
  }
}

describe("the sandbox", () => {
  test("clock and chance are the run's own, modules and globals are not shared", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    const results = await worker.runUntil(async () => {
      const run = () => target.client.workflow.execute(workflows.sandboxed, { workflowId: newId(), taskQueue });
      return (await Promise.all([run(), run()])) as Record<string, Record<string, unknown>>[];
    });
    for (const result of results) {
      assert.deepEqual([result["moduleState"], result["leaked"], result["inside"]], [1, 1, true]);
      assert.deepEqual(result["types"], ["undefined", "undefined", "function", "undefined"]);
      assert.equal(Date.parse(String(result["second"]?.["date"])), result["second"]?.["now"]);
      assert.equal(result["second"]?.["isDate"], true);
    }
    const [one, two] = results;
    assert.notEqual(one?.["first"]?.["uuid"], two?.["first"]?.["uuid"]);
    assert.notEqual(one?.["first"]?.["random"], two?.["first"]?.["random"]);
  });

  test("a run gives the same times, numbers and ids when it is replayed by another worker", async () => {
    // Without a cache every task replays the run from its beginning.
    const worker = await newWorker(target, { maxCachedWorkflows: 0 });
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const handle = await target.client.workflow.start(workflows.sandboxed, { workflowId: newId(), taskQueue });
      const { first, second } = (await handle.result()) as Record<string, Record<string, unknown>>;
      const events = (await handle.fetchHistory()).events;
      const startedAt = events.find(({ workflowTaskStartedEventAttributes: started }) => started)?.eventTime;
      assert.equal(first?.["now"], (startedAt?.seconds ?? 0) * 1_000 + Math.floor((startedAt?.nanos ?? 0) / 1e6));
      assert.notEqual(first?.["random"], second?.["random"]);
      assert.match(String(first?.["uuid"]), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });
  });

  for (const [workflow, expected] of [
    [workflows.usesProcess, /process is not there.*workflows\.ts:\d+:\d+.*argument of the workflow/],
    [workflows.usesFetch, /fetch is not there.*workflows\.ts:\d+:\d+.*activity/],
    [workflows.throwsPlainError, /a bug/],
    [workflows.neverYields, /potential deadlock/],
    // The test runner follows promises by `async_hooks`: Node would abort a process whose promise is ended from outside.
    [workflows.yieldsOnce, /potential deadlock/],
  ] as const) {
    test(`${workflow.name} fails its workflow task, not its worker and not the workflow`, async () => {
      const worker = await newWorker(target, { deadlockTimeout: "200 milliseconds" });
      const { taskQueue } = worker.options;
      await worker.runUntil(async () => {
        const options = { workflowId: newId(), taskQueue };
        const handle = await target.client.workflow.start(workflow as () => Promise<void>, options);
        assert.match(await taskFailureOf(handle), expected);
        assert.equal((await handle.describe()).status.name, "RUNNING");
        await handle.terminate();
        const other = { workflowId: newId(), taskQueue, args: ["again"] as [string] };
        assert.equal(await target.client.workflow.execute(workflows.greeting, other), "Hello, again!");
      });
    });
  }

  test("a rejection that nobody handles fails the workflow task", async () => {
    // In a process of its own: the test runner takes every unhandled rejection of this one for a failed test.
    const worker = await startWorkerProcess(target.server.address);
    const options = { workflowId: newId(), taskQueue: worker.taskQueue };
    const handle = await target.client.workflow.start(workflows.floats, options);
    assert.match(await taskFailureOf(handle), /nobody waits for this/);
    await handle.terminate();
    assert.equal(await worker.stop(), 0, "it is no failure of the process");
  });

  test("a workflow type that is not there fails the task with the names of those that are", async () => {
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const handle = await target.client.workflow.start("absent", { workflowId: newId(), taskQueue, args: [] });
      assert.match(await taskFailureOf(handle), /'absent'.*greeting/);
      await handle.terminate();
    });
  });

  for (const [what, code, expected] of [
    [
      "a Node module",
      'import { readFileSync } from "node:fs";\nexport const w = () => readFileSync("x");',
      /workflows\.ts:1:\d+.*"node:fs".*activity/s,
    ],
    [
      "the client",
      'import { Client } from "@pawl/sdk/client";\nexport const w = () => new Client();',
      /@pawl\/sdk\/client/,
    ],
    ["a module that is not there", 'import "./absent.ts";', /absent/],
    ["a syntax error", "export async function w( {", /workflows\.ts:1/],
  ] as const) {
    test(`${what} is refused when the worker is made, with file and line`, async () => {
      await withCode(code, (path) => assert.rejects(bundleWorkflowCode({ workflowsPath: path }), expected));
    });
  }
});

test("nothing can be left behind in what runs share, and classes of errors work as ever", async () => {
  const worker = await newWorker(target);
  const { taskQueue } = worker.options;
  await worker.runUntil(async () => {
    for (let i = 0; i < 2; i++) {
      const result = await target.client.workflow.execute(workflows.pollutes, { workflowId: newId(), taskQueue });
      const { added, ...rest } = result as { added: Record<string, string> };
      assert.deepEqual(
        Object.entries(added).filter(([, outcome]) => outcome !== "TypeError"),
        [],
      );
      assert.deepEqual(rest, {
        ...{ kept: true, text: "still mine", name: "Named", message: "x!", is: true, sum: 9 },
      });
    }
  });
  assert.ok(!Object.isFrozen(Array.prototype) && !Object.isFrozen(Function.prototype), "the process is left alone");
});

describe("nondeterminism", () => {
  test("code that does something else is told what history holds", async () => {
    const recorded = await historyOf(workflows.greeting, ["x"]);
    const changed = (body: string) => `import { proxyActivities, sleep } from "@pawl/sdk/workflow";
      const { greet, other } = proxyActivities({ startToCloseTimeout: 1000 });
      export async function greeting(name) { ${body} }`;
    for (const [body, eventId, held, did] of [
      ["return await other(name);", 5, /activity greet/, /scheduled activity other/],
      ["await sleep(5); return await greet(name);", 5, /activity greet/, /started timer 1 of 5 ms/],
      ["return 'nothing';", 5, /activity greet/, /completed the workflow/],
      [
        "await Promise.all([greet(name), greet(name)]);",
        8,
        /WORKFLOW_TASK_STARTED|WORKFLOW_TASK_SCHEDULED/,
        /scheduled activity greet/,
      ],
      ["await greet(name); await sleep(1);", 11, /WORKFLOW_EXECUTION_COMPLETED/, /started timer/],
    ] as const) {
      await withCode(changed(body), (path) =>
        assert.rejects(Worker.runReplayHistory({ workflowsPath: path }, recorded), (error: unknown) => {
          assert.ok(error instanceof DeterminismViolationError, String(error));
          assert.match(error.history, held);
          assert.match(error.code, did);
          if (!body.startsWith("return 'nothing'")) assert.match(error.message, /at .*workflows\.ts:3:\d+\. If/);
          assert.ok(Math.abs(error.eventId - eventId) <= 1, `${error.eventId}`);
          return true;
        }),
      );
    }
  });

  test("a worker whose code has changed fails the task with the line at fault, and mends when the code does", async () => {
    const before = await newWorker(target);
    const { taskQueue } = before.options;
    const options = { workflowId: newId(), taskQueue, workflowTaskTimeout: "1 second" } as const;
    const handle = await target.client.workflow.start(workflows.waitsForever, options);
    await before.runUntil(handle.query(workflows.total));
    const changed = `import { proxyActivities } from "@pawl/sdk/workflow";
      const { other } = proxyActivities({ startToCloseTimeout: 1000 });
      export async function waitsForever() { return await other(); }`;
    await withCode(changed, async (path) => {
      const after = await newWorker(target, { taskQueue, workflowsPath: path });
      await after.runUntil(async () => {
        await handle.signal(workflows.finish);
        assert.match(await taskFailureOf(handle), /scheduled activity other \(id 1\) at .*workflows\.ts:3:\d+/);
      });
    });
    const mended = await newWorker(target, { taskQueue });
    assert.equal(await mended.runUntil(handle.result()), "told");
  });

  test("a history that was exported as JSON replays, and tells of a change, as one that was fetched", async () => {
    const recorded = await historyOf(workflows.retries, ["x"]);
    const bytes = history.History.encode(recorded);
    const exported = JSON.parse(JSON.stringify(messageToJson("temporal.api.history.v1.History", bytes)));
    assert.equal(exported.events[0].eventType, "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
    await Worker.runReplayHistory({ workflowsPath }, exported);
    const code = "export async function retries() { return 1; }";
    await withCode(code, (path) =>
      assert.rejects(Worker.runReplayHistory({ workflowsPath: path }, exported), DeterminismViolationError),
    );
    for (const none of [undefined, "[]", { events: {} }])
      await assert.rejects(Worker.runReplayHistory({ workflowsPath }, none), /must have a list of events/);
  });

  test("a workflow that makes a child's id of its own replays from its history alone", async () => {
    await Worker.runReplayHistory({ workflowsPath }, await historyOf(workflows.namesChild));
  });

  test("a change behind patched() replays old histories the old way", async () => {
    const recorded = await historyOf(workflows.greeting, ["x"]);
    const code = `import { patched, proxyActivities, sleep } from "@pawl/sdk/workflow";
      const { greet } = proxyActivities({ startToCloseTimeout: 1000 });
      export async function greeting(name) { if (patched("wait-first")) await sleep(5); return await greet(name); }`;
    await withCode(code, (path) => Worker.runReplayHistory({ workflowsPath: path }, recorded));
  });

  test("every beginning of a history replays", async () => {
    const histories = await Promise.all([
      historyOf(workflows.retries, ["x"]),
      historyOf(workflows.parentSignals),
      historyOf(workflows.localActivities),
      historyOf(workflows.patches),
      historyOf(workflows.scopeWithTimeout),
    ]);
    const beginnings = histories.flatMap(({ events }) =>
      events.map((_, i) => ({ workflowId: `first ${i + 1}`, history: { events: events.slice(0, i + 1) } })),
    );
    let replayed = 0;
    for await (const { error, workflowId } of Worker.runReplayHistories({ workflowsPath }, beginnings)) {
      assert.equal(error, undefined, `${workflowId}: ${error?.message}`);
      replayed++;
    }
    assert.ok(replayed > 60, `${replayed}`);
  });
});
