/** State by the name that a command line has for it: the path of a SQLite file, or `postgres://…`, or a list of these. Neither makes any. */
import { existsSync } from "node:fs";
import type { StoreInspection } from "./inspection.ts";
import { inspectDatabases, openDatabases } from "./postgres/postgres-databases.ts";
import { SqliteStore } from "./sqlite/sqlite.ts";
import { SqliteInspection } from "./sqlite/sqlite-inspection.ts";
import { type Store, StoreUnusable } from "./store.ts";

/** To be looked at, whoever else works on it. Throws `StoreUnusable`. */
export async function openInspection(where: string): Promise<StoreInspection> {
  return isUrl(where) ? inspectDatabases(where) : SqliteInspection.open(where);
}

/** To be changed, as a server would. Throws `StoreUnusable`, also while a server works on it. */
export async function openNamedStore(where: string): Promise<Store> {
  if (isUrl(where)) return openDatabases(where);
  if (!existsSync(where)) throw new StoreUnusable(`there is no file ${where}; a server that is started on it makes it`);
  return SqliteStore.open({ filename: where });
}

function isUrl(where: string): boolean {
  return /^postgres(ql)?:\/\//.test(where);
}
