/** Which kind of store a name means, for whoever only looks. */
import type { StoreInspection } from "./inspection.ts";
import { PostgresInspection } from "./postgres-inspection.ts";
import { SqliteInspection } from "./sqlite-inspection.ts";

/** `where`: the path of a SQLite file, or `postgres://…`. Throws `StoreUnusable`. */
export async function openInspection(where: string): Promise<StoreInspection> {
  return /^postgres(ql)?:\/\//.test(where) ? PostgresInspection.open(where) : SqliteInspection.open(where);
}
