/** How much of a queue each fairness key gets: its weight against the others, and a rate of its own. */
import { matchingLimits } from "../limits.ts";
import { TokenBucket } from "../token-bucket.ts";
import type { QueueConfig, Task } from "./match.ts";

export class Fairness {
  #config: QueueConfig | undefined;
  /** By key, used least recently first. A bucket that is forgotten is full when it is made anew, which gives its key a second's worth at most. */
  readonly #buckets = new Map<string, TokenBucket>();

  configure(config: QueueConfig | undefined): void {
    this.#config = config;
    if (config?.maxKeyTasksPerSecond === undefined) this.#buckets.clear();
  }

  /** What operators have set for the key, else what the task says, else 1. */
  weightOf(task: Task): number {
    const weight = this.#config?.weights.get(keyOf(task)) ?? task.priority?.fairnessWeight ?? 0;
    if (!(weight > 0)) return 1;
    return Math.min(Math.max(weight, matchingLimits.weightMin), matchingLimits.weightMax);
  }

  /** Takes a token of the task's key, if there is one or none is needed. */
  takeToken(task: Task, nowMs: number): boolean {
    return this.#bucket(task, nowMs)?.take(nowMs) ?? true;
  }

  /** When its key may have the task: now, later, or never. */
  readyAtMs(task: Task, nowMs: number): number {
    return this.#bucket(task, nowMs)?.readyAtMs(nowMs) ?? nowMs;
  }

  /** For a token that was not used after all. */
  giveBack(task: Task): void {
    this.#buckets.get(keyOf(task))?.giveBack();
  }

  #bucket(task: Task, nowMs: number): TokenBucket | undefined {
    if (this.#config?.maxKeyTasksPerSecond === undefined) return undefined;
    const key = keyOf(task);
    const rate = this.#config.maxKeyTasksPerSecond * this.weightOf(task);
    const known = this.#buckets.get(key);
    if (known !== undefined) {
      this.#buckets.delete(key);
      if (known.rate !== rate) known.setRate(rate, nowMs);
    }
    const bucket = known ?? new TokenBucket(rate, nowMs);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > matchingLimits.fairnessKeysMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket;
  }
}

export function keyOf(task: Task): string {
  return task.priority?.fairnessKey ?? "";
}
