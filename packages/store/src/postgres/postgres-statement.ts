/**
 * The writes of a group of commits as few statements: one for each segment, with the fence inside.
 *
 *   T1. A statement touches each row at most once: the last write of a key counts, and the others are left out. What cannot be said so (a run
 *       that is deleted and written) begins another segment.
 *   T2. Every write of a segment depends on the fence of its own statement, which locks the rows of its leases until the transaction ends: if one of
 *       them is void, the statement writes nothing and says so.
 *   T3. Bytes of all rows travel as one value, and rows name their places in it: PostgreSQL reads that two to three times as fast as an array of
 *       values.
 */

import { kindCode } from "../kind-code.ts";
import type { Lease, SearchValue, Write } from "../store.ts";
import { givenValue, type StoredValue, storedValue } from "../visibility/visibility-attributes.ts";
import { openListOrder, visibilityRowColumns, visibilityRowValues } from "../visibility/visibility-row.ts";
import { attributeText, entriesOf, shapeOf } from "./postgres-entry.ts";
import { storedText, textOfStored } from "./postgres-text.ts";

/** Writes that need no look at what is there. */
export type PlainWrite = Exclude<Write, { table: "namespace" | "setting" }>;

export interface Statement {
  /** One for each set of tables, so that it is prepared once. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

interface Column {
  readonly name: string;
  readonly type: "text" | "integer" | "bigint" | "boolean" | "jsonb" | "bytea";
  /** Its texts are given as PostgreSQL holds them (`storedText`). */
  readonly isStored?: boolean;
}

interface Table {
  readonly columns: readonly Column[];
  /** The columns that identify a row, in the order of their index; empty where a row that is there already is an error. */
  readonly key: readonly string[];
  /** A row that is the same is left as it is. */
  readonly isCompared?: boolean;
}

const text = (...names: string[]) => names.map((name): Column => ({ name, type: "text" }));
const bigint = (...names: string[]) => names.map((name): Column => ({ name, type: "bigint" }));
const integer = (...names: string[]) => names.map((name): Column => ({ name, type: "integer" }));
const bytea = (name: string): Column => ({ name, type: "bytea" });

const tables = {
  current: {
    columns: [...text("business_id", "namespace_id"), ...integer("kind"), ...text("run_id")],
    key: ["business_id", "namespace_id", "kind"],
  },
  run: {
    columns: [
      ...text("run_id"),
      ...integer("shard_id"),
      ...bigint("wake_at_ms"),
      { name: "undispatched", type: "boolean" },
      ...integer("kind"),
      ...text("namespace_id", "business_id"),
      bytea("snapshot"),
    ],
    key: ["run_id"],
  },
  part: { columns: [...text("run_id", "part"), bytea("bytes")], key: ["run_id", "part"] },
  history: {
    columns: [...text("run_id"), ...bigint("first_event_id", "last_event_id"), bytea("events")],
    key: [],
  },
  visibility: {
    columns: [
      ...text("run_id"),
      ...integer("kind"),
      ...text("namespace_id", ...visibilityRowColumns.text),
      ...integer(visibilityRowColumns.status),
      ...bigint(...visibilityRowColumns.times, ...visibilityRowColumns.sizes),
      ...text(...visibilityRowColumns.family),
      { name: "search_attributes", type: "jsonb" },
      ...text("shape"),
      bytea("info"),
    ],
    key: ["run_id"],
  },
  attribute: {
    columns: [
      ...text("run_id"),
      { name: "entry", type: "text", isStored: true },
      ...bigint("list_order", "start_time_ms"),
      ...integer("status"),
    ],
    key: ["run_id", "entry"],
    isCompared: true,
  },
  receipt: { columns: [...text("writer"), ...bigint("number")], key: [] },
} as const satisfies Record<string, Table>;

type TableName = keyof typeof tables;
const tableNames = Object.keys(tables) as TableName[];
type Value = string | number | boolean | null | Uint8Array;

/**
 * A statement must be answered in time also where each row waits for a disk: a row of a list has ten indexes and more, and a large commit thousands of
 * rows.
 */
export const segmentWritesMax = 2_000;

/** Statements that are made by name: which tables are written, and from which rows are deleted. */
const texts = new Map<string, string>();

