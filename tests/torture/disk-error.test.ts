/**
 * A disk that from some moment on refuses every write and sync: the store says so at once, loses nothing that it has acknowledged, and opens again
 * when the disk is well. The moment moves over the life of a file. `PAWL_TORTURE_ERRORS` (12) says how many moments are tried, `all` tries each.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { SqliteStore } from "@pawl/store";
import { type DiskOptions, onDisk, prepareDisk } from "./faulty-disk.ts";

const moments = process.env["PAWL_TORTURE_ERRORS"] ?? "12";
const program = join(import.meta.dirname, "committer.ts");
const commitsOfLife = 150;
/** A store that has neither ended nor said anything after this time hangs. */
const saysWithinMs = 60_000;

interface Life {
  readonly acknowledged: readonly string[];
  /** The last line, if it was no acknowledgement. */
  readonly lastWord: string;
}

/** Commits until the disk fails, or until a number of commits was acknowledged. */
async function live(library: string, disk: DiskOptions, prefix: string): Promise<Life> {
  const env = { ...process.env, ...onDisk(library, disk) };
  const args = [program, join(disk.files, "state.db"), prefix];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const hang = setTimeout(() => child.kill("SIGKILL"), saysWithinMs);
  const acknowledged: string[] = [];
  let lastWord = "";
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith(prefix)) acknowledged.push(line);
    else lastWord = line;
    if (acknowledged.length >= commitsOfLife) child.kill("SIGKILL");
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  clearTimeout(hang);
  if (acknowledged.length < commitsOfLife) {
    assert.equal(signal, null, "the store hangs on a failing disk");
    assert.equal(code, 1, lastWord);
  }
  return { acknowledged, lastWord };
}

test("a disk that fails at any moment costs nothing that was acknowledged", { timeout: 900_000 }, async (t) => {
  const library = await prepareDisk();
  if ("skipped" in library) return t.skip(library.skipped);
  const folder = mkdtempSync(join(tmpdir(), "disk-error-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const count = join(folder, "count");
  const well = join(folder, "well");
  mkdirSync(well);
  const whole = await live(library.tool, { files: well, count }, "well-");
  assert.equal(whole.lastWord, "");
  const operations = statSync(count).size;
  const step = moments === "all" ? 1 : Math.max(1, Math.floor(operations / Number(moments)));
  let failures = 0;
  for (let failAt = 1; failAt <= operations; failAt += step) {
    const files = join(folder, `at-${failAt}`);
    mkdirSync(files);
    const { acknowledged, lastWord } = await live(library.tool, { files, failAt }, "run-");
    if (lastWord !== "") failures++;
    const problem = `failing from operation ${failAt} of ${operations}: ${lastWord}`;
    if (lastWord !== "") assert.match(lastWord, /^(CommitUnknown|StoreUnusable|StoreFull|Error): /, problem);
    const filename = join(files, "state.db");
    if (existsSync(filename)) await allThere(filename, acknowledged, problem);
    else assert.deepEqual(acknowledged, [], problem);
    rmSync(files, { recursive: true });
  }
  t.diagnostic(
    `${operations} writes and syncs in a life of ${commitsOfLife} commits; ${failures} lives ended by the disk`,
  );
  assert(failures > 0);
});

async function allThere(filename: string, acknowledged: readonly string[], problem: string): Promise<void> {
  const store = await SqliteStore.open({ filename });
  try {
    const runs = await store.loadRuns(acknowledged);
    assert.deepEqual(
      acknowledged.filter((_, index) => runs[index]?.parts.get("p") === undefined),
      [],
      problem,
    );
    const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 10 * commitsOfLife });
    const names = new Set(rows.map(({ runId }) => runId));
    assert.equal(names.size, rows.length, `${problem}: a run is listed twice`);
    assert.deepEqual(
      acknowledged.filter((runId) => !names.has(runId)),
      [],
      `${problem}: not listed`,
    );
  } finally {
    await store.close();
  }
}
