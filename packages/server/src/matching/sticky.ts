import { matchingLimits } from "../limits.ts";
import type { TaskQueue } from "./task-queue.ts";

/** Names that said goodbye, each remembered until no poll that was sent before can still be on its way. */
export class Goodbyes {
  readonly #saidAtMs = new Map<string, number>();

  get count(): number {
    return this.#saidAtMs.size;
  }

  say(name: string, nowMs: number): void {
    this.#saidAtMs.set(name, nowMs);
  }

  said(name: string, nowMs: number): boolean {
    return this.saidAtMs(name, nowMs) !== undefined;
  }

  /** When; undefined = not lately. */
  saidAtMs(name: string, nowMs: number): number | undefined {
    const atMs = this.#saidAtMs.get(name);
    return atMs === undefined || isOver(atMs, nowMs) ? undefined : atMs;
  }

  forget(nowMs: number): void {
    for (const [name, atMs] of this.#saidAtMs) if (isOver(atMs, nowMs)) this.#saidAtMs.delete(name);
  }
}

function isOver(saidAtMs: number, nowMs: number): boolean {
  // Also when the clock was set back: a goodbye must not outlast the step.
  return Math.abs(nowMs - saidAtMs) >= matchingLimits.goodbyeMs;
}

/**
 * The sticky queues: one a worker process, holding the tasks of runs that it has in its cache.
 *
 * A task goes there only while the worker is there (a poll waits, or did within the last seconds) and has not said goodbye. Which is a guess: the
 * engine moves a task that nobody takes to the normal queue by its own timer, and the one left here is then found stale when it is started.
 */
export class StickyQueues<Started> {
  readonly #queues = new Map<string, TaskQueue<Started>>();
  /** The name of the normal queue, by the address of the sticky one. */
  readonly #normalNames = new Map<string, string>();
  readonly #goodbyes = new Goodbyes();
  readonly #make: () => TaskQueue<Started>;
  /** Polls of workers that said goodbye: they wait here, where no task ever comes, because an answer would only make them poll again. */
  readonly #parked: TaskQueue<Started>;

  constructor(make: () => TaskQueue<Started>) {
    this.#make = make;
    this.#parked = make();
  }

  get count(): number {
    return this.#queues.size;
  }

  get goodbyeCount(): number {
    return this.#goodbyes.count;
  }

  /** All that may have polls. */
  all(): TaskQueue<Started>[] {
    return [this.#parked, ...this.#queues.values()];
  }

  find(namespaceId: string, name: string): TaskQueue<Started> | undefined {
    return this.#queues.get(addressOf(namespaceId, name));
  }

  /** Where tasks for this sticky queue should go now; undefined = to the normal queue. */
  live(namespaceId: string, name: string | undefined, nowMs: number): TaskQueue<Started> | undefined {
    if (name === undefined || name === "") return undefined;
    const queue = this.find(namespaceId, name);
    return queue?.isPolled(nowMs) ? queue : undefined;
  }

  /** Where a poll of this sticky queue waits. */
  forPoll(namespaceId: string, name: string, nowMs: number, normalName: string): TaskQueue<Started> {
    const address = addressOf(namespaceId, name);
    const known = this.#queues.get(address);
    if (known !== undefined) return known;
    if (this.#goodbyes.said(address, nowMs)) return this.#parked;
    const made = this.#make();
    this.#queues.set(address, made);
    this.#normalNames.set(address, normalName || name);
    return made;
  }

  /** The worker of this queue said goodbye: the queue is none any more. What waits in it is the caller's to move. */
  shut(namespaceId: string, name: string, nowMs: number): TaskQueue<Started> | undefined {
    const address = addressOf(namespaceId, name);
    this.#goodbyes.say(address, nowMs);
    const queue = this.#queues.get(address);
    this.#delete(address);
    return queue;
  }

  /** Takes out the queues of a namespace that has gone. */
  forgetNamespace(namespaceId: string): TaskQueue<Started>[] {
    const gone = [...this.#queues].filter(([address]) => address.startsWith(`${namespaceId}/`));
    for (const [address] of gone) this.#delete(address);
    return gone.map(([, queue]) => queue);
  }

  /** Takes out those that `which` picks. */
  forgetWhere(which: (namespaceId: string, normalName: string, name: string) => boolean): TaskQueue<Started>[] {
    const forgotten: TaskQueue<Started>[] = [];
    for (const [address, queue] of this.#queues) {
      const [namespaceId, name] = [address.slice(0, address.indexOf("/")), address.slice(address.indexOf("/") + 1)];
      if (!which(namespaceId, this.#normalNames.get(address)!, name)) continue;
      this.#delete(address);
      forgotten.push(queue);
    }
    return forgotten;
  }

  #delete(address: string): void {
    this.#queues.delete(address);
    this.#normalNames.delete(address);
  }

  /** Takes out the queues that nobody has polled for so long; what waits in them is the caller's to move. */
  forget(nowMs: number, idleMs: number): TaskQueue<Started>[] {
    this.#goodbyes.forget(nowMs);
    const forgotten: TaskQueue<Started>[] = [];
    for (const [address, queue] of this.#queues) {
      if (!queue.isIdle(nowMs, idleMs)) continue;
      this.#delete(address);
      forgotten.push(queue);
    }
    return forgotten;
  }
}

/** Namespace ids are UUIDs, so two addresses are never equal by accident. */
function addressOf(namespaceId: string, name: string): string {
  return `${namespaceId}/${name}`;
}
