/**
 * Lists and counts of workflows, on the read-only connection of the reader thread: a filter may have to look at every row.
 *
 * SQLite knows nothing of how values are spread, and a wrong guess costs a second with a million rows. So the index of attributes is asked
 * first how many rows a condition has there, up to a number that says enough.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { kindCode } from "../kind-code.ts";
import type { Store, VisibilityFilter, VisibilityQuery, VisibilityRow } from "../store.ts";
import { storedName } from "../visibility/visibility-attributes.ts";
import {
  type Shape,
  type ShapeChoice,
  type StartRange,
  shapeChoice,
  startRange,
} from "../visibility/visibility-choice.ts";
import {
  complementConditions,
  type IndexedCondition,
  indexedConditions,
  isIndexed,
  isPlace,
  isSelective,
  unindexedAttributes,
} from "../visibility/visibility-plan.ts";
import { openListOrder } from "../visibility/visibility-row.ts";
import { attributesOf, conjuncts } from "../visibility/visibility-sql.ts";
import {
  type BoundSql,
  countSql,
  listSql,
  type Plan,
  probeSql,
  type Selection,
  shapesSql,
  startedSql,
  statusCountsSql,
  statusesSql,
  typedSql,
} from "./sqlite-query.ts";
import { namesOfShape, shapesMax } from "./sqlite-shapes.ts";

/** Statements of visibility filters kept prepared. Their texts differ by the shape of the filter only, values are bound. */
const preparedMax = 64;
/** A row of an index is passed in so much less time than one is read. */
const stretchFactor = 50;
/** A row is read in the time in which so many places are looked up in an index. */
const readFactor = 8;
/** A page may take the counting of so many times the rows that are few. */
const probeFactor = 10;
/** Shapes whose rows are merged; each is a part of the statement. */
const mergedShapesMax = 16;

export interface ListOptions {
  /** So many rows are soon read and sorted, wherever they are. Default 4,000. */
  readonly fewRowsMax?: number;
  /** So many rows of an index are soon counted, or looked up by their places. Default 250,000. */
  readonly rareRowsMax?: number;
}

export type ListCalls = Pick<Store, "listVisibility" | "countVisibility">;

/** A call as one thread asks it of another; `arguments` are those of `Store[method]`. */
export interface ListRequest {
  readonly method: keyof ListCalls;
  readonly arguments: readonly unknown[];
}

export type ListAnswer = { readonly value: unknown } | { readonly error: string };

