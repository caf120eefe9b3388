/** A thread that asks the server for next to nothing, one call after the other, and knows how long the longest of them took. */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Caller } from "./caller.ts";
import { ask } from "./traffic.ts";

const everyMs = 20;

export interface Stalls {
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class StallProbe {
  readonly #worker: Worker;
  readonly #failed: Promise<never>;

  constructor(address: string) {
    this.#worker = new Worker(fileURLToPath(import.meta.url), { workerData: address });
    this.#failed = new Promise((_, reject) => this.#worker.once("error", reject));
    this.#failed.catch(() => undefined);
  }

  async stop(): Promise<Stalls> {
    const answer = new Promise<Stalls>((resolve) => this.#worker.once("message", resolve));
    this.#worker.postMessage("stop");
    const stalls = await Promise.race([answer, this.#failed]);
    await this.#worker.terminate();
    return stalls;
  }
}

async function probe(address: string): Promise<void> {
  const caller = new Caller(address);
  await caller.open();
  const tookMs: number[] = [];
  let stopped = false;
  parentPort!.once("message", () => {
    stopped = true;
  });
  while (!stopped) {
    const startedAtMs = performance.now();
    await ask(caller, "GetSystemInfo", {});
    tookMs.push(performance.now() - startedAtMs);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  caller.close();
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => Math.round(tookMs[Math.floor(share * (tookMs.length - 1))] ?? 0);
  parentPort!.postMessage({ calls: tookMs.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) } satisfies Stalls);
}

if (!isMainThread && typeof workerData === "string") await probe(workerData);
