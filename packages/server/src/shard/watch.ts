/** What somebody waits for: any commit that touches the run, or the one that closes it. */
export type News = "change" | "end";

interface Waiter {
  readonly news: News;
  readonly end: () => void;
}

/** Who waits for a run to change: long polls of history. Told after the commit, never before. */
export class Watch {
  readonly #waiting = new Map<string, Set<Waiter>>();

  /**
   * Resolves at the next commit that touches the run, with `end` only at one after which it is closed, or when the signal aborts. Call it before
   * reading, so that nothing is missed.
   */
  changed(runId: string, signal: AbortSignal, news: News = "change"): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(runId) ?? new Set();
      this.#waiting.set(runId, waiting);
      const end = () => {
        waiting.delete(waiter);
        if (waiting.size === 0 && this.#waiting.get(runId) === waiting) this.#waiting.delete(runId);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const waiter = { news, end };
      waiting.add(waiter);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  notify(runId: string, isClosed: boolean): void {
    const waiting = this.#waiting.get(runId);
    if (!waiting) return;
    for (const { news, end } of [...waiting]) if (isClosed || news === "change") end();
  }

  /** Whatever they wait for. */
  notifyAll(): void {
    for (const runId of [...this.#waiting.keys()]) this.notify(runId, true);
  }

  get size(): number {
    return this.#waiting.size;
  }
}
