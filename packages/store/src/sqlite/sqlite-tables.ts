/**
 * The writes of the contract as statements on one connection. Rows of lists go to the journal, and to the lists by `move`. Knows no threads and no groups;
 * the caller owns the transaction.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { kindCode } from "../kind-code.ts";
import { type ExecutionKey, isExpected, type Lease } from "../store.ts";
import { visibilityRowColumns, visibilityRowValues } from "../visibility/visibility-row.ts";
import type { ListJournal, Slice } from "./list-journal.ts";
import { anyShape, shapeOf, shapesMax } from "./sqlite-shapes.ts";
import { type FramedVisibility, type FramedWrite, listRow } from "./write-frame.ts";

const visibilityColumnNames: readonly string[] = [
  ...["run_id", "list_key"],
  ...Object.values(visibilityRowColumns).flat(),
  ...["search_attributes", "info", "shape_key"],
];

export class SqliteTables {
  readonly #db: DatabaseSync;
  readonly #journal: ListJournal;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #acquire: StatementSync;
  readonly #rangeId: StatementSync;
  readonly #putCurrent: StatementSync;
  readonly #dropCurrent: StatementSync;
  readonly #putRun: StatementSync;
  readonly #putPart: StatementSync;
  readonly #dropPart: StatementSync;
  readonly #addHistory: StatementSync;
  readonly #putVisibility: StatementSync;
  readonly #addVisibilityList: StatementSync;
  readonly #visibilityList: StatementSync;
  readonly #addShape: StatementSync;
  readonly #shape: StatementSync;
  readonly #dropRun: readonly StatementSync[];
  readonly #namespaceOfName: StatementSync;
  readonly #putNamespace: StatementSync;
  readonly #dropNamespace: StatementSync;
  readonly #setting: StatementSync;
  readonly #putSetting: StatementSync;
  readonly #dropSetting: StatementSync;
  readonly #settle: StatementSync;

  /** Where the journal was at `save`. */
  #saved = 0;
  /** What this transaction has read of `shard`. */
  readonly #rangeIds = new Map<number, number>();
  /** Keys of `visibility_list` read or made so far, by namespace and kind; forgotten when a transaction is rolled back. */
  readonly #listKeys = new Map<string, Map<string, number>>();
  /** Keys of `visibility_shape` in the same way, by list and shape. */
  readonly #shapeKeys = new Map<number, Map<string, number>>();

  constructor(db: DatabaseSync, journal: ListJournal) {
    this.#db = db;
    this.#journal = journal;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#acquire = db.prepare(`
      INSERT INTO shard (shard_id, range_id, owner) VALUES (?, 1, ?)
      ON CONFLICT (shard_id) DO UPDATE SET range_id = range_id + 1, owner = excluded.owner RETURNING range_id`);
    this.#rangeId = db.prepare("SELECT range_id FROM shard WHERE shard_id = ?");
    this.#putCurrent = db.prepare(`
      INSERT INTO current (namespace_id, business_id, kind, run_id) VALUES (?, ?, ?, ?)
      ON CONFLICT (namespace_id, business_id, kind) DO UPDATE SET run_id = excluded.run_id`);
    this.#dropCurrent = db.prepare("DELETE FROM current WHERE namespace_id = ? AND business_id = ? AND kind = ?");
    this.#putRun = db.prepare(`
      INSERT INTO run (run_id, shard_id, wake_at_ms, undispatched, kind, namespace_id, business_id, snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (run_id) DO UPDATE SET shard_id = excluded.shard_id, wake_at_ms = excluded.wake_at_ms,
        undispatched = excluded.undispatched, kind = excluded.kind, namespace_id = excluded.namespace_id,
        business_id = excluded.business_id, snapshot = excluded.snapshot`);
    this.#putPart = db.prepare(`
      INSERT INTO part (run_id, part, bytes) VALUES (?, ?, ?) ON CONFLICT (run_id, part) DO UPDATE SET bytes = excluded.bytes`);
    this.#dropPart = db.prepare("DELETE FROM part WHERE run_id = ? AND part = ?");
    this.#addHistory = db.prepare(
      "INSERT INTO history (run_id, first_event_id, last_event_id, events) VALUES (?, ?, ?, ?)",
    );
    this.#putVisibility = db.prepare(`
      INSERT INTO visibility (${visibilityColumnNames.join(", ")}) VALUES (${visibilityColumnNames.map(() => "?").join(", ")})
      ON CONFLICT (run_id) DO UPDATE SET ${visibilityColumnNames
        .slice(1)
        .map((name) => `${name} = excluded.${name}`)
        .join(", ")}`);
    this.#addVisibilityList = db.prepare(
      "INSERT INTO visibility_list (namespace_id, kind) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#visibilityList = db.prepare("SELECT list_key FROM visibility_list WHERE namespace_id = ? AND kind = ?");
    this.#addShape = db.prepare(`
      INSERT INTO visibility_shape (list_key, names)
      SELECT ?1, CASE WHEN (SELECT count(*) FROM visibility_shape WHERE list_key = ?1) < ${shapesMax} THEN ?2 ELSE '${anyShape}' END
      WHERE TRUE ON CONFLICT DO NOTHING`);
    this.#shape = db.prepare(`
      SELECT shape_key FROM visibility_shape WHERE list_key = ?1 AND names IN (?2, '${anyShape}') ORDER BY names = '${anyShape}' LIMIT 1`);
    this.#dropRun = ["run", "part", "history", "visibility"].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE run_id = ?`),
    );
    this.#namespaceOfName = db.prepare("SELECT id FROM namespace WHERE name = ?");
    this.#putNamespace = db.prepare(`
      INSERT INTO namespace (id, name, bytes) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, bytes = excluded.bytes`);
    this.#dropNamespace = db.prepare("DELETE FROM namespace WHERE id = ?");
    this.#setting = db.prepare("SELECT bytes FROM setting WHERE name = ?");
    this.#putSetting = db.prepare(`
      INSERT INTO setting (name, bytes) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes`);
    this.#dropSetting = db.prepare("DELETE FROM setting WHERE name = ?");
    this.#settle = db.prepare("UPDATE settlement SET count = count + 1");
  }

  begin(): void {
    this.#rangeIds.clear();
    this.#begin.run();
  }

  /** Within the transaction, behind its last write. */
  complete(): void {
    this.#journal.write();
  }

  commit(): void {
    this.#commit.run();
    this.#journal.written();
  }

  /** Begins a part of the transaction that ends with `keep` or `undo`. */
  save(): void {
    this.#saved = this.#journal.batchLength;
    this.#db.exec("SAVEPOINT part");
  }

  keep(): void {
    this.#db.exec("RELEASE part");
  }

  undo(): void {
    this.#forgetKeys();
    this.#journal.undo(this.#saved);
    this.#db.exec("ROLLBACK TO part; RELEASE part");
  }

  /** SQLite has already ended the transaction after some errors. */
  rollback(): void {
    this.#forgetKeys();
    this.#journal.rolledBack();
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
  }

  #forgetKeys(): void {
    this.#listKeys.clear();
    this.#shapeKeys.clear();
  }

  /** The new range id. */
  acquire(shardId: number, owner: string): number {
    const rangeId = Number(this.#acquire.get(shardId, owner)?.["range_id"]);
    this.#rangeIds.set(shardId, rangeId);
    return rangeId;
  }

  holds(lease: Lease): boolean {
    let rangeId = this.#rangeIds.get(lease.shardId);
    if (rangeId === undefined) {
      rangeId = Number(this.#rangeId.get(lease.shardId)?.["range_id"] ?? 0);
      this.#rangeIds.set(lease.shardId, rangeId);
    }
    return rangeId === lease.rangeId;
  }

  apply(write: FramedWrite, lease: Lease | null): void {
    switch (write.table) {
      case "current":
        if (write.runId === null) this.#dropCurrent.run(write.namespaceId, write.businessId, kindCode(write.kind));
        else this.#putCurrent.run(write.namespaceId, write.businessId, kindCode(write.kind), write.runId);
        return;
      case "run": {
        const { runId, wakeAtMs, namespaceId, businessId, snapshot } = write;
        if (lease === null) throw new Error("a run is written under a lease");
        const undispatched = write.undispatched ? 1 : 0;
        const kind = kindCode(write.kind);
        this.#putRun.run(runId, lease.shardId, wakeAtMs, undispatched, kind, namespaceId, businessId, snapshot);
        return;
      }
      case "part":
        if (write.bytes === null) this.#dropPart.run(write.runId, write.part);
        else this.#putPart.run(write.runId, write.part, write.bytes);
        return;
      case "history":
        this.#addHistory.run(write.runId, write.firstEventId, write.lastEventId, write.events);
        return;
      case "visibility":
        this.#journal.add(write);
        return;
      case "deleteRun":
        for (const drop of this.#dropRun) drop.run(write.runId);
        this.#journal.delete(write.runId);
        return;
      case "namespace":
        if (write.bytes === null) this.#dropNamespace.run(write.id);
        else this.#putNamespace.run(write.id, write.name, write.bytes);
        return;
      case "setting":
        if (write.bytes === null) this.#dropSetting.run(write.name);
        else this.#putSetting.run(write.name, write.bytes);
        return;
      default:
        write satisfies never;
    }
  }

  /** Why a write cannot be, as things are now; null = it can. */
  refusalOf(write: FramedWrite): { readonly type: "nameTaken" | "settingChanged"; readonly name: string } | null {
    if (write.table === "namespace") {
      if (write.bytes === null) return null;
      const owner = this.#namespaceOfName.get(write.name)?.["id"];
      return owner !== undefined && owner !== write.id ? { type: "nameTaken", name: write.name } : null;
    }
    if (write.table !== "setting" || write.expected === undefined) return null;
    const before = (this.#setting.get(write.name)?.["bytes"] ?? null) as Uint8Array | null;
    return isExpected(write, before) ? null : { type: "settingChanged", name: write.name };
  }

  /** A commit of its own that changes nothing a reader sees. */
  settle(): void {
    this.begin();
    this.#settle.run();
    this.commit();
  }

  /** Puts rows of the journal into the lists, and takes those away that are not needed any more. */
  move(slice: Slice): void {
    for (const write of slice.writes) this.#list(write);
    this.#journal.clear(slice);
  }

  #list(write: FramedVisibility): void {
    const row = listRow(write);
    const listKey = this.#listKey(row);
    const shapeKey = this.#shapeKey(listKey, shapeOf(row.searchAttributes));
    this.#putVisibility.run(row.runId, listKey, ...visibilityRowValues(row), row.searchAttributes, row.info, shapeKey);
  }

  #shapeKey(listKey: number, shape: string): number {
    const ofList = this.#shapeKeys.get(listKey) ?? new Map<string, number>();
    const known = ofList.get(shape);
    if (known !== undefined) return known;
    let row = this.#shape.get(listKey, shape);
    if (row === undefined) {
      this.#addShape.run(listKey, shape);
      row = this.#shape.get(listKey, shape);
    }
    const key = Number(row?.["shape_key"]);
    if (ofList.size < shapesMax) this.#shapeKeys.set(listKey, ofList.set(shape, key));
    return key;
  }

  #listKey({ kind, namespaceId }: Pick<ExecutionKey, "kind" | "namespaceId">): number {
    const ofNamespace = this.#listKeys.get(namespaceId) ?? new Map<string, number>();
    const known = ofNamespace.get(kind);
    if (known !== undefined) return known;
    this.#addVisibilityList.run(namespaceId, kindCode(kind));
    const key = Number(this.#visibilityList.get(namespaceId, kindCode(kind))?.["list_key"]);
    this.#listKeys.set(namespaceId, ofNamespace.set(kind, key));
    return key;
  }
}
