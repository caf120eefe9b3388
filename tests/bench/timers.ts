/** Many timers that are due at one moment, while nobody takes the tasks that they make: how fast the server gets through them, and whether any is early. */
import type { Load } from "./load-program.ts";
import { usageOf } from "./process-usage.ts";
import { numberAt } from "./scenario.ts";
import type { Start } from "./system.ts";

export const timersScenario = { name: "timers", about: "timers of as many workflows, all due at one moment" } as const;

export interface TimersResult {
  readonly timers: number;
  /** From the moment at which all were due. */
  readonly firedMs: number;
  readonly lateP99Ms: number;
  readonly early: number;
  /** Of the server, from its start to the last timer. */
  readonly serverCpuSeconds: number;
  readonly rssBytes: number;
}

/** Throws when not all workflows could be put to sleep in time. */
export async function measureTimers(
  start: Start,
  load: Load,
  count: number,
  say: (line: string) => void,
): Promise<TimersResult> {
  const server = await start();
  const report = await load("timers", server.address, ["--count", String(count)], say);
  const { cpuSeconds, rssBytes } = usageOf(server.pid);
  await server.kill9();
  return {
    timers: count,
    firedMs: numberAt(report, "firedMs"),
    lateP99Ms: numberAt(report, "lateMs.p99"),
    early: numberAt(report, "early"),
    serverCpuSeconds: cpuSeconds,
    rssBytes,
  };
}
