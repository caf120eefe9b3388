/** A large file, read by an activity that runs long and may be interrupted at any time. */
import { proxyActivities } from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const { processLargeFile } = proxyActivities<typeof activities>({
  startToCloseTimeout: "1 hour",
  // A worker that died is noticed within seconds, not after an hour.
  heartbeatTimeout: "3 seconds",
  // The activity cleans up before the workflow ends.
  cancellationType: "WAIT_CANCELLATION_COMPLETED",
  retry: { initialInterval: "100 milliseconds", maximumInterval: "10 seconds" },
});

export async function processFile(path: string): Promise<activities.FileReport> {
  return await processLargeFile(path);
}
