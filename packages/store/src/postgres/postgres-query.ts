/**
 * Lists and counts as PostgreSQL's SQL, by a plan that says which index the rows are read from. `postgres-dialect.ts` writes the conditions, `postgres-lists.ts`
 * chooses the plan.
 *
 * A subquery with `OFFSET 0` keeps PostgreSQL's planner to the plan: it would assume that the rows which a filter selects are spread evenly over a list, while
 * runs that started at one time are mostly next to each other.
 */

import { kindCode } from "../kind-code.ts";
import type { Store, VisibilityFilter, VisibilityOrder, VisibilityQuery } from "../store.ts";
import type { StartRange } from "../visibility/visibility-choice.ts";
import { type IndexedCondition, indexedConditions, isIndexed } from "../visibility/visibility-plan.ts";
import { openListOrder } from "../visibility/visibility-row.ts";
import {
  behindValue,
  closeTimeRange,
  columnSql,
  condition,
  conjuncts,
  isColumn,
} from "../visibility/visibility-sql.ts";
import { attribute, dialectOf, table, tested, Values } from "./postgres-dialect.ts";
import { boundsOf, type EntryBounds } from "./postgres-entry.ts";

export interface BoundSql {
  readonly text: string;
  readonly values: readonly unknown[];
}

export type List = Pick<VisibilityQuery, "kind" | "namespaceId" | "filter">;
type CountQuery = Parameters<Store["countVisibility"]>[0];

/** Where the rows come from. */
export type Plan =
  /** By whatever index of a list's rows PostgreSQL finds best. */
  | { readonly type: "rows" }
  /** Few rows, which the index of attributes names; they are sorted. */
  | { readonly type: "few"; readonly by: IndexedCondition }
  /** One place of the index of attributes, where rows are in the order of the list. */
  | { readonly type: "place"; readonly by: IndexedCondition }
  /** Few rows, by when they started; they are sorted. */
  | { readonly type: "started"; readonly range: StartRange }
  /** More of them, for a filter that the index of start times answers alone: what comes first is found there, and only that is read. */
  | { readonly type: "stretch"; readonly range: StartRange }
  /** The rows of some shapes, those of each in the order of the list; what the parts say is true of all of them. */
  | { readonly type: "shapes"; readonly keys: readonly string[]; readonly parts: ReadonlySet<VisibilityFilter> };

/** Nearly every list leaves out the few rows that have it, which are in an index of their own, and the others in that of start times. */
export const rareAttribute = "TemporalNamespaceDivision";
const hasRare = `search_attributes ? '${rareAttribute}'`;

/** Selects list_order, start_time_ms, run_id, info and, if it is ordered by a value, that as JSON. */
export function listSql(query: VisibilityQuery, chosen: Plan): BoundSql {
  const values = new Values();
  const { orderBy, after } = query;
  const plan = orderBy === undefined ? chosen : inNoOrder(chosen);
  const ordered = plan.type === "place" ? "attribute" : table;
  const position = positionOf(ordered);
  const byValue = orderBy && valueOrder(orderBy, values);
  const behind = after === undefined ? [] : [behindSql(query, { ordered, isMissing: byValue?.isMissing }, values)];
  const shown = orderBy === undefined ? "" : `, (${groupValue(orderBy.name, values)})::text AS order_value`;
  const order = [...(byValue?.order ?? []), ...position.map((column) => `${column} DESC`)].join(", ");
  const last = `ORDER BY ${order} LIMIT ${values.bigint(query.limit)}`;
  const page = (from: string, all: readonly string[]) => `${from} WHERE ${[...all, ...behind].join(" AND ")} ${last}`;
  const columns = `${positionOf(table).join(", ")}, info${shown}`;
  let text: string;
  if (plan.type === "shapes" && plan.keys.length > 1 && orderBy === undefined) {
    const ofShapes = plan.keys.map(
      (key) => `(SELECT * FROM ${page(table, where(query, { ...plan, keys: [key] }, values))})`,
    );
    text = `SELECT ${columns} FROM (${ofShapes.join(" UNION ALL ")}) AS ${table} ${last}`;
  } else if (plan.type === "stretch")
    text = `${edgeText(query, plan, values)} SELECT ${columns} FROM ${page(fromEdge(query, plan, values), where(query, plan, values))}`;
  else text = `SELECT ${columns} FROM ${page(source(query, plan, values), where(query, plan, values))}`;
  return { text, values: values.all };
}

