/** Lists and counts of workflows, on the read-only connection of the reader thread: a filter may have to look at every row. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type BoundSql, countSql, listSql } from "./sqlite-query.ts";
import type { Store, VisibilityQuery, VisibilityRow } from "./store.ts";
import { openListOrder } from "./visibility-row.ts";

/** Statements of visibility filters kept prepared. Their texts differ by the shape of the filter only, values are bound. */
const preparedMax = 64;

export type ListCalls = Pick<Store, "listVisibility" | "countVisibility">;
type CountedValue = string | number | bigint | null;
type Result<Method extends keyof ListCalls> = Awaited<ReturnType<ListCalls[Method]>>;

export class SqliteLists {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  listVisibility(query: VisibilityQuery): Result<"listVisibility"> {
    const rows = this.#all(listSql(query)) as unknown as [bigint, bigint, string, Uint8Array][];
    return rows.map(([listOrder, startTimeMs, runId, info]): VisibilityRow => {
      const closeTimeMs = Number(listOrder) === openListOrder ? null : Number(listOrder);
      return { closeTimeMs, startTimeMs: Number(startTimeMs), runId, info };
    });
  }

  countVisibility(query: Parameters<Store["countVisibility"]>[0]): Result<"countVisibility"> {
    const rows = this.#all(countSql(query)) as unknown as [CountedValue, string | null, bigint][];
    return rows.map(([value, type, count]) => ({ value: countedValue(value, type), count: Number(count) }));
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
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

function countedValue(value: CountedValue, jsonType: string | null): string | number | boolean | null {
  if (jsonType === "true" || jsonType === "false") return jsonType === "true";
  return typeof value === "bigint" ? Number(value) : value;
}
