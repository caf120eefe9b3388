/** Names of task queues that nobody may use. */

/** Queues that the reference server keeps for its own workers. */
const reservedPrefix = "/_sys/";
const reservedQueue = "temporal-sys-per-ns-tq";

/** Why nothing may be sent to the queue, in the reference server's words, or undefined. */
export function reservedQueueProblem(name: string): string | undefined {
  if (name.startsWith(reservedPrefix)) return `task queue name cannot start with reserved prefix ${reservedPrefix}`;
  return name === reservedQueue ? `cannot use internal per-namespace task queue:${reservedQueue}` : undefined;
}
