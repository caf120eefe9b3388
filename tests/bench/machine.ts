/** What a measurement was made on: without it, numbers say nothing. */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { performance } from "node:perf_hooks";
import { median } from "./comparison.ts";
import { emptyFile } from "./system.ts";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  /** Of one append of 4 KB that is synced to the disk on which the bench keeps its files, in ms: nobody commits faster. */
  readonly syncP50Ms: number;
  /** Of the last minute. Work of others on the machine spoils what is measured. */
  readonly loadAverage: number;
}

const syncs = 200;

export function machine(): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    cpu: cores[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 1e9),
    platform: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    syncP50Ms: syncP50Ms(),
    loadAverage: Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]),
  };
}

function syncP50Ms(): number {
  using file = emptyFile();
  const descriptor = openSync(file.filename, "a");
  const block = Buffer.alloc(4_096, 1);
  const took = Array.from({ length: syncs }, () => {
    const beganAtMs = performance.now();
    writeSync(descriptor, block);
    fdatasyncSync(descriptor);
    return performance.now() - beganAtMs;
  });
  closeSync(descriptor);
  return Number(median(took)!.toFixed(3));
}
