/** What a run costs in memory, measured on heaps of idle runs: without anything pending, and for one pending thing of each kind. */
import type { Run } from "../state/run.ts";

const idleRunBytes = 5_000;
const activityBytes = 1_500;
const timerBytes = 200;
const requestIdBytes = 100;

export function memoryBytes(run: Run): number {
  return (
    idleRunBytes +
    run.tailBytes +
    run.activities.size * activityBytes +
    run.timers.size * timerBytes +
    run.signalRequestIds.size * requestIdBytes +
    run.buffered.length * activityBytes +
    (run.nexusOperations.size + run.callbacks.size) * activityBytes +
    (run.startEvent?.length ?? 0)
  );
}
