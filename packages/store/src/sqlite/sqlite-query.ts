/**
 * Filters over visibility as SQLite's SQL: `visibility-sql.ts` says what is alike in every database, and `visibility-plan.ts` where the rows come
 * from.
 */

import type { VisibilityFilter, VisibilityQuery } from "../store.ts";
import { wordsJson } from "../visibility/text-words.ts";
import { attributePath, storedName, wordsPath } from "../visibility/visibility-attributes.ts";
import type { Shape, ShapeChoice, StartRange } from "../visibility/visibility-choice.ts";
import { type IndexedCondition, isIndexed, unindexedAttributes } from "../visibility/visibility-plan.ts";
import { openListOrder } from "../visibility/visibility-row.ts";
import {
  behindValue,
  closeTimeRange,
  columnSql,
  condition,
  conjuncts,
  type Dialect,
  isColumn,
  type Scalar,
} from "../visibility/visibility-sql.ts";

export interface BoundSql {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** What is asked of one list, and how. */
export interface Selection {
  readonly listKey: number;
  readonly filter: VisibilityFilter | undefined;
  readonly plan: Plan;
  /** Attributes that no row of the list has: conditions on them are decided without a look at any row. */
  readonly absent: ReadonlySet<string>;
  /** The shapes of the list, when they tell all. */
  readonly shapes: readonly Shape<number>[] | undefined;
}

/** Where the rows come from. `also`: conditions on attributes for which the index is asked at the place of each row, before the row is read. */
export type Plan =
  /** Every row of the list, in order, or by an index of a column. */
  | { readonly type: "rows"; readonly also?: readonly IndexedCondition[] }
  /** Few rows, which the index of attributes names; they are sorted. */
  | { readonly type: "few"; readonly by: IndexedCondition }
  /** Few rows, by when they started; they are sorted. */
  | { readonly type: "started"; readonly range: StartRange }
  /** More of them, for a filter that the index of start times answers alone: what comes first is found there, and only that is read. */
  | { readonly type: "stretch"; readonly range: StartRange }
  /** The rows of some shapes, those of each in the order of the list. */
  | { readonly type: "shapes"; readonly choice: ShapeChoice<number> }
  /** One place of the index of attributes, where rows are in the order of the list. */
  | { readonly type: "place"; readonly by: IndexedCondition; readonly also?: readonly IndexedCondition[] }
  /** The index of attributes alone: it knows all that is asked. */
  | { readonly type: "index"; readonly by: IndexedCondition; readonly also?: readonly IndexedCondition[] };

/** Selects list_order, start_time_ms, run_id, info and, if it is ordered by a value, that. Not for the plan `index`, which has no info. */
export function listSql(
  selection: Selection,
  { after, limit, orderBy }: Pick<VisibilityQuery, "after" | "limit" | "orderBy">,
): BoundSql {
  const values = new Values();
  const { plan } = selection;
  const ordered = plan.type === "place" ? "attribute" : "visibility";
  const value = orderBy && scalar(orderBy.name, values, "visibility");
  const behind: string[] = [];
  if (after !== undefined) {
    const position = [after.closeTimeMs ?? openListOrder, after.startTimeMs, after.runId].map((one) =>
      values.bind(one),
    );
    const further = `(${positionOf(ordered).join(", ")}) < (${position.join(", ")})`;
    const dialect = dialectOf({ table: "visibility", absent: new Set(), shapes: undefined }, values);
    behind.push(
      orderBy === undefined
        ? further
        : behindValue(orderBy, after.orderValue ?? null, {
            dialect,
            position: further,
            isMissing: `(${value}) IS NULL`,
          }),
    );
  }
  const order = positionOf(ordered).map((column) => `${column} DESC`);
  if (orderBy !== undefined) order.unshift("order_value IS NULL", `order_value${orderBy.isDescending ? " DESC" : ""}`);
  const shown = [...positionOf("visibility"), "info", ...(value === undefined ? [] : [`${value} AS order_value`])];
  const last = `ORDER BY ${order.join(", ")} LIMIT ${values.bind(limit)}`;
  const conditions = (of: Selection) => [...where(of, values), ...behind].join(" AND ");
  let from = `${source(selection, values)} WHERE ${conditions(selection)}`;
  if (orderBy === undefined && plan.type === "stretch")
    from = `${edgeOf(selection, plan, { limit, ...(after && { after }) }, values)} AND ${conditions(selection)}`;
  else if (orderBy === undefined && plan.type === "shapes" && plan.choice.keys.length > 1) {
    const first = plan.choice.keys.map((key) => {
      const ofShape: Selection = { ...selection, plan: { type: "shapes", choice: { ...plan.choice, keys: [key] } } };
      return `SELECT * FROM (SELECT visibility.rowid AS at FROM ${byShape} WHERE ${conditions(ofShape)} ${last})`;
    });
    from = `(${first.join(" UNION ALL ")}) AS first CROSS JOIN visibility ON visibility.rowid = first.at`;
  }
  return { sql: `SELECT ${shown.join(", ")} FROM ${from} ${last}`, values: values.all };
}

/**
 * The rows of a stretch that may be on a page, found in the index of start times. It lacks the run id, so whatever shares the place of the page's last
 * row is among them, and so is what shares that of the last row before: the index of the list leads to those. Walked from its end, the index of start
 * times begins with what will mostly be first, and little of what follows is kept.
 */
function edgeOf(
  selection: Selection,
  { range }: Extract<Plan, { type: "stretch" }>,
  { after, limit }: Pick<VisibilityQuery, "after" | "limit">,
  values: Values,
): string {
  const stretch = [byStart(selection.listKey, range, values), ...where(selection, values)].join(" AND ");
  const position = after && [after.closeTimeMs ?? openListOrder, after.startTimeMs].map((one) => values.bind(one));
  const further = position ? ` AND (visibility.list_order, visibility.start_time_ms) < (${position.join(", ")})` : "";
  const inOrder = `visibility INDEXED BY visibility_in_order WHERE visibility.list_key = ${values.bind(selection.listKey)}`;
  const sharing = (place: string) =>
    `UNION SELECT visibility.rowid FROM ${inOrder} AND (visibility.list_order, visibility.start_time_ms) = ${place}`;
  const places = ["(SELECT list_order, start_time_ms FROM edge)", ...(position ? [`(${position.join(", ")})`] : [])];
  const last = `ORDER BY list_order DESC, start_time_ms DESC LIMIT`;
  return `(
    WITH ahead AS MATERIALIZED (
      SELECT * FROM (
        SELECT visibility.rowid AS at, list_order, start_time_ms FROM ${stretch}${further} ORDER BY start_time_ms DESC LIMIT -1)
      ${last} ${values.bind(limit)}),
    edge AS MATERIALIZED (SELECT list_order, start_time_ms FROM ahead ${last} 1 OFFSET ${values.bind(limit - 1)})
    SELECT at FROM ahead ${places.map(sharing).join(" ")}
    ) AS first CROSS JOIN visibility ON visibility.rowid = first.at WHERE TRUE`;
}

const byShape = "visibility INDEXED BY visibility_by_shape";

function positionOf(table: Table): readonly string[] {
  return ["list_order", "start_time_ms", "run_id"].map((column) => `${table}.${column}`);
}

/** Selects value, JSON type (for booleans only, otherwise NULL) and count, in the order of values. */
export function countSql(selection: Selection, groupBy: string | undefined): BoundSql {
  const values = new Values();
  const table = tableOf(selection.plan);
  const value = groupBy === undefined ? "NULL" : scalar(groupBy, values, table);
  const isAttribute = groupBy !== undefined && !isColumn(groupBy);
  const jsonType = isAttribute ? `json_type(search_attributes, ${values.bind(attributePath(groupBy))})` : "NULL";
  const type = isAttribute ? `CASE ${jsonType} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END` : "NULL";
  const grouping = groupBy === undefined ? "" : ` GROUP BY 1${isAttribute ? ", 2" : ""} ORDER BY 1`;
  const sql = `SELECT ${value}, ${type}, count(*) FROM ${countedRows(selection, values)}${grouping}`;
  return { sql, values: values.all };
}

function countedRows(selection: Selection, values: Values): string {
  const { plan, listKey } = selection;
  const from =
    plan.type === "stretch" ? byStart(listKey, plan.range, values) : `${source(selection, values)} WHERE TRUE`;
  return [from, ...where(selection, values)].join(" AND ");
}

/** Selects how many rows have each of some statuses, in one row: without sorting them, as grouping does where they are not in the order of their statuses. */
export function statusCountsSql(selection: Selection, statuses: readonly number[]): BoundSql {
  const values = new Values();
  const counts = statuses.map(
    (one) => `count(*) FILTER (WHERE ${tableOf(selection.plan)}.status = ${values.bind(one)})`,
  );
  return { sql: `SELECT ${counts.join(", ")} FROM ${countedRows(selection, values)}`, values: values.all };
}

/** Selects the statuses that rows of a list have, in their order. */
export function statusesSql(listKey: number): BoundSql {
  const least = "SELECT min(status) FROM visibility INDEXED BY visibility_by_status WHERE list_key = ?1";
  const rows = `${least} UNION ALL SELECT (${least} AND status > known.status) FROM known WHERE known.status IS NOT NULL`;
  const sql = `WITH RECURSIVE known(status) AS (${rows}) SELECT status FROM known WHERE status IS NOT NULL`;
  return { sql, values: [listKey] };
}

/** Selects the number of rows that the index has for a condition, at most `max`. */
export function probeSql(listKey: number, by: IndexedCondition, max: number): BoundSql {
  const values = new Values();
  const rows = `SELECT 1 FROM attribute WHERE ${entries(listKey, by, values)} LIMIT ${values.bind(max)}`;
  return { sql: `SELECT count(*) FROM (${rows})`, values: values.all };
}

/** Selects the number of rows of some shapes, at most `max`. */
export function shapesSql(keys: readonly number[], max: number): BoundSql {
  const values = new Values();
  const rows = `SELECT 1 FROM ${byShape} WHERE ${ofShapes(keys, values)} LIMIT ${values.bind(max)}`;
  return { sql: `SELECT count(*) FROM (${rows})`, values: values.all };
}

/** Selects the number of runs of a type, at most `max`. */
export function typedSql(listKey: number, type: string, max: number): BoundSql {
  const values = new Values();
  const of = `visibility.list_key = ${values.bind(listKey)} AND visibility.type = ${values.bind(type)}`;
  const rows = `SELECT 1 FROM visibility INDEXED BY visibility_by_type WHERE ${of} LIMIT ${values.bind(max)}`;
  return { sql: `SELECT count(*) FROM (${rows})`, values: values.all };
}

/** Selects the number of runs that started in a stretch, at most `max`. */
export function startedSql(listKey: number, range: StartRange, max: number): BoundSql {
  const values = new Values();
  const rows = `SELECT 1 FROM ${byStart(listKey, range, values)} LIMIT ${values.bind(max)}`;
  return { sql: `SELECT count(*) FROM (${rows})`, values: values.all };
}

/** Both tables have the columns of a position, the status and the shape. */
type Table = "visibility" | "attribute";

function tableOf({ type }: Plan): Table {
  return type === "index" ? "attribute" : "visibility";
}

function source({ listKey, plan }: Selection, values: Values): string {
  // CROSS is how SQLite is told which of two comes first.
  switch (plan.type) {
    case "rows":
      return "visibility";
    case "few": {
      const few = `SELECT DISTINCT run_id FROM attribute WHERE ${entries(listKey, plan.by, values)}`;
      return `(${few}) AS few CROSS JOIN visibility ON visibility.run_id = few.run_id`;
    }
    case "started":
    case "stretch": {
      const few = `SELECT rowid AS at FROM ${byStart(listKey, plan.range, values)}`;
      return `(${few}) AS few CROSS JOIN visibility ON visibility.rowid = few.at`;
    }
    case "shapes":
      return byShape;
    case "place":
      return "attribute CROSS JOIN visibility ON visibility.run_id = attribute.run_id";
    case "index":
      return "attribute";
    default:
      return plan satisfies never;
  }
}

/** A partial index is taken where its own condition is said, too. */
function byStart(listKey: number, range: StartRange, values: Values): string {
  const times = range.map(([order, time]) => `visibility.start_time_ms ${order} ${literal(time, values)}`);
  const at = ["visibility.list_key > 0", `visibility.list_key = ${values.bind(listKey)}`, ...times];
  return `visibility INDEXED BY visibility_by_start WHERE ${at.join(" AND ")}`;
}

/** Which rows of `attribute` a condition is about. */
function entries(listKey: number, condition: IndexedCondition, values: Values, of = "attribute"): string {
  const { name, form, isNot } = condition;
  const at = [`${of}.list_key = ${values.bind(listKey)}`, `${of}.name = ${values.bind(storedName(name))}`];
  const wanted = indexedValue(condition.value, values, `${of}.value`);
  at.push(`${of}.form = ${values.bind(form)}`, ...(isNot ? [`NOT (${wanted.join(" AND ")})`] : wanted));
  return at.join(" AND ");
}

function indexedValue(wanted: IndexedCondition["value"], values: Values, value: string): string[] {
  if ("oneOf" in wanted) {
    const [first, ...others] = wanted.oneOf;
    if (first === undefined) return ["FALSE"];
    if (others.length === 0) return [`${value} = ${literal(first, values)}`];
    return [`${value} IN (SELECT value FROM json_each(${values.bind(listOf(wanted.oneOf))}))`];
  }
  return wanted.all.map(([order, bound]) => `${value} ${order} ${literal(bound, values)}`);
}

/** Whether the index has a condition at the place of a row of `table`. The run id comes last: an index of a column lacks it, and must read the row for it. */
function isThereToo(
  listKey: number,
  by: IndexedCondition,
  { table, values }: { table: Table; values: Values },
): string {
  const place = ["list_order", "start_time_ms"].map((column) => `too.${column} = ${table}.${column}`);
  place.push(table === "attribute" ? "too.run_id = attribute.run_id" : "+too.run_id = visibility.run_id");
  const at = [entries(listKey, by, values, "too"), ...place].join(" AND ");
  return `EXISTS (SELECT 1 FROM attribute AS too WHERE ${at})`;
}

function where({ listKey, filter, plan, absent, shapes }: Selection, values: Values): string[] {
  const table = tableOf(plan);
  const conditions: string[] = [];
  if (plan.type === "place" || plan.type === "index") conditions.push(entries(listKey, plan.by, values));
  // A shape belongs to one list, and its index holds no more than it must.
  if (plan.type === "shapes") conditions.push(ofShapes(plan.choice.keys, values));
  else if (plan.type !== "index") conditions.push(`visibility.list_key = ${values.bind(listKey)}`);
  for (const part of filter === undefined ? [] : conjuncts(filter)) {
    if (plan.type === "index" && part === plan.by.part) continue;
    if (plan.type === "shapes" && plan.choice.parts.has(part)) continue;
    const also = "also" in plan ? plan.also?.find((one) => one.part === part) : undefined;
    if (also)
      conditions.push(isThereToo(listKey, also, { table: plan.type === "rows" ? "visibility" : "attribute", values }));
    if (also?.isExact) continue;
    const dialect = dialectOf({ table, absent, shapes }, values);
    conditions.push(condition(part, dialect), ...closeTimeRange(part, dialect));
    // Said of the index too, what it knows spares looks at rows.
    if (plan.type === "place" && isIndexed(part, absent, shapes !== undefined))
      conditions.push(condition(part, dialectOf({ table: "attribute", absent, shapes }, values)));
  }
  return conditions;
}

/** Numbered parameters; one value that is bound twice gets one number. */
class Values {
  readonly all: (string | number)[] = [];
  readonly #numbers = new Map<string | number, number>();

