/**
 * Time as a dependency: the only file of the server that reads the machine's clock or sets a timer.
 *
 *   C1. A sleeper never runs before `nowMs() >= atMs`, also after the clock has been set back.
 *   C2. A sleeper never runs inside `wake`, however late `atMs` is.
 *   C3. Sleepers run in the order of `atMs`; equal ones in the order in which they were set.
 */

import { AsyncLocalStorage } from "node:async_hooks";

/** Takes the sleeper back; harmless when it has already run. */
export type Cancel = () => void;

/** Where a server has its time from. Sleepers run in the order of their times, and never before them. */
export interface Clock {
  /** Milliseconds since 1970, whole. May step back when the machine's clock is set. */
  nowMs(): number;
  /** Runs `run` once, when `nowMs() >= atMs`. */
  wake(atMs: number, run: () => void): Cancel;
  /** Runs `run` once, when so many milliseconds have passed, wherever the clock is set meanwhile. */
  after(ms: number, run: () => void): Cancel;
  /** The clock by which what runs have planned falls due, when that is another: one that jumps, while callers wait as long as they asked to. */
  readonly due?: Clock;
}

/**
 * The longest sleep of the one timer behind the system clock. Timers count elapsed time, not the time of day: looking up once a second is what
 * notices that the clock was set forward or the machine was asleep, and it keeps every sleep below the 2^31 ms that a timer can hold.
 */
const sleepMaxMs = 1_000;

/** Lets others have their turn: for work that would hold the event loop for long. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What falls due belongs to none of the calls during which the one timer happened to be set (`Traces`). */
const ofNobody = AsyncLocalStorage.snapshot();

class SystemClock implements Clock {
  readonly #now: () => number;
  readonly #sleepers = new Sleepers();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(now = () => Date.now()) {
    this.#now = now;
  }

  nowMs(): number {
    return this.#now();
  }

  wake(atMs: number, run: () => void): Cancel {
    const sleeper = this.#sleepers.add(atMs, run);
    if (atMs < this.#timerAtMs) this.#arm();
    return () => {
      this.#sleepers.remove(sleeper);
      if (this.#sleepers.nextAtMs === undefined) this.#disarm();
    };
  }

  after(ms: number, run: () => void): Cancel {
    // What a busy process comes to too late has a negative rest: due, and nothing that Node should warn of.
    const timer = setTimeout(() => ofNobody(run), Math.max(ms, 0));
    return () => clearTimeout(timer);
  }

  /** The time of day has been set forward: what has fallen due by that is done now. */
  catchUp(): void {
    this.#disarm();
    this.#ring();
  }

  #arm(): void {
    this.#disarm();
    const nextAtMs = this.#sleepers.nextAtMs;
    if (nextAtMs === undefined) return;
    const nowMs = this.nowMs();
    const sleepMs = Math.min(Math.max(nextAtMs - nowMs, 0), sleepMaxMs);
    this.#timerAtMs = nowMs + sleepMs;
    this.#timer = setTimeout(() => ofNobody(() => this.#ring()), sleepMs);
  }

  #disarm(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    const nowMs = this.nowMs();
    const before = this.#sleepers.mark();
    try {
      for (let next = this.#sleepers.takeDue(nowMs, before); next; next = this.#sleepers.takeDue(nowMs, before)) next();
    } finally {
      this.#arm(); // also when a sleeper threw: the others keep their turn
    }
  }
}

/**
 * The machine's time and the jumps that were made ahead of it. What runs have planned falls due by it; who waits for an answer waits in real time,
 * so that no call ends because of a jump.
 */
export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #due = new SystemClock(() => this.nowMs());

  get due(): Clock {
    return this.#due;
  }

  nowMs(): number {
    return Date.now() + this.#skippedMs;
  }

  wake(atMs: number, run: () => void): Cancel {
    return systemClock.wake(atMs - this.#skippedMs, run);
  }

  after(ms: number, run: () => void): Cancel {
    return systemClock.after(ms, run);
  }

  /** Jumps; a time that has passed already changes nothing. */
  skipTo(atMs: number): void {
    const aheadMs = atMs - this.nowMs();
    if (aheadMs <= 0) return;
    this.#skippedMs += aheadMs;
    this.#due.catchUp();
  }
}

