import type { Task } from "./match.ts";

/**
 * Waiting tasks by scheduled time, equal times by arrival: a binary heap in three arrays. Tasks mostly arrive in order, and then an arrival costs
 * one comparison; after a restart they come in any order. Arrays of numbers are stored flat, so a place costs 24 bytes and no object of its own.
 */
export class Lane {
  readonly #tasks: Task[] = [];
  readonly #atMs: number[] = [];
  readonly #arrivals: number[] = [];
  #arrived = 0;

  get count(): number {
    return this.#tasks.length;
  }

  get first(): Task | undefined {
    return this.#tasks[0];
  }

  /** When the first task was scheduled. */
  get firstAtMs(): number | undefined {
    return this.#atMs[0];
  }

  push(task: Task): void {
    const arrival = this.#arrived++;
    let place = this.#tasks.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      // The newcomer arrived last: at an equal time it stays behind.
      if (this.#atMs[parent]! <= task.scheduledAtMs) break;
      this.#put(place, this.#tasks[parent]!, this.#atMs[parent]!, this.#arrivals[parent]!);
      place = parent;
    }
    this.#put(place, task, task.scheduledAtMs, arrival);
  }

  takeFirst(): Task | undefined {
    const first = this.#tasks[0];
    if (first === undefined) return undefined;
    const task = this.#tasks.pop()!;
    const atMs = this.#atMs.pop()!;
    const arrival = this.#arrivals.pop()!;
    if (this.#tasks.length > 0) this.#sink(task, atMs, arrival);
    return first;
  }

  /** Takes out all tasks that `which` picks, first ones first; the others keep their order. */
  takeWhere(which: (task: Task) => boolean): Task[] {
    const taken: Task[] = [];
    const kept: Task[] = [];
    for (let task = this.takeFirst(); task !== undefined; task = this.takeFirst())
      (which(task) ? taken : kept).push(task);
    for (const task of kept) this.push(task);
    return taken;
  }

  /** Finds the place of a task from the root down, moving smaller children up. */
  #sink(task: Task, atMs: number, arrival: number): void {
    const count = this.#tasks.length;
    let place = 0;
    for (let child = 1; child < count; child = 2 * place + 1) {
      if (child + 1 < count && this.#isBefore(child + 1, this.#atMs[child]!, this.#arrivals[child]!)) child++;
      if (!this.#isBefore(child, atMs, arrival)) break;
      this.#put(place, this.#tasks[child]!, this.#atMs[child]!, this.#arrivals[child]!);
      place = child;
    }
    this.#put(place, task, atMs, arrival);
  }

  #isBefore(place: number, atMs: number, arrival: number): boolean {
    const placeAtMs = this.#atMs[place]!;
    return placeAtMs !== atMs ? placeAtMs < atMs : this.#arrivals[place]! < arrival;
  }

  #put(place: number, task: Task, atMs: number, arrival: number): void {
    this.#tasks[place] = task;
    this.#atMs[place] = atMs;
    this.#arrivals[place] = arrival;
  }
}