  bind(value: string | number): string {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.all.push(value);
      this.#numbers.set(value, number);
    }
    return `?${number}`;
  }
}

type Known = Pick<Selection, "absent" | "shapes"> & { readonly table: Table };

function dialectOf({ table, absent, shapes }: Known, values: Values): Dialect {
  const singleOf = (name: string) => (absent.has(name) ? "NULL" : scalar(name, values, table));
  return {
    table,
    oneOf: (name, wanted) => oneOf(singleOf(name), wanted, values),
    compared: (name, order, wanted) => `(${singleOf(name)} ${order} ${literal(wanted, values)})`,
    contains: (name, wanted) => (absent.has(name) || wanted.length === 0 ? "FALSE" : contains(name, wanted, values)),
    matches: (name, phrases) => (absent.has(name) || phrases.length === 0 ? "FALSE" : matches(name, phrases, values)),
    presence: (name) => {
      if (absent.has(name)) return "NULL";
      if (isColumn(name)) return columnSql(name, table);
      if (shapes === undefined || unindexedAttributes.includes(name))
        return `json_type(search_attributes, ${values.bind(attributePath(name))})`;
      const having = shapes.filter(({ names }) => names.has(storedName(name))).map(({ key }) => key);
      return `CASE WHEN ${ofShapes(having, values, table)} THEN 1 END`;
    },
    number: (value) => values.bind(value),
  };
}

