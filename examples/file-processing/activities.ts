import { createReadStream } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { activityInfo, CancelledFailure, heartbeat, log, sleep } from "@pawl/sdk/activity";

export interface FileReport {
  lines: number;
  words: number;
  longestLine: number;
  /** Lines that this attempt did not read again because an earlier one had. */
  resumedAt: number;
}

interface Progress {
  lines: number;
  words: number;
  longestLine: number;
}

const linesPerHeartbeat = 100;

/** Counts lines and words. Each heartbeat carries all that is known so far: the next attempt goes on from there. */
export async function processLargeFile(path: string): Promise<FileReport> {
  const progress: Progress = activityInfo().heartbeatDetails ?? { lines: 0, words: 0, longestLine: 0 };
  const resumedAt = progress.lines;
  if (resumedAt > 0) log.info("resuming", { resumedAt });
  const marker = `${path}.in-progress`;
  await writeFile(marker, String(process.pid));
  try {
    let at = 0;
    for await (const line of createInterface({ input: createReadStream(path) })) {
      if (at++ < resumedAt) continue;
      progress.lines++;
      progress.words += line.split(/\s+/).filter((word) => word !== "").length;
      progress.longestLine = Math.max(progress.longestLine, line.length);
      if (progress.lines % linesPerHeartbeat === 0) {
        heartbeat(progress);
        // Lets cancellation in, and makes the work of this example last.
        await sleep(5);
      }
    }
    await rm(marker, { force: true });
    return { ...progress, resumedAt };
  } catch (error) {
    if (error instanceof CancelledFailure) {
      log.info("cancelled: cleaning up", { lines: progress.lines });
      await rm(marker, { force: true });
    }
    throw error;
  }
}
