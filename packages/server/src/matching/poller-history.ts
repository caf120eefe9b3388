import { matchingLimits } from "../limits.ts";
import type { PollerSeen } from "./description.ts";
import type { PollRequest } from "./match.ts";

/** Who polled a queue lately, one entry an identity, least recent first. */
export class PollerHistory {
  readonly #seen = new Map<string, PollerSeen>();

  get size(): number {
    return this.#seen.size;
  }

  record(request: PollRequest, nowMs: number): void {
    const { identity, workerVersion, capabilities, deploymentOptions } = request.poller;
    const maxTasksPerSecond = request.maxTasksPerSecond ?? this.#seen.get(identity)?.maxTasksPerSecond;
    this.#seen.delete(identity);
    this.#seen.set(identity, {
      identity,
      lastAccessMs: nowMs,
      maxTasksPerSecond,
      workerVersion,
      capabilities,
      deploymentOptions,
    });
    if (this.#seen.size > matchingLimits.pollersMax) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** Most recent first. */
  list(nowMs: number): PollerSeen[] {
    this.forget(nowMs);
    return [...this.#seen.values()].reverse();
  }

  /** Drops those not seen for long. */
  forget(nowMs: number): void {
    for (const poller of this.#seen.values()) {
      if (nowMs - poller.lastAccessMs < matchingLimits.idleMs) return;
      this.#seen.delete(poller.identity);
    }
  }
}
