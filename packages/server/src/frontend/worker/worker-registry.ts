/** Workers as they describe themselves in their heartbeats. In memory: after a restart they are known again within a minute. */
import { enums, worker } from "@pawl/protocol";
import type { Clock } from "../../clock.ts";
import { limits } from "../../limits.ts";

export type Heartbeat = worker.WorkerHeartbeat;

interface Seen {
  readonly heartbeat: Heartbeat;
  readonly atMs: number;
}

export class WorkerRegistry {
  readonly #clock: Clock;
  /** By namespace id, then instance key; heard of least recently first. */
  readonly #workers = new Map<string, Map<string, Seen>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(namespaceId: string, heartbeat: Heartbeat): void {
    const workers = this.#workers.get(namespaceId) ?? new Map<string, Seen>();
    this.#workers.set(namespaceId, workers);
    const nowMs = this.#clock.nowMs();
    workers.delete(heartbeat.workerInstanceKey);
    // Its last word: it is gone.
    if (heartbeat.status === enums.WorkerStatus.SHUTDOWN) return;
    workers.set(heartbeat.workerInstanceKey, { heartbeat, atMs: nowMs });
    for (const [key, { atMs }] of workers) {
      if (workers.size <= limits.workersMax && nowMs - atMs < limits.workerSeenMs) break;
      workers.delete(key);
    }
  }

  /** By instance key; those not heard of for a while are gone. */
  list(namespaceId: string): Heartbeat[] {
    const oldestMs = this.#clock.nowMs() - limits.workerSeenMs;
    return [...(this.#workers.get(namespaceId)?.values() ?? [])]
      .filter(({ atMs }) => atMs > oldestMs)
      .map(({ heartbeat }) => heartbeat)
      .sort((a, b) => (a.workerInstanceKey < b.workerInstanceKey ? -1 : 1));
  }

  find(namespaceId: string, workerInstanceKey: string): Heartbeat | undefined {
    const seen = this.#workers.get(namespaceId)?.get(workerInstanceKey);
    return seen && seen.atMs > this.#clock.nowMs() - limits.workerSeenMs ? seen.heartbeat : undefined;
  }
}

export function heartbeatBytes(heartbeat: Heartbeat): number {
  return worker.WorkerHeartbeat.encode(heartbeat).length;
}
