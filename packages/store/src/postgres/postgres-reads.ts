/** The reads, on two small pools of connections. Each is one statement, so that all it finds is of one moment. */

import { setTimeout as delay } from "node:timers/promises";
import { kindCode, kindOfCode } from "../kind-code.ts";
import {
  CommitUnknown,
  type ExecutionKey,
  type HistoryRange,
  type RunRef,
  type Store,
  type StoredBatch,
  type StoredRun,
  StoreError,
  type VisibilityQuery,
  type VisibilityRow,
} from "../store.ts";
import { prefixEnd } from "../text-order.ts";
import { Turns } from "../turns.ts";
import { Gathering } from "./gathering.ts";
import { byKeySettings, messageOf, type PostgresNode, sqlStateOf } from "./postgres-connection.ts";
import { PostgresLists } from "./postgres-lists.ts";
import { ReadPool, type Row } from "./postgres-pool.ts";
import type { Primary, PrimaryWatch } from "./postgres-primary.ts";
import { storedText } from "./postgres-text.ts";

/** A read changes nothing, so that it is simply made again when its connection breaks: for as long as a restart of PostgreSQL takes. */
const retryMsMax = 5_000;
const retryMsFirst = 20;
const retryMsBetweenMax = 500;
const listConnections = 2;

type Counts = Awaited<ReturnType<Store["countVisibility"]>>;

export interface ReadsOptions {
  readonly primary: Primary;
  readonly node: PostgresNode | undefined;
  readonly connections: number;
  readonly fewRowsMax: number | undefined;
  /** Asked before each try, so that nothing may come back or vanish behind a read. */
  readonly watch: PrimaryWatch;
}

export class PostgresReads {
  readonly #watch: PrimaryWatch;
  readonly #byKey: ReadPool;
  /** Apart from the others, which whoever executes something waits for: a list may take its time. */
  readonly #lists: ReadPool;
  readonly #visibility: PostgresLists;
  readonly #turns = new Turns(listConnections);
  readonly #currents = new Gathering((keys: readonly ExecutionKey[]) => this.#askCurrent(keys));
  readonly #runs = new Gathering((runIds: readonly string[]) => this.#askRuns(runIds));

