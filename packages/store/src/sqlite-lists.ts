/**
 * Lists and counts of workflows, on the read-only connection of the reader thread: a filter may have to look at every row.
 *
 * SQLite knows nothing of how values are spread, and a wrong guess costs a second with a million rows. So the index of attributes is asked
 * first how many rows a condition has there, up to a number that says enough.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { kindCode } from "./kind-code.ts";
import { type IndexedCondition, indexedConditions, isPlace, unindexedAttributes } from "./sqlite-plan.ts";
import { type BoundSql, countSql, isIndexed, listSql, type Plan, probeSql, type Selection } from "./sqlite-query.ts";
import type { Store, VisibilityFilter, VisibilityQuery, VisibilityRow } from "./store.ts";
import { storedName } from "./visibility-attributes.ts";
import { openListOrder } from "./visibility-row.ts";
import { attributesOf, conjuncts } from "./visibility-sql.ts";

/** Statements of visibility filters kept prepared. Their texts differ by the shape of the filter only, values are bound. */
const preparedMax = 64;

export interface ListOptions {
  /** So many rows are soon read and sorted, wherever they are. Default 4,000. */
  readonly fewRowsMax?: number;
}

export type ListCalls = Pick<Store, "listVisibility" | "countVisibility">;
type CountedValue = string | number | bigint | null;
type Result<Method extends keyof ListCalls> = Awaited<ReturnType<ListCalls[Method]>>;
type CountQuery = Parameters<Store["countVisibility"]>[0];

export class SqliteLists {
  readonly #db: DatabaseSync;
  readonly #fewRowsMax: number;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, { fewRowsMax = 4_000 }: ListOptions = {}) {
    this.#db = db;
    this.#fewRowsMax = fewRowsMax;
  }

  listVisibility(query: VisibilityQuery): Result<"listVisibility"> {
    return this.#atOnce(() => {
      const selection = this.#selection(query);
      if (selection === null) return [];
      const rows = this.#all(listSql(selection, query)) as [bigint, bigint, string, Uint8Array, CountedValue?][];
      return rows.map(([listOrder, startTimeMs, runId, info, value]): VisibilityRow => {
        const closeTimeMs = Number(listOrder) === openListOrder ? null : Number(listOrder);
        const orderValue = typeof value === "bigint" ? Number(value) : value;
        return {
          closeTimeMs,
          startTimeMs: Number(startTimeMs),
          runId,
          info,
          ...(orderValue !== undefined && { orderValue }),
        };
      });
    });
  }

  countVisibility(query: CountQuery): Result<"countVisibility"> {
    return this.#atOnce(() => {
      const found = this.#selection(query);
      if (found === null) return query.groupBy === undefined ? [{ value: null, count: 0 }] : [];
      const selection = { ...found, plan: counted(found, query.groupBy) };
      const rows = this.#all(countSql(selection, query.groupBy)) as [CountedValue, string | null, bigint][];
      return rows.map(([value, type, count]) => ({ value: countedValue(value, type), count: Number(count) }));
    });
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }

  /** Several statements that see the same rows. */
  #atOnce<T>(read: () => T): T {
    this.#db.exec("BEGIN");
    try {
      return read();
    } finally {
      this.#db.exec("COMMIT");
    }
  }

  /** Null for a list that has never had a row. */
  #selection({
    kind,
    namespaceId,
    filter,
  }: Pick<VisibilityQuery, "kind" | "namespaceId" | "filter">): Selection | null {
    const sql = "SELECT list_key FROM visibility_list WHERE namespace_id = ?1 AND kind = ?2";
    const [list] = this.#all({ sql, values: [namespaceId, kindCode(kind)] }) as [bigint][];
    if (list === undefined) return null;
    const listKey = Number(list[0]);
    if (filter === undefined) return { listKey, filter, plan: { type: "rows" }, absent: new Set() };
    const absent = new Set([...attributesOf(filter)].filter((name) => !this.#isThere(listKey, name)));
    return { listKey, filter, plan: this.#plan(listKey, filter, absent), absent };
  }

  #isThere(listKey: number, name: string): boolean {
    if (unindexedAttributes.includes(name)) return true;
    const sql = "SELECT 1 FROM attribute WHERE list_key = ?1 AND name = ?2 LIMIT 1";
    return this.#all({ sql, values: [listKey, storedName(name)] }).length > 0;
  }

  #plan(listKey: number, filter: VisibilityFilter, absent: ReadonlySet<string>): Plan {
    const conditions = indexedConditions(filter).filter(({ name }) => !absent.has(name));
    let fewest: { readonly by: IndexedCondition; readonly count: number } | undefined;
    for (const by of conditions) {
      const max = fewest === undefined ? this.#fewRowsMax + 1 : fewest.count;
      const [row] = this.#all(probeSql(listKey, by, max)) as [bigint][];
      const count = Number(row?.[0]);
      if (count < max) fewest = { by, count };
    }
    if (fewest !== undefined) return { type: "few", by: fewest.by };
    const place = conditions.find(isPlace);
    return place === undefined ? { type: "rows" } : { type: "place", by: place };
  }

  #all({ sql, values }: BoundSql): unknown[] {
    let statement = this.#prepared.get(sql);
    // Taken out and put back, so that the first key is always the one that was not used for longest.
    this.#prepared.delete(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      // An attribute may be an integer that a number holds only rounded, which would otherwise be an error.
      statement.setReadBigInts(true);
      for (const oldest of this.#prepared.keys()) {
        if (this.#prepared.size < preparedMax) break;
        this.#prepared.delete(oldest);
      }
    }
    this.#prepared.set(sql, statement);
    return statement.all(...values);
  }
}

/** A count needs no row when the index knows what the filter and the groups ask for. */
function counted({ filter, plan, absent }: Selection, groupBy: string | undefined): Plan {
  if (filter === undefined || (groupBy !== undefined && groupBy !== "ExecutionStatus")) return plan;
  const parts = conjuncts(filter);
  const by = indexedConditions(filter).find(
    (one) => one.isExact && parts.every((part) => part === one.part || isIndexed(part, absent)),
  );
  return by === undefined || absent.has(by.name) ? plan : { type: "index", by };
}

function countedValue(value: CountedValue, jsonType: string | null): string | number | boolean | null {
  if (jsonType === "true" || jsonType === "false") return jsonType === "true";
  return typeof value === "bigint" ? Number(value) : value;
}
