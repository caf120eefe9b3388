/**
 * A write-ahead log that is cut off anywhere, has a bit turned anywhere, or is gone: the store opens with the commits up to some moment, each of them whole,
 * or refuses to open. `PAWL_TORTURE_DAMAGE` (6) says how many cuts and how many bits are tried, `all` cuts at each frame and in its middle.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SqliteStore, StoreUnusable, type Write } from "@pawl/store";
import { listed } from "./listed.ts";

const wanted = process.env["PAWL_TORTURE_DAMAGE"] ?? "6";
const commitCount = 40;
const walHeaderBytes = 32;
const frameHeaderBytes = 24;
/** Where the WAL's header has the size of a page. */
const pageSizeAt = 8;
const counter = "counter";

const wholeHistory = { fromEventId: 1, toEventId: 3, eventCountMax: 3, bytesMax: 1_000 };

const nameOf = (number: number) => `run-${number}`;
const key = (businessId: string) => ({ kind: "workflow", namespaceId: "n", businessId, runId: businessId }) as const;

/** Four rows of its own, and one that each commit replaces: what it holds says which commit was the last. */
function commitOf(number: number): Write[] {
  const bytes = Buffer.from(nameOf(number));
  const run = { table: "run", wakeAtMs: null, undispatched: false } as const;
  return [
    { ...run, ...key(counter), snapshot: bytes },
    { ...run, ...key(nameOf(number)), snapshot: bytes },
    { table: "part", runId: nameOf(number), part: "p", bytes },
    { table: "history", runId: nameOf(number), firstEventId: 1, lastEventId: 3, events: bytes },
    listed(nameOf(number)),
  ];
}

/** The file and its log as a process leaves them that dies. */
async function life(folder: string): Promise<{ readonly file: string; readonly wal: Buffer }> {
  const filename = join(folder, "alive.db");
  const store = await SqliteStore.open({ filename, journal: { runsDue: 6, runsMax: 12, sliceRuns: 4 } });
  const lease = await store.acquire(1, "test");
  for (let number = 0; number < commitCount; number++) await store.commit(lease, commitOf(number));
  const file = join(folder, "dead.db");
  copyFileSync(filename, file);
  const wal = readFileSync(`${filename}-wal`);
  await store.close();
  return { file, wal };
}

/** How many commits are there; "refused" when the store does not open. Throws when one is there in part, or without those before it. */
async function commitsOf(filename: string): Promise<number | "refused"> {
  const store = await SqliteStore.open({ filename }).catch((error: unknown) => {
    if (error instanceof StoreUnusable) return undefined;
    throw error;
  });
  if (!store) return "refused";
  try {
    const names = Array.from({ length: commitCount }, (_, number) => nameOf(number));
    const [last, ...runs] = await store.loadRuns([counter, ...names]);
    const count = last ? names.indexOf(Buffer.from(last.snapshot).toString()) + 1 : 0;
    assert.ok(!last || count > 0, "the row that each commit replaces holds what none has written");
    for (const [number, run] of runs.entries()) {
      const [batch] = await store.readHistory(nameOf(number), wholeHistory);
      const found: (string | undefined)[] = [run?.snapshot, run?.parts.get("p"), batch?.events].map(
        (each) => each && Buffer.from(each).toString(),
      );
      const expected = number < count ? nameOf(number) : undefined;
      assert.deepEqual(found, [expected, expected, expected], `commit ${number} of ${count}`);
    }
    const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 2 * commitCount });
    assert.deepEqual(
      rows.map(({ runId }) => runId).sort(),
      names.slice(0, count).sort(),
      `lists after ${count} commits`,
    );
    return count;
  } finally {
    await store.close();
  }
}

test("a log that is cut off, turned in a bit or gone leaves whole commits, up to some moment", {
  timeout: 900_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "damaged-wal-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { file, wal } = await life(folder);
  const opened: (number | "refused")[] = [];
  const open = async (damaged: Buffer | undefined, what: string) => {
    const place = join(folder, String(opened.length));
    mkdirSync(place);
    const filename = join(place, "state.db");
    copyFileSync(file, filename);
    if (damaged) writeFileSync(`${filename}-wal`, damaged);
    const found = await commitsOf(filename).catch((error: unknown) => {
      throw new Error(`${what}: ${error instanceof Error ? error.message : error}`);
    });
    opened.push(found);
    rmSync(place, { recursive: true });
    return found;
  };

  assert.equal(await open(wal, "as it was"), commitCount);
  const withoutLog = await open(undefined, "without a log");
  assert.ok(withoutLog === "refused" || withoutLog < commitCount);

  const frameBytes = frameHeaderBytes + wal.readUInt32BE(pageSizeAt);
  const frames = Math.floor((wal.length - walHeaderBytes) / frameBytes);
  const tries = wanted === "all" ? 2 * frames : Number(wanted);
  let before = -1;
  for (let index = 0; index < tries; index++) {
    // Each other one lies in the middle of a frame.
    const at =
      walHeaderBytes + Math.floor(((index + 0.5) * frames) / tries) * frameBytes + (index % 2) * (frameBytes >> 1);
    const found = await open(wal.subarray(0, at), `cut off at byte ${at}`);
    // More of the log is no less of the commits.
    if (found !== "refused")
      assert.ok(found >= before, `cut off at byte ${at}: ${found} commits, with less of it ${before}`);
    if (found !== "refused") before = found;
  }
  for (let index = 0; index < tries; index++) {
    const at = Math.floor(((index + 0.5) * wal.length) / tries);
    const damaged = Buffer.from(wal);
    damaged[at]! ^= 1 << (index % 8);
    await open(damaged, `bit ${index % 8} of byte ${at} turned`);
  }
  t.diagnostic(`${frames} frames; commits found: ${opened.join(" ")}`);
  assert.ok(
    opened.some((found) => found !== "refused" && found > 0 && found < commitCount),
    "no damage cost anything",
  );
  assert.ok(!existsSync(join(folder, "0")));
});
