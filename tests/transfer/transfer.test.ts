/** Backups of a server at work, and histories that leave one server and are read by another. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { messageFromJson } from "@pawl/protocol/json";
import { HistoryImport, ImportRefused } from "@pawl/server/transfer";
import { hasTerminals, pawl, pawlInTerminal, pawlJson } from "../cli/command-line.ts";
import { answerTask, complete, jsonPayloads, namespace, schedule } from "../cli/worker.ts";
import { call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";

const isElsewhere = process.env["PAWL_TEST_DB_URL"] !== undefined;
let folder: string;
let file: string;
let server: RunningServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "transfer-"));
  file = join(folder, "state.db");
  server = await startPawl({ dbFilename: file });
});
after(async () => {
  await server.kill9();
  await rm(folder, { recursive: true, force: true });
});

function start(address: string, workflowId: string): Promise<{ runId: string }> {
  const named = { workflowType: { name: "Order" }, taskQueue: { name: workflowId }, input: jsonPayloads(workflowId) };
  return call(address, "StartWorkflowExecution", { namespace, workflowId, requestId: workflowId, ...named });
}

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await pawl(server.address, ...args);
  assert.equal(code, 0, `pawl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function refused(says: RegExp, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await pawl(server.address, ...args);
  assert.equal(code, says === usage ? 2 : 1, `${args.join(" ")}: ${stderr}`);
  assert.match(stderr, says);
  assert.equal(/\n +at /.test(stderr), false, stderr);
}
const usage = /say where|say which|needs|pg_dump/;

describe("backup", { skip: isElsewhere }, () => {
  test("is whole and sound however busy the server is, and holds what was acknowledged before it began", async () => {
    const acknowledged: string[] = [];
    let isOver = false;
    let counted = Promise.withResolvers<void>();
    const load = Array.from({ length: 4 }, async (_, n) => {
      for (let i = 0; !isOver; i++) {
        await start(server.address, `load-${n}-${i}`);
        acknowledged.push(`load-${n}-${i}`);
        counted.resolve();
      }
    });
    const copies: { readonly file: string; readonly before: readonly string[] }[] = [];
    for (const enough of [20, 60]) {
      while (acknowledged.length < enough) {
        counted = Promise.withResolvers();
        await counted.promise;
      }
      const before = [...acknowledged];
      const to = join(folder, `backup-${enough}.db`);
      await done("backup", to, "--db-filename", file);
      copies.push({ file: to, before });
    }
    isOver = true;
    await Promise.all(load);
    await server.kill9();
    for (const copy of copies) await mustBeSound(copy.file);

    const { file: last, before } = copies.at(-1)!;
    server = await startPawl({ dbFilename: last });
    // Each call is a connection of its own: a few of them, from the first to the last.
    for (const workflowId of before.filter((_, at) => at % 5 === 0 || at === before.length - 1))
      await call(server.address, "DescribeWorkflowExecution", { namespace, execution: { workflowId } });
    await answerTask(server.address, before[0]!, [complete("goes on")]);
    await server.stop();
    server = await startPawl({ dbFilename: file });
  });

  test("replaces nothing, leaves nothing half, and says what is in the way", async () => {
    const there = join(folder, "there.db");
    await writeFile(there, "mine");
    await refused(/there already/, "backup", there, "-f", file);
    assert.equal(await readFile(there, "utf8"), "mine");
    await refused(/there is no file/, "backup", join(folder, "x.db"), "-f", join(folder, "none.db"));
    await refused(/not a file of Pawl's|cannot be copied/, "backup", join(folder, "x.db"), "-f", there);
    await refused(/cannot be copied/, "backup", join(folder, "none", "x.db"), "-f", file);
    await refused(usage, "backup", join(folder, "x.db"), "-f", "postgres://u:p@h/d");
    assert.deepEqual(
      (await readdir(folder)).filter((name) => /^x|partial/.test(name)),
      [],
    );
  });

  test("shows a bar in a terminal", { skip: !hasTerminals }, async () => {
    const { code, stdout } = await pawlInTerminal(server.address, ["backup", join(folder, "seen.db"), "-f", file]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /█ 100% \d+\/\d+ pages/);
  });
});

describe("histories", { skip: isElsewhere }, () => {
  const runs = new Map<string, string>();
  const odd = "order/ä %2F 1";

  before(async () => {
    for (const workflowId of [odd, "plain", "open"])
      runs.set(workflowId, (await start(server.address, workflowId)).runId);
    await answerTask(server.address, odd, [schedule("charge", odd)]);
    const task = await call(
      server.address,
      "PollActivityTaskQueue",
      { namespace, taskQueue: { name: odd } },
      { timeoutMs: 20_000 },
    );
    const { taskToken } = task;
    await call(server.address, "RespondActivityTaskCompleted", { namespace, taskToken, result: jsonPayloads("paid") });
    await answerTask(server.address, odd, [complete({ ok: true })]);
    await answerTask(server.address, "plain", [complete("ok")]);
  });

  test("go to a folder or a file of lines, and into another server's state, where they are as they were", async () => {
    const query = "WorkflowType = 'Order' AND CloseTime IS NOT NULL AND StartTime > '2000-01-01T00:00:00Z'";
    const [to, lines] = [join(folder, "out"), join(folder, "out.jsonl")];
    const told = await done("export", to, "-q", query);
    const names = await readdir(to);
    assert.match(told, new RegExp(`^${names.length} histories in `));
    assert.ok(names.includes(`order%2F%C3%A4%20%252F%201.${runs.get(odd)}.json`), names.join(" "));
    const shown = JSON.parse(await done("workflow", "show", odd, "-o", "json", "--no-json-shorthand-payloads"));
    const kept = JSON.parse(await readFile(join(to, `order%2F%C3%A4%20%252F%201.${runs.get(odd)}.json`), "utf8"));
    assert.deepEqual(kept, shown);
    await done("export", lines, "-w", "plain");

    const other = join(folder, "other.db");
    const first = await startPawl({ dbFilename: other });
    await refused(/in use by another process/, "import", to, "-f", other);
    await first.stop();
    assert.deepEqual(await pawlJson("127.0.0.1:1", "import", lines, "-f", other), { imported: 1, known: 0 });
    const all = await pawlJson("127.0.0.1:1", "import", to, "-f", other);
    assert.deepEqual(all, { imported: names.length - 1, known: 1 });
    await mustBeSound(other);

    const second = await startPawl({ dbFilename: other });
    try {
      const there = (...args: readonly string[]) => pawlJson<never>(second.address, ...args);
      assert.deepEqual(await there("workflow", "show", odd, "--no-json-shorthand-payloads"), shown);
      for (const workflowId of [odd, "plain"]) {
        const [here, copy] = await Promise.all(
          [server.address, second.address].map(async (address) => {
            const described = await call(address, "DescribeWorkflowExecution", {
              namespace,
              execution: { workflowId },
            });
            const { execution, type, status, startTime, closeTime, historyLength } = described.workflowExecutionInfo!;
            return { execution, type, status, startTime, closeTime, historyLength };
          }),
        );
        assert.deepEqual(copy, here);
      }
      const { executions } = await call(second.address, "ListWorkflowExecutions", {
        namespace,
        query: "WorkflowId = 'plain'",
      });
      assert.equal(executions.length, 1);
      await mustBeSound(second.address);
      // Its id is free for a new run, as after any run that has ended.
      await start(second.address, "plain");
    } finally {
      await second.stop();
    }
    await refused(/is there already/, "export", to, "-q", query);
  });

  test("are refused with the reason when they are not those of a whole, closed run", async () => {
    const other = join(folder, "refusing.db");
    await (await startPawl({ dbFilename: other })).stop();
    const good = JSON.parse(await done("workflow", "show", "plain", "-o", "json")) as {
      events: Record<string, unknown>[];
    };
    const open = JSON.parse(await done("workflow", "show", "open", "-o", "json")) as typeof good;
    const runId = crypto.randomUUID();
    const changed = (change: (events: Record<string, unknown>[]) => unknown) => {
      const copy = structuredClone(good);
      change(copy.events);
      return copy;
    };
    const rows: readonly (readonly [json: { readonly events: readonly unknown[] }, says: RegExp])[] = [
      [open, /has not ended/],
      [changed((events) => events.splice(1, 1)), /follows|is no/],
      [changed((events) => events.shift()), /batch begins|follows|no beginning/],
      [changed((events) => events.reverse()), /event|batch/],
      [{ events: [] }, /has no events/],
    ];
    const target = await HistoryImport.open(other, Date.now);
    try {
      for (const [json, says] of rows) {
        const history = messageFromJson("temporal.api.history.v1.History", json);
        await assert.rejects(target.add({ namespace, workflowId: "w", runId, history }), (error: Error) => {
          assert.ok(error instanceof ImportRefused, error.stack);
          return says.test(error.message);
        });
      }
      const history = messageFromJson("temporal.api.history.v1.History", good);
      for (const [change, says] of [
        [{ namespace: "none" }, /no namespace "none"/],
        [{ runId: "x" }, /no run id/],
        [{ workflowId: "" }, /workflow id is not known/],
        [{ history: new Uint8Array([1, 2, 3]) }, /./],
      ] as const)
        await assert.rejects(target.add({ namespace, workflowId: "w", runId, history, ...change }), (error: Error) => {
          assert.ok(error instanceof ImportRefused, error.stack);
          return says.test(error.message);
        });
    } finally {
      await target.close();
    }
    const bad = join(folder, "bad");
    await mkdir(bad);
    for (const [at, text] of ["{", '{"events":[{"eventType":"EVENT_TYPE_OF_TOMORROW"}]}', "[1]"].entries()) {
      const path = join(bad, `${at}.json`);
      await writeFile(path, text);
      await refused(/[012]\.json (is not valid JSON|cannot be imported)/, "import", path, "-f", other);
    }
    const path = join(bad, "good.json");
    await writeFile(path, JSON.stringify(good));
    await refused(/there is no file/, "import", join(bad, "nothing"), "-f", other);
    await refused(/there is no file/, "import", path, "-f", join(folder, "nothing.db"));
    await refused(usage, "import", path);
    // What one server has as one workflow's run cannot become another's; without names, the history says whose it is.
    assert.deepEqual(await pawlJson("127.0.0.1:1", "import", path, "-f", other), { imported: 1, known: 0 });
    await refused(/that of another workflow/, "import", path, "-f", other, "-w", "other");
    await mustBeSound(other);
  });
});
