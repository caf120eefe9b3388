/** Task queues of a namespace with what waits in them, the busiest first, of one node or of several. */
import type { QueueStats } from "./description.ts";
import type { QueueName } from "./match.ts";

export interface ListedQueue extends QueueName, QueueStats {
  /** How many have polled it lately. */
  readonly pollers: number;
}

export interface Listing {
  /** Those with the most waiting tasks first. */
  readonly queues: readonly ListedQueue[];
  /** There are more, or a node that has some has not answered. */
  readonly isCut: boolean;
}

/** One of several; what several of them have of a queue is added up. */
export function joined(listings: readonly Listing[], countMax: number): Listing {
  const byName = new Map<string, ListedQueue>();
  for (const queue of listings.flatMap(({ queues }) => queues)) {
    const name = `${queue.kind}/${queue.taskQueue}`;
    const before = byName.get(name);
    byName.set(name, before === undefined ? queue : sumOf(before, queue));
  }
  const all = [...byName.values()].sort(byBacklog);
  const isCut = all.length > countMax || listings.some((each) => each.isCut);
  return { queues: all.slice(0, countMax), isCut };
}

function sumOf(a: ListedQueue, b: ListedQueue): ListedQueue {
  return {
    ...a,
    pollers: a.pollers + b.pollers,
    backlogCount: a.backlogCount + b.backlogCount,
    backlogAgeMs: Math.max(a.backlogAgeMs, b.backlogAgeMs),
    addRate: a.addRate + b.addRate,
    dispatchRate: a.dispatchRate + b.dispatchRate,
  };
}

function byBacklog(a: ListedQueue, b: ListedQueue): number {
  return b.backlogCount - a.backlogCount || a.taskQueue.localeCompare(b.taskQueue) || a.kind.localeCompare(b.kind);
}
