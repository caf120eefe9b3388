/**
 * A bucket of tokens: `rate` flow in each second, each task takes one. It keeps up to `burst` of them; without that, up to a second's worth, at least
 * one. It starts full.
 */
export class TokenBucket {
  #rate: number;
  readonly #burst: number | undefined;
  #tokens: number;
  #filledAtMs: number;

  /** `rate` in tokens per second, 0 or more, finite. */
  constructor(rate: number, nowMs: number, burst?: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = this.#capacity;
    this.#filledAtMs = nowMs;
  }

  get rate(): number {
    return this.#rate;
  }

  /** What has been saved up stays, as far as the new rate may hold it: pollers that disagree about the rate gain nothing by it. */
  setRate(rate: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#rate = rate;
    this.#tokens = Math.min(this.#tokens, this.#capacity);
  }

  isReady(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens >= 1;
  }

  /** Takes a token if there is one. */
  take(nowMs: number): boolean {
    if (!this.isReady(nowMs)) return false;
    this.#tokens -= 1;
    return true;
  }

  /** For a token that was not used after all. */
  giveBack(): void {
    this.#tokens = Math.min(this.#tokens + 1, this.#capacity);
  }

  /** When the next token can be taken: a whole millisecond, not before `nowMs`; infinite at rate 0. */
  readyAtMs(nowMs: number): number {
    this.#fill(nowMs);
    if (this.#rate === 0) return Number.POSITIVE_INFINITY;
    return nowMs + Math.max(0, Math.ceil(((1 - this.#tokens) * 1_000) / this.#rate));
  }

  get #capacity(): number {
    return this.#burst ?? capacityOf(this.#rate);
  }

  #fill(nowMs: number): void {
    // A clock that was set back gives nothing and takes nothing.
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsedMs * this.#rate) / 1_000);
  }
}

function capacityOf(rate: number): number {
  return rate === 0 ? 0 : Math.max(1, rate);
}