export function answer(lists: SqliteLists, request: ListRequest): ListAnswer {
  try {
    const method = lists[request.method] as (...values: readonly unknown[]) => unknown;
    return { value: method.apply(lists, [...request.arguments]) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

type CountedValue = string | number | bigint | null;
type Result<Method extends keyof ListCalls> = Awaited<ReturnType<ListCalls[Method]>>;
type CountQuery = Parameters<Store["countVisibility"]>[0];

export class SqliteLists {
  readonly #db: DatabaseSync;
  readonly #fewRowsMax: number;
  readonly #rareRowsMax: number;
  readonly #prepared = new Map<string, StatementSync>();
  /** What is kept of shapes, which never change, by their keys; null for those that are none in particular. */
  readonly #shapes = new Map<number, Shape<number> | null>();

  constructor(db: DatabaseSync, { fewRowsMax = 4_000, rareRowsMax = 250_000 }: ListOptions = {}) {
    this.#db = db;
    this.#rareRowsMax = rareRowsMax;
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
      const { groupBy } = query;
      const found = this.#selection(query);
      if (found === null) return groupBy === undefined ? [{ value: null, count: 0 }] : [];
      const byShape = this.#shapeCounts(found, groupBy);
      if (!byShape) return this.#counts({ ...found, plan: this.#countPlan(found, groupBy) }, groupBy);
      const [whole, without] = byShape.map((selection) => this.#counts(selection, groupBy));
      return without === undefined ? whole! : less(whole!, without);
    });
  }

  #counts(selection: Selection, groupBy: string | undefined): Result<"countVisibility"> {
    if (groupBy === "ExecutionStatus" && !isInOrderOfStatuses(selection)) return this.#statusCounts(selection);
    const rows = this.#all(countSql(selection, groupBy)) as [CountedValue, string | null, bigint][];
    return rows.map(([value, type, count]) => ({ value: countedValue(value, type), count: Number(count) }));
  }

  #statusCounts(selection: Selection): Result<"countVisibility"> {
    const statuses = (this.#all(statusesSql(selection.listKey)) as [bigint][]).map(([status]) => Number(status));
    if (statuses.length === 0) return [];
    const [counts] = this.#all(statusCountsSql(selection, statuses)) as [bigint[]];
    return statuses.map((value, at) => ({ value, count: Number(counts[at]) })).filter(({ count }) => count > 0);
  }

  /**
   * Of a filter that says which attributes runs have and nothing more: what to count, and what to take away from it. Runs of few kinds are looked
   * for, or counted and taken away from all; undefined when neither is few.
   */
  #shapeCounts({ listKey, filter, absent, shapes }: Selection, groupBy: string | undefined): Selection[] | undefined {
    const choice = filter && shapes && isCountable(groupBy) ? shapeChoice(filter, shapes, absent) : undefined;
    if (!filter || !shapes || !choice || conjuncts(filter).some((part) => !choice.parts.has(part))) return undefined;
    const of = (keys: readonly number[]): Selection => {
      const plan: Plan = { type: "shapes", choice: { parts: choice.parts, keys } };
      return { listKey, filter, plan, absent, shapes };
    };
    const others = shapes.filter(({ key }) => !choice.keys.includes(key)).map(({ key }) => key);
    const max = this.#rareRowsMax;
    const isRare = (keys: readonly number[]) => this.#count(shapesSql(keys, max)) < max;
    if (isRare(choice.keys)) return [of(choice.keys)];
    if (!isRare(others)) return undefined;
    return [{ listKey, filter: undefined, plan: { type: "rows" }, absent, shapes }, of(others)];
  }

  /** A count needs no row, or few, when indexes know what the filter and the groups ask for. */
  #countPlan({ listKey, filter, plan, absent, shapes }: Selection, groupBy: string | undefined): Plan {
    if (filter === undefined || isSelective(filter) || !isCountable(groupBy)) return plan;
    const range = startRange(filter);
    if (range !== undefined && isIndexed(filter, absent)) return { type: "stretch", range };
    const exact = [...indexedConditions(filter), ...complementConditions(filter)].filter(
      (one) => one.isExact && !absent.has(one.name),
    );
    const left = conjuncts(filter).filter(
      (part) => !exact.some((one) => one.part === part) && !isIndexed(part, absent, shapes !== undefined),
    );
    const others = exact.filter((one) => !isPlace(one));
    if (left.length === 0 && exact.length > 0 && others.length <= 1) {
      const by = others[0] ?? this.#rarest(listKey, exact);
      return { type: "index", by, also: exact.filter((one) => one !== by) };
    }
    const isOfType = left.length === 1 && typeOf(left[0]!) !== undefined;
    if (!isOfType || exact.length === 0 || others.length > 0 || plan.type === "few") return plan;
    return this.#typePlan(listKey, filter, exact, this.#rareRowsMax);
  }

  /** Of conditions on single values, at least one, that with the fewest rows. */
  #rarest(listKey: number, places: readonly IndexedCondition[]): IndexedCondition {
    let [rarest] = places;
    let max = this.#rareRowsMax;
    for (const by of places.length > 1 ? places : []) {
      const count = this.#count(probeSql(listKey, by, max));
      if (count < max) [rarest, max] = [by, count];
    }
    return rarest!;
  }

  /** Rows of a type with a look at the index of attributes for each, unless the attributes have far fewer: each of theirs must be read. */
  #typePlan(listKey: number, filter: VisibilityFilter, places: readonly IndexedCondition[], max: number): Plan {
    const by = this.#rarest(listKey, places);
    const type = conjuncts(filter)
      .map(typeOf)
      .find((one) => one !== undefined)!;
    const ofPlace = this.#count(probeSql(listKey, by, max)) * readFactor;
    return ofPlace < this.#count(typedSql(listKey, type, max))
      ? { type: "place", by, also: places.filter((one) => one !== by) }
      : { type: "rows", also: places };
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }

  /** Several statements that see the same rows, by a transaction of their own or by the caller's. */
  #atOnce<T>(read: () => T): T {
    if (this.#db.isTransaction) return read();
    this.#db.exec("BEGIN");
    try {
      return read();
    } finally {
      this.#db.exec("COMMIT");
    }
  }

  /** Null for a list that has never had a row, or none that the filter can select. */
  #selection({
    kind,
    namespaceId,
    filter,
  }: Pick<VisibilityQuery, "kind" | "namespaceId" | "filter">): Selection | null {
    const sql = "SELECT list_key FROM visibility_list WHERE namespace_id = ?1 AND kind = ?2";
    const [list] = this.#all({ sql, values: [namespaceId, kindCode(kind)] }) as [bigint][];
    if (list === undefined) return null;
    const listKey = Number(list[0]);
    if (filter === undefined) return { listKey, filter, plan: { type: "rows" }, absent: new Set(), shapes: undefined };
    const absent = new Set([...attributesOf(filter)].filter((name) => !this.#isThere(listKey, name)));
    const shapes = this.#shapesOf(listKey);
    const choice = shapes && shapeChoice(filter, shapes, absent);
    if (choice?.keys.length === 0) return null;
    // What is true of all need not be asked of any.
    if (choice !== undefined && choice.keys.length === shapes?.length) {
      const all = conjuncts(filter).filter((part) => !choice.parts.has(part));
      const left = { op: "and", all } as const;
      return { listKey, filter: left, plan: this.#plan(listKey, left, { absent, choice: undefined }), absent, shapes };
    }
    return { listKey, filter, plan: this.#plan(listKey, filter, { absent, choice }), absent, shapes };
  }

  #isThere(listKey: number, name: string): boolean {
    if (unindexedAttributes.includes(name)) return true;
    const sql = "SELECT 1 FROM attribute WHERE list_key = ?1 AND name = ?2 LIMIT 1";
    return this.#all({ sql, values: [listKey, storedName(name)] }).length > 0;
  }

  /** undefined when the list has too many to tell which shape a row has. */
  #shapesOf(listKey: number): readonly Shape<number>[] | undefined {
    const sql = "SELECT shape_key, names FROM visibility_shape WHERE list_key = ?1";
    const shapes = (this.#all({ sql, values: [listKey] }) as [bigint, string][]).map(([key, text]) => {
      const number = Number(key);
      let shape = this.#shapes.get(number);
      if (shape === undefined) {
        const names = namesOfShape(text);
        shape = names === undefined ? null : { key: number, names };
        if (this.#shapes.size >= shapesMax) this.#shapes.clear();
        this.#shapes.set(number, shape);
      }
      return shape;
    });
    const known = shapes.filter((shape) => shape !== null);
    return known.length === shapes.length ? known : undefined;
  }

  #plan(
    listKey: number,
    filter: VisibilityFilter,
    { absent, choice }: Pick<Selection, "absent"> & { readonly choice: ShapeChoice<number> | undefined },
  ): Plan {
    if (isSelective(filter)) return { type: "rows" };
    const conditions = indexedConditions(filter).filter(({ name }) => !absent.has(name));
    let fewest: { readonly by: IndexedCondition; readonly count: number } | undefined;
    for (const by of conditions) {
      const max = fewest === undefined ? this.#fewRowsMax + 1 : fewest.count;
      const count = this.#count(probeSql(listKey, by, max));
      if (count < max) fewest = { by, count };
    }
    // Of one value, the first are found without a look at the others.
    if (fewest !== undefined) return { type: isPlace(fewest.by) ? "place" : "few", by: fewest.by };
    const started = this.#startPlan(listKey, filter, absent);
    if (started !== undefined) return started;
    const places = conditions.filter(isPlace);
    const [place, ...also] = places;
    if (place !== undefined)
      return conjuncts(filter).some((part) => typeOf(part) !== undefined)
        ? this.#typePlan(listKey, filter, places, this.#fewRowsMax * probeFactor)
        : { type: "place", by: place, also };
    return choice !== undefined && choice.keys.length <= mergedShapesMax
      ? { type: "shapes", choice }
      : { type: "rows" };
  }

  /** undefined when the order of the list leads to what a filter wants as soon as its start times do. */
  #startPlan(listKey: number, filter: VisibilityFilter, absent: ReadonlySet<string>): Plan | undefined {
    const range = startRange(filter);
    if (range === undefined) return undefined;
    const max = this.#fewRowsMax + 1;
    if (this.#count(startedSql(listKey, range, max)) < max) return { type: "started", range };
    const later = range.flatMap(([order, time]): StartRange => (order === "<" || order === "<=" ? [[">", time]] : []));
    const isLate = later.length === 0 || this.#count(startedSql(listKey, later, max)) < max;
    if (isLate || !isIndexed(filter, absent)) return undefined;
    const stretchMax = this.#fewRowsMax * stretchFactor;
    return this.#count(startedSql(listKey, range, stretchMax)) < stretchMax ? { type: "stretch", range } : undefined;
  }

  #count(sql: BoundSql): number {
    const [row] = this.#all(sql) as [bigint][];
    return Number(row?.[0]);
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

/** Rows that the index of statuses tells all about. */
function isInOrderOfStatuses({ filter, plan, absent }: Selection): boolean {
  return plan.type === "rows" && (filter === undefined || isIndexed(filter, absent));
}

/** What every index knows. */
function isCountable(groupBy: string | undefined): boolean {
  return groupBy === undefined || groupBy === "ExecutionStatus";
}

/** The one type that a part of a filter wants. */
function typeOf(part: VisibilityFilter): string | undefined {
  return part.op === "=" && part.name === "WorkflowType" ? String(part.value) : undefined;
}

/** `whole` without `part`, of which it has every value. */
function less(whole: Result<"countVisibility">, part: Result<"countVisibility">): Result<"countVisibility"> {
  const taken = new Map(part.map(({ value, count }) => [value, count]));
  return whole.flatMap(({ value, count }) => {
    const left = count - (taken.get(value) ?? 0);
    return left > 0 || value === null ? [{ value, count: left }] : [];
  });
}

function countedValue(value: CountedValue, jsonType: string | null): string | number | boolean | null {
  if (jsonType === "true" || jsonType === "false") return jsonType === "true";
  return typeof value === "bigint" ? Number(value) : value;
}
