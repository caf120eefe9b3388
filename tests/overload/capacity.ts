/** Load beyond what a server can carry: the official Go SDK starts workflows at a fixed rate, whatever becomes of them, and its worker goes on. */
import { prepareLoad } from "../bench/load-program.ts";
import { usageOf } from "../bench/process-usage.ts";
import { numberAt } from "../bench/scenario.ts";
import { overloadedServer } from "./subject.ts";

const times = 3;
const heapFlag = "--max-old-space-size=512";

export interface OverCapacity {
  /** Workflows a second, as many at once as serve best. */
  readonly peak: number;
  /** Workflows that ended in a second while three times as many were started. */
  readonly goodput: number;
  /** Of all starts, 0 to 1. */
  readonly refused: number;
  readonly rssBytes: number;
}

/** Throws when the server does not survive, or when this machine has no Go. */
export async function overCapacity(seconds: number): Promise<OverCapacity> {
  const load = await prepareLoad();
  const subject = await overloadedServer([], { NODE_OPTIONS: heapFlag });
  try {
    const { address, pid } = subject.server;
    const run = (args: readonly string[]) => load(args[0]!, address, args.slice(1), () => {});
    const window = ["--seconds", String(seconds), "--warmup", "3"];
    const best = await run(["throughput", "--concurrency", "50", ...window]);
    const peak = numberAt(best, "workflowsPerSecond");
    const flooded = await run(["flood", "--rate", String(Math.ceil(times * peak)), ...window]);
    return {
      peak,
      goodput: numberAt(flooded, "workflowsPerSecond"),
      refused: numberAt(flooded, "refused"),
      rssBytes: usageOf(pid).rssBytes,
    };
  } finally {
    await subject.end();
  }
}