/** For what needs no order, or another one. */
function inNoOrder(plan: Plan): Plan {
  if (plan.type === "place") return { ...plan, type: "few" };
  return plan.type === "stretch" ? { type: "rows" } : plan;
}

function positionOf(of: string): readonly string[] {
  return ["list_order", "start_time_ms", "run_id"].map((column) => `${of}.${column}`);
}

/** What comes behind a page's last row. */
function behindSql(
  { after, orderBy }: VisibilityQuery,
  { ordered, isMissing = "" }: { readonly ordered: string; readonly isMissing: string | undefined },
  values: Values,
): string {
  const { closeTimeMs, startTimeMs, runId, orderValue = null } = after!;
  const place = [values.bigint(closeTimeMs ?? openListOrder), values.bigint(startTimeMs), values.text(runId)];
  const position = `(${positionOf(ordered).join(", ")}) < (${place.join(", ")})`;
  if (orderBy === undefined) return position;
  return behindValue(orderBy, orderValue, { dialect: dialectOf(values), position, isMissing });
}

/** Numbers and texts are columns of their own to sort by, as nothing is before a text and behind a number at once. */
function valueOrder(
  { name, isDescending }: VisibilityOrder,
  values: Values,
): { readonly isMissing: string; readonly order: readonly string[] } {
  const direction = `${isDescending ? "DESC" : "ASC"} NULLS LAST`;
  if (isColumn(name)) {
    const column = columnSql(name, table);
    return { isMissing: `(${column} IS NULL)`, order: [`${column} ${direction}`] };
  }
  const at = { table, values };
  const number = tested(name, { number: (value) => value, text: () => "NULL::numeric" }, at);
  const text = tested(name, { text: (value) => value, number: () => "NULL::text" }, at);
  const [first, second] = isDescending ? [text, number] : [number, text];
  const isMissing = `((${number} IS NULL) AND (${text} IS NULL))`;
  return { isMissing, order: [`${first} ${direction}`, `${second} ${direction}`] };
}

/**
 * Selects value, as JSON, and count, in any order. To count all rows of an index, and those that have the rare attribute, and take one from the other is far less
 * than to look at every row for what it lacks.
 */
export function countSql(query: CountQuery, chosen: Plan): BoundSql {
  const values = new Values();
  const { groupBy, filter } = query;
  const parts = filter === undefined ? [] : conjuncts(filter);
  const others = parts.filter((part) => !leavesRareOut(part));
  const withRare = { ...query, filter: { op: "and", all: others } } as const;
  const by = countedBy(query, chosen);
  const isTaken = others.length < parts.length && (by !== undefined || chosen.type === "rows");
  const grouping = groupBy === undefined ? "" : " GROUP BY 1";
  const value = groupBy === undefined ? "NULL::jsonb" : groupedValue(groupBy, values);
  let counted: string;
  if (by === undefined) {
    const plan = inNoOrder(chosen);
    const all = where(isTaken ? withRare : query, plan, values);
    if (plan.type === "few") all.push(fewSql(query, plan.by, values));
    counted = `SELECT ${value} AS value, count(*) AS count FROM visibility WHERE ${all.join(" AND ")}${grouping}`;
  } else {
    const status = groupBy === undefined ? value : columnSql("ExecutionStatus", "attribute");
    const left = others.filter((part) => part !== by.part).map((part) => indexedSql(part, values));
    const all = [entrySql(boundsOf(query, by), values), ...left].join(" AND ");
    counted = `SELECT ${status} AS value, count(*) AS count FROM attribute WHERE ${all}${grouping}`;
  }
  if (isTaken) {
    const all = where(withRare, { type: "rows" }, values).join(" AND ");
    counted += `\n      UNION ALL SELECT ${value}, -count(*) FROM visibility WHERE ${all} AND ${hasRare}${grouping}`;
  }
  const groups = groupBy === undefined ? "" : " GROUP BY counted.value HAVING sum(counted.count) > 0";
  const shown = groupBy === undefined ? "NULL" : "to_jsonb(counted.value)::text";
  return {
    text: `SELECT ${shown} AS value, sum(counted.count)::bigint AS count FROM (
      ${counted}) AS counted${groups}`,
    values: values.all,
  };
}

/** The condition whose rows in the index of attributes tell all that is asked: best that of the plan. */
function countedBy({ groupBy, filter, ...list }: CountQuery, plan: Plan): IndexedCondition | undefined {
  if (filter === undefined || (groupBy !== undefined && groupBy !== "ExecutionStatus")) return undefined;
  const parts = conjuncts(filter).filter((part) => !leavesRareOut(part));
  const isAlone = (by: IndexedCondition) =>
    boundsOf(list, by).isExact && parts.every((part) => part === by.part || isIndexed(part));
  const best = plan.type === "few" || plan.type === "place" ? [plan.by] : [];
  return [...best, ...indexedConditions(filter)].find(isAlone);
}

