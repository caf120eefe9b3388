/** A copy of a SQLite file as it is at one moment, while a server goes on writing to it. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { backup } from "node:sqlite";
import { requireVersion } from "../migrate.ts";
import { StoreError, StoreUnusable } from "../store.ts";
import { openReader } from "./sqlite-connection.ts";
import { createForOwner } from "./sqlite-file.ts";
import { sqliteSchema } from "./sqlite-schema.ts";

/** Of 4 KiB each: as many as leave the disk to others in between. */
const pagesAtOnce = 1_000;

export interface BackupOptions {
  readonly from: string;
  /** Must not be there yet. */
  readonly to: string;
  /** In pages. */
  progress(done: number, total: number): void;
}

/**
 * Resolves when the copy is on the disk under its name; until then there is nothing of that name. Throws `StoreUnusable` for what cannot be read or
 * written.
 */
export async function backUpSqlite({ from, to, progress }: BackupOptions): Promise<void> {
  if (!existsSync(from)) throw new StoreUnusable(`there is no file ${from}`);
  if (existsSync(to)) throw new StoreUnusable(`${to} is there already; a backup replaces nothing`);
  const partial = `${to}.partial`;
  rmSync(partial, { force: true });
  try {
    const db = openReader(from);
    try {
      requireVersion(db, from, sqliteSchema);
      createForOwner(partial);
      // Within a transaction that has read, every step sees the same moment: the copy is never begun anew, however much is written meanwhile.
      db.exec("BEGIN");
      db.prepare("SELECT count(*) FROM shard").get();
      const pages = await backup(db, partial, {
        rate: pagesAtOnce,
        progress: ({ totalPages, remainingPages }) => progress(totalPages - remainingPages, totalPages),
      });
      // The last step tells nobody.
      progress(pages, pages);
    } finally {
      db.close();
    }
    syncFile(partial);
    renameSync(partial, to);
    syncFile(dirname(to));
  } catch (error) {
    rmSync(partial, { force: true });
    if (error instanceof StoreError) throw error;
    throw new StoreUnusable(`${from} cannot be copied to ${to}: ${error instanceof Error ? error.message : error}`);
  }
}

function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
