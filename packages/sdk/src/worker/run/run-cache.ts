/**
 * Runs between their workflow tasks. Bounded in bytes and in number; the one that was idle longest goes first. What goes is not lost: the next
 * task brings its whole history.
 */
import type { CachedRun } from "./cached-run.ts";

export interface RunCacheOptions {
  readonly bytesMax: number;
  readonly runsMax: number;
  /** A run had to go for another. */
  readonly onEviction?: () => void;
}

export class RunCache {
  readonly #bytesMax: number;
  readonly #runsMax: number;
  readonly #onEviction: () => void;
  readonly #runs = new Map<string, CachedRun>();
  #bytes = 0;

  constructor({ bytesMax, runsMax, onEviction = () => undefined }: RunCacheOptions) {
    this.#onEviction = onEviction;
    this.#bytesMax = bytesMax;
    this.#runsMax = runsMax;
  }

  get size(): number {
    return this.#runs.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The caller has the run for itself until it puts it back. */
  take(runId: string): CachedRun | undefined {
    const run = this.#runs.get(runId);
    if (!run) return undefined;
    this.#runs.delete(runId);
    this.#bytes -= run.bytes;
    return run;
  }

  put(runId: string, run: CachedRun): void {
    const before = this.take(runId);
    // Two tasks of one run at once: whoever knows more stays.
    const kept = before && before.replay.lastEventId > run.replay.lastEventId ? before : run;
    (kept === run ? before : run)?.dispose();
    this.#runs.set(runId, kept);
    this.#bytes += kept.bytes;
    for (const oldest of this.#runs.keys()) {
      if (this.#bytes <= this.#bytesMax && this.#runs.size <= this.#runsMax) break;
      this.take(oldest)?.dispose();
      this.#onEviction();
    }
  }

  clear(): void {
    for (const runId of [...this.#runs.keys()]) this.take(runId)?.dispose();
  }
}
