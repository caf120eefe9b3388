/** Rows of lists that are on their way: that they count as listed for whoever asks, whatever happens meanwhile, and that they do not pile up. */

import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, type TestContext, test } from "node:test";
import { bytes, runWrite, visibilityWrite } from "../conformance/conformance-samples.ts";
import { MemoryStore } from "../memory/memory.ts";
import type { Lease, Store, Write } from "../store.ts";
import { type JournalLimits, journalLimits } from "./list-journal.ts";
import { SqliteStore } from "./sqlite.ts";
import { SqliteInspection } from "./sqlite-inspection.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-journal-"));
after(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
function newFile(): string {
  fileCount += 1;
  return join(folder, `${fileCount}.db`);
}

interface Opened {
  readonly filename: string;
  readonly store: SqliteStore;
  readonly lease: Lease;
}

async function opened(t: TestContext, journal: Partial<JournalLimits> = {}): Promise<Opened> {
  const filename = newFile();
  const store = await SqliteStore.open({ filename, journal });
  t.after(() => store.close());
  return { filename, store, lease: await store.acquire(1, "me") };
}

/** What a file would be found to be after `kill -9` at this moment, at which nothing but what the journal has is being written. */
function crashed(filename: string): string {
  const copy = newFile();
  for (const end of ["", "-wal"]) if (existsSync(filename + end)) copyFileSync(filename + end, copy + end);
  return copy;
}

function counted(filename: string, table: "visibility" | "list_journal"): number {
  const db = new DatabaseSync(filename, { readOnly: true });
  try {
    return Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.["count"]);
  } finally {
    db.close();
  }
}

const began = (runId: string) => [runWrite(runId), visibilityWrite(runId)];
const ended = (runId: string, closeTimeMs = 9) => [runWrite(runId), visibilityWrite(runId, { status: 2, closeTimeMs })];
const deletion = (runId: string): Write => ({ table: "deleteRun", runId });

/** Everything that lists say. */
async function shown(store: Store): Promise<unknown[]> {
  const of = { kind: "workflow", namespaceId: "ns" } as const;
  const asia = { op: "=", name: "Region", value: "asia" } as const;
  return [
    await store.listVisibility({ ...of, limit: 1_000 }),
    await store.listVisibility({ ...of, limit: 1_000, filter: asia }),
    await store.countVisibility({ ...of, groupBy: "ExecutionStatus" }),
  ];
}

async function shownBy(filename: string): Promise<unknown[]> {
  const store = await SqliteStore.open({ filename });
  try {
    return await shown(store);
  } finally {
    await store.close();
  }
}

test("a run that ends before anybody asks is put into the lists once, and asking puts it there", async (t) => {
  const { filename, store, lease } = await opened(t);
  await store.commit(lease, began("r"));
  await store.commit(lease, ended("r"));
  assert.deepEqual([counted(filename, "visibility"), counted(filename, "list_journal")], [0, 2]);
  const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 9 });
  assert.deepEqual(rows, [{ runId: "r", closeTimeMs: 9, startTimeMs: 1_000, info: bytes("info of r") }]);
  assert.deepEqual([counted(filename, "visibility"), counted(filename, "list_journal")], [1, 0]);
});

test("a run that is deleted before anybody asks is never put into the lists", async (t) => {
  const { filename, store, lease } = await opened(t);
  await store.commit(lease, [...began("gone"), ...began("there")]);
  await store.commit(lease, [deletion("gone")]);
  assert.deepEqual(await store.countVisibility({ kind: "workflow", namespaceId: "ns" }), [{ value: null, count: 1 }]);
  assert.equal(counted(filename, "visibility"), 1);
});

test("a file that is closed has everything in its lists", async () => {
  const filename = newFile();
  const store = await SqliteStore.open({ filename });
  await store.commit(await store.acquire(1, "me"), began("r"));
  await store.close();
  assert.deepEqual([counted(filename, "visibility"), counted(filename, "list_journal")], [1, 0]);
});

/** Runs that begin, end, are renamed, deleted and begin again, so that what is moved and what is not is about the same runs. */
function life(step: number): Write[] {
  const runId = `r${step % 5}`;
  const searchAttributes = { Region: step % 2 === 0 ? "asia" : "europe" };
  if (step % 7 === 3) return [deletion(runId)];
  if (step % 3 === 0)
    return [runWrite(runId), visibilityWrite(runId, { searchAttributes, status: 2, closeTimeMs: step })];
  return [runWrite(runId), visibilityWrite(runId, { searchAttributes, startTimeMs: step })];
}

test("after a crash lists say what they said before it, wherever the journal was", { timeout: 120_000 }, async (t) => {
  const { filename, store, lease } = await opened(t, { runsDue: 4, runsMax: 7, sliceRuns: 1 });
  const memory = new MemoryStore();
  t.after(() => memory.close());
  const inMemory = await memory.acquire(1, "me");
  for (let step = 0; step < 36; step += 1) {
    await store.commit(lease, life(step));
    await memory.commit(inMemory, life(step));
    // A moment of three: each opens the file anew.
    if (step % 3 === 2) assert.deepEqual(await shownBy(crashed(filename)), await shown(memory), `after step ${step}`);
  }
  assert.deepEqual(await shown(store), await shown(memory));
});

