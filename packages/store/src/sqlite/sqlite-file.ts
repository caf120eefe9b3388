/** Opening a SQLite file: its lock, its version, and whether it is intact. */

import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../migrate.ts";
import { StoreError, StoreUnusable } from "../store.ts";
import { openWriter, type Pragmas, primaryCode, sqliteCodes } from "./sqlite-connection.ts";
import { sqliteSchema } from "./sqlite-schema.ts";

/** Older versions can corrupt a WAL file that two connections of one process write to (fixed in 3.51.3). */
const sqliteVersionMin = [3, 51, 3] as const;
/** A file up to this size is checked whole when it is opened (about 0.2 s); of a larger one, the header and the schema. */
const wholeCheckBytesMax = 64 * 1024 * 1024;
/** What every SQLite file begins with. */
const headerText = "SQLite format 3\0";

/** The right to use a file, held until `release` or the end of the process, however it ends. */
export interface SqliteFile {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  release(): void;
}

/**
 * Locks the file against other processes and other stores of this one, creates it if it is not there, and brings it to the newest
 * schema. Throws `StoreUnusable`.
 */
export function claimFile(filename: string, pragmas: Pragmas): SqliteFile {
  requireSqliteVersion(process.versions["sqlite"] ?? "");
  const path = resolvePath(filename);
  const lock = lockFile(path);
  try {
    checkHeader(path);
    createForOwner(path);
    const db = openWriter(path, pragmas);
    try {
      checkIntegrity(db, path);
      migrate(db, path, sqliteSchema);
    } finally {
      db.close();
    }
  } catch (error) {
    lock.close();
    throw unusable(path, error);
  }
  return { path, release: () => lock.close() };
}

/** Throws `StoreUnusable` for a SQLite whose version, such as `3.53.4`, is too old. */
export function requireSqliteVersion(version: string): void {
  const found = version.split(".").map(Number);
  for (const [i, least] of sqliteVersionMin.entries()) {
    const part = found[i] ?? 0;
    if (part > least) return;
    if (part < least || Number.isNaN(part))
      throw new StoreUnusable(
        `this Node.js has SQLite ${version}; at least ${sqliteVersionMin.join(".")} is needed: update Node.js`,
      );
  }
}

function resolvePath(filename: string): string {
  if (filename === "" || filename === ":memory:" || filename.startsWith("file:"))
    throw new StoreUnusable(`"${filename}" is not the path of a file`);
  const path = resolve(filename);
  if (existsSync(path)) {
    if (!statSync(path).isFile()) throw new StoreUnusable(`${path} is not a file`);
    return realpathSync(path);
  }
  const folder = dirname(path);
  if (!existsSync(folder)) throw new StoreUnusable(`cannot create ${path}: the folder ${folder} does not exist`);
  return join(realpathSync(folder), basename(path));
}

/**
 * An exclusive transaction on a file of its own, never ended: the operating system drops it with the process. The database itself
 * cannot be locked so, because its readers are connections too.
 */
function lockFile(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    createForOwner(`${path}-lock`);
    lock = new DatabaseSync(`${path}-lock`, { timeout: 0 });
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if (primaryCode(error) === sqliteCodes.busy)
      throw new StoreUnusable(`${path} is in use by another process (it holds ${path}-lock); stop that one first`);
    throw unusable(path, error);
  }
}

/**
 * Makes the file if it is not there. It holds payloads, and the keys of tokens and sessions, so nobody else may read it, whatever the umask; SQLite gives the
 * files beside it the same mode. One that is there keeps its mode.
 */
export function createForOwner(path: string): void {
  closeSync(openSync(path, "a", 0o600));
}

/** SQLite itself takes a file of a few bytes for an empty database, and would write over it. */
function checkHeader(path: string): void {
  if (!existsSync(path) || statSync(path).size === 0) return;
  const header = Buffer.alloc(headerText.length);
  const file = openSync(path, "r");
  try {
    readSync(file, header);
  } finally {
    closeSync(file);
  }
  if (header.toString("latin1") !== headerText)
    throw new StoreUnusable(
      `${path} is damaged, or not a SQLite database; restore it from a copy, or choose another file`,
    );
}

function checkIntegrity(db: DatabaseSync, path: string): void {
  const sizeBytes = statSync(path).size;
  if (sizeBytes > wholeCheckBytesMax) return;
  const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw new StoreUnusable(`${path} is damaged (${found}); restore it from a copy`);
}

function unusable(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = primaryCode(error);
  if (code === sqliteCodes.notADatabase || code === sqliteCodes.corrupt)
    return new StoreUnusable(
      `${path} is damaged or not a SQLite database (${text}); restore it from a copy, or choose another file`,
    );
  return new StoreUnusable(`cannot open ${path}: ${text}`);
}