export class Segment {
  readonly #leases = new Map<number, number>();
  /** Rows by their key, as text. */
  readonly #rows = new Map<TableName, Map<string, readonly Value[]>>();
  /** Of the runs whose row in a list is written. */
  readonly #entries = new Map<string, readonly (readonly Value[])[]>();
  readonly #dropped = { current: new Map<string, readonly Value[]>(), part: new Map<string, readonly Value[]>() };
  readonly #touchedRuns = new Set<string>();
  readonly #deletedRuns = new Set<string>();
  #writeCount = 0;

  /** False when the segment holds another lease of the shard: only one of them can be valid. */
  addLease({ shardId, rangeId }: Lease): boolean {
    const other = this.#leases.get(shardId);
    if (other !== undefined && other !== rangeId) return false;
    this.#leases.set(shardId, rangeId);
    return true;
  }

  /** False, and nothing added, when the write must come after the segment (T1), or the segment is full. */
  add(write: PlainWrite, shardId: number): boolean {
    if (this.#writeCount === segmentWritesMax) return false;
    if (write.table === "deleteRun") {
      if (this.#touchedRuns.has(write.runId)) return false;
      this.#deletedRuns.add(write.runId);
      this.#writeCount++;
      return true;
    }
    if (write.table !== "current") {
      if (this.#deletedRuns.has(write.runId)) return false;
      this.#touchedRuns.add(write.runId);
    }
    this.#addRow(write, shardId);
    this.#writeCount++;
    return true;
  }

  /** See F3 of `postgres-primary.ts`. */
  addReceipt(writer: string, number: number): void {
    this.#rowsOf("receipt").set("", [writer, number]);
  }

  statement(): Statement {
    const values: unknown[] = [[...this.#leases.keys()], [...this.#leases.values()]];
    const packed = new Packing();
    const names: string[] = [];
    for (const table of tableNames) {
      const rows =
        table === "attribute" ? [...this.#entries.values()].flat() : [...(this.#rows.get(table)?.values() ?? [])];
      if (rows.length === 0) continue;
      names.push(table);
      values.push(...columnValues(tables[table].columns, rows, packed));
    }
    for (const table of ["current", "part"] as const) {
      const rows = [...this.#dropped[table].values()];
      if (rows.length === 0) continue;
      names.push(`-${table}`);
      values.push(...columnValues(keyColumns(table), rows, packed));
    }
    if (this.#deletedRuns.size > 0) {
      names.push("-run");
      values.push([...this.#deletedRuns].map(storedText));
    }
    if (packed.isUsed) values.push(packed.take());
    const name = names.join(" ");
    let text = texts.get(name);
    if (text === undefined) {
      text = statementText(names);
      texts.set(name, text);
    }
    return { name: `write ${name}`, text, values };
  }

  #addRow(write: Exclude<PlainWrite, { table: "deleteRun" }>, shardId: number): void {
    switch (write.table) {
      case "current": {
        const key = [write.businessId, write.namespaceId, kindCode(write.kind)];
        const row = write.runId === null ? null : [...key, write.runId];
        return this.#put("current", key, row);
      }
      case "run": {
        const { runId, wakeAtMs, undispatched, kind, namespaceId, businessId, snapshot } = write;
        const row = [runId, shardId, wakeAtMs, undispatched, kindCode(kind), namespaceId, businessId, snapshot];
        return this.#put("run", [runId], row);
      }
      case "part": {
        const key = [write.runId, write.part];
        return this.#put("part", key, write.bytes === null ? null : [...key, write.bytes]);
      }
      case "history": {
        const rows = this.#rowsOf("history");
        // By its place: two batches of one beginning must both get to PostgreSQL, which refuses them.
        rows.set(`${rows.size}`, [write.runId, write.firstEventId, write.lastEventId, write.events]);
        return;
      }
      case "visibility":
        this.#entries.set(write.runId, entryRows(write));
        return this.#put("visibility", [write.runId], visibilityRow(write));
      default:
        write satisfies never;
    }
  }

  /** `row: null` drops it. */
  #put(
    table: Exclude<TableName, "history" | "receipt" | "attribute">,
    key: readonly Value[],
    row: readonly Value[] | null,
  ): void {
    const id = JSON.stringify(key);
    const rows = this.#rowsOf(table);
    const dropped = table === "current" || table === "part" ? this.#dropped[table] : null;
    if (row === null) {
      rows.delete(id);
      dropped?.set(id, key);
    } else {
      rows.set(id, row);
      dropped?.delete(id);
    }
  }

  #rowsOf(table: TableName): Map<string, readonly Value[]> {
    const rows = this.#rows.get(table) ?? new Map<string, readonly Value[]>();
    this.#rows.set(table, rows);
    return rows;
  }
}

function visibilityRow(write: PlainWrite & { table: "visibility" }): readonly Value[] {
  const { runId, kind, namespaceId, searchAttributes, info } = write;
  const attributes = [attributesJson(searchAttributes), shapeOf(searchAttributes)];
  return [runId, kindCode(kind), namespaceId, ...visibilityRowValues(write), ...attributes, info];
}

function entryRows(write: PlainWrite & { table: "visibility" }): readonly (readonly Value[])[] {
  const position = [write.closeTimeMs ?? openListOrder, write.startTimeMs, write.status];
  return entriesOf(write, write.searchAttributes).map((entry) => [write.runId, entry, ...position]);
}

function attributesJson(attributes: Readonly<Record<string, SearchValue>>): string {
  const wellFormed = (value: StoredValue): StoredValue => {
    if (typeof value === "string") return attributeText(value);
    if (typeof value !== "object") return value;
    return "text" in value ? { ...value, text: attributeText(value.text) } : value.map(attributeText);
  };
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [attributeText(name), wellFormed(storedValue(value))]),
    ),
  );
}

/** What `attributesJson` was made of, but for halves of surrogate pairs. */
export function attributesOfText(text: string): Record<string, SearchValue> {
  const given = (stored: StoredValue): SearchValue => {
    const value = givenValue(stored);
    if (typeof value === "string") return textOfStored(value);
    if (typeof value !== "object") return value;
    return "text" in value ? { text: textOfStored(value.text) } : value.map(textOfStored);
  };
  const stored = JSON.parse(text) as Record<string, StoredValue>;
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [textOfStored(name), given(value)]));
}

function keyColumns(table: "current" | "part"): readonly Column[] {
  const { columns, key } = tables[table];
  return columns.filter(({ name }) => (key as readonly string[]).includes(name));
}

/** One array for each column; two, of places and lengths, for bytes. */
function columnValues(columns: readonly Column[], rows: readonly (readonly Value[])[], packed: Packing): unknown[] {
  return columns.flatMap(({ type, isStored }, at): unknown[] => {
    const values = rows.map((row) => row[at] ?? null);
    if (type === "text" && !isStored)
      return [values.map((value) => (typeof value === "string" ? storedText(value) : value))];
    if (type !== "bytea") return [values];
    const all = values as Uint8Array[];
    return [all.map((bytes) => packed.add(bytes)), all.map(({ byteLength }) => byteLength)];
  });
}

class Packing {
  readonly #pieces: Uint8Array[] = [];
  #byteLength = 0;

