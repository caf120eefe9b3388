import { ApplicationFailure, activityInfo, heartbeat, log, sleep, workerShutdown } from "@pawl/sdk/activity";
import { type NewPerson, type OldPerson, readMigrated, readPeople, writeChunk } from "./tables.ts";

export interface Migration {
  /** The table to read, a file of JSON lines. */
  from: string;
  /** The table to write, a folder. */
  to: string;
  chunkRows: number;
}

export interface MigrationReport {
  /** By all attempts together. */
  rows: number;
  attempts: number;
  /** How many rows were behind the last attempt when it began; 0 when it was the only one. */
  resumedAt: number;
}

/** Chunks may be written twice; the heartbeat after each tells the next attempt where to go on. */
export async function migrateRows({ from, to, chunkRows }: Migration): Promise<MigrationReport> {
  const { heartbeatDetails, attempt: attempts } = activityInfo();
  const resumedAt: number = heartbeatDetails ?? 0;
  if (resumedAt > 0) log.info("going on", { resumedAt });
  const people = await readPeople(from);
  for (let at = resumedAt; at < people.length; at += chunkRows) {
    const chunk = people.slice(at, at + chunkRows);
    await writeChunk(to, chunk.map(withTwoNames));
    heartbeat(at + chunk.length);
    // A worker that is asked to stop hands over at once. The failure carries the last heartbeat.
    if (workerShutdown().aborted) throw ApplicationFailure.retryable("the worker stops", "WorkerStops");
    // Lets cancellation in, and makes the work of this example last.
    await sleep(20);
  }
  return { rows: people.length, attempts, resumedAt };
}

export async function countRows({ from, to }: Migration): Promise<{ before: number; after: number }> {
  return { before: (await readPeople(from)).length, after: (await readMigrated(to)).length };
}

/** The last word is the last name. */
function withTwoNames({ id, name }: OldPerson): NewPerson {
  const at = name.lastIndexOf(" ");
  return { id, first: name.slice(0, Math.max(at, 0)), last: name.slice(at + 1) };
}
