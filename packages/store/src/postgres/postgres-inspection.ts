/** Looks over a PostgreSQL database on a connection of its own, in one transaction that only reads: a server may be at work on it. */
import pg from "pg";
import {
  type InspectedCurrent,
  type InspectedRun,
  type MisplacedRow,
  misplacedRowsMax,
  type StoreInspection,
  type StrayRow,
  strayRowsMax,
} from "../inspection.ts";
import { kindCode, kindOfCode } from "../kind-code.ts";
import { type ExecutionKey, StoreError, StoreUnusable } from "../store.ts";
import { visibilityOfRow } from "../visibility/visibility-row.ts";
import { clientConfig, messageOf } from "./postgres-connection.ts";
import { entriesOf, shapeOf } from "./postgres-entry.ts";
import { nameOf, urlsOfHosts } from "./postgres-primary.ts";
import { postgresSchema, requireVersion } from "./postgres-schema.ts";
import { attributesOfText } from "./postgres-statement.ts";
import { storedText, textOfStored } from "./postgres-text.ts";

/** Rows of lists that are looked over at once. */
const listedRows = 1_000;

// biome-ignore lint/suspicious/noExplicitAny: what a row holds is known by its statement alone.
type Row = Record<string, any>;

export class PostgresInspection implements StoreInspection {
  readonly #db: pg.Client;

  private constructor(db: pg.Client) {
    this.#db = db;
  }

  /** Throws `StoreUnusable` for what is no database of this version of Pawl. */
  static async open(url: string): Promise<PostgresInspection> {
    const db = await connected(url);
    try {
      await requireVersion(db, nameOf(url), postgresSchema);
      await db.query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
      return new PostgresInspection(db);
    } catch (error) {
      await db.end().catch(() => {});
      if (error instanceof StoreError) throw error;
      throw new StoreUnusable(`${nameOf(url)} cannot be read: ${messageOf(error)}`);
    }
  }

  /** PostgreSQL checks pages as it reads them, where that is switched on. */
  async damage(): Promise<readonly string[]> {
    return [];
  }

