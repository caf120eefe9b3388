/** What a queue tells a poller about the number of pollers: one more would help, or one less would do. */
import { matchingLimits } from "../limits.ts";
import { TokenBucket } from "../token-bucket.ts";

export interface QueueLoad {
  readonly backlogAgeMs: number;
  readonly addRate: number;
  readonly dispatchRate: number;
  /** More pollers would wait with the others. */
  readonly rateLimited: boolean;
}

interface Asked {
  readonly pollerCount: number;
  readonly backlogCount: number;
  readonly load: () => QueueLoad;
  readonly nowMs: number;
}

export class PollerScaling {
  #advice: TokenBucket | undefined;
  #seen: { readonly atMs: number; readonly load: QueueLoad } | undefined;

  /**
   * By how much to change the number of pollers; undefined = no opinion. `waitedMs`: how long the poll waited for what it is given now.
   * Pollers are added slowly, because each of them has the advice; the more there are, the more of them may.
   */
  decide(waitedMs: number, { pollerCount, backlogCount, load, nowMs }: Asked): -1 | 1 | undefined {
    if (waitedMs >= matchingLimits.pollerIdleMs) return backlogCount > 0 ? undefined : -1;
    const rate = matchingLimits.pollerAdvicePerSecond * Math.max(1, pollerCount);
    if (this.#advice === undefined) this.#advice = new TokenBucket(rate, nowMs);
    else if (this.#advice.rate !== rate) this.#advice.setRate(rate, nowMs);
    if (!this.#advice.take(nowMs)) return undefined;
    const { backlogAgeMs, addRate, dispatchRate, rateLimited } = this.#look(load, nowMs);
    if (rateLimited) return undefined;
    const isBehind = backlogCount > 0 && backlogAgeMs > matchingLimits.backlogOldMs;
    return isBehind || addRate > matchingLimits.addRateHigh * dispatchRate ? 1 : undefined;
  }

  /** Counting through a queue with many fairness keys costs something: not for every poll. */
  #look(load: () => QueueLoad, nowMs: number): QueueLoad {
    if (this.#seen === undefined || Math.abs(nowMs - this.#seen.atMs) >= matchingLimits.loadFreshMs)
      this.#seen = { atMs: nowMs, load: load() };
    return this.#seen.load;
  }
}
