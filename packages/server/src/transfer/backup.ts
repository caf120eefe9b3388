/** A backup of a state that is a file. */
import { type BackupOptions, backUpSqlite, StoreError } from "@pawl/store";
import { StartFailure } from "../config.ts";

/** Throws `StartFailure`. */
export async function backUp(options: BackupOptions): Promise<void> {
  if (options.from.includes("://"))
    throw new StartFailure(
      "usage",
      "a database is backed up by its own means, such as pg_dump, also while a server runs",
    );
  try {
    await backUpSqlite(options);
  } catch (error) {
    throw error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
  }
}