  async runCount(): Promise<number> {
    return (await this.#all("SELECT count(*) AS count FROM run"))[0]!["count"];
  }

  async runs({ afterRunId, limit }: { readonly afterRunId: string; readonly limit: number }) {
    const rows = await this.#all("SELECT * FROM run WHERE run_id > $1 ORDER BY run_id LIMIT $2", [
      storedText(afterRunId),
      limit,
    ]);
    const of = (table: string, more = "") =>
      this.#all(`SELECT * FROM ${table} WHERE run_id = ANY ($1::text[]) ${more}`, [
        rows.map((row) => storedText(row["run_id"])),
      ]);
    const [parts, batches, listed] = [
      await of("part"),
      await of("history", "ORDER BY first_event_id"),
      await of("visibility"),
    ].map((found) => Map.groupBy(found, (row) => row["run_id"] as string));
    return rows.map((row): InspectedRun => {
      const runId: string = row["run_id"];
      const [shown] = listed!.get(runId) ?? [];
      return {
        ...keyOf(row),
        runId,
        shardId: row["shard_id"],
        wakeAtMs: row["wake_at_ms"],
        undispatched: row["undispatched"],
        snapshot: row["snapshot"],
        parts: new Map((parts!.get(runId) ?? []).map(({ part, bytes }) => [part, bytes])),
        batches: (batches!.get(runId) ?? []).map(({ first_event_id, last_event_id, events }) => ({
          ...{ firstEventId: first_event_id, lastEventId: last_event_id, events },
        })),
        visibility:
          shown &&
          visibilityOfRow(shown, {
            ...keyOf(shown),
            searchAttributes: attributesOfText(shown["search_attributes"]),
          }),
      };
    });
  }

  async currents({ after, limit }: { readonly after?: ExecutionKey; readonly limit: number }) {
    const key = after
      ? [storedText(after.businessId), storedText(after.namespaceId), kindCode(after.kind)]
      : ["", "", -1];
    const rows = await this.#all(
      `SELECT *, EXISTS (SELECT 1 FROM run WHERE run.run_id = current.run_id AND run.namespace_id = current.namespace_id
         AND run.business_id = current.business_id AND run.kind = current.kind) AS is_there
       FROM current WHERE (business_id, namespace_id, kind) > ($1, $2, $3)
       ORDER BY business_id, namespace_id, kind LIMIT $4`,
      [...key, limit],
    );
    return rows.map((row): InspectedCurrent => ({ ...keyOf(row), runId: row["run_id"], isThere: row["is_there"] }));
  }

  async strays(): Promise<readonly StrayRow[]> {
    const found: StrayRow[] = [];
    for (const table of ["part", "history", "visibility"] as const)
      for (const row of await this.#all(
        `SELECT DISTINCT run_id FROM ${table} WHERE NOT EXISTS (SELECT FROM run WHERE run.run_id = ${table}.run_id) LIMIT ${strayRowsMax}`,
      ))
        found.push({ table, runId: row["run_id"] });
    return found;
  }

  async misplaced(): Promise<readonly MisplacedRow[]> {
    const strays = await this.#all(
      `SELECT DISTINCT run_id FROM attribute WHERE run_id NOT IN (SELECT run_id FROM visibility) LIMIT ${misplacedRowsMax}`,
    );
    const found = strays.map(
      ({ run_id }): MisplacedRow => ({ runId: run_id, what: "is found by an attribute, and not there" }),
    );
    for (let last = ""; found.length < misplacedRowsMax; ) {
      const rows = await this.#all(
        `SELECT run_id, kind, namespace_id, shape, search_attributes::text AS attributes FROM visibility
         WHERE run_id > $1 ORDER BY run_id LIMIT ${listedRows}`,
        [storedText(last)],
      );
      const entries = await this.#all(
        `SELECT run_id, entry, (attribute.list_order, attribute.start_time_ms, attribute.status)
           = (visibility.list_order, visibility.start_time_ms, visibility.status) AS is_same
         FROM attribute JOIN visibility USING (run_id) WHERE run_id = ANY ($1::text[])`,
        [rows.map(({ run_id }) => storedText(run_id))],
      );
      const byRun = Map.groupBy(entries, ({ run_id }) => run_id);
      for (const { run_id, kind, namespace_id, shape, attributes } of rows) {
        const values = attributesOfText(attributes);
        const wanted = new Set(
          entriesOf({ kind: kindOfCode(kind), namespaceId: namespace_id }, values).map(textOfStored),
        );
        const has = byRun.get(run_id) ?? [];
        const isFound = has.length === wanted.size && has.every((one) => one["is_same"] && wanted.has(one["entry"]));
        if (!isFound) found.push({ runId: run_id, what: "is not found by the attributes that it has" });
        if (shape !== shapeOf(values)) found.push({ runId: run_id, what: "is not found by which attributes it has" });
      }
      if (rows.length < listedRows) break;
      last = rows.at(-1)?.["run_id"];
    }
    return found;
  }

  async shards() {
    const rows = await this.#all("SELECT shard_id, range_id FROM shard ORDER BY shard_id");
    return rows.map(({ shard_id: shardId, range_id: rangeId }) => ({ shardId, rangeId }));
  }

  async namespaces() {
    return (await this.#all("SELECT id, name FROM namespace ORDER BY id")).map(({ id, name }) => ({ id, name }));
  }

  async close(): Promise<void> {
    await this.#db.end();
  }

  async #all(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.#db.query({ text, values: [...values] })).rows;
  }
}

/** To the first of its hosts that answers: what a standby has is sound, too. Throws `StoreUnusable`. */
async function connected(url: string): Promise<pg.Client> {
  const faults: string[] = [];
  for (const each of urlsOfHosts(url)) {
    // Counting may take long, and nobody else waits for it.
    const db = new pg.Client({ ...clientConfig(each), query_timeout: 0 });
    db.on("error", () => {});
    try {
      await db.connect();
      return db;
    } catch (error) {
      faults.push(messageOf(error));
    }
  }
  throw new StoreUnusable(`${nameOf(url)} cannot be read: ${faults.join("; ")}`);
}

function keyOf(row: Row): ExecutionKey {
  return { kind: kindOfCode(row["kind"]), namespaceId: row["namespace_id"], businessId: row["business_id"] };
}
