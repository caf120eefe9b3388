/** Task queues of a namespace with what waits in them, the busiest first, of one node or of several. */
import type { QueueName, QueueStats } from "./match.ts";

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

/** One of several: each queue is in one of them. */
export function joined(listings: readonly Listing[], countMax: number): Listing {
  const all = listings.flatMap(({ queues }) => queues).sort(byBacklog);
  const isCut = all.length > countMax || listings.some((each) => each.isCut);
  return { queues: all.slice(0, countMax), isCut };
}

function byBacklog(a: ListedQueue, b: ListedQueue): number {
  return b.backlogCount - a.backlogCount || a.taskQueue.localeCompare(b.taskQueue) || a.kind.localeCompare(b.kind);
}