  constructor({ primary, node, watch, connections, fewRowsMax }: ReadsOptions) {
    this.#watch = watch;
    this.#byKey = new ReadPool({ primary, node, connections, settings: byKeySettings });
    // The compiler of expressions takes longer than a page.
    this.#lists = new ReadPool({ primary, node, connections: listConnections, settings: "SET jit = off" });
    this.#visibility = new PostgresLists({
      rows: ({ text, values }) => this.#rows(null, text, values),
      ...(fewRowsMax !== undefined && { fewRowsMax }),
    });
  }

  loadCurrent(keys: readonly ExecutionKey[]): Promise<(string | null)[]> {
    return this.#currents.load(keys);
  }

  loadRuns(runIds: readonly string[]): Promise<(StoredRun | null)[]> {
    return this.#runs.load(runIds);
  }

  async #askCurrent(keys: readonly ExecutionKey[]): Promise<(string | null)[]> {
    const rows = await this.#rows("current", currentText, [
      keys.map(({ namespaceId }) => storedText(namespaceId)),
      keys.map(({ businessId }) => storedText(businessId)),
      keys.map(({ kind }) => kindCode(kind)),
    ]);
    return rows.map(({ run_id }) => run_id);
  }

  async #askRuns(runIds: readonly string[]): Promise<(StoredRun | null)[]> {
    const rows = await this.#rows("runs", runsText, [runIds.map(storedText)]);
    const runs = new Map<string, StoredRun & { parts: Map<string, Uint8Array> }>();
    for (const { run_id, kind, namespace_id, business_id, part, bytes } of rows)
      if (part === null)
        runs.set(run_id, {
          ...{ kind: kindOfCode(kind), namespaceId: namespace_id, businessId: business_id },
          ...{ snapshot: bytes, parts: new Map() },
        });
    for (const { run_id, part, bytes } of rows) if (part !== null) runs.get(run_id)?.parts.set(part, bytes);
    return runIds.map((runId) => runs.get(runId) ?? null);
  }

  async readHistory(
    runId: string,
    { fromEventId, toEventId, eventCountMax, bytesMax }: HistoryRange,
    direction: "ascending" | "descending",
  ): Promise<StoredBatch[]> {
    const values = [storedText(runId), fromEventId, toEventId, eventCountMax, bytesMax];
    const rows = await this.#rows(`history ${direction}`, historyTexts[direction], values);
    return rows.map(({ first_event_id: firstEventId, last_event_id: lastEventId, events }) => ({
      ...{ firstEventId, lastEventId, events },
    }));
  }

  async wakingRuns(shardId: number, page: { beforeMs: number; limit: number }) {
    const rows = await this.#rows(
      "waking",
      `SELECT kind, namespace_id, business_id, run_id, wake_at_ms FROM run
       WHERE shard_id = $1 AND wake_at_ms IS NOT NULL AND wake_at_ms < $2 ORDER BY wake_at_ms LIMIT $3`,
      [shardId, page.beforeMs, page.limit],
    );
    return rows.map((row) => ({ ...refOf(row), wakeAtMs: row["wake_at_ms"] as number }));
  }

  async undispatchedRuns(shardId: number, page: { afterRunId?: string; limit: number }): Promise<RunRef[]> {
    const rows = await this.#rows(
      "undispatched",
      `SELECT kind, namespace_id, business_id, run_id FROM run
       WHERE shard_id = $1 AND undispatched AND run_id > $2 ORDER BY run_id LIMIT $3`,
      [shardId, storedText(page.afterRunId ?? ""), page.limit],
    );
    return rows.map(refOf);
  }

  listVisibility(query: VisibilityQuery): Promise<VisibilityRow[]> {
    return this.#turns.take(query.namespaceId, () => this.#visibility.list(query));
  }

  countVisibility(query: Parameters<Store["countVisibility"]>[0]): Promise<Counts> {
    return this.#turns.take(query.namespaceId, () => this.#visibility.count(query));
  }

  async namespaces(): Promise<{ id: string; name: string; bytes: Uint8Array }[]> {
    return (await this.#rows("namespaces", "SELECT id, name, bytes FROM namespace ORDER BY id", [])).map(
      ({ id, name, bytes }) => ({ id, name, bytes }),
    );
  }

  async setting(name: string): Promise<Uint8Array | null> {
    const rows = await this.#rows("setting", "SELECT bytes FROM setting WHERE name = $1", [storedText(name)]);
    return rows[0]?.["bytes"] ?? null;
  }

  async settings(prefix: string): Promise<{ name: string; bytes: Uint8Array }[]> {
    const end = prefixEnd(prefix);
    const rows = await this.#rows(
      "settings",
      "SELECT name, bytes FROM setting WHERE name >= $1 AND ($2::text IS NULL OR name < $2) ORDER BY name",
      [storedText(prefix), end === null ? null : storedText(end)],
    );
    return rows.map(({ name, bytes }) => ({ name, bytes }));
  }

  async close(): Promise<void> {
    await Promise.all([this.#byKey.close(), this.#lists.close()]);
  }

  /** `name`: the statement is kept prepared under it; null for those of many shapes, which are planned for their values. */
  async #rows(name: string | null, text: string, values: readonly unknown[]): Promise<Row[]> {
    const query = { text, values: [...values] };
    // From the first failure: until then the server may have been silent for longer.
    let giveUpAtMs: number | undefined;
    for (let waitMs = retryMsFirst; ; waitMs = Math.min(waitMs * 2, retryMsBetweenMax)) {
      try {
        const settled = this.#watch.settled();
        if (settled !== null) await settled;
        return await (name === null ? this.#lists.rows(query) : this.#byKey.rows({ ...query, name }));
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (sqlStateOf(error) === null) this.#watch.doubt();
        giveUpAtMs ??= performance.now() + retryMsMax;
        if (performance.now() + waitMs > giveUpAtMs)
          throw new CommitUnknown(`PostgreSQL cannot be reached: ${messageOf(error)}`);
      }
      await delay(waitMs);
    }
  }
}

/** The connection broke, or the server is starting, stopping or has too many of them: another try may do. */
function isPassing(error: unknown): boolean {
  if (error instanceof StoreError) return false;
  const state = sqlStateOf(error);
  return state === null || /^(08|53|57|58|XX)/.test(state);
}

/** A lookup for each key, whatever the planner believes of a table that has just begun to grow. */
const currentText = `
  SELECT (
    SELECT run_id FROM current
    WHERE current.namespace_id = wanted.namespace_id AND current.business_id = wanted.business_id AND current.kind = wanted.kind
  ) AS run_id
  FROM unnest($1::text[], $2::text[], $3::integer[]) WITH ORDINALITY AS wanted (namespace_id, business_id, kind, place)
  ORDER BY place`;

/** The run with its snapshot, and each of its parts, as a row. */
const runsText = `
  SELECT run_id, kind, namespace_id, business_id, NULL AS part, snapshot AS bytes FROM run WHERE run_id = ANY ($1::text[])
  UNION ALL
  SELECT run_id, NULL, NULL, NULL, part, bytes FROM part WHERE run_id = ANY ($1::text[])`;

/** A batch is of the page when those before it have filled neither the count nor the bytes. Each has an event at least, so that a limit holds both. */
function historyText(order: "" | "DESC", least: string): string {
  return `
    SELECT first_event_id, last_event_id, events FROM (
      SELECT *, sum(last_event_id - first_event_id + 1) OVER before AS events_before, sum(octet_length(events)) OVER before AS bytes_before
      FROM (
        SELECT first_event_id, last_event_id, events FROM history
        WHERE run_id = $1 AND first_event_id <= $3::bigint AND last_event_id >= $2::bigint ${least}
        ORDER BY first_event_id ${order} LIMIT $4::bigint) AS page
      WINDOW before AS (ORDER BY first_event_id ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS counted
    WHERE events_before IS NULL OR (events_before < $4::bigint AND bytes_before < $5::bigint)
    ORDER BY first_event_id ${order}`;
}

const historyTexts = {
  // The batch that holds the first event is the last that begins at or before it.
  ascending: historyText(
    "",
    "AND first_event_id >= coalesce((SELECT max(first_event_id) FROM history WHERE run_id = $1 AND first_event_id <= $2::bigint), 0)",
  ),
  descending: historyText("DESC", ""),
} as const;

function refOf({ kind, namespace_id, business_id, run_id }: Row): RunRef {
  return { kind: kindOfCode(kind), namespaceId: namespace_id, businessId: business_id, runId: run_id };
}
