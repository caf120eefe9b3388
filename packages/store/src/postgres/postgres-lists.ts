/**
 * Lists and counts: the choice of a plan for each. PostgreSQL's own planner knows how frequent values are, but not where in a list they lie, and hardly anything
 * of JSON. So the indexes are asked first how many rows a condition has, up to a number that is enough to decide; for a filter that no index answers this is left
 * out. Every plan gives the same rows, so it does no harm when rows change between that question and the list.
 */

import type { Store, VisibilityFilter, VisibilityQuery, VisibilityRow } from "../store.ts";
import { storedName } from "../visibility/visibility-attributes.ts";
import {
  presenceParts,
  type Shape,
  type StartRange,
  shapeChoice,
  startRange,
} from "../visibility/visibility-choice.ts";
import { compareScalars } from "../visibility/visibility-filter.ts";
import { indexedConditions, isIndexed, isPlace, isSelective } from "../visibility/visibility-plan.ts";
import { openListOrder } from "../visibility/visibility-row.ts";
import { conjuncts } from "../visibility/visibility-sql.ts";
import {
  type BoundSql,
  countSql,
  type List,
  leavesRareOut,
  listSql,
  type Plan,
  type Probe,
  probeSql,
  rareAttribute,
  shapesSql,
} from "./postgres-query.ts";
import { attributesOfText } from "./postgres-statement.ts";
import { textOfStored } from "./postgres-text.ts";

/** A row of an index is passed in so much less time than one is read. */
const stretchFactor = 50;
/** Shapes whose rows are merged; each is a part of the statement. */
const mergedShapesMax = 16;
/** Of a list with more, rows are looked at one by one. */
const shapesMax = 1_000;
/** Columns that an index finds few rows by, if there are few. */
const probedColumns: readonly string[] = ["ExecutionStatus", "WorkflowType", "ParentWorkflowId"];

export interface PostgresListsOptions {
  /** Runs a statement. */
  // biome-ignore lint/suspicious/noExplicitAny: what a row holds is known by its statement alone.
  readonly rows: (sql: BoundSql) => Promise<Record<string, any>[]>;
  /** So many rows are soon read and sorted, wherever they are. Default 4,000. */
  readonly fewRowsMax?: number;
}

type Counts = Awaited<ReturnType<Store["countVisibility"]>>;
type CountedValue = Counts[number]["value"];

/** What is asked of a list that has rows for it. */
interface Selection {
  readonly filter: VisibilityFilter | undefined;
  readonly plan: Plan;
}

export class PostgresLists {
  readonly #rows: PostgresListsOptions["rows"];
  readonly #fewRowsMax: number;

  constructor({ rows, fewRowsMax = 4_000 }: PostgresListsOptions) {
    this.#rows = rows;
    this.#fewRowsMax = fewRowsMax;
  }

  async list(query: VisibilityQuery): Promise<VisibilityRow[]> {
    const selection = query.limit < 1 ? null : await this.#selection(query);
    if (selection === null) return [];
    const rows = await this.#rows(listSql({ ...query, ...filterOf(selection) }, selection.plan));
    return rows.map(({ list_order, start_time_ms: startTimeMs, run_id: runId, info, order_value: value }) => ({
      ...{ closeTimeMs: list_order === openListOrder ? null : list_order, startTimeMs, runId, info },
      ...(query.orderBy && { orderValue: orderValueOf(value) }),
    }));
  }

  async count(query: Parameters<Store["countVisibility"]>[0]): Promise<Counts> {
    const selection = await this.#selection(query);
    if (selection === null) return query.groupBy === undefined ? [{ value: null, count: 0 }] : [];
    const rows = await this.#rows(countSql({ ...query, ...filterOf(selection) }, selection.plan));
    const counts = rows.map(({ value, count }) => ({ value: countedValue(value), count }));
    return counts.sort(({ value: left }, { value: right }) => {
      if (left === null || right === null) return Number(right === null) - Number(left === null);
      return compareScalars(left, right);
    });
  }

