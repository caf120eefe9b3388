/**
 * A write-ahead log that is cut off anywhere, has a bit turned anywhere, or is gone: the store opens with the commits up to some moment, each of them whole,
 * or refuses to open. `PAWL_TORTURE_DAMAGE` (6) says how many cuts and how many bits are tried, `all` tries each place of each frame.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { SqliteStore, StoreUnusable, type Write } from "@pawl/store";
import { listed } from "./listed.ts";

const wanted = process.env["PAWL_TORTURE_DAMAGE"] ?? "6";
const commitCount = 40;
const walHeaderBytes = 32;
const frameHeaderBytes = 24;
/** Of the header of the log. */
const headerFieldBytes = 4;
/** Between two frames, behind a frame's header, and with its last byte missing. */
const cutsInFrame = (frameBytes: number) => [0, frameHeaderBytes, frameBytes - 1];
/** The number of the page, how large the database is after it, the checksum, and the last byte of the page. */
const bitsInFrame = (frameBytes: number) => [0, 7, frameHeaderBytes - 1, frameBytes - 1];
/** Where the WAL's header has the size of a page. */
const pageSizeAt = 8;
const counter = "counter";

/** Who only looks waits for no disk. */
const unsynced = { synchronous: "OFF" };
const wholeHistory = { fromEventId: 1, toEventId: 3, eventCountMax: 3, bytesMax: 1_000 };

/** How many commits a damaged log leaves, or what the store says to it. */
type Left = number | "refused";

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
async function commitsOf(filename: string): Promise<Left> {
  const store = await SqliteStore.open({ filename, pragmas: unsynced }).catch((error: unknown) => {
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

/** A digest of what SQLite's recovery makes of the file named and the log beside it, which both stay as they are. */
function recoveredBytes(filename: string): string {
  const copy = `${filename}-recovered`;
  copyFileSync(filename, copy);
  if (existsSync(`${filename}-wal`)) copyFileSync(`${filename}-wal`, `${copy}-wal`);
  const db = new DatabaseSync(copy);
  try {
    db.exec("PRAGMA synchronous = OFF; PRAGMA schema_version; PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
  return createHash("sha256").update(readFileSync(copy)).digest("hex");
}

interface Place {
  /** Counted from 0. */
  readonly frame: number;
  /** Of the log. */
  readonly at: number;
}

function placesOf(frames: number, frameBytes: number, inFrame: (frameBytes: number) => number[]): Place[] {
  return Array.from({ length: frames }, (_, frame) =>
    inFrame(frameBytes).map((byte) => ({ frame, at: walHeaderBytes + frame * frameBytes + byte })),
  ).flat();
}

/** As many as are wanted, from the first to the last. */
function spread(places: Place[]): Place[] {
  if (wanted === "all") return places;
  return Array.from(
    { length: Number(wanted) },
    (_, index) => places[Math.floor(((index + 0.5) * places.length) / Number(wanted))]!,
  );
}

test("a log that is cut off, turned in a bit or gone leaves whole commits, up to some moment", {
  timeout: 900_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "damaged-wal-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { file, wal } = await life(folder);
  const opened: Left[] = [];
  // Most damage leaves what other damage has left: the store opens each such file once.
  const known = new Map<string, Left>();
  const open = async (damaged: Buffer | undefined, what: string): Promise<Left> => {
    const place = join(folder, String(opened.length));
    mkdirSync(place);
    const filename = join(place, "state.db");
    copyFileSync(file, filename);
    if (damaged) writeFileSync(`${filename}-wal`, damaged);
    const recovered = recoveredBytes(filename);
    const found =
      known.get(recovered) ??
      (await commitsOf(filename).catch((error: unknown) => {
        throw new Error(`${what}: ${error instanceof Error ? error.message : error}`);
      }));
    known.set(recovered, found);
    opened.push(found);
    rmSync(place, { recursive: true });
    return found;
  };

  assert.equal(await open(wal, "as it was"), commitCount);
  const withoutLog = await open(undefined, "without a log");
  assert.ok(withoutLog === "refused" || withoutLog < commitCount);

  const frameBytes = frameHeaderBytes + wal.readUInt32BE(pageSizeAt);
  const frames = Math.floor((wal.length - walHeaderBytes) / frameBytes);
  /** What is left of a log of which so many frames are whole. */
  const left: Left[] = [];
  let before = -1;
  for (const { frame, at } of spread(placesOf(frames, frameBytes, cutsInFrame))) {
    const what = `cut off at byte ${at}, in frame ${frame}`;
    const found = await open(wal.subarray(0, at), what);
    // Half a frame is none, and more of the log is no less of the commits.
    left[frame] ??= found;
    assert.equal(found, left[frame], what);
    if (found !== "refused") assert.ok(found >= before, `${what}: ${found} commits, with less of it ${before}`);
    if (found !== "refused") before = found;
  }
  for (const { frame, at } of spread(placesOf(frames, frameBytes, bitsInFrame))) {
    const damaged = Buffer.from(wal);
    damaged[at]! ^= 1 << (at % 8);
    const what = `bit ${at % 8} of byte ${at} turned, in frame ${frame}`;
    // What lies behind it does not count.
    left[frame] ??= await open(wal.subarray(0, walHeaderBytes + frame * frameBytes), `cut off before frame ${frame}`);
    assert.equal(await open(damaged, what), left[frame], what);
  }
  for (let at = 0; at < walHeaderBytes; at += headerFieldBytes) {
    const damaged = Buffer.from(wal);
    damaged[at]! ^= 1;
    assert.equal(await open(damaged, `bit 0 of byte ${at} turned, in the header`), withoutLog);
  }
  t.diagnostic(
    `${frames} frames, ${opened.length} damaged logs, which leave ${known.size} files: ${[...known.values()].join(" ")}`,
  );
  assert.ok(
    opened.some((found) => found !== "refused" && found > 0 && found < commitCount),
    "no damage cost anything",
  );
  assert.ok(!existsSync(join(folder, "0")));
});