/** Selects how many rows each condition has, and how many started in each stretch, at most `max`; as columns in their order. */
export function probeSql(list: List, probes: readonly Probe[], max: number): BoundSql {
  const values = new Values();
  const columns = probes.map((probe) => {
    const from = probed(list, probe, values);
    return `(SELECT count(*) FROM (SELECT FROM ${from} LIMIT ${values.bigint(max)}) AS probed)`;
  });
  return { text: `SELECT to_jsonb(ARRAY[${columns.join(", ")}])::text AS counts`, values: values.all };
}

function probed(list: List, probe: Probe, values: Values): string {
  switch (probe.type) {
    case "entries":
      return `attribute WHERE ${entrySql(boundsOf(list, probe.by), values)}`;
    case "started":
      return `visibility WHERE ${startedSql(list, probe.range, values).join(" AND ")}`;
    case "column":
      return `visibility WHERE ${[...inList(list, values), ...partConditions(probe.part, values)].join(" AND ")}`;
    default:
      return probe satisfies never;
  }
}

export type Probe =
  | { readonly type: "entries"; readonly by: IndexedCondition }
  | { readonly type: "started"; readonly range: StartRange }
  /** A condition on a column that has an index. */
  | { readonly type: "column"; readonly part: VisibilityFilter };

/** Selects the shapes of a list, each with the attributes of one of its rows as JSON, at most `max`: one look at the index for each. */
export function shapesSql(list: List, max: number): BoundSql {
  const values = new Values();
  const next = (more: string) => `SELECT shape, search_attributes FROM visibility
      WHERE ${inList(list, values).join(" AND ")} ${more} ORDER BY shape LIMIT 1`;
  const text = `WITH RECURSIVE found (shape, search_attributes) AS (
      (${next("")})
      UNION ALL
      SELECT following.shape, following.search_attributes FROM found, LATERAL (${next("AND visibility.shape > found.shape")}) AS following)
    SELECT shape, search_attributes::text AS attributes FROM found LIMIT ${values.bigint(max)}`;
  return { text, values: values.all };
}

/** The rows of a plan, under the name of the table. */
function source(list: List, plan: Plan, values: Values): string {
  switch (plan.type) {
    case "few":
      return `(SELECT * FROM visibility WHERE ${fewSql(list, plan.by, values)} OFFSET 0) AS visibility`;
    case "started":
      return `(SELECT * FROM visibility WHERE ${startedSql(list, plan.range, values).join(" AND ")} OFFSET 0) AS visibility`;
    case "place":
      return "attribute JOIN visibility ON visibility.run_id = attribute.run_id";
    case "rows":
    case "stretch":
    case "shapes":
      return table;
    default:
      return plan satisfies never;
  }
}

function fewSql(list: List, by: IndexedCondition, values: Values): string {
  return `visibility.run_id IN (SELECT run_id FROM attribute WHERE ${entrySql(boundsOf(list, by), values)})`;
}

type Stretch = Extract<Plan, { type: "stretch" }>;

/**
 * The place of the last row of a page, found in the index of start times alone. It lacks the run id, so whatever shares that place is read too, and what
 * shares the place of the last row before.
 */
function edgeText(query: VisibilityQuery, { range }: Stretch, values: Values): string {
  const further = placeSql(query, "<", values);
  const stretch = [...startedSql(query, range, values), ...indexedParts(query, values), ...further].join(" AND ");
  return `WITH edge AS MATERIALIZED (
      SELECT list_order, start_time_ms FROM (SELECT list_order, start_time_ms FROM visibility WHERE ${stretch} OFFSET 0) AS started
      ORDER BY list_order DESC, start_time_ms DESC LIMIT 1 OFFSET ${values.bigint(query.limit - 1)})`;
}

function fromEdge(query: VisibilityQuery, { range }: Stretch, values: Values): string {
  const least = `-${Number.MAX_SAFE_INTEGER}`;
  // The edge of a page is behind the edge of that before, unless a whole page shares one place.
  const atEdge = `list_order >= coalesce((SELECT list_order FROM edge), ${least})`;
  const notBefore = placeSql(query, "<=", values);
  const stretch = [...startedSql(query, range, values), ...indexedParts(query, values), ...notBefore, atEdge];
  return `(SELECT * FROM visibility WHERE ${stretch.join(" AND ")} OFFSET 0) AS visibility`;
}

