/** Workers as they describe themselves in their heartbeats. In memory: after a restart they are known again within a minute. */
import { enums, worker } from "@pawl/protocol";
import type { Clock } from "../../clock.ts";
import { limits } from "../../limits.ts";

export type Heartbeat = worker.WorkerHeartbeat;

interface Seen {
  /** The heartbeat, encoded: what it says is its sender's own, and takes many times as much room as objects. */
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** Of one namespace. */
interface Workers {
  /** By instance key; heard of least recently first. */
  readonly seen: Map<string, Seen>;
  byteCount: number;
}

export class WorkerRegistry {
  readonly #clock: Clock;
  /** By namespace id. */
  readonly #workers = new Map<string, Workers>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(namespaceId: string, heartbeat: Heartbeat): void {
    const workers = this.#workers.get(namespaceId) ?? { seen: new Map<string, Seen>(), byteCount: 0 };
    this.#workers.set(namespaceId, workers);
    const nowMs = this.#clock.nowMs();
    forget(workers, heartbeat.workerInstanceKey);
    // Its last word: it is gone.
    if (heartbeat.status === enums.WorkerStatus.SHUTDOWN) return;
    const bytes = worker.WorkerHeartbeat.encode(heartbeat);
    workers.seen.set(heartbeat.workerInstanceKey, { bytes, atMs: nowMs });
    workers.byteCount += bytes.length;
    for (const [key, { atMs }] of workers.seen) {
      const isRoom = workers.seen.size <= limits.workersMax && workers.byteCount <= limits.workersBytesMax;
      if (isRoom && nowMs - atMs < limits.workerSeenMs) break;
      forget(workers, key);
    }
  }

  /** By instance key, from behind `afterKey`; those not heard of for a while are gone. Each is read when it is asked for. */
  *list(namespaceId: string, afterKey?: string): Generator<Heartbeat> {
    const oldestMs = this.#clock.nowMs() - limits.workerSeenMs;
    const keys = [...(this.#workers.get(namespaceId)?.seen ?? [])]
      .filter(([key, { atMs }]) => atMs > oldestMs && (afterKey === undefined || key > afterKey))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, { bytes }] of keys) yield worker.WorkerHeartbeat.decode(bytes);
  }

  find(namespaceId: string, workerInstanceKey: string): Heartbeat | undefined {
    const seen = this.#workers.get(namespaceId)?.seen.get(workerInstanceKey);
    const isHere = seen && seen.atMs > this.#clock.nowMs() - limits.workerSeenMs;
    return isHere ? worker.WorkerHeartbeat.decode(seen.bytes) : undefined;
  }
}

function forget(workers: Workers, key: string): void {
  workers.byteCount -= workers.seen.get(key)?.bytes.length ?? 0;
  workers.seen.delete(key);
}

export function heartbeatBytes(heartbeat: Heartbeat): number {
  return worker.WorkerHeartbeat.encode(heartbeat).length;
}
