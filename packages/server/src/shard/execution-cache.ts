/** The executions that a shard has in memory, least recently used first, bounded by an estimate of their bytes. */
import type { Hosted } from "./hosted.ts";

export class ExecutionCache {
  readonly #bytesMax: number;
  /** In order of use: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, { readonly hosted: Hosted; readonly bytes: number }>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(key: string): Hosted | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.hosted;
  }

  /** Adds the execution or takes its new size into account. Closed runs are kept only while they are current. */
  put(key: string, hosted: Hosted): void {
    this.forget(key);
    const { machine, execution } = hosted;
    for (const [runId, run] of execution.runs) {
      if (run.status.type === "closed" && runId !== execution.currentRunId) execution.runs.delete(runId);
    }
    // Deleted, or never there: whoever asks again may read that again.
    if (execution.runs.size === 0 && execution.currentRunId === null) return;
    let bytes = entryBytes;
    for (const run of execution.runs.values()) bytes += machine.memoryBytes(run);
    this.#entries.set(key, { hosted, bytes });
    this.#bytes += bytes;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** Drops what was used longest ago until the rest fits. Only between batches: a batch holds on to its executions. */
  shrink(): void {
    for (const [key, { hosted }] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      // Updates that wait for a worker are known here only; there are few, and not for long.
      if (!isPinned(hosted)) this.forget(key);
    }
  }

  values(): Hosted[] {
    return [...this.#entries.values()].map(({ hosted }) => hosted);
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

/** Measured on heaps of idle runs: what an execution costs beside its runs. */
const entryBytes = 300;

function isPinned({ machine, execution }: Hosted): boolean {
  for (const run of execution.runs.values()) if (machine.isPinned(run)) return true;
  return false;
}
