/** Simulations on all cores: each of them is one thread's business. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { CastName } from "./cast.ts";
import type { Outcome } from "./simulation.ts";

/** Seeds from `first` to `last`, in order, until one fails. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
  /** By its name. */
  readonly mutant?: string;
  readonly cast?: CastName;
}

/** From the thread: what came of a range, or that it threw. */
export type RangeResult = { readonly outcomes: readonly Outcome[] } | { readonly error: string };

interface Waiting {
  readonly range: SeedRange;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: Error) => void;
}

export class SimulationThreads {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #playing = new Map<Worker, Waiting>();

  constructor(count = Math.min(availableParallelism(), 4)) {
    for (let index = 0; index < count; index++) {
      const worker = new Worker(new URL("./simulation-thread.ts", import.meta.url));
      worker.on("message", (result: RangeResult) => this.#ended(worker, result));
      worker.on("error", (error) => this.#failed(error as Error));
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Those of the seeds that were played: the last one may have failed. */
  play(range: SeedRange): Promise<readonly Outcome[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ range, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #next(): void {
    const worker = this.#waiting.length > 0 ? this.#idle.pop() : undefined;
    if (!worker) return;
    const next = this.#waiting.shift()!;
    this.#playing.set(worker, next);
    worker.postMessage(next.range);
  }

  #ended(worker: Worker, result: RangeResult): void {
    const { resolve, reject } = this.#playing.get(worker)!;
    this.#playing.delete(worker);
    this.#idle.push(worker);
    if ("error" in result) reject(new Error(result.error));
    else resolve(result.outcomes);
    this.#next();
  }

  /** A thread that has died plays nothing any more: nobody waits for it. */
  #failed(error: Error): void {
    for (const { reject } of [...this.#playing.values(), ...this.#waiting.splice(0)]) reject(error);
  }
}
