/**
 * The waiting tasks of one priority key: a lane for each fairness key, and the lanes take turns by weight.
 *
 * A lane's turn comes at its tag: the tag of the turn before, plus 1/weight. So a key of weight 3 has three turns where one of weight 1 has one,
 * however many tasks wait behind either. A key that comes anew begins at the tag that was served last: what it did not use before is not saved up,
 * and nothing needs to be remembered of keys that have no tasks. Whoever has a tag is served when all smaller ones are, and those are finitely
 * many, so nobody starves.
 *
 *   F1. Tasks of one key leave in their own order.
 *   F2. Each lane with tasks is in one of the two heaps: ready, or held until its key may have another task.
 *   F3. From so many keys on, newcomers share lanes; a key has its tasks in one lane at a time (F1).
 */
import { matchingLimits } from "../limits.ts";
import { type Fairness, keyOf } from "./fairness.ts";
import { Heap } from "./heap.ts";
import { Lane } from "./lane.ts";
import type { Task } from "./match.ts";

interface FairLane {
  /** Where it stands among its like: a fairness key, or the number of a shared lane. */
  readonly place: string | number;
  readonly tasks: Lane;
  tag: number;
  /** Of equal tags, the one given first comes first. */
  turn: number;
  readyAtMs: number;
}

export class FairLines {
  readonly #fairness: Fairness;
  readonly #lanes = new Map<string | number, FairLane>();
  readonly #ready = new Heap<FairLane>((a, b) => (a.tag !== b.tag ? a.tag < b.tag : a.turn < b.turn));
  readonly #held = new Heap<FairLane>((a, b) => a.readyAtMs < b.readyAtMs);
  #sharedCount = 0;
  #count = 0;
  #servedTag = 0;
  #turns = 0;

  constructor(fairness: Fairness) {
    this.#fairness = fairness;
  }

  get count(): number {
    return this.#count;
  }

  /** When the oldest of all tasks was scheduled. */
  get oldestAtMs(): number | undefined {
    let oldestMs: number | undefined;
    for (const { tasks } of this.#lanes.values()) oldestMs = Math.min(oldestMs ?? Infinity, tasks.firstAtMs!);
    return oldestMs;
  }

  push(task: Task): void {
    this.#count++;
    const place = this.#placeOf(keyOf(task));
    const known = this.#lanes.get(place);
    if (known !== undefined) return known.tasks.push(task);
    const lane = { place, tasks: new Lane(), tag: 0, turn: 0, readyAtMs: 0 };
    lane.tasks.push(task);
    this.#lanes.set(place, lane);
    if (typeof place === "number") this.#sharedCount++;
    this.#giveTurn(lane);
  }

  /** The next task whose key may have one now. */
  takeFirst(nowMs: number): Task | undefined {
    const lane = this.#firstReady(nowMs);
    if (lane === undefined) return undefined;
    this.#ready.takeFirst();
    this.#fairness.takeToken(lane.tasks.first!, nowMs);
    return this.#takeFrom(lane);
  }

  /** When `takeFirst` may have a task: now, later, or never. */
  readyAtMs(nowMs: number): number {
    if (this.#firstReady(nowMs) !== undefined) return nowMs;
    return this.#held.first?.readyAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** The rates of keys have changed. */
  reconsider(): void {
    this.#wake(Number.POSITIVE_INFINITY);
  }

  /** Takes out all tasks that `which` picks, without a token; the others keep their order. */
  takeWhere(which: (task: Task) => boolean): Task[] {
    const lanes = [...this.#lanes.values()];
    const taken = lanes.flatMap(({ tasks }) => tasks.takeWhere(which));
    if (taken.length === 0) return taken;
    const kept = lanes.flatMap(({ tasks }) => tasks.takeWhere(() => true));
    for (const heap of [this.#ready, this.#held]) while (heap.takeFirst() !== undefined);
    this.#lanes.clear();
    this.#sharedCount = 0;
    this.#count = 0;
    for (const task of kept) this.push(task);
    return taken;
  }

  #takeFrom(lane: FairLane): Task {
    const task = lane.tasks.takeFirst()!;
    this.#count--;
    // A lane that was held comes late, and is not to put the others back.
    this.#servedTag = Math.max(this.#servedTag, lane.tag);
    if (lane.tasks.count > 0) this.#giveTurn(lane);
    else {
      this.#lanes.delete(lane.place);
      if (typeof lane.place === "number") this.#sharedCount--;
    }
    // From zero again, so that tags stay exact.
    if (this.#count === 0) this.#servedTag = 0;
    return task;
  }

  #giveTurn(lane: FairLane): void {
    lane.tag = this.#servedTag + 1 / this.#fairness.weightOf(lane.tasks.first!);
    lane.turn = this.#turns++;
    this.#ready.push(lane);
  }

  #firstReady(nowMs: number): FairLane | undefined {
    this.#wake(nowMs);
    for (let lane = this.#ready.first; lane !== undefined; lane = this.#ready.first) {
      lane.readyAtMs = this.#fairness.readyAtMs(lane.tasks.first!, nowMs);
      if (lane.readyAtMs <= nowMs) return lane;
      this.#ready.takeFirst();
      this.#held.push(lane);
    }
    return undefined;
  }

  #wake(nowMs: number): void {
    for (let lane = this.#held.first; lane !== undefined && lane.readyAtMs <= nowMs; lane = this.#held.first) {
      this.#held.takeFirst();
      this.#ready.push(lane);
    }
  }

  /** F3. While shared lanes hold tasks, a key without a lane of its own may have some there. */
  #placeOf(key: string): string | number {
    if (this.#lanes.has(key)) return key;
    const { fairnessKeysMax, fairnessLanesShared } = matchingLimits;
    if (this.#sharedCount === 0 && this.#lanes.size < fairnessKeysMax) return key;
    return hashOf(key) % fairnessLanesShared;
  }
}

/** FNV-1a: spreads similar keys well. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
