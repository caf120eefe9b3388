/** Brings a SQLite file to the newest schema, one transaction a step. */

import type { DatabaseSync } from "node:sqlite";
import { StoreUnusable } from "./store.ts";

/** "Pawl" in ASCII, in the header of every file of ours. */
const applicationId = 0x5061_776c;

/** Statements, or what cannot be said in SQL. */
export type SchemaStep = string | ((db: DatabaseSync) => void);

/**
 * Takes the steps that the file has not taken yet. A file without any table becomes ours.
 * Throws `StoreUnusable` for a file of a newer Pawl, or of another program.
 */
export function migrate(db: DatabaseSync, filename: string, steps: readonly SchemaStep[]): void {
  const version = pragmaNumber(db, "user_version");
  const application = pragmaNumber(db, "application_id");
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (application !== applicationId && !isEmpty)
    throw new StoreUnusable(`${filename} is a SQLite database of another program; choose another file`);
  if (version > steps.length) {
    throw new StoreUnusable(
      `${filename} has schema version ${version}, and this Pawl knows versions up to ${steps.length}: ` +
        "it was written by a newer Pawl; run that one, or choose another file",
    );
  }
  for (let step = version; step < steps.length; step += 1) {
    db.exec("BEGIN IMMEDIATE");
    const take = steps[step] ?? "";
    if (typeof take === "string") db.exec(take);
    else take(db);
    db.exec(`PRAGMA application_id = ${applicationId}`);
    db.exec(`PRAGMA user_version = ${step + 1}`);
    db.exec("COMMIT");
  }
}

/** Throws `StoreUnusable` unless the file has taken all of the steps, and no more. Changes nothing. */
export function requireVersion(db: DatabaseSync, filename: string, steps: readonly SchemaStep[]): void {
  if (pragmaNumber(db, "application_id") !== applicationId)
    throw new StoreUnusable(`${filename} is not a file of Pawl's: it has never been a server's --db-filename`);
  const version = pragmaNumber(db, "user_version");
  if (version !== steps.length) throw new StoreUnusable(otherVersion(filename, version, steps.length));
}

/** What to do about state of another version that is only to be read. */
export function otherVersion(where: string, version: number, known: number): string {
  const found = `${where} has schema version ${version}, and this Pawl reads version ${known}`;
  return version > known
    ? `${found}: use the newer Pawl that wrote it`
    : `${found}: start a server of this version on it once, which brings it up to date`;
}

function pragmaNumber(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