/** The clock of tests and simulations: time moves only when told to. */
export class ManualClock implements Clock {
  readonly #sleepers = new Sleepers();
  readonly #passing = new Set<Passing>();
  #nowMs: number;

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wake(atMs: number, run: () => void): Cancel {
    const sleeper = this.#sleepers.add(atMs, run);
    return () => this.#sleepers.remove(sleeper);
  }

  after(ms: number, run: () => void): Cancel {
    const passing: Passing = { atMs: this.#nowMs + ms, run, cancel: () => {} };
    this.#passing.add(passing);
    this.#arm(passing);
    return () => {
      this.#passing.delete(passing);
      passing.cancel();
    };
  }

  /** Lets time pass, running each sleeper at its own time; those set meanwhile run too when they fall due within `ms`. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (
      let nextMs = this.#sleepers.nextAtMs;
      nextMs !== undefined && nextMs <= endMs;
      nextMs = this.#sleepers.nextAtMs
    ) {
      this.#nowMs = Math.max(this.#nowMs, nextMs);
      this.#sleepers.takeDue(this.#nowMs)?.();
    }
    this.#nowMs = endMs;
  }

  /** Jumps to the next sleeper and runs it; false when nobody sleeps. */
  skip(): boolean {
    const nextMs = this.#sleepers.nextAtMs;
    if (nextMs === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, nextMs);
    this.#sleepers.takeDue(this.#nowMs)?.();
    return true;
  }

  /** Sets the clock without running anyone, as an administrator or NTP does; `ms` may be negative. */
  step(ms: number): void {
    this.#nowMs += ms;
    for (const passing of this.#passing) {
      passing.cancel();
      passing.atMs += ms;
      this.#arm(passing);
    }
  }

  /** How many wait: 0 at the end of a test that leaks none. */
  get sleeperCount(): number {
    return this.#sleepers.count;
  }

  #arm(passing: Passing): void {
    passing.cancel = this.wake(passing.atMs, () => {
      this.#passing.delete(passing);
      passing.run();
    });
  }
}

/** What waits for time to pass, and so moves along when the clock is set. */
interface Passing {
  atMs: number;
  readonly run: () => void;
  cancel: Cancel;
}

interface Sleeper {
  readonly atMs: number;
  readonly sequence: number;
  readonly run: () => void;
  /** Place in the heap; -1 once out of it. */
  index: number;
}

/** A binary heap that knows where each sleeper stands, because most are cancelled (a long poll that found a task). */
class Sleepers {
  readonly #heap: Sleeper[] = [];
  #sequence = 0;

  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  get count(): number {
    return this.#heap.length;
  }

  /** Sleepers added from now on are not due for a `takeDue` that is given this mark. */
  mark(): number {
    return this.#sequence;
  }

  add(atMs: number, run: () => void): Sleeper {
    if (Number.isNaN(atMs)) throw new RangeError("a sleeper needs a time to wake at");
    const sleeper: Sleeper = { atMs, sequence: this.#sequence++, run, index: this.#heap.length };
    this.#heap.push(sleeper);
    this.#rise(sleeper);
    return sleeper;
  }

  remove(sleeper: Sleeper): void {
    if (sleeper.index < 0) return;
    const last = this.#heap.pop()!;
    if (last !== sleeper) {
      this.#place(last, sleeper.index);
      this.#rise(last);
      this.#sink(last);
    }
    sleeper.index = -1;
  }

  takeDue(nowMs: number, before = Number.POSITIVE_INFINITY): (() => void) | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs || first.sequence >= before) return undefined;
    this.remove(first);
    return first.run;
  }

  #rise(sleeper: Sleeper): void {
    while (sleeper.index > 0) {
      const parent = this.#heap[(sleeper.index - 1) >> 1]!;
      if (isBefore(parent, sleeper)) return;
      const place = parent.index;
      this.#place(parent, sleeper.index);
      this.#place(sleeper, place);
    }
  }

  #sink(sleeper: Sleeper): void {
    for (;;) {
      const left = this.#heap[2 * sleeper.index + 1];
      const right = this.#heap[2 * sleeper.index + 2];
      const child = left && right && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(sleeper, child)) return;
      const place = child.index;
      this.#place(child, sleeper.index);
      this.#place(sleeper, place);
    }
  }

  #place(sleeper: Sleeper, index: number): void {
    this.#heap[index] = sleeper;
    sleeper.index = index;
  }
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.sequence < b.sequence;
}

export const systemClock: Clock = new SystemClock();