/** The value of a name; NULL for an attribute that is a list or a text. */
function scalar(name: string, values: Values, table: Table): string {
  if (isColumn(name)) return columnSql(name, table);
  const path = values.bind(attributePath(name));
  const type = `json_type(search_attributes, ${path})`;
  return `CASE WHEN ${type} IN ('array', 'object') THEN NULL ELSE json_extract(search_attributes, ${path}) END`;
}

function oneOf(value: string, wanted: readonly Scalar[], values: Values): string {
  const [first, ...others] = wanted;
  // `x IN ()` would be false where x is NULL; `x <> x` is NULL there.
  if (first === undefined) return `((${value}) <> (${value}))`;
  if (others.length === 0) return `(${value} = ${literal(first, values)})`;
  // One parameter however many values: the statement's text stays the same, and its parameters few.
  return `(${value} IN (SELECT value FROM json_each(${values.bind(listOf(wanted))})))`;
}

function contains(name: string, wanted: readonly string[], values: Values): string {
  const path = values.bind(attributePath(name));
  const held = `SELECT 1 FROM json_each(search_attributes, ${path}) AS element WHERE ${oneOf("element.value", wanted, values)}`;
  return `(CASE json_type(search_attributes, ${path}) WHEN 'array' THEN EXISTS (${held}) ELSE FALSE END)`;
}

