/** Where state lies, for whoever only looks at it. */
import { openInspection, StoreError, type StoreInspection } from "@pawl/store";
import { StartFailure } from "../config.ts";

export type { StoreInspection };

/** `where`: the path of a file, or `postgres://…`. Throws `StartFailure`. */
export async function openState(where: string): Promise<StoreInspection> {
  try {
    return await openInspection(where);
  } catch (error) {
    throw error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
  }
}