  get isUsed(): boolean {
    return this.#pieces.length > 0;
  }

  /** Where the bytes begin: PostgreSQL counts from 1. */
  add(bytes: Uint8Array): number {
    const at = this.#byteLength + 1;
    this.#pieces.push(bytes);
    this.#byteLength += bytes.byteLength;
    return at;
  }

  take(): Buffer {
    return Buffer.concat(this.#pieces, this.#byteLength);
  }
}

/** Answers one row, `holds`: whether all leases are valid, and so whether anything was written. */
function statementText(names: readonly string[]): string {
  const parts = [
    `held AS (
      SELECT shard.shard_id FROM shard JOIN unnest($1::integer[], $2::bigint[]) AS lease (shard_id, range_id)
        ON shard.shard_id = lease.shard_id AND shard.range_id = lease.range_id
      FOR SHARE OF shard)`,
    "fence AS (SELECT count(*) = cardinality($1::integer[]) AS holds FROM held)",
  ];
  let count = 2;
  // The packed bytes come last, behind all arrays.
  const pieces: { readonly columns: readonly Column[]; readonly numbers: readonly number[]; readonly name: string }[] =
    names.map((name) => {
      const columns = columnsOf(name);
      const numbers = columns.map(({ type }) => {
        const number = count + 1;
        count += type === "bytea" ? 2 : 1;
        return number;
      });
      return { columns, numbers, name };
    });
  const packedNumber = count + 1;
  for (const { columns, numbers, name } of pieces)
    parts.push(...(name.startsWith("-") ? dropText : putText)(name, columns, numbers, packedNumber));
  const numbersOf = (table: string) => pieces.find(({ name }) => name === table)?.numbers;
  const listed = numbersOf("visibility");
  if (listed !== undefined) parts.push(dropEntriesText(listed, numbersOf("attribute")));
  return `WITH ${parts.join(",\n")} SELECT holds FROM fence`;
}

function columnsOf(name: string): readonly Column[] {
  if (name === "-run") return text("run_id");
  return name.startsWith("-") ? keyColumns(name.slice(1) as "current" | "part") : tables[name as TableName].columns;
}

type TextOf = (
  name: string,
  columns: readonly Column[],
  numbers: readonly number[],
  packedNumber: number,
) => readonly string[];

const putText: TextOf = (name, columns, numbers, packedNumber) => {
  const arrays = columns.flatMap(({ type }, at) => {
    const number = numbers[at]!;
    return type === "bytea" ? [`$${number}::integer[]`, `$${number + 1}::integer[]`] : [`$${number}::${type}[]`];
  });
  const fields = columns.flatMap(({ name, type }) => (type === "bytea" ? [`${name}_at`, `${name}_length`] : [name]));
  const selected = columns.map(({ name, type }) =>
    type === "bytea" ? `substring($${packedNumber}::bytea FROM ${name}_at FOR ${name}_length)` : name,
  );
  const { key, isCompared = false }: Table = tables[name as TableName];
  const rest = columns.filter((column) => !key.includes(column.name));
  const sets = rest.map((column) => `${column.name} = excluded.${column.name}`);
  const list = (of: string) => rest.map((column) => `${of}.${column.name}`).join(", ");
  const changed = isCompared ? ` WHERE (${list(name)}) <> (${list("excluded")})` : "";
  const conflict = key.length === 0 ? "" : `ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${sets.join(", ")}${changed}`;
  return [
    `put_${name} AS (
      INSERT INTO ${name} (${columns.map((column) => column.name).join(", ")})
      SELECT ${selected.join(", ")} FROM unnest(${arrays.join(", ")}) AS given (${fields.join(", ")})
      WHERE (SELECT holds FROM fence) ${conflict})`,
  ];
};

/**
 * What a run's row was found by and is no more. No joins: one with a table that was believed to be empty goes through all of it, and of the rows to be kept
 * a hashed list is made.
 */
function dropEntriesText(listed: readonly number[], kept: readonly number[] | undefined): string {
  const others = kept && `(run_id, entry) NOT IN (SELECT * FROM unnest($${kept[0]}::text[], $${kept[1]}::text[]))`;
  return `drop_entries AS (
      DELETE FROM attribute
      WHERE (SELECT holds FROM fence) AND run_id = ANY ($${listed[0]}::text[])${others === undefined ? "" : ` AND ${others}`})`;
}

/**
 * No joins here either. What is looked up is the first column of the key: all rows of a run, or of those who share a business id. What of them was not
 * meant is left; `IS TRUE` keeps the planner from making a join of that.
 */
const dropText: TextOf = (name, columns, numbers) => {
  const table = name.slice(1) as "current" | "part" | "run";
  const arrays = columns.map(({ type }, at) => `$${numbers[at]}::${type}[]`);
  const fields = columns.map((column) => column.name);
  const [first] = tables[table].key;
  const found = `${first} = ANY (${arrays[fields.indexOf(first)]})`;
  const meant = `((${fields.join(", ")}) IN (SELECT * FROM unnest(${arrays.join(", ")}))) IS TRUE`;
  const drop = (as: string, from: string, which: string) =>
    `${as} AS (DELETE FROM ${from} WHERE (SELECT holds FROM fence) AND ${which})`;
  if (table !== "run") return [drop(`drop_${table}`, table, `${found} AND ${meant}`)];
  // A run is deleted with all that is kept of it. Parts that are dropped for themselves have that name already.
  const all = ["run", "part", "history", "visibility", "attribute"];
  return all.map((from) => drop(`drop_run_${from}`, from, found));
};
