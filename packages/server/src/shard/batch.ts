/** The entries of one commit, from prefetch until that commit. */
import { type Delivery, type Entry, type Outcome, releasePollers } from "./entry.ts";
import type { Executor } from "./executor.ts";
import { type Hosted, keyText } from "./hosted.ts";
import { isLoaded } from "./prefetch.ts";
import { addWrites, type ExecutionWrites } from "./writes.ts";

/**
 * How many turns of the event loop a batch waits for answers of workers in this process to join it. In the first turn they run the workflow; only at its end do
 * they know that no promise was rejected without a handler, so they answer in the second.
 */
export const turnsForAnswers = 2;

export class Batch {
  readonly entries: Entry[] = [];
  /** In the order of the entries. */
  readonly outcomes: Outcome[] = [];
  readonly hosted: ReadonlyMap<string, Hosted>;
  readonly #executor: Executor;

  constructor(hosted: ReadonlyMap<string, Hosted>, executor: Executor) {
    this.hosted = hosted;
    this.#executor = executor;
  }

  /** When it throws, all executions of the batch must be forgotten, and `release` called. */
  execute(entries: readonly Entry[]): void {
    this.entries.push(...entries);
    for (const entry of entries)
      this.outcomes.push(this.#executor.execute(entry, this.hosted.get(keyText(entry.key))!));
  }

  /**
   * Gives workflow tasks to those workers that may have them before the commit. Whether there were any. What a task carries must all be in memory: the
   * store does not know of it yet.
   */
  deliverEarly(): boolean {
    let some = false;
    for (const outcome of this.outcomes) {
      const isGiven = ({ started, reservation }: Delivery) =>
        started.kind === "workflow" &&
        started.task.events !== undefined &&
        (reservation.sticky || started.task.fromEventId === 1) &&
        reservation.deliverEarly(started);
      const left = outcome.deliveries.filter((delivery) => !isGiven(delivery));
      some ||= left.length < outcome.deliveries.length;
      outcome.deliveries = left;
    }
    return some;
  }

  /** Takes out of the inbox what is about executions of this batch and needs nothing to be read, so that it can join: `max` entries at most. */
  takeJoining(inbox: Entry[], max: number): Entry[] {
    const joining: Entry[] = [];
    let left = 0;
    for (const entry of inbox) {
      // Once the batch is full the others only move up, and their keys are not looked at: under load thousands wait here.
      if (joining.length < max && this.#isReady(entry)) joining.push(entry);
      else inbox[left++] = entry;
    }
    inbox.length = left;
    return joining;
  }

  #isReady(entry: Entry): boolean {
    const one = this.hosted.get(keyText(entry.key));
    return one !== undefined && isLoaded(entry, one);
  }

  /** What the commit has to write. Throws `Oversized`; then as for `execute`. */
  takeChanges(): ExecutionWrites {
    const changes: ExecutionWrites = { writes: [], touched: [], large: [] };
    for (const one of this.hosted.values()) addWrites(changes, one);
    return changes;
  }

  /** Nothing comes of it: pollers that were to get a task of it go back to their lines. */
  release(): void {
    releasePollers(this.outcomes.flatMap(({ deliveries }) => deliveries));
  }
}
