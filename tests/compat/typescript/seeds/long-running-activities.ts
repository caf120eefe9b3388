/**
 * Long-running activities: progress, cancellation, complex progress. As shown, with one correction: cancellation reaches an activity where
 * it awaits something that is cancelled with it, so that the SDK's `sleep`, which the document imports, is also used.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { activityInfo, heartbeat, sleep } from "@temporalio/activity";
import { CancelledFailure } from "@temporalio/common";

/** Lines and items seen, by workflow id. */
export const seen = new Map<string, string[]>();
/** The workflows whose activity has cleaned up. */
export const cleanedUp = new Set<string>();
const crashed = new Set<string>();

function workflowId(): string {
  return activityInfo().workflowExecution!.workflowId;
}

function note(thing: string): void {
  seen.set(workflowId(), [...(seen.get(workflowId()) ?? []), thing]);
}

function processLine(line: string): void {
  note(line);
  // As a machine fails in the middle, once.
  if (line === "line 250" && !crashed.has(workflowId())) {
    crashed.add(workflowId());
    throw new Error("the disk has gone");
  }
}

function cleanupResources(): void {
  cleanedUp.add(workflowId());
}

export async function processLargeFile(filePath: string): Promise<void> {
  const startLine = activityInfo().heartbeatDetails ?? 0;

  const rl = createInterface({
    input: createReadStream(filePath),
  });

  let currentLine = 0;
  for await (const line of rl) {
    if (currentLine < startLine) {
      currentLine++;
      continue;
    }

    processLine(line);
    currentLine++;

    if (currentLine % 100 === 0) {
      heartbeat(currentLine);
    }
  }
}

export async function processLargeFileOrCleanUp(filePath: string): Promise<void> {
  const startLine = activityInfo().heartbeatDetails ?? 0;

  const rl = createInterface({
    input: createReadStream(filePath),
  });

  let currentLine = 0;
  try {
    for await (const line of rl) {
      if (currentLine < startLine) {
        currentLine++;
        continue;
      }

      heartbeat(currentLine);
      await sleep(20);
      processLine(line);
      currentLine++;
    }
  } catch (err) {
    if (err instanceof CancelledFailure) {
      cleanupResources();
    }
    throw err;
  }
}

interface ProgressState {
  processedCount: number;
  failedCount: number;
  lastProcessedId: string;
}

interface BatchResult {
  processedCount: number;
  failedCount: number;
}

async function processItem(itemId: string): Promise<void> {
  note(itemId);
  if (itemId.startsWith("bad")) throw new Error(`${itemId} cannot be processed`);
  if (itemId === "stuck" && activityInfo().attempt === 1) await sleep("1 hour");
}

export async function processBatch(itemIds: string[]): Promise<BatchResult> {
  const saved: ProgressState = activityInfo().heartbeatDetails ?? {
    processedCount: 0,
    failedCount: 0,
    lastProcessedId: "",
  };

  const startIndex = saved.lastProcessedId ? itemIds.indexOf(saved.lastProcessedId) + 1 : 0;

  const progress = { ...saved };

  for (let i = startIndex; i < itemIds.length; i++) {
    const itemId = itemIds[i]!;

    try {
      await processItem(itemId);
      progress.processedCount++;
    } catch {
      progress.failedCount++;
    }

    progress.lastProcessedId = itemId;
    heartbeat(progress);
  }

  return { processedCount: progress.processedCount, failedCount: progress.failedCount };
}
