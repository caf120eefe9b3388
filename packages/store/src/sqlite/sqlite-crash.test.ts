/** What other processes do to a file: use it at the same time, and die in the middle of a commit. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runWrite, wholeHistory } from "../conformance/conformance-samples.ts";
import { StoreUnusable } from "../store.ts";
import { SqliteStore } from "./sqlite.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-crash-"));
after(() => rmSync(folder, { recursive: true }));
const program = fileURLToPath(new URL("./sqlite-child.ts", import.meta.url));
const killCount = 6;

interface Child {
  readonly process: ChildProcess;
  readonly lines: AsyncIterator<string>;
  kill(): Promise<void>;
}

function start(t: TestContext, ...args: string[]): Child {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  t.after(kill);
  return { process: child, lines: createInterface(child.stdout)[Symbol.asyncIterator](), kill };
}

async function nextLine(child: Child): Promise<string> {
  return (await child.lines.next()).value ?? "";
}

test("every commit that was acknowledged before a kill -9 is there after it, and every other is there whole or not at all", async (t) => {
  const filename = join(folder, "killed.db");
  const acknowledged: string[] = [];
  for (let round = 0; round < killCount; round += 1) {
    const child = start(t, filename, "write", `r${round}-`);
    assert.equal(await nextLine(child), "ready");
    // Not one moment: after some tens, then hundreds of commits, so that kills meet the file young, and with a longer WAL.
    for (let left = 20 + round * 150; left > 0; left -= 1) acknowledged.push(await nextLine(child));
    await child.kill();
    // What it still managed to say was acknowledged too.
    for (let line = await nextLine(child); line !== ""; line = await nextLine(child)) acknowledged.push(line);
  }
  const store = await SqliteStore.open({ filename });
  t.after(() => store.close());
  const found = new Set<string>();
  for (let afterRunId = ""; ; ) {
    const page = await store.undispatchedRuns(1, { afterRunId, limit: 500 });
    for (const { runId } of page) found.add(runId);
    const last = page.at(-1);
    if (last === undefined) break;
    afterRunId = last.runId;
  }
  assert.deepEqual(
    acknowledged.filter((runId) => !found.has(runId)),
    [],
  );
  assert.ok(acknowledged.length >= 20 * killCount);
  // At most the commits under way at each kill are there without having been acknowledged.
  assert.ok(found.size - acknowledged.length <= 8 * killCount, `${found.size} of ${acknowledged.length}`);
  const listed = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: found.size + 1 });
  assert.deepEqual(new Set(listed.map(({ runId }) => runId)), found);
  const runIds = [...found];
  const runs = await store.loadRuns(runIds);
  for (const [i, runId] of runIds.entries()) {
    assert.deepEqual([...(runs[i]?.parts.keys() ?? [])], ["p"]);
    const batches = await store.readHistory(runId, wholeHistory);
    assert.deepEqual(
      batches.map(({ firstEventId, lastEventId }) => [firstEventId, lastEventId]),
      [[1, 3]],
    );
  }
});

test("a second process is refused while the first lives, and let in when that is killed", async (t) => {
  const filename = join(folder, "shared.db");
  const first = start(t, filename);
  assert.equal(await nextLine(first), "ready");
  const second = start(t, filename);
  assert.match(await nextLine(second), /^StoreUnusable: .*shared\.db is in use by another process/);
  await assert.rejects(SqliteStore.open({ filename }), (error: Error) => {
    assert.ok(error instanceof StoreUnusable);
    return /is in use by another process/.test(error.message);
  });
  await first.kill();
  const store = await SqliteStore.open({ filename });
  t.after(() => store.close());
  await store.commit(await store.acquire(1, "me"), [runWrite("r")]);
  const third = start(t, filename);
  assert.match(await nextLine(third), /is in use by another process/);
});
