/**
 * A closed loop of workflows in the process of their worker: so many at once, each begun when one has ended. What ends inside the window counts;
 * the warm-up before it and the drain after it do not. It is what `load.go` does for servers that the Go SDK speaks to.
 */
import { performance } from "node:perf_hooks";

/** What the bench asks of a program: its only argument, as JSON. */
export interface Load {
  readonly steps: number;
  readonly concurrency: number;
  readonly seconds: number;
  readonly warmup: number;
  /** Where its server is; what that means is the program's business. */
  readonly at: Readonly<Record<string, string>>;
}

/** The names are those of the Go program's reports. */
export interface LoopReport {
  readonly workflowsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Warm-up and drain included. */
  readonly totalWorkflows: number;
  /** Of this process, over the whole loop. */
  readonly clientCpuSeconds: number;
}

/** 100 bytes of text: the argument and the result of every step. */
export const payload = "pawl ".repeat(20);

/** The load that the bench asks for. */
export const askedLoad = (): Load => JSON.parse(process.argv[2] ?? "{}") as Load;

/** Ids that no loop before on the same server has used. */
export const idsOf = (prefix = `bench-${process.pid}-${Date.now()}`) => {
  let count = 0;
  return () => `${prefix}-${++count}`;
};

/** Throws what a workflow throws, and when nothing ended inside the window. */
export async function closedLoop(
  { concurrency, seconds, warmup }: Omit<Load, "at" | "steps">,
  workflow: () => PromiseLike<unknown>,
): Promise<LoopReport> {
  const latencies: number[] = [];
  let total = 0;
  const cpuBefore = process.cpuUsage();
  const opensAtMs = performance.now() + warmup * 1_000;
  const closesAtMs = opensAtMs + seconds * 1_000;
  const oneAfterAnother = async () => {
    for (;;) {
      const beganAtMs = performance.now();
      if (beganAtMs >= closesAtMs) return;
      await workflow();
      const endedAtMs = performance.now();
      total++;
      if (endedAtMs >= opensAtMs && endedAtMs < closesAtMs) latencies.push(endedAtMs - beganAtMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, oneAfterAnother));
  if (latencies.length === 0) throw new Error("nothing ended inside the window; make it longer");
  const cpu = process.cpuUsage(cpuBefore);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.ceil(share * latencies.length) - 1]!;
  return {
    workflowsPerSecond: latencies.length / seconds,
    latencyMs: { p50: at(0.5), p99: at(0.99) },
    totalWorkflows: total,
    clientCpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}
