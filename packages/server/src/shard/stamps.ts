/**
 * Numbers that tell the workflow tasks of a run apart, so that a worker's answer to one is never taken for an answer to another. Event ids and times do not
 * suffice: a speculative task is in memory only, so after a failed commit the run is read again without it, and the next task has the same place in history,
 * perhaps within the same millisecond. A shard therefore gives no number twice, whatever the run remembers and however the clock is set.
 *
 *   number = milliseconds, or one more than the last · owners + which owner of the shard this is
 */
export class Stamps {
  readonly #owner: number;
  #tick = 0;

  /** `rangeId` is the lease's: it grows with each owner. */
  constructor(rangeId: number) {
    this.#owner = rangeId % owners;
  }

  /** Above `after`; of none that came before, here or from any of the owners before. */
  next(nowMs: number, after: number): number {
    this.#tick = Math.max(nowMs, this.#tick + 1, Math.floor(after / owners) + 1);
    return this.#tick * owners + this.#owner;
  }
}

/** As many takeovers would have to come between a worker's task and its answer; milliseconds times this are exact until the year 2248. */
const owners = 1_024;
