/**
 * The numbers that tell the workflow tasks of a run apart. A speculative task is in memory alone: when a commit fails, the run is read again as it was
 * before that task, and its successor has the same place in history, perhaps within the same millisecond. What a worker then says of the first must not be
 * taken for the second, so that a shard never gives a number twice, whatever the run remembers and however the clock is set.
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
