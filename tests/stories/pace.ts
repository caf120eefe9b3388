/** Whether this machine has been too busy to tell how long something takes: then stories that wait for nothing, or for the clock, tell of the machine. */
const beatMs = 50;
/** Under half of the time that an empty poll has. */
const stallMs = 400;

export class Pace {
  #stalledAtMs = Number.NEGATIVE_INFINITY;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let lastMs = performance.now();
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs - lastMs > beatMs + stallMs) this.#stalledAtMs = nowMs;
      lastMs = nowMs;
    }, beatMs).unref();
  }

  /** Whether this process stood still at some time since then, by `performance.now()`. */
  stalledSince(ms: number): boolean {
    return this.#stalledAtMs >= ms;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
