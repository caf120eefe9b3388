/** Visibility rows in memory, in the order of a list. */

import type {
  Store,
  VisibilityOrder,
  VisibilityPosition,
  VisibilityQuery,
  VisibilityRow,
  VisibilityWrite,
} from "../store.ts";
import {
  compareListOrder,
  compareScalars,
  filterPredicate,
  orderComparison,
  orderValue,
  visibilityValue,
} from "../visibility/visibility-filter.ts";
import { SortedList } from "./sorted-list.ts";

type Count = Awaited<ReturnType<Store["countVisibility"]>>[number];

export class MemoryVisibility {
  readonly #rows = new Map<string, VisibilityWrite>();
  readonly #orders = new Map<string, SortedList<VisibilityPosition>>();

  put(row: VisibilityWrite): void {
    this.delete(row.runId);
    this.#rows.set(row.runId, row);
    const list = listKey(row);
    let order = this.#orders.get(list);
    if (order === undefined) {
      order = new SortedList(compareListOrder);
      this.#orders.set(list, order);
    }
    order.add(row);
  }

  delete(runId: string): void {
    const row = this.#rows.get(runId);
    if (row === undefined) return;
    this.#rows.delete(runId);
    this.#orders.get(listKey(row))?.delete(row);
  }

  list(query: VisibilityQuery): VisibilityRow[] {
    const found: VisibilityRow[] = [];
    if (query.limit <= 0) return found;
    if (query.orderBy !== undefined) return this.#ordered(query, query.orderBy);
    for (const { closeTimeMs, startTimeMs, runId, info } of this.#matching(query)) {
      found.push({ closeTimeMs, startTimeMs, runId, info });
      if (found.length >= query.limit) break;
    }
    return found;
  }

  #ordered({ after, limit, ...query }: VisibilityQuery, orderBy: VisibilityOrder): VisibilityRow[] {
    const compare = orderComparison(orderBy);
    return Array.from(this.#matching(query), (row) => {
      const { closeTimeMs, startTimeMs, runId, info } = row;
      return { closeTimeMs, startTimeMs, runId, orderValue: orderValue(row, orderBy.name), info };
    })
      .filter((row) => after === undefined || compare(after, row) < 0)
      .sort(compare)
      .slice(0, limit);
  }

  count(query: Parameters<Store["countVisibility"]>[0]): Count[] {
    const counts = new Map<Count["value"], number>();
    if (query.groupBy === undefined) counts.set(null, 0);
    for (const row of this.#matching(query)) {
      const value = query.groupBy === undefined ? null : visibilityValue(row, query.groupBy);
      const group = typeof value === "object" ? null : value;
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return Array.from(counts, ([value, count]) => ({ value, count })).sort(compareGroups);
  }

  *#matching(query: Omit<VisibilityQuery, "limit">): Generator<VisibilityWrite> {
    const predicate = query.filter === undefined ? null : filterPredicate(query.filter);
    for (const { runId } of this.#orders.get(listKey(query))?.after(query.after) ?? []) {
      const row = this.#rows.get(runId);
      if (row !== undefined && (predicate === null || predicate(row) === true)) yield row;
    }
  }
}

/** Each kind of execution has a list of its own in each namespace. */
function listKey({ kind, namespaceId }: Pick<VisibilityQuery, "kind" | "namespaceId">): string {
  return `${kind}/${namespaceId}`;
}

function compareGroups({ value: left }: Count, { value: right }: Count): number {
  if (left === null || right === null) return Number(right === null) - Number(left === null);
  return compareScalars(left, right);
}
