/**
 * Filters over visibility as SQLite's SQL. Only values are ours to place, and all of them are bound; column names come from a closed map.
 *
 * A missing value makes a comparison NULL, as in SQL: neither `x = 1` nor `NOT x = 1` selects a row without `x`. The same filters over
 * rows in memory: `visibility-filter.ts`.
 */

import { kindCode, openListOrder } from "./sqlite-schema.ts";
import type { VisibilityFilter, VisibilityQuery, visibilityColumns } from "./store.ts";
import { prefixEnd } from "./text-order.ts";
import { attributePath } from "./visibility-attributes.ts";

export interface BoundSql {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

type ColumnName = (typeof visibilityColumns)[number];
type Scalar = string | number | boolean;

const columns: Readonly<Record<ColumnName, string>> = {
  WorkflowId: "business_id",
  RunId: "run_id",
  WorkflowType: "type",
  TaskQueue: "task_queue",
  ExecutionStatus: "status",
  StartTime: "start_time_ms",
  ExecutionTime: "execution_time_ms",
  CloseTime: `nullif(list_order, ${openListOrder})`,
  HistoryLength: "history_length",
  HistorySizeBytes: "history_size_bytes",
  ExecutionDuration: "execution_duration_ms",
  StateTransitionCount: "state_transition_count",
  ParentWorkflowId: "parent_workflow_id",
  ParentRunId: "parent_run_id",
  RootWorkflowId: "root_workflow_id",
  RootRunId: "root_run_id",
};

const operators = { "=": "=", "!=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">=" } as const;

/** Selects list_order, start_time_ms, run_id and info, in the order of a list. */
export function listSql(query: VisibilityQuery): BoundSql {
  const values = new Values();
  const conditions = where(query, values);
  if (query.after !== undefined) {
    const { closeTimeMs, startTimeMs, runId } = query.after;
    const position = [closeTimeMs ?? openListOrder, startTimeMs, runId].map((value) => values.bind(value));
    conditions.push(`(list_order, start_time_ms, run_id) < (${position.join(", ")})`);
  }
  const sql = `SELECT list_order, start_time_ms, run_id, info FROM visibility WHERE ${conditions.join(" AND ")}
    ORDER BY list_order DESC, start_time_ms DESC, run_id DESC LIMIT ${values.bind(query.limit)}`;
  return { sql, values: values.all };
}

/** Selects value, JSON type (for booleans only, otherwise NULL) and count, in the order of values. */
export function countSql(
  query: Pick<VisibilityQuery, "kind" | "namespaceId" | "filter"> & { readonly groupBy?: string },
): BoundSql {
  const values = new Values();
  const { groupBy } = query;
  // Bound before the conditions only because the text comes first; numbered parameters need no order.
  const value = groupBy === undefined ? "NULL" : scalar(groupBy, values);
  const isAttribute = groupBy !== undefined && !isColumn(groupBy);
  const jsonType = isAttribute ? `json_type(search_attributes, ${values.bind(attributePath(groupBy))})` : "NULL";
  const type = isAttribute ? `CASE ${jsonType} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END` : "NULL";
  const grouping = groupBy === undefined ? "" : ` GROUP BY 1${isAttribute ? ", 2" : ""} ORDER BY 1`;
  const sql = `SELECT ${value}, ${type}, count(*) FROM visibility WHERE ${where(query, values).join(" AND ")}${grouping}`;
  return { sql, values: values.all };
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

function where(
  { kind, namespaceId, filter }: Pick<VisibilityQuery, "kind" | "namespaceId" | "filter">,
  values: Values,
): string[] {
  const list = `namespace_id = ${values.bind(namespaceId)} AND kind = ${values.bind(kindCode(kind))}`;
  const conditions = [`list_key = (SELECT list_key FROM visibility_list WHERE ${list})`];
  if (filter !== undefined) {
    conditions.push(condition(filter, values));
    for (const part of conjuncts(filter)) conditions.push(...closeTimeRange(part, values));
  }
  return conditions;
}

function conjuncts(filter: VisibilityFilter): readonly VisibilityFilter[] {
  return filter.op === "and" ? filter.all.flatMap(conjuncts) : [filter];
}

/** What a condition on the close time says about `list_order`, which is in the indexes; it comes on top of the condition itself. */
function closeTimeRange(filter: VisibilityFilter, values: Values): string[] {
  if (!("name" in filter) || filter.name !== "CloseTime") return [];
  switch (filter.op) {
    case "=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return [`list_order ${filter.op} ${values.bind(bindable(filter.value))}`];
    case "between":
      return [`list_order BETWEEN ${values.bind(filter.low)} AND ${values.bind(filter.high)}`];
    case "isNull":
      return [`list_order = ${openListOrder}`];
    default:
      return [];
  }
}

function condition(filter: VisibilityFilter, values: Values): string {
  switch (filter.op) {
    case "and":
    case "or":
      return junction(filter.op, filter.all, values);
    case "not":
      return `(NOT ${condition(filter.filter, values)})`;
    case "=":
      return membership(filter.name, (value) => `${value} = ${literal(filter.name, filter.value, values)}`, values);
    case "!=":
      return `(NOT ${condition({ ...filter, op: "=" }, values)})`;
    case "<":
    case "<=":
    case ">":
    case ">=":
      return `(${scalar(filter.name, values)} ${operators[filter.op]} ${literal(filter.name, filter.value, values)})`;
    case "in":
      return oneOf(filter.name, filter.values, values);
    case "notIn":
      return `(NOT ${oneOf(filter.name, filter.values, values)})`;
    case "between": {
      const [low, high] = [filter.low, filter.high].map((value) => literal(filter.name, value, values));
      return `(${scalar(filter.name, values)} BETWEEN ${low} AND ${high})`;
    }
    case "notBetween":
      return `(NOT ${condition({ ...filter, op: "between" }, values)})`;
    case "startsWith":
      return startsWith(filter.name, filter.prefix, values);
    case "notStartsWith":
      return `(NOT ${startsWith(filter.name, filter.prefix, values)})`;
    case "isNull":
      return `(${presence(filter.name, values)} IS NULL)`;
    case "isNotNull":
      return `(${presence(filter.name, values)} IS NOT NULL)`;
    default:
      return filter satisfies never;
  }
}

/** Bracketed in halves: SQLite limits how deep an expression may be, and a flat list of n terms would be n deep. */
function junction(op: "and" | "or", all: readonly VisibilityFilter[], values: Values): string {
  const [first] = all;
  if (first === undefined) return op === "and" ? "1" : "0";
  if (all.length === 1) return condition(first, values);
  const middle = all.length >> 1;
  const halves = [all.slice(0, middle), all.slice(middle)].map((half) => junction(op, half, values));
  return `(${halves.join(op === "and" ? " AND " : " OR ")})`;
}

function isColumn(name: string): name is ColumnName {
  return Object.hasOwn(columns, name);
}

/** The value of a name; NULL for an attribute that is a list, as nothing but membership is asked of those. */
function scalar(name: string, values: Values): string {
  if (isColumn(name)) return columns[name];
  const path = values.bind(attributePath(name));
  return `CASE json_type(search_attributes, ${path}) WHEN 'array' THEN NULL ELSE json_extract(search_attributes, ${path}) END`;
}

function presence(name: string, values: Values): string {
  return isColumn(name) ? columns[name] : `json_type(search_attributes, ${values.bind(attributePath(name))})`;
}

/** `test` of the value, or of any element when the value is a list. */
function membership(name: string, test: (value: string) => string, values: Values): string {
  if (isColumn(name)) return `(${test(columns[name])})`;
  const path = values.bind(attributePath(name));
  return `(CASE json_type(search_attributes, ${path})
    WHEN 'array' THEN EXISTS (SELECT 1 FROM json_each(search_attributes, ${path}) AS element WHERE ${test("element.value")})
    ELSE ${test(`json_extract(search_attributes, ${path})`)} END)`;
}

function oneOf(name: string, wanted: readonly Scalar[], values: Values): string {
  // `x IN ()` would be false where x is NULL; `x <> x` is NULL there.
  if (wanted.length === 0) return membership(name, (value) => `${value} <> ${value}`, values);
  // One parameter however many values: the statement's text stays the same, and its parameters few.
  const list = values.bind(JSON.stringify(wanted.map(bindable)));
  return membership(name, (value) => `${value} IN (SELECT value FROM json_each(${list}))`, values);
}

/** As a range, which an index can answer, and in which `%` and `_` mean themselves. */
function startsWith(name: string, prefix: string, values: Values): string {
  const value = scalar(name, values);
  const end = prefixEnd(prefix);
  const least = `${value} >= ${values.bind(prefix)}`;
  return end === null ? `(${least})` : `(${least} AND ${value} < ${values.bind(end)})`;
}

function bindable(value: Scalar): string | number {
  return typeof value === "boolean" ? Number(value) : value;
}

/** A number to compare with an attribute is read from JSON like the attribute, so that both were rounded alike. */
function literal(name: string, value: Scalar, values: Values): string {
  const bound = bindable(value);
  if (typeof bound === "string" || isColumn(name) || Number.isSafeInteger(bound)) return values.bind(bound);
  return `json_extract(${values.bind(JSON.stringify(bound))}, '$')`;
}
