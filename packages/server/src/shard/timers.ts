/**
 * When a shard must look at which run. The store's `wakeAtMs` column is the truth; memory holds what falls due soon, so that a million
 * sleeping runs cost nothing.
 *
 *   W1. No run is woken before its time by the clock, also when the clock steps back.
 *   W2. What is due beyond the horizon is read from the store before the horizon reaches it; a read that fails is repeated soon.
 */
import type { RunRef, Store } from "@pawl/store";
import type { Cancel, Clock } from "../clock.ts";
import { shardLimits } from "../limits.ts";

const horizonMsDefault = 120_000;
const pageSize = 1_000;

interface Armed extends RunRef {
  readonly atMs: number;
}

export interface TimersParts {
  readonly store: Store;
  readonly shardId: number;
  readonly clock: Clock;
  /** How far ahead memory knows what is due; the store is read again when half of that has passed. Default: 2 minutes. */
  readonly horizonMs?: number | undefined;
  /** Looks at the run; it is armed again afterwards if it has more to do. */
  readonly wake: (run: RunRef) => void;
  readonly onFault: (error: unknown) => void;
}

export class Timers {
  readonly #parts: TimersParts;
  readonly #armed = new Map<string, Armed>();
  /** A binary heap by time. Entries that are no longer the armed one of their run are skipped. */
  #heap: Armed[] = [];
  #cancelWake: Cancel | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #cancelRefresh: Cancel | undefined;
  #horizonAtMs = 0;
  #closed = false;

  constructor(parts: TimersParts) {
    this.#parts = parts;
  }

  /** Reads what is due up to the horizon, and keeps doing so (W2). */
  async start(): Promise<void> {
    await this.#refresh();
  }

  close(): void {
    this.#closed = true;
    this.#cancelWake?.();
    this.#cancelRefresh?.();
  }

  /** The run's next time after a commit; null = nothing is due by itself. */
  arm(run: RunRef, atMs: number | null): void {
    const before = this.#armed.get(run.runId);
    if (before?.atMs === atMs) return;
    if (atMs === null || atMs >= this.#horizonAtMs) {
      this.#armed.delete(run.runId);
      return;
    }
    const armed = { ...run, atMs };
    this.#armed.set(run.runId, armed);
    this.#push(armed);
    this.#schedule();
  }

  /** When the next of those known falls due; Infinity when none is. */
  get nextAtMs(): number {
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#armed.values()) nextAtMs = Math.min(nextAtMs, atMs);
    return nextAtMs;
  }

  get size(): number {
    return this.#armed.size;
  }

  async #refresh(): Promise<void> {
    const { store, shardId, clock } = this.#parts;
    const { horizonMs = horizonMsDefault } = this.#parts;
    const beforeMs = clock.nowMs() + horizonMs;
    let isRead = false;
    this.#horizonAtMs = beforeMs;
    try {
      for (let limit = pageSize; ; limit *= 4) {
        const runs = await store.wakingRuns(shardId, { beforeMs, limit });
        if (this.#closed) return;
        if (runs.length < limit) {
          for (const { wakeAtMs, ...run } of runs) if (!this.#armed.has(run.runId)) this.arm(run, wakeAtMs);
          isRead = true;
          break;
        }
      }
    } catch (error) {
      this.#parts.onFault(error);
    }
    if (this.#closed) return;
    const refresh = () => void this.#refresh();
    // What could not be read may be due now, after a start, or when the clock was set forward.
    this.#cancelRefresh = isRead
      ? clock.wake(clock.nowMs() + horizonMs / 2, refresh)
      : clock.after(shardLimits.retryMs, refresh);
  }

  #fireDue(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#parts.clock.nowMs();
    for (let next = this.#heap[0]; next && next.atMs <= nowMs; next = this.#heap[0]) {
      this.#pop();
      if (this.#armed.get(next.runId) !== next) continue;
      this.#armed.delete(next.runId);
      const { atMs: _, ...run } = next;
      this.#parts.wake(run);
    }
    this.#schedule();
  }

  #schedule(): void {
    while (this.#heap[0] && this.#armed.get(this.#heap[0].runId) !== this.#heap[0]) this.#pop();
    const next = this.#heap[0];
    if (this.#closed || !next || next.atMs >= this.#wakeAtMs) return;
    this.#cancelWake?.();
    this.#wakeAtMs = next.atMs;
    this.#cancelWake = this.#parts.clock.wake(next.atMs, () => this.#fireDue());
  }

  #push(entry: Armed): void {
    if (this.#heap.length > 1_024 && this.#heap.length > 4 * this.#armed.size) this.#compact();
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= entry.atMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child += 1;
      if (heap[child]!.atMs >= last.atMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }

  /** Most of the heap is stale: a run that is armed anew with each commit leaves an entry behind. */
  #compact(): void {
    this.#heap = [...this.#armed.values()].sort((a, b) => a.atMs - b.atMs);
  }
}
