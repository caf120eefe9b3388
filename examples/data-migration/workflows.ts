/** All rows of one table move to another, chunk by chunk, and are counted at the end. */
import { ApplicationFailure, proxyActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { migrateRows } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 hour",
  heartbeatTimeout: "2 seconds",
  retry: { initialInterval: "100 milliseconds", maximumInterval: "10 seconds" },
});

const { countRows } = proxyActivities<typeof activities>({ startToCloseTimeout: "1 minute" });

export async function migration(tables: activities.Migration): Promise<activities.MigrationReport> {
  const report = await migrateRows(tables);
  const { before, after } = await countRows(tables);
  if (before !== after) throw ApplicationFailure.nonRetryable(`${before} rows became ${after}`, "RowsLost");
  return report;
}
