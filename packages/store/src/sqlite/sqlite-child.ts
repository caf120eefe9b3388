/**
 * A process for tests to kill: opens the file named first on its command line and says `ready`; then, when `write` follows, commits runs
 * under ids that begin with the next argument, several at once, and names each on a line of its own once its commit has resolved.
 * When the file cannot be opened it prints the name and message of the error and ends.
 */

import { writeSync } from "node:fs";
import { historyWrite, partWrite, runWrite, visibilityWrite } from "../conformance/conformance-samples.ts";
import { SqliteStore } from "./sqlite.ts";

const concurrentCount = 8;

/** At once, whatever happens to the process next. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function writeRuns(store: SqliteStore, prefix: string): Promise<void> {
  const lease = await store.acquire(1, prefix);
  let count = 0;
  const writer = async () => {
    for (;;) {
      const runId = `${prefix}${count++}`;
      const writes = [runWrite(runId, { undispatched: true }), partWrite(runId, "p", runId), historyWrite(runId, 1, 3)];
      await store.commit(lease, [...writes, visibilityWrite(runId)]);
      say(runId);
    }
  };
  await Promise.all(Array.from({ length: concurrentCount }, writer));
}

const [, , filename = "", action, prefix = ""] = process.argv;
try {
  // Some of the commits before a kill are still in the journal of lists, others half way out of it.
  const store = await SqliteStore.open({ filename, journal: { runsDue: 50, sliceRuns: 4 } });
  say("ready");
  if (action === "write") await writeRuns(store, prefix);
} catch (error) {
  say(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  process.exit(1);
}
