import { matchingLimits } from "../limits.ts";

/** Counts things in spans of some seconds and gives the average rate over the last spans; a young one averages over its own age. */
export class Throughput {
  readonly #counts = new Uint32Array(matchingLimits.rateSpans);
  #span: number;
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#span = spanOf(nowMs);
  }

  add(nowMs: number): void {
    this.#turn(nowMs);
    this.#counts[this.#span % matchingLimits.rateSpans]! += 1;
  }

  /** Per second. */
  rate(nowMs: number): number {
    this.#turn(nowMs);
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    const spannedMs =
      (matchingLimits.rateSpans - 1) * matchingLimits.rateSpanMs + (nowMs - spanOf(nowMs) * matchingLimits.rateSpanMs);
    // Below a second of age a single task would look like a flood.
    const ageMs = Math.max(1_000, nowMs - this.#sinceMs);
    return (total * 1_000) / Math.min(ageMs, Math.max(1_000, spannedMs));
  }

  #turn(nowMs: number): void {
    const span = spanOf(nowMs);
    if (span < this.#span) {
      // The clock was set back: start anew, because what was counted lies in the future now.
      this.#counts.fill(0);
      this.#sinceMs = nowMs;
    }
    const passed = Math.min(span - this.#span, matchingLimits.rateSpans);
    for (let i = 1; i <= passed; i++) this.#counts[(this.#span + i) % matchingLimits.rateSpans] = 0;
    this.#span = span;
  }
}

function spanOf(nowMs: number): number {
  return Math.floor(nowMs / matchingLimits.rateSpanMs);
}
