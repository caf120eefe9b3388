/** What the store says and does when the disk refuses to write, and when it writes again. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { bytes, historyWrite, runWrite, visibilityWrite } from "../conformance/conformance-samples.ts";
import { CommitUnknown, type Lease, StoreFull, type Write } from "../store.ts";
import { SqliteStore } from "./sqlite.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-fault-"));
after(() => rmSync(folder, { recursive: true }));
const runBytes = 64 * 1024;

function bigRun(runId: string): Write[] {
  return [runWrite(runId, { snapshot: new Uint8Array(runBytes) }), historyWrite(runId, 1), visibilityWrite(runId)];
}

async function areThere(store: SqliteStore, runIds: readonly string[]): Promise<boolean[]> {
  return (await store.loadRuns(runIds)).map((run) => run !== null);
}

/** Commits one run after another until the disk is full; their ids, and that of the one which did not fit. */
async function fill(store: SqliteStore, lease: Lease): Promise<{ kept: string[]; refused: string }> {
  const kept: string[] = [];
  for (;;) {
    const runId = `r${kept.length}`;
    try {
      await store.commit(lease, bigRun(runId));
    } catch (error) {
      assert.ok(error instanceof StoreFull, String(error));
      assert.equal(error.retry, true);
      return { kept, refused: runId };
    }
    kept.push(runId);
    assert.ok(kept.length < 1_000, "the disk never became full");
  }
}

async function fillsAndRecovers(
  store: SqliteStore,
  makeRoom: (kept: string[], lease: Lease) => Promise<string[]>,
): Promise<{ there: string[]; not: string[] }> {
  const lease = await store.acquire(1, "me");
  const { kept, refused } = await fill(store, lease);
  assert.ok(kept.length >= 3);
  // All of a group are refused, also one that alone would have fitted.
  const group = [bigRun("big 1"), bigRun("big 2"), [runWrite("small")]];
  const outcomes = await Promise.allSettled(group.map((writes) => store.commit(lease, writes)));
  for (const outcome of outcomes) assert.ok(outcome.status === "rejected" && outcome.reason instanceof StoreFull);
  const not = [refused, "big 1", "big 2", "small"];
  assert.deepEqual(await areThere(store, not), [false, false, false, false]);
  assert.ok((await areThere(store, kept)).every(Boolean));
  const listed = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 1_000 });
  assert.deepEqual(new Set(listed.map(({ runId }) => runId)), new Set(kept));

  const there = await makeRoom(kept, lease);
  await store.commit(lease, bigRun(refused));
  await store.commit(lease, [runWrite("small")]);
  return { there: [...there, refused, "small"], not: ["big 1", "big 2"] };
}

async function holdsAfterReopening(
  filename: string,
  { there, not }: { there: string[]; not: string[] },
): Promise<void> {
  const store = await SqliteStore.open({ filename });
  try {
    assert.ok((await areThere(store, there)).every(Boolean));
    assert.ok(!(await areThere(store, not)).some(Boolean));
  } finally {
    await store.close();
  }
}

test("a file that may not grow refuses commits whole, reads on, and takes commits again when runs were deleted", async (t) => {
  const filename = join(folder, "page-count.db");
  const store = await SqliteStore.open({ filename, pragmas: { max_page_count: 400 } });
  t.after(() => store.close());
  const outcome = await fillsAndRecovers(store, async (kept, lease) => {
    const deleted = kept.splice(0, 2);
    await store.commit(
      lease,
      deleted.map((runId) => ({ table: "deleteRun", runId })),
    );
    return kept;
  });
  await store.close();
  await holdsAfterReopening(filename, outcome);
});

/** A file system of a few megabytes; null where this process may not mount one. */
function mountSmall(t: TestContext): string | null {
  const path = join(folder, "small");
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path], { stdio: "ignore" });
  } catch {
    return null;
  }
  // Lazily, so that a failed test that left its store open leaves no mount behind.
  t.after(() => execFileSync("umount", ["--lazy", path]));
  return path;
}

test("a full disk refuses commits whole, and takes them again when there is room", async (t) => {
  const path = mountSmall(t);
  if (path === null) return t.diagnostic("no file system can be mounted here; the page count stands for it");
  const ballast = join(path, "ballast");
  writeFileSync(ballast, new Uint8Array(1024 * 1024));
  const filename = join(path, "full.db");
  const store = await SqliteStore.open({ filename });
  t.after(() => store.close());
  const outcome = await fillsAndRecovers(store, async (kept) => {
    rmSync(ballast);
    return kept;
  });
  await store.close();
  await holdsAfterReopening(filename, outcome);
});

/** Writes beyond `size` of any file fail with EFBIG, which SQLite reports as an I/O error. Reads go on. */
function limitFileSize(size: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${size}:`]);
}

async function breakAndRecover(t: TestContext): Promise<void> {
  const filename = join(folder, "broken.db");
  const store = await SqliteStore.open({ filename });
  t.after(() => store.close());
  const lease = await store.acquire(1, "me");
  await store.commit(lease, [runWrite("before")]);
  t.after(() => limitFileSize("unlimited"));
  limitFileSize(statSync(`${filename}-wal`).size);

  const group = [store.commit(lease, bigRun("lost 1")), store.commit(lease, [runWrite("lost 2")])];
  for (const outcome of await Promise.allSettled(group))
    assert.ok(outcome.status === "rejected" && outcome.reason instanceof CommitUnknown, String(outcome));
  // Until a commit reaches the disk, what a read would say of them might be wrong after a restart.
  const lists = store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 9 });
  await assert.rejects(lists, CommitUnknown);
  await assert.rejects(store.loadRuns(["before"]), CommitUnknown);
  await assert.rejects(store.commit(lease, [runWrite("lost 3")]), CommitUnknown);

  limitFileSize("unlimited");
  assert.deepEqual(await areThere(store, ["before"]), [true]);
  const unknown = ["lost 1", "lost 2", "lost 3"];
  const found = await areThere(store, unknown);
  await store.commit(lease, [runWrite("after"), { table: "setting", name: "s", bytes: bytes("x") }]);
  await store.close();
  const again = await SqliteStore.open({ filename });
  assert.deepEqual(await areThere(again, ["before", "after", ...unknown]), [true, true, ...found]);
  await again.close();
}

// `prlimit` sets the limit of a process from outside; only Linux has it.
if (process.platform === "linux") {
  test(
    "after an I/O error nothing is read before its outcome is certain, and then the store works on",
    breakAndRecover,
  );
}