function placeSql({ after }: VisibilityQuery, order: "<" | "<=", values: Values): string[] {
  if (after === undefined) return [];
  const [close, start] = [after.closeTimeMs ?? openListOrder, after.startTimeMs].map((one) => values.bigint(one));
  // The first says nothing more, but can be asked of the index.
  return [`list_order <= ${close}`, `(list_order, start_time_ms) ${order} (${close}, ${start})`];
}

/** What the index of start times knows besides. */
function indexedParts({ filter }: List, values: Values): string[] {
  return (filter === undefined ? [] : conjuncts(filter))
    .filter((part) => isIndexed(part))
    .flatMap((part) => partConditions(part, values));
}

/** As the index of start times has them: it holds no rows of the rare attribute. */
function startedSql(list: List, range: StartRange, values: Values): string[] {
  const times = range.map(([order, time]) => `visibility.start_time_ms ${order} ${values.number(time)}`);
  return [...inList(list, values), ...times, `NOT (${hasRare})`];
}

function entrySql({ bounds }: EntryBounds, values: Values): string {
  if ("oneOf" in bounds) {
    const [first, ...others] = bounds.oneOf;
    return first !== undefined && others.length === 0
      ? `attribute.entry = ${values.entry(first)}`
      : `attribute.entry = ANY (${values.entries(bounds.oneOf)})`;
  }
  const [[above, from], [below, to]] = [bounds.from, bounds.to];
  return `attribute.entry ${above} ${values.entry(from)} AND attribute.entry ${below} ${values.entry(to)}`;
}

function groupedValue(name: string, values: Values): string {
  return isColumn(name) ? columnSql(name, table) : singleValue(name, values);
}

function groupValue(name: string, values: Values): string {
  return isColumn(name) ? `to_jsonb(${columnSql(name, table)})` : singleValue(name, values);
}

function singleValue(name: string, values: Values): string {
  const value = attribute(name, values);
  return `CASE WHEN jsonb_typeof(${value}) IN ('array', 'object') THEN NULL ELSE ${value} END`;
}

function inList({ kind, namespaceId }: List, values: Values): string[] {
  return [
    `visibility.namespace_id = ${values.text(namespaceId)}`,
    `visibility.kind = ${values.bigint(kindCode(kind))}::integer`,
  ];
}

function where(list: List, plan: Plan, values: Values): string[] {
  const conditions = inList(list, values);
  if (plan.type === "shapes") conditions.push(`visibility.shape = ANY (${values.entries(plan.keys)})`);
  if (plan.type === "place") conditions.push(entrySql(boundsOf(list, plan.by), values));
  for (const part of list.filter === undefined ? [] : conjuncts(list.filter)) {
    if (plan.type === "shapes" && plan.parts.has(part)) continue;
    if (plan.type === "place") {
      // What the index knows spares looks at rows; said of both, PostgreSQL would expect hardly any.
      const isKnown = isIndexed(part);
      if (isKnown) conditions.push(indexedSql(part, values));
      if (isKnown || (part === plan.by.part && boundsOf(list, plan.by).isExact)) continue;
    }
    conditions.push(...partConditions(part, values));
  }
  return conditions;
}

/** A part, of the columns of the index of attributes. */
function indexedSql(part: VisibilityFilter, values: Values): string {
  const dialect = dialectOf(values, "attribute");
  return [condition(part, dialect), ...closeTimeRange(part, dialect)].join(" AND ");
}

/** So that the planner can tell how many rows they select: of what it finds written around a column it believes that hardly any row has it. */
function partConditions(part: VisibilityFilter, values: Values): string[] {
  const dialect = dialectOf(values);
  const range = closeTimeRange(part, dialect);
  // Which is all that the part says, but for runs that are open.
  if (range.length > 0) return part.op === "isNull" ? range : [...range, `${table}.list_order < ${openListOrder}`];
  if ((part.op === "isNull" || part.op === "isNotNull") && !isColumn(part.name)) {
    // As the indexes of the rare attribute say it.
    const isThere = part.name === rareAttribute ? hasRare : `search_attributes ? ${values.attributeName(part.name)}`;
    return [part.op === "isNull" ? `NOT (${isThere})` : isThere];
  }
  return [condition(part, dialect)];
}

export function leavesRareOut(part: VisibilityFilter): boolean {
  return part.op === "isNull" && part.name === rareAttribute;
}
