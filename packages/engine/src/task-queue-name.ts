/** Names of task queues that nobody may use. */

/** Of the names of partitions, as the reference server has them. */
export const partitionPrefix = "/_sys/";
/** The queue that it keeps for its own workers. */
const reservedQueue = "temporal-sys-per-ns-tq";

/** Why nothing may be sent to the queue, in the reference server's words, or undefined. */
export function reservedQueueProblem(name: string): string | undefined {
  if (name.startsWith(partitionPrefix)) return `task queue name cannot start with reserved prefix ${partitionPrefix}`;
  return name === reservedQueue ? `cannot use internal per-namespace task queue:${reservedQueue}` : undefined;
}
