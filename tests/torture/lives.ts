/**
 * A process that commits runs on one disk after the other: the first is well, each later one fails from some moment on. The folder of the disks comes first on
 * its command line, then how many moments are to be tried, or `all`. At the first error the files are copied, as a process leaves them that dies of it. What
 * each life came to is printed on a line of its own.
 */
import { cpSync, mkdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SqliteStore } from "@pawl/store";
import { listed } from "./listed.ts";

const commitsOfLife = 150;
/** Commits under way at once. */
const concurrentCount = 8;

export interface Life {
  /** The operation that failed first, counted from 1; undefined on a disk that is well. */
  readonly failAt?: number;
  /** Where its files are, as they were at its first error. */
  readonly left: string;
  /** Writes, truncations and syncs of a life of `commitsOfLife` on a disk that is well. */
  readonly operations: number;
  readonly acknowledged: readonly string[];
  /** So many more after the first error. */
  readonly acknowledgedLate: number;
  /** Name and message of the first error. */
  readonly ending?: string;
}

async function commitRuns(store: SqliteStore, acknowledged: string[], isWell: boolean): Promise<void> {
  const lease = await store.acquire(1, "test");
  let count = 0;
  const commitInTurn = async () => {
    while (!isWell || acknowledged.length < commitsOfLife) {
      const runId = `run-${count++}`;
      const bytes = Buffer.from(runId);
      await store.commit(lease, [
        {
          ...{ table: "run", runId, kind: "workflow", namespaceId: "ns", businessId: runId },
          ...{ snapshot: bytes, wakeAtMs: null, undispatched: false },
        },
        { table: "part", runId, part: "p", bytes },
        { table: "history", runId, firstEventId: 1, lastEventId: 3, events: bytes },
        listed(runId),
      ]);
      acknowledged.push(runId);
    }
  };
  await Promise.all(Array.from({ length: concurrentCount }, commitInTurn));
}

async function live(folder: string, failAt?: number): Promise<Omit<Life, "operations">> {
  const name = String(failAt ?? "well");
  const [files, left] = [join(folder, `at-${name}`), join(folder, `left-${name}`)];
  mkdirSync(files);
  // The preloaded library looks there at each operation, and counts from 1 for each disk. No thread of an earlier store is left that could look, too.
  process.env["PAWL_DISK_FILES"] = `${files}/`;
  if (failAt !== undefined) process.env["PAWL_DISK_FAIL"] = String(failAt);
  const acknowledged: string[] = [];
  let store: SqliteStore | undefined;
  let ending: string | undefined;
  try {
    // So that rows wait for the lists, are moved there and have been moved at the moments that a short life has.
    store = await SqliteStore.open({
      filename: join(files, "state.db"),
      journal: { runsDue: 20, runsMax: 40, sliceRuns: 6 },
    });
    await commitRuns(store, acknowledged, failAt === undefined);
  } catch (error) {
    ending = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  cpSync(files, left, { recursive: true });
  const before = [...acknowledged];
  await store?.close();
  rmSync(files, { recursive: true });
  const acknowledgedLate = acknowledged.length - before.length;
  return {
    left,
    acknowledged: before,
    acknowledgedLate,
    ...(failAt !== undefined && { failAt }),
    ...(ending !== undefined && { ending }),
  };
}

async function main(folder: string, moments: string): Promise<void> {
  const count = join(folder, "count");
  process.env["PAWL_DISK_COUNT"] = count;
  const well = await live(folder);
  delete process.env["PAWL_DISK_COUNT"];
  const operations = statSync(count).size;
  const say = (life: Omit<Life, "operations">) =>
    writeSync(1, `${JSON.stringify({ ...life, operations } satisfies Life)}\n`);
  say(well);
  const step = moments === "all" ? 1 : Math.max(1, Math.floor(operations / Number(moments)));
  for (let failAt = 1; failAt <= operations; failAt += step) say(await live(folder, failAt));
}

const [, , folder = "", moments = ""] = process.argv;
await main(folder, moments);
