/** Who waits for a run to change: long polls of history. Told after the commit, never before. */
export class Watch {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next commit that touches the run, or when the signal aborts. Call it before reading, so that no change is missed. */
  changed(runId: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(runId) ?? new Set();
      this.#waiting.set(runId, waiting);
      const end = () => {
        waiting.delete(end);
        if (waiting.size === 0 && this.#waiting.get(runId) === waiting) this.#waiting.delete(runId);
        signal.removeEventListener("abort", end);
        resolve();
      };
      waiting.add(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  notify(runId: string): void {
    const waiting = this.#waiting.get(runId);
    if (waiting) for (const end of [...waiting]) end();
  }

  /** Whatever they wait for. */
  notifyAll(): void {
    for (const runId of [...this.#waiting.keys()]) this.notify(runId);
  }

  get size(): number {
    return this.#waiting.size;
  }
}
