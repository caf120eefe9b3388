/** Reads what the probe inside Pawl's process has counted (see `probe.ts`), and says how a server is started with it. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { ProbeReport } from "./probe.ts";

const answersWithinMs = 60_000;

export interface ProfileOptions {
  /** Writes CPU profiles of all threads to this folder when the server stops. */
  readonly profileFolder?: string | undefined;
}

/** Environment variables for a Pawl server whose counters {@link pawlStats} can read from `file`. */
export function probedEnvironment(file: string, { profileFolder }: ProfileOptions = {}): Record<string, string> {
  const options = [`--import=${pathToFileURL(join(import.meta.dirname, "probe.ts")).href}`];
  if (profileFolder) options.push("--cpu-prof", `--cpu-prof-dir=${profileFolder}`);
  return { NODE_OPTIONS: options.join(" "), PAWL_BENCH_PROBE: file };
}

/** What Pawl counted since the call before. Throws when its main thread does not come round to the question within a minute. */
export async function pawlStats(pid: number, file: string): Promise<ProbeReport> {
  await rm(file, { force: true });
  process.kill(pid, "SIGUSR2");
  const giveUp = AbortSignal.timeout(answersWithinMs);
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as ProbeReport;
    giveUp.throwIfAborted();
    await delay(5);
  }
}
