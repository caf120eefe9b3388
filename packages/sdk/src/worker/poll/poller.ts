/** Asks the server for tasks, again and again, and hands each on without waiting for its end. */
import { setTimeout as delay } from "node:timers/promises";
import { CallFailed } from "../../transport/transport.ts";
import type { Logger } from "../../value/logger.ts";
import type { Slot, SlotInfo, Slots } from "../slot/slots.ts";

/** The server answers an empty poll within 60 s; the rest is for the way. */
export const pollTimeoutMs = 70_000;

/** How many polls are open at a time. */
export interface PollerCount {
  readonly minimum: number;
  readonly initial: number;
  readonly maximum: number;
}

const retryFirstMs = 100;
const retryLongestMs = 5_000;

/** Statuses that no waiting mends: INVALID_ARGUMENT, NOT_FOUND (the namespace), PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const hopeless: ReadonlySet<number> = new Set([3, 5, 7, 12, 16]);
const endedByDeadline = 4;
const overloaded = 8;

export interface PollerParts<T> {
  readonly name: string;
  readonly count: PollerCount;
  readonly slots: Slots;
  /** `undefined` when there was nothing to do. */
  readonly poll: () => Promise<T | undefined>;
  readonly infoOf: (task: T) => SlotInfo;
  /** How many more polls, or fewer, the server suggests. */
  readonly suggestionOf: (task: T) => number;
  /** Its errors are its own to report: a rejection is a bug and ends the worker. */
  readonly handle: (task: T) => Promise<void>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * As many loops as there are to be polls; their number follows the server's suggestions between its bounds.
 *   P1. A poll holds a slot, and a task that it brings keeps it.
 *   P2. `run` ends when the signal has aborted and every task that was taken is done, or throws when polling is hopeless.
 */
export class Pollers<T> {
  readonly #parts: PollerParts<T>;
  readonly #underway = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #wanted: number;
  #loops = 0;
  #failures = 0;
  #polling = 0;

  constructor(parts: PollerParts<T>) {
    this.#parts = parts;
    this.#wanted = parts.count.initial;
  }

  /** Polls that are open now. */
  get polling(): number {
    return this.#polling;
  }

  async run(): Promise<void> {
    this.#fill();
    // What is under way may begin more.
    while (this.#underway.size > 0) await Promise.all(this.#underway);
    if (this.#failure) throw this.#failure.error;
  }

  get #isOver(): boolean {
    return this.#parts.signal.aborted || this.#failure !== undefined;
  }

  #fill(): void {
    while (!this.#isOver && this.#loops < this.#wanted) {
      this.#loops++;
      this.#track(this.#loop().finally(() => this.#loops--));
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underway.delete(tracked));
    this.#underway.add(tracked);
  }

  async #loop(): Promise<void> {
    const { slots, signal } = this.#parts;
    while (!this.#isOver && this.#loops <= this.#wanted) {
      const slot = await slots.take(signal);
      if (!slot) return;
      const task = await this.#poll(slot);
      if (task === undefined) slot.release();
      else this.#begin(task, slot);
    }
  }

  async #poll(slot: Slot): Promise<T | undefined> {
    if (this.#isOver) return undefined;
    this.#polling++;
    try {
      const task = await this.#parts.poll();
      this.#failures = 0;
      if (task !== undefined) slot.use(this.#parts.infoOf(task));
      // A poll that waited its whole time in vain was one too many.
      this.#scale(task === undefined ? -1 : this.#parts.suggestionOf(task));
      return task;
    } catch (error) {
      await this.#failed(error);
      return undefined;
    } finally {
      this.#polling--;
    }
  }

  #begin(task: T, slot: Slot): void {
    this.#track(this.#parts.handle(task).finally(() => slot.release()));
  }

  #scale(by: number): void {
    const { minimum, maximum } = this.#parts.count;
    this.#wanted = Math.min(maximum, Math.max(minimum, this.#wanted + by));
    this.#fill();
  }

  async #failed(error: unknown): Promise<void> {
    const { name, logger, signal } = this.#parts;
    if (signal.aborted) return;
    if (error instanceof CallFailed && hopeless.has(error.code)) {
      this.#failure = { error };
      return;
    }
    if (error instanceof CallFailed && error.code === endedByDeadline) return this.#scale(-1);
    this.#scale(error instanceof CallFailed && error.code === overloaded ? -Math.ceil(this.#wanted / 2) : -1);
    const waitMs = Math.min(retryFirstMs * 2 ** this.#failures++, retryLongestMs);
    // One word at the beginning of an outage is enough; all pollers of a worker live through the same one.
    if (this.#failures === 1)
      logger.warn(`${name} poll failed, trying again until it succeeds`, { error: String(error) });
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
