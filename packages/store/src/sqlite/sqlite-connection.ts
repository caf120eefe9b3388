/**
 * Connections to a SQLite file, and what its errors mean. Apart from `sqlite-file.ts`, because threads that have a connection know nothing of older files: what
 * reads those needs all messages of the API, which would be most of what a thread loads.
 */
import { DatabaseSync } from "node:sqlite";
import { StoreUnusable } from "../store.ts";

/** How long a statement waits for a lock of a foreign connection, such as somebody's `sqlite3` shell. */
const foreignLockWaitMs = 5_000;

export type Pragmas = Readonly<Record<string, string | number>>;

/** The connection that writes. There is one at a time, and it alone checkpoints. */
export function openWriter(path: string, pragmas: Pragmas): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: foreignLockWaitMs });
  try {
    // Reading first tells a file that is no database from one whose journal mode cannot be changed.
    db.exec("PRAGMA schema_version");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    // Ten times SQLite's own: 1.4 times the commits, for a WAL file of some 40 MB and a rare longer commit.
    db.exec("PRAGMA wal_autocheckpoint = 10000");
    db.exec("PRAGMA journal_size_limit = 67108864");
    db.exec("PRAGMA cache_size = -16384");
    for (const [name, value] of Object.entries(pragmas)) db.exec(pragmaStatement(name, value));
    requirePragma(db, path, "journal_mode", "wal");
    requirePragma(db, path, "locking_mode", "normal");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A connection that only reads; it sees every commit that had ended when its statement or transaction began. Default of `cacheKib` 8,192. */
export function openReader(path: string, cacheKib = 8_192): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: foreignLockWaitMs });
  db.exec(`PRAGMA cache_size = -${cacheKib}`);
  db.exec("PRAGMA temp_store = MEMORY");
  return db;
}

function pragmaStatement(name: string, value: string | number): string {
  if (!/^[a-z_]+$/.test(name) || !/^-?\w+$/.test(String(value)))
    throw new StoreUnusable(`"${name}=${value}" is not a pragma that can be set`);
  return `PRAGMA ${name} = ${value}`;
}

function requirePragma(db: DatabaseSync, path: string, name: "journal_mode" | "locking_mode", expected: string): void {
  const found = db.prepare(`PRAGMA ${name}`).get()?.[name];
  if (found !== expected) throw new StoreUnusable(`${path}: ${name} must be ${expected}, and is ${found}`);
}

/** The primary result codes that we tell apart: https://sqlite.org/rescode.html */
export const sqliteCodes = {
  error: 1,
  busy: 5,
  corrupt: 11,
  full: 13,
  tooBig: 18,
  constraint: 19,
  mismatch: 20,
  range: 25,
  notADatabase: 26,
} as const;

/** The primary result code of an error that SQLite reported; null for any other error. */
export function primaryCode(error: unknown): number | null {
  const code = error instanceof Error && "errcode" in error ? error.errcode : null;
  return typeof code === "number" ? code & 0xff : null;
}