  /** Null when no row of the list can be selected. */
  async #selection(list: List): Promise<Selection | null> {
    const { filter } = list;
    if (filter === undefined || isSelective(filter)) return { filter, plan: { type: "rows" } };
    const asksOfShapes = presenceParts(filter).some(({ name }) => name !== rareAttribute);
    const shapes = asksOfShapes ? await this.#shapes(list) : undefined;
    const choice = shapes && shapeChoice(filter, shapes);
    if (choice?.keys.length === 0) return null;
    const found = await this.#fewest(list, filter);
    if (found !== undefined) return { filter, plan: found };
    if (choice !== undefined && choice.keys.length <= mergedShapesMax)
      return { filter, plan: { type: "shapes", ...choice } };
    return { filter, plan: { type: "rows" } };
  }

  /** undefined when no index tells of a better way than through the list. */
  async #fewest(list: List, filter: VisibilityFilter): Promise<Plan | undefined> {
    const conditions = indexedConditions(filter).filter(({ name }) => name !== rareAttribute);
    // Its index leaves those out that have the rare attribute.
    const range = conjuncts(filter).some(leavesRareOut) ? startRange(filter) : undefined;
    if (conditions.length === 0 && range === undefined) return undefined;
    const columns = conjuncts(filter).filter(
      (part) => (part.op === "=" || part.op === "in") && probedColumns.includes(part.name),
    );
    const later = laterThan(range);
    const stretches = range === undefined ? [] : [range, ...(later.length === 0 ? [] : [later])];
    const counts = await this.#counts(
      list,
      [
        ...conditions.map((by) => ({ type: "entries", by }) as const),
        ...columns.map((part) => ({ type: "column", part }) as const),
        ...stretches.map((stretch) => ({ type: "started", range: stretch }) as const),
      ],
      this.#fewRowsMax + 1,
    );
    const ways: (readonly [Plan, number])[] = [
      ...conditions.map((by): Plan => ({ type: isPlace(by) ? "place" : "few", by })),
      ...columns.map((): Plan => ({ type: "rows" })),
      ...(range === undefined ? [] : [{ type: "started", range } as const]),
    ].map((plan, at) => [plan, counts[at]!]);
    const [best] = ways.filter(([, count]) => count <= this.#fewRowsMax).sort(([, a], [, b]) => a - b);
    if (best !== undefined) return best[0];
    const isLate = later.length === 0 || counts.at(-1)! <= this.#fewRowsMax;
    if (range !== undefined && !isLate && conjuncts(filter).every((part) => leavesRareOut(part) || isIndexed(part))) {
      const stretchMax = this.#fewRowsMax * stretchFactor;
      const [count = 0] = await this.#counts(list, [{ type: "started", range }], stretchMax);
      if (count < stretchMax) return { type: "stretch", range };
    }
    const place = conditions.find(isPlace);
    return place && { type: "place", by: place };
  }

  async #counts(list: List, probes: readonly Probe[], max: number): Promise<readonly number[]> {
    const [row] = await this.#rows(probeSql(list, probes, max));
    return JSON.parse(row!["counts"]) as number[];
  }

  /** undefined when the list has too many to choose among. */
  async #shapes(list: List): Promise<readonly Shape<string>[] | undefined> {
    const rows = await this.#rows(shapesSql(list, shapesMax + 1));
    if (rows.length > shapesMax) return undefined;
    return rows.map(({ shape, attributes }) => ({
      key: shape,
      names: new Set(Object.keys(attributesOfText(attributes)).map(storedName)),
    }));
  }
}

function filterOf({ filter }: Selection): { readonly filter?: VisibilityFilter } {
  return filter === undefined ? {} : { filter };
}

/** Runs that started behind the end of a stretch, if it has one. */
function laterThan(range: StartRange | undefined): StartRange {
  return (range ?? []).flatMap(([order, time]): StartRange => {
    if (order === "=") return [[">", time]];
    return order === "<" || order === "<=" ? [[">", time]] : [];
  });
}

function orderValueOf(json: string | null): string | number | null {
  const value = countedValue(json);
  return typeof value === "boolean" ? Number(value) : value;
}

function countedValue(json: string | null): CountedValue {
  if (json === null) return null;
  const value = JSON.parse(json) as CountedValue;
  return typeof value === "string" ? textOfStored(value) : value;
}
