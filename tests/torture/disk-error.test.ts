/**
 * A disk that from some moment on refuses every write and sync: the store says so at once, acknowledges nothing any more, loses nothing that it has
 * acknowledged, and opens again when the disk is well. The moment moves over the life of a file. `PAWL_TORTURE_ERRORS` (12) says how many moments are tried,
 * `all` tries each.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openInspection, SqliteStore } from "@pawl/store";
import { onDisk, prepareDisk } from "./faulty-disk.ts";
import type { Life } from "./lives.ts";

const moments = process.env["PAWL_TORTURE_ERRORS"] ?? "12";
const program = join(import.meta.dirname, "lives.ts");
/** A store that has not ended a life after this time hangs. */
const endsWithinMs = 120_000;
const runsMax = 10_000;

test("a disk that fails at any moment costs nothing that was acknowledged", { timeout: 3_600_000 }, async (t) => {
  const library = await prepareDisk();
  if ("skipped" in library) return t.skip(library.skipped);
  // Opening a store is most of a life, and compiling the modules of its threads would be most of that.
  process.env["NODE_COMPILE_CACHE"] ??= join(dirname(library.tool), "compiled");
  const folder = mkdtempSync(join(tmpdir(), "disk-error-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const endings = new Map<string, number>();
  let operations = 0;
  for await (const life of livesOf(folder, library.tool)) {
    operations = life.operations;
    const problem = `failing from operation ${life.failAt} of ${operations}: ${life.ending}`;
    assert.equal(life.ending === undefined, life.failAt === undefined, problem);
    if (life.ending !== undefined)
      assert.match(life.ending, /^(CommitUnknown|StoreUnusable|StoreFull|Error): /, problem);
    assert.equal(life.acknowledgedLate, 0, problem);
    const filename = join(life.left, "state.db");
    if (existsSync(filename)) await mustBeWhole(filename, life.acknowledged, problem);
    else assert.deepEqual(life.acknowledged, [], problem);
    rmSync(life.left, { recursive: true });
    const name = life.ending?.split(":")[0];
    if (name !== undefined) endings.set(name, (endings.get(name) ?? 0) + 1);
  }
  const counts = [...endings].map(([name, times]) => `${times} by ${name}`).join(", ");
  t.diagnostic(`${operations} writes and syncs in a life; lives ended ${counts}`);
  assert(endings.size > 0);
});

/** One process has them all: most of a life would be the start of its own. */
async function* livesOf(folder: string, library: string): AsyncGenerator<Life> {
  const env = { ...process.env, ...onDisk(library, { files: folder }) };
  const child = spawn(process.execPath, [program, folder, moments], { env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const hang = setTimeout(() => child.kill("SIGKILL"), endsWithinMs);
  try {
    for await (const line of createInterface(child.stdout)) {
      hang.refresh();
      yield JSON.parse(line) as Life;
    }
    assert.deepEqual(await exited, [0, null], "a store on a failing disk hangs, or ends its process");
  } finally {
    clearTimeout(hang);
    child.kill("SIGKILL");
  }
}

/** Opens, and each commit is there whole or not at all; those that were acknowledged are. */
async function mustBeWhole(filename: string, acknowledged: readonly string[], problem: string): Promise<void> {
  // Who only looks waits for no disk.
  const store = await SqliteStore.open({ filename, pragmas: { synchronous: "OFF" } });
  const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: runsMax });
  await store.close();
  const state = await openInspection(filename);
  try {
    const runs = await state.runs({ afterRunId: "", limit: runsMax });
    const there = new Set(runs.map(({ runId }) => runId));
    const lost = acknowledged.filter((runId) => !there.has(runId));
    assert.deepEqual(lost, [], problem);
    for (const { runId, snapshot, parts, batches } of runs) {
      const found = [snapshot, parts.get("p"), batches[0]?.events].map(
        (bytes) => bytes && Buffer.from(bytes).toString(),
      );
      assert.deepEqual(found, [runId, runId, runId], problem);
    }
    assert.deepEqual(rows.map(({ runId }) => runId).sort(), [...there].sort(), `${problem}: lists`);
    assert.deepEqual([await state.damage(), await state.strays(), await state.misplaced()], [[], [], []], problem);
  } finally {
    await state.close();
  }
}
