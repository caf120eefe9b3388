/**
 * Whoever reads long lists waits in the line of its namespace, and the lines take turns: so one that asks for many makes itself wait, and of the others nobody for
 * more than those that are being read.
 */
export class Turns {
  /** In the order of their turns; none is empty. */
  readonly #lines = new Map<string, (() => void)[]>();
  #freeCount: number;

  /** `atOnce`: how many are read at the same time. */
  constructor(atOnce: number) {
    this.#freeCount = atOnce;
  }

  async take<T>(namespaceId: string, read: () => Promise<T>): Promise<T> {
    if (this.#freeCount > 0) this.#freeCount -= 1;
    else await this.#wait(namespaceId);
    try {
      return await read();
    } finally {
      this.#next();
    }
  }

  #wait(namespaceId: string): Promise<void> {
    return new Promise((resolve) => {
      const line = this.#lines.get(namespaceId);
      if (line) line.push(resolve);
      else this.#lines.set(namespaceId, [resolve]);
    });
  }

  #next(): void {
    for (const [namespaceId, line] of this.#lines) {
      this.#lines.delete(namespaceId);
      const begin = line.shift()!;
      if (line.length > 0) this.#lines.set(namespaceId, line);
      // In a turn of the event loop of its own. Node takes messages of a thread as long as there are any, up to 1,000, so that nobody else had a turn while
      // each answer brought the next one.
      return void setImmediate(begin);
    }
    this.#freeCount += 1;
  }
}
