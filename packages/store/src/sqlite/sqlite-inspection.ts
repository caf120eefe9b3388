/** Looks over a SQLite file on a connection of its own that only reads, in one transaction: a server may be at work on the file. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import {
  type InspectedCurrent,
  type InspectedRun,
  type InspectedVisibility,
  type MisplacedRow,
  misplacedRowsMax,
  type StoreInspection,
  type StrayRow,
  strayRowsMax,
} from "../inspection.ts";
import { kindCode, kindOfCode } from "../kind-code.ts";
import { requireVersion } from "../migrate.ts";
import { type ExecutionKey, type StoredBatch, StoreError, StoreUnusable } from "../store.ts";
import { attributesOfJson } from "../visibility/visibility-attributes.ts";
import { visibilityOfRow } from "../visibility/visibility-row.ts";
import { journalled } from "./list-journal.ts";
import { missingEntries, strayEntries } from "./sqlite-attributes.ts";
import { openReader } from "./sqlite-connection.ts";
import { sqliteSchema } from "./sqlite-schema.ts";
import { shapeOf, wrongShapes } from "./sqlite-shapes.ts";
import { listRow } from "./write-frame.ts";

const damageMax = 20;

type Row = Readonly<Record<string, unknown>>;

export class SqliteInspection implements StoreInspection {
  readonly #db: DatabaseSync;
  /** What the lists lack: it counts as if it were there. */
  readonly #journal: ReadonlyMap<string, Uint8Array | null>;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#journal = journalled(db);
  }

  /** Throws `StoreUnusable` for what is no file of this version of Pawl. */
  static open(path: string): SqliteInspection {
    if (!existsSync(path)) throw new StoreUnusable(`there is no file ${path}`);
    let db: DatabaseSync | undefined;
    try {
      db = openReader(path);
      requireVersion(db, path, sqliteSchema);
      db.exec("BEGIN");
      // A transaction sees the moment of its first read.
      db.prepare("SELECT count(*) FROM shard").get();
      return new SqliteInspection(db);
    } catch (error) {
      db?.close();
      if (error instanceof StoreError) throw error;
      throw new StoreUnusable(`${path} cannot be read: ${error instanceof Error ? error.message : error}`);
    }
  }

  async damage(): Promise<readonly string[]> {
    const found = this.#all(`PRAGMA integrity_check(${damageMax})`).map((row) => String(row["integrity_check"]));
    return found.filter((line) => line !== "ok");
  }

  async runCount(): Promise<number> {
    return Number(this.#all("SELECT count(*) AS count FROM run")[0]?.["count"]);
  }

  async runs({ afterRunId, limit }: { readonly afterRunId: string; readonly limit: number }) {
    const rows = this.#all("SELECT * FROM run WHERE run_id > ? ORDER BY run_id LIMIT ?", afterRunId, limit);
    return rows.map((row): InspectedRun => {
      const runId = String(row["run_id"]);
      const wakeAtMs = row["wake_at_ms"];
      return {
        ...keyOf(row),
        runId,
        shardId: Number(row["shard_id"]),
        wakeAtMs: wakeAtMs === null ? null : Number(wakeAtMs),
        undispatched: row["undispatched"] !== 0,
        snapshot: row["snapshot"] as Uint8Array,
        parts: this.#parts(runId),
        batches: this.#batches(runId),
        visibility: this.#visibility(runId),
      };
    });
  }

  async currents({ after, limit }: { readonly after?: ExecutionKey; readonly limit: number }) {
    const key = after ? [after.namespaceId, after.businessId, kindCode(after.kind)] : ["", "", -1];
    const rows = this.#all(
      `SELECT *, EXISTS (SELECT 1 FROM run WHERE run.run_id = current.run_id AND run.namespace_id = current.namespace_id
         AND run.business_id = current.business_id AND run.kind = current.kind) AS is_there
       FROM current WHERE (namespace_id, business_id, kind) > (?, ?, ?)
       ORDER BY namespace_id, business_id, kind LIMIT ?`,
      ...key,
      limit,
    );
    return rows.map(
      (row): InspectedCurrent => ({ ...keyOf(row), runId: String(row["run_id"]), isThere: row["is_there"] === 1 }),
    );
  }

  async strays(): Promise<readonly StrayRow[]> {
    const stored = (["part", "history", "visibility"] as const).flatMap((table) =>
      this.#all(
        `SELECT DISTINCT run_id FROM ${table} WHERE run_id NOT IN (SELECT run_id FROM run) LIMIT ${strayRowsMax}`,
      ).map((row) => ({ table, runId: String(row["run_id"]) })),
    );
    const isStray = ([runId, encoded]: [string, Uint8Array | null]) =>
      encoded !== null && this.#all("SELECT 1 FROM run WHERE run_id = ?", runId).length === 0;
    const coming = [...this.#journal].filter(isStray).map(([runId]) => ({ table: "visibility", runId }) as const);
    const isNamed = new Set(stored.filter(({ table }) => table === "visibility").map(({ runId }) => runId));
    return [...stored, ...coming.filter(({ runId }) => !isNamed.has(runId)).slice(0, strayRowsMax)];
  }

  async misplaced(): Promise<readonly MisplacedRow[]> {
    this.#db.function("shape_of", { deterministic: true }, (attributes) => shapeOf(String(attributes)));
    const named = (sql: string, what: string) =>
      this.#all(`${sql} LIMIT ${misplacedRowsMax}`).map((row) => ({ runId: String(row["run_id"]), what }));
    return [
      ...named(missingEntries, "is not found by an attribute that it has"),
      ...named(strayEntries, "is found by an attribute that it does not have"),
      ...named(wrongShapes, "is not found by which attributes it has"),
    ];
  }

  async shards() {
    return this.#all("SELECT shard_id, range_id FROM shard ORDER BY shard_id").map((row) => ({
      shardId: Number(row["shard_id"]),
      rangeId: Number(row["range_id"]),
    }));
  }

  async namespaces() {
    return this.#all("SELECT id, name FROM namespace ORDER BY id").map((row) => ({
      id: String(row["id"]),
      name: String(row["name"]),
    }));
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #parts(runId: string): ReadonlyMap<string, Uint8Array> {
    const rows = this.#all("SELECT part, bytes FROM part WHERE run_id = ?", runId);
    return new Map(rows.map((row) => [String(row["part"]), row["bytes"] as Uint8Array]));
  }

  #batches(runId: string): readonly StoredBatch[] {
    const rows = this.#all("SELECT * FROM history WHERE run_id = ? ORDER BY first_event_id", runId);
    return rows.map((row) => ({
      firstEventId: Number(row["first_event_id"]),
      lastEventId: Number(row["last_event_id"]),
      events: row["events"] as Uint8Array,
    }));
  }

  #visibility(runId: string): InspectedVisibility | undefined {
    const encoded = this.#journal.get(runId);
    if (encoded != null) {
      const { table: _, info: __, ...row } = listRow({ table: "visibility", runId, encoded });
      return { ...row, searchAttributes: attributesOfJson(row.searchAttributes) };
    }
    const [row] = this.#all("SELECT * FROM visibility JOIN visibility_list USING (list_key) WHERE run_id = ?", runId);
    if (row === undefined) return undefined;
    const searchAttributes = attributesOfJson(String(row["search_attributes"]));
    return visibilityOfRow(row, { ...keyOf(row), searchAttributes });
  }

  #all(sql: string, ...values: (string | number)[]): readonly Row[] {
    return this.#db.prepare(sql).all(...values);
  }
}

function keyOf(row: Row): ExecutionKey {
  return {
    kind: kindOfCode(Number(row["kind"])),
    namespaceId: String(row["namespace_id"]),
    businessId: String(row["business_id"]),
  };
}
