/** Long-running activities: workflows for them, with a heartbeat timeout, as their document asks for. */
import { ActivityCancellationType, proxyActivities } from "@temporalio/workflow";
import type * as activities from "./long-running-activities.ts";

const retry = { initialInterval: 100 };

export async function processFile(filePath: string): Promise<void> {
  const { processLargeFile } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 hour",
    heartbeatTimeout: "30s",
    retry,
  });
  await processLargeFile(filePath);
}

export async function processFileOrCleanUp(filePath: string): Promise<void> {
  const { processLargeFileOrCleanUp } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 hour",
    heartbeatTimeout: "10s",
    retry,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  await processLargeFileOrCleanUp(filePath);
}

export async function processAll(itemIds: string[]): Promise<{ processedCount: number; failedCount: number }> {
  const { processBatch } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 hour",
    heartbeatTimeout: "5s",
    retry,
  });
  return processBatch(itemIds);
}
