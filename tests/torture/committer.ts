/**
 * A process whose disk fails: opens the store named first on its command line, and commits runs under ids that begin with the next argument, several
 * at once. Names each on a line of its own once its commit has resolved. On an error it prints the error's name and message, and ends.
 */
import { writeSync } from "node:fs";
import { SqliteStore } from "@pawl/store";
import { listed } from "./listed.ts";

const concurrentCount = 8;
const [, , filename = "", prefix = ""] = process.argv;

/** At once, whatever happens to the process next. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function commitRuns(): Promise<void> {
  // So that rows wait for the lists, are moved there and have been moved at the moments that a short life has.
  const store = await SqliteStore.open({ filename, journal: { runsDue: 20, runsMax: 40, sliceRuns: 6 } });
  const lease = await store.acquire(1, prefix);
  let count = 0;
  const commitInTurn = async () => {
    for (;;) {
      const runId = `${prefix}${count++}`;
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
      say(runId);
    }
  };
  await Promise.all(Array.from({ length: concurrentCount }, commitInTurn));
}

try {
  await commitRuns();
} catch (error) {
  say(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  process.exit(1);
}
