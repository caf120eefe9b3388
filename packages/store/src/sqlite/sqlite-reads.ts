/**
 * The reads of a bounded number of rows, on a read-only connection of the calling thread: short, and they see every commit that has been
 * acknowledged. A shard's timers are among them, so that they never wait for somebody's list (`sqlite-lists.ts`).
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { kindCode, kindOfCode } from "../kind-code.ts";
import type { ExecutionKey, HistoryRange, RunRef, StoredBatch, StoredRun } from "../store.ts";
import { prefixEnd } from "../text-order.ts";

type RefRow = [kind: number, namespaceId: string, businessId: string, runId: string];

function refOf([kind, namespaceId, businessId, runId]: RefRow): RunRef {
  return { kind: kindOfCode(kind), namespaceId, businessId, runId };
}

export class SqliteReads {
  readonly #db: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #current: StatementSync;
  readonly #run: StatementSync;
  readonly #parts: StatementSync;
  readonly #history: StatementSync;
  readonly #historyReverse: StatementSync;
  readonly #waking: StatementSync;
  readonly #undispatched: StatementSync;
  readonly #namespaces: StatementSync;
  readonly #setting: StatementSync;
  readonly #settings: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#begin = db.prepare("BEGIN");
    this.#end = db.prepare("COMMIT");
    this.#current = db.prepare("SELECT run_id FROM current WHERE namespace_id = ? AND business_id = ? AND kind = ?");
    this.#run = db.prepare("SELECT kind, namespace_id, business_id, snapshot FROM run WHERE run_id = ?");
    this.#parts = db.prepare("SELECT part, bytes FROM part WHERE run_id = ?");
    // The batch that holds `fromEventId` is the last that begins at or before it.
    this.#history = db.prepare(`
      SELECT first_event_id, last_event_id, events FROM history
      WHERE run_id = ?1 AND first_event_id <= ?3 AND last_event_id >= ?2 AND first_event_id >= coalesce(
        (SELECT max(first_event_id) FROM history WHERE run_id = ?1 AND first_event_id <= ?2), 0)
      ORDER BY first_event_id`);
    this.#historyReverse = db.prepare(`
      SELECT first_event_id, last_event_id, events FROM history
      WHERE run_id = ?1 AND first_event_id <= ?3 AND last_event_id >= ?2
      ORDER BY first_event_id DESC`);
    this.#waking = db.prepare(`
      SELECT kind, namespace_id, business_id, run_id, wake_at_ms FROM run
      WHERE shard_id = ? AND wake_at_ms IS NOT NULL AND wake_at_ms < ? ORDER BY wake_at_ms LIMIT ?`);
    this.#undispatched = db.prepare(`
      SELECT kind, namespace_id, business_id, run_id FROM run
      WHERE shard_id = ? AND undispatched = 1 AND run_id > ? ORDER BY run_id LIMIT ?`);
    this.#namespaces = db.prepare("SELECT id, name, bytes FROM namespace ORDER BY id");
    this.#setting = db.prepare("SELECT bytes FROM setting WHERE name = ?");
    this.#settings = db.prepare(
      "SELECT name, bytes FROM setting WHERE name >= ?1 AND (?2 IS NULL OR name < ?2) ORDER BY name",
    );
    const byKey = [this.#current, this.#run, this.#parts, this.#setting];
    const many = [
      this.#history,
      this.#historyReverse,
      this.#waking,
      this.#undispatched,
      this.#namespaces,
      this.#settings,
    ];
    for (const statement of [...byKey, ...many]) statement.setReturnArrays(true);
  }

  loadCurrent(keys: readonly ExecutionKey[]): (string | null)[] {
    const load = ({ kind, namespaceId, businessId }: ExecutionKey) => {
      const row = this.#current.get(namespaceId, businessId, kindCode(kind)) as unknown as [string] | undefined;
      return row?.[0] ?? null;
    };
    // One statement sees one state by itself.
    return keys.length === 1 ? keys.map(load) : this.#snapshot(() => keys.map(load));
  }

  loadRuns(runIds: readonly string[]): (StoredRun | null)[] {
    return this.#snapshot(() =>
      runIds.map((runId) => {
        const row = this.#run.get(runId) as unknown as [number, string, string, Uint8Array] | undefined;
        if (row === undefined) return null;
        const [kind, namespaceId, businessId, snapshot] = row;
        const parts = new Map(this.#parts.all(runId) as unknown as [string, Uint8Array][]);
        return { kind: kindOfCode(kind), namespaceId, businessId, snapshot, parts };
      }),
    );
  }

  readHistory(runId: string, range: HistoryRange, direction: "ascending" | "descending"): StoredBatch[] {
    const statement = direction === "ascending" ? this.#history : this.#historyReverse;
    const rows = statement.iterate(runId, range.fromEventId, range.toEventId) as unknown as Iterable<
      [number, number, Uint8Array]
    >;
    const batches: StoredBatch[] = [];
    let eventCount = 0;
    let byteCount = 0;
    for (const [firstEventId, lastEventId, events] of rows) {
      batches.push({ firstEventId, lastEventId, events });
      eventCount += lastEventId - firstEventId + 1;
      byteCount += events.byteLength;
      if (eventCount >= range.eventCountMax || byteCount >= range.bytesMax) break;
    }
    return batches;
  }

  wakingRuns(shardId: number, page: { beforeMs: number; limit: number }): (RunRef & { wakeAtMs: number })[] {
    const rows = this.#waking.all(shardId, page.beforeMs, page.limit) as unknown as [...RefRow, number][];
    return rows.map(([kind, namespaceId, businessId, runId, wakeAtMs]) => ({
      ...refOf([kind, namespaceId, businessId, runId]),
      wakeAtMs,
    }));
  }

  undispatchedRuns(shardId: number, page: { afterRunId?: string; limit: number }): RunRef[] {
    const rows = this.#undispatched.all(shardId, page.afterRunId ?? "", page.limit) as unknown as RefRow[];
    return rows.map(refOf);
  }

  namespaces(): { id: string; name: string; bytes: Uint8Array }[] {
    const rows = this.#namespaces.all() as unknown as [string, string, Uint8Array][];
    return rows.map(([id, name, bytes]) => ({ id, name, bytes }));
  }

  setting(name: string): Uint8Array | null {
    const row = this.#setting.get(name) as unknown as [Uint8Array] | undefined;
    return row?.[0] ?? null;
  }

  settings(prefix: string): { name: string; bytes: Uint8Array }[] {
    const rows = this.#settings.all(prefix, prefixEnd(prefix)) as unknown as [string, Uint8Array][];
    return rows.map(([name, bytes]) => ({ name, bytes }));
  }

  close(): void {
    this.#db.close();
  }

  /** All reads of `read` see the same commits. */
  #snapshot<T>(read: () => T): T {
    this.#begin.run();
    try {
      return read();
    } finally {
      this.#end.run();
    }
  }
}