test("what is in the journal stays within its limits", async (t) => {
  const { filename, store, lease } = await opened(t, { runsDue: 10, runsMax: 20, sliceRuns: 2 });
  for (let batch = 0; batch < 20; batch += 1) {
    const runs = Array.from({ length: 6 }, (_, i) => `${batch}-${i}`);
    await store.commit(lease, runs.flatMap(began));
    // One commit a row, six runs each: the limit, and what came over it.
    const left = counted(filename, "list_journal");
    assert.ok(left <= 4, `${left} rows`);
  }
  const [all] = await store.countVisibility({ kind: "workflow", namespaceId: "ns" });
  assert.equal(all?.count, 120);
  assert.ok(journalLimits.runsDue < journalLimits.runsMax && journalLimits.bytesDue < journalLimits.bytesMax);
});

test("what is due moves between commits, though nobody asks", async (t) => {
  const { filename, store, lease } = await opened(t, { runsDue: 3, sliceRuns: 3 });
  for (let count = 0; counted(filename, "visibility") === 0; count += 1) {
    await store.commit(lease, began(`r${count}`));
    assert.ok(count < 1_000);
  }
});

test("a number that lists cannot hold is refused with its commit", async (t) => {
  const { store, lease } = await opened(t);
  for (const startTimeMs of [1.5, Number.NaN, 2 ** 60])
    await assert.rejects(
      store.commit(lease, [runWrite("r"), visibilityWrite("r", { startTimeMs })]),
      /a write that cannot be stored: .* is no integer/,
    );
  assert.deepEqual(await store.loadRuns(["r"]), [null]);
});

test("an inspection takes what is in the journal for listed", async (t) => {
  const { filename, store, lease } = await opened(t);
  await store.commit(lease, began("r"));
  await shown(store);
  await store.commit(lease, [...ended("r"), ...began("q"), ...began("gone"), visibilityWrite("stray")]);
  await store.commit(lease, [deletion("gone")]);
  const inspection = SqliteInspection.open(filename);
  t.after(() => inspection.close());
  const runs = await inspection.runs({ afterRunId: "", limit: 9 });
  assert.deepEqual(
    runs.map(({ runId, visibility }) => [runId, visibility?.runId, visibility?.status, visibility?.closeTimeMs]),
    [
      ["q", "q", 1, null],
      ["r", "r", 2, 9],
    ],
  );
  assert.deepEqual(runs[0]?.visibility?.searchAttributes, visibilityWrite("q").searchAttributes);
  assert.deepEqual(await inspection.strays(), [{ table: "visibility", runId: "stray" }]);
  assert.deepEqual([await inspection.misplaced(), await inspection.damage()], [[], []]);
});

test("where there is room for the journal and not for the lists, lists are whole all the same", async (t) => {
  const filename = newFile();
  const pages = await SqliteStore.open({ filename }).then(async (store) => {
    await store.close();
    const db = new DatabaseSync(filename);
    const count = Number(db.prepare("PRAGMA page_count").get()?.["page_count"]);
    db.close();
    return count;
  });
  // The journal takes forty kilobytes, the lists the same and the indexes as much again.
  const store = await SqliteStore.open({ filename, pragmas: { max_page_count: pages + 13 } });
  t.after(() => store.close());
  const memory = new MemoryStore();
  t.after(() => memory.close());
  const long = { type: "T".repeat(350), parentWorkflowId: "P".repeat(300), searchAttributes: { Region: "asia" } };
  const runs = Array.from({ length: 40 }, (_, i) => visibilityWrite(`r${i}`, { ...long, startTimeMs: i }));
  for (const each of [store, memory]) await each.commit(await each.acquire(1, "me"), runs);
  assert.deepEqual(await shown(store), await shown(memory));
  assert.deepEqual([counted(filename, "visibility"), counted(filename, "list_journal")], [0, 1]);
  for (const each of [store, memory])
    await each.commit(
      await each.acquire(1, "me"),
      runs.slice(2).map(({ runId }) => deletion(runId)),
    );
  assert.deepEqual(await shown(store), await shown(memory));
});

/** As the first version with a journal wrote it: the row of run "r", and the deletion of run "d". */
const written = [
  ...[
    "04",
    "80000000",
    "01000000",
    "72",
    "00",
    "02000000",
    "6e73",
    "01000000",
    "77",
    "01000000",
    "54",
    "01000000",
    "71",
  ],
  ...["000000000000f03f", "0000000000408f40", "0000000000408f40"],
  ...Array(5).fill("000000000000f87f"),
  ...["ffffffff", "ffffffff", "01000000", "77", "01000000", "72", "02000000", "7b7d"],
  ...["09000000", "696e666f206f662072", "05", "01000000", "64"],
].join("");

test("rows in the journal are written as ever, and those of an earlier build are read", async (t) => {
  const { filename, store, lease } = await opened(t);
  const row = visibilityWrite("r", { businessId: "w", type: "T", taskQueue: "q" });
  await store.commit(lease, [row, deletion("d")]);
  const copy = crashed(filename);
  const db = new DatabaseSync(copy);
  const found = db.prepare("SELECT lower(hex(writes)) AS text FROM list_journal").all();
  assert.deepEqual(
    found.map(({ text }) => text),
    [written],
  );
  db.exec(`UPDATE list_journal SET writes = x'${written}'`);
  db.close();
  assert.deepEqual(await shownBy(copy), await shown(store));
});

test("a file whose journal is damaged is refused, and an inspection says why", async (t) => {
  const { filename, store, lease } = await opened(t);
  await store.commit(lease, began("r"));
  const copy = crashed(filename);
  const db = new DatabaseSync(copy);
  db.exec("UPDATE list_journal SET writes = substr(writes, 1, 9)");
  db.close();
  const isDamaged = { name: "StoreUnusable", message: /row 1 of list_journal is damaged/ };
  assert.throws(() => SqliteInspection.open(copy), isDamaged);
  await assert.rejects(SqliteStore.open({ filename: copy }), isDamaged);
});
