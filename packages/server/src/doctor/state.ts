/** Opens a file or database for reading only, by the name that a command line has for it. */
import { openInspection, StoreError, type StoreInspection } from "@pawl/store";
import { StartFailure } from "../config.ts";

export type { StoreInspection };

/** `where`: the path of a file, or `postgres://…`. Throws `StartFailure`. */
export async function openState(where: string): Promise<StoreInspection> {
  // Not repeated: there may be a password in it.
  if (/^\w+:\/\//.test(where) && !/^postgres(ql)?:/.test(where))
    throw new StartFailure("usage", "a database is given as postgres://user:password@host:port/database");
  try {
    return await openInspection(where);
  } catch (error) {
    throw error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
  }
}
