import type { QueueStats } from "./description.ts";
import { FairLines } from "./fair-lines.ts";
import type { Fairness } from "./fairness.ts";
import { priorityKeyOf, type Task } from "./match.ts";
import { Throughput } from "./throughput.ts";

const priorityKeys = [1, 2, 3, 4, 5] as const;

/** What is kept for one priority key. */
interface Level {
  readonly lines: FairLines;
  readonly added: Throughput;
  readonly dispatched: Throughput;
}

/**
 * The tasks of one queue that wait for a poller: first by priority key, then in turns of fairness keys, then by scheduled time, then by arrival.
 * Counts what came and what went, too, whether it waited here or not.
 */
export class Backlog {
  /** Index = priority key; made when first needed, because most queues see one key only. */
  readonly #levels: (Level | undefined)[] = [];
  readonly #fairness: Fairness;
  #count = 0;

  constructor(fairness: Fairness) {
    this.#fairness = fairness;
  }

  get count(): number {
    return this.#count;
  }

  /** When the first of all was scheduled. */
  get oldestAtMs(): number | undefined {
    let oldestMs: number | undefined;
    for (const level of this.#levels) {
      const atMs = level?.lines.oldestAtMs;
      if (atMs !== undefined && (oldestMs === undefined || atMs < oldestMs)) oldestMs = atMs;
    }
    return oldestMs;
  }

  push(task: Task, nowMs: number): void {
    this.#count++;
    this.#level(task, nowMs).lines.push(task);
  }

  /** The next task whose fairness key may have one now. */
  takeFirst(nowMs: number): Task | undefined {
    if (this.#count === 0) return undefined;
    for (const key of priorityKeys) {
      const task = this.#levels[key]?.lines.takeFirst(nowMs);
      if (task === undefined) continue;
      this.#count--;
      return task;
    }
    return undefined;
  }

  /** Takes out all tasks that `which` picks; the others keep their places. */
  takeWhere(which: (task: Task) => boolean): Task[] {
    const taken: Task[] = [];
    for (const level of this.#levels) if (level !== undefined) taken.push(...level.lines.takeWhere(which));
    this.#count -= taken.length;
    return taken;
  }

  /** When `takeFirst` may have a task: now, later, or never. */
  readyAtMs(nowMs: number): number {
    return priorityKeys.reduce(
      (soonestMs, key) => Math.min(soonestMs, this.#levels[key]?.lines.readyAtMs(nowMs) ?? soonestMs),
      Number.POSITIVE_INFINITY,
    );
  }

  /** The rates of fairness keys have changed. */
  reconsider(): void {
    for (const key of priorityKeys) this.#levels[key]?.lines.reconsider();
  }

  countAdded(task: Task, nowMs: number): void {
    this.#level(task, nowMs).added.add(nowMs);
  }

  countDispatched(task: Task, nowMs: number): void {
    this.#level(task, nowMs).dispatched.add(nowMs);
  }

  /** By priority key: those that ever had a task. */
  stats(nowMs: number): Map<number, QueueStats> {
    const stats = new Map<number, QueueStats>();
    for (const key of priorityKeys) {
      const level = this.#levels[key];
      if (level === undefined) continue;
      const oldestAtMs = level.lines.oldestAtMs;
      stats.set(key, {
        backlogCount: level.lines.count,
        backlogAgeMs: oldestAtMs === undefined ? 0 : Math.max(0, nowMs - oldestAtMs),
        addRate: level.added.rate(nowMs),
        dispatchRate: level.dispatched.rate(nowMs),
      });
    }
    return stats;
  }

  #level(task: Task, nowMs: number): Level {
    const key = priorityKeyOf(task);
    const level = this.#levels[key];
    if (level !== undefined) return level;
    const made = {
      lines: new FairLines(this.#fairness),
      added: new Throughput(nowMs),
      dispatched: new Throughput(nowMs),
    };
    this.#levels[key] = made;
    return made;
  }
}
