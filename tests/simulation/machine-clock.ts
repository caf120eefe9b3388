/**
 * The clock of the machine on which servers run: it may be set forward or back while the world's time goes on, and a process that has died hears
 * of it no more.
 */
import type { Cancel, Clock, ManualClock } from "@pawl/server/simulation";

export class MachineClock {
  readonly #world: ManualClock;
  readonly #processes = new Set<ProcessClock>();
  #aheadMs = 0;
  /** How far it has been set back in all. */
  backMs = 0;

  constructor(world: ManualClock) {
    this.#world = world;
  }

  nowMs(): number {
    return this.#world.nowMs() + this.#aheadMs;
  }

  set(byMs: number): void {
    this.#aheadMs += byMs;
    this.backMs += Math.max(0, -byMs);
    for (const process of this.#processes) process.rearm();
  }

  process(): ProcessClock {
    const process = new ProcessClock(this, this.#world);
    this.#processes.add(process);
    return process;
  }

  forget(process: ProcessClock): void {
    this.#processes.delete(process);
  }
}

interface Sleeper {
  /** By the machine's clock; undefined for what waits for time to pass, however that is set. */
  readonly atMs: number | undefined;
  readonly run: () => void;
  cancel: Cancel;
}

export class ProcessClock implements Clock {
  readonly #machine: MachineClock;
  readonly #world: ManualClock;
  readonly #sleepers = new Set<Sleeper>();
  #isDead = false;

  constructor(machine: MachineClock, world: ManualClock) {
    this.#machine = machine;
    this.#world = world;
  }

  nowMs(): number {
    return this.#machine.nowMs();
  }

  wake(atMs: number, run: () => void): Cancel {
    if (this.#isDead) return () => {};
    const sleeper: Sleeper = { atMs, run, cancel: () => {} };
    this.#sleepers.add(sleeper);
    this.#arm(sleeper, atMs);
    return () => this.#drop(sleeper);
  }

  after(ms: number, run: () => void): Cancel {
    if (this.#isDead) return () => {};
    const sleeper: Sleeper = { atMs: undefined, run, cancel: () => {} };
    this.#sleepers.add(sleeper);
    this.#wakeAt(this.#world.nowMs() + ms, sleeper);
    return () => this.#drop(sleeper);
  }

  /** The machine's clock has been set. */
  rearm(): void {
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs === undefined) continue;
      sleeper.cancel();
      this.#arm(sleeper, sleeper.atMs);
    }
  }

  die(): void {
    this.#isDead = true;
    for (const sleeper of this.#sleepers) sleeper.cancel();
    this.#sleepers.clear();
    this.#machine.forget(this);
  }

  #arm(sleeper: Sleeper, atMs: number): void {
    this.#wakeAt(atMs - this.#machine.nowMs() + this.#world.nowMs(), sleeper);
  }

  #wakeAt(worldMs: number, sleeper: Sleeper): void {
    sleeper.cancel = this.#world.wake(worldMs, () => {
      this.#drop(sleeper);
      sleeper.run();
    });
  }

  #drop(sleeper: Sleeper): void {
    sleeper.cancel();
    this.#sleepers.delete(sleeper);
  }
}
