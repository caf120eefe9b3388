/** What there is to say of a queue: who polls it, what waits in it, how fast it moves; of one node's part of it or of the whole. */
import type { common, deployment } from "@pawl/protocol";

/** Tasks of one queue, or of one priority key in it. */
export interface QueueStats {
  readonly backlogCount: number;
  /** Time since the oldest waiting task was scheduled; 0 without any. */
  readonly backlogAgeMs: number;
  /** Tasks per second, averaged over the last half minute. */
  readonly addRate: number;
  readonly dispatchRate: number;
}

export interface PollerSeen {
  readonly identity: string;
  readonly lastAccessMs: number;
  /** The `maxTasksPerSecond` of its last poll that had one. */
  readonly maxTasksPerSecond: number | undefined;
  readonly workerVersion: common.WorkerVersionStamp | undefined;
  readonly capabilities: common.WorkerVersionCapabilities | undefined;
  readonly deploymentOptions: deployment.WorkerDeploymentOptions | undefined;
}

export interface QueueDescription extends QueueStats {
  /** Most recent first; each identity once. */
  readonly pollers: readonly PollerSeen[];
  /** By priority key, 1 to 5: those that had tasks lately. */
  readonly byPriority: ReadonlyMap<number, QueueStats>;
  /** Tasks per second that the queue may hand out; undefined = no limit. */
  readonly maxTasksPerSecond: number | undefined;
  /** Who set it. */
  readonly rateSource: "config" | "worker" | undefined;
  /** Whether tasks wait now because of it or of the rates of their fairness keys. */
  readonly rateLimited: boolean;
}

/** Of an empty queue. */
export const noStats: QueueStats = { backlogCount: 0, backlogAgeMs: 0, addRate: 0, dispatchRate: 0 };

/** Several queues as one. */
export function together(queues: readonly QueueDescription[]): QueueDescription {
  const byPriority = new Map<number, QueueStats>();
  for (const queue of queues) {
    for (const [key, stats] of queue.byPriority) byPriority.set(key, sumOf([byPriority.get(key) ?? noStats, stats]));
  }
  return {
    ...queues[0]!,
    ...sumOf(queues),
    pollers: queues.flatMap(({ pollers }) => pollers).sort((a, b) => b.lastAccessMs - a.lastAccessMs),
    byPriority,
    rateLimited: queues.some(({ rateLimited }) => rateLimited),
  };
}

function sumOf(all: readonly QueueStats[]): QueueStats {
  return all.reduce((sum, stats) => ({
    backlogCount: sum.backlogCount + stats.backlogCount,
    backlogAgeMs: Math.max(sum.backlogAgeMs, stats.backlogAgeMs),
    addRate: sum.addRate + stats.addRate,
    dispatchRate: sum.dispatchRate + stats.dispatchRate,
  }));
}