function matches(name: string, phrases: readonly (readonly string[])[], values: Values): string {
  const path = values.bind(attributePath(name));
  const words = `json_extract(search_attributes, ${values.bind(wordsPath(name))})`;
  const held = phrases.map((phrase) => `instr(${words}, ${values.bind(wordsJson(phrase))}) > 0`);
  return `(CASE json_type(search_attributes, ${path}) WHEN 'object' THEN ${held.join(" OR ")} ELSE FALSE END)`;
}

/** Of one shape the index has the rows in order, which it does not know of `IN`. */
function ofShapes(keys: readonly number[], values: Values, table: Table = "visibility"): string {
  const [first, ...others] = keys;
  if (first !== undefined && others.length === 0) return `${table}.shape_key = ${values.bind(first)}`;
  return `${table}.shape_key IN (SELECT value FROM json_each(${values.bind(JSON.stringify(keys))}))`;
}

function bindable(value: Scalar): string | number {
  return typeof value === "boolean" ? Number(value) : value;
}

function listOf(wanted: readonly Scalar[]): string {
  return JSON.stringify(wanted.map(bindable));
}

/** A number to compare with an attribute is read from JSON like the attribute, so that both were rounded alike. */
function literal(value: Scalar, values: Values): string {
  const bound = bindable(value);
  if (typeof bound === "string" || Number.isSafeInteger(bound)) return values.bind(bound);
  return `json_extract(${values.bind(JSON.stringify(bound))}, '$')`;
}
