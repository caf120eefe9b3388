/**
 * Filters over visibility as SQL: what is said alike in every database. How a value is written, and how an attribute is compared, is the
 * business of a dialect (`sqlite-query.ts`, `postgres-query.ts`). The same filters over rows in memory: `visibility-filter.ts`.
 *
 * Column names come from a closed map, and everything else that a caller may choose is bound. A missing value makes a comparison NULL, as in
 * SQL: neither `x = 1` nor `NOT x = 1` selects a row without `x`.
 */

import type { VisibilityFilter, VisibilityOrder, visibilityColumns } from "../store.ts";
import { prefixEnd } from "../text-order.ts";
import { textPhrases } from "./text-words.ts";
import { openListOrder } from "./visibility-row.ts";

export type ColumnName = (typeof visibilityColumns)[number];
export type Scalar = string | number | boolean;
export type Order = "=" | "<" | "<=" | ">" | ">=";

/** Expressions of one database, each with its values bound. */
export interface Dialect {
  /** The table whose columns are meant. */
  readonly table: string;
  /** The value is one of these. NULL where there is no single value, also when none is wanted. */
  oneOf(name: string, wanted: readonly Scalar[]): string;
  /** NULL where there is no single value. */
  compared(name: string, order: Exclude<Order, "=">, wanted: Scalar): string;
  /** True or false, never NULL. */
  contains(name: string, wanted: readonly string[]): string;
  /** The words of one of the phrases, one after the other. True or false, never NULL. */
  matches(name: string, phrases: readonly (readonly string[])[]): string;
  /** NULL where there is no value, and nowhere else. */
  presence(name: string): string;
  /** A number to compare `list_order` with. */
  number(value: number): string;
}

const columns: Readonly<Record<Exclude<ColumnName, "CloseTime">, string>> = {
  WorkflowId: "business_id",
  RunId: "run_id",
  WorkflowType: "type",
  TaskQueue: "task_queue",
  ExecutionStatus: "status",
  StartTime: "start_time_ms",
  ExecutionTime: "execution_time_ms",
  HistoryLength: "history_length",
  HistorySizeBytes: "history_size_bytes",
  ExecutionDuration: "execution_duration_ms",
  StateTransitionCount: "state_transition_count",
  ParentWorkflowId: "parent_workflow_id",
  ParentRunId: "parent_run_id",
  RootWorkflowId: "root_workflow_id",
  RootRunId: "root_run_id",
};

export function columnSql(name: ColumnName, table: string): string {
  return name === "CloseTime" ? `nullif(${table}.list_order, ${openListOrder})` : `${table}.${columns[name]}`;
}

export function isColumn(name: string): name is ColumnName {
  return name === "CloseTime" || Object.hasOwn(columns, name);
}

/**
 * Rows that come behind `value` in an order, and those of the same value that come behind the position in the list. `position` is that condition,
 * `isMissing` whether a row has no single value.
 */
export function behindValue(
  { name, isDescending }: VisibilityOrder,
  value: string | number | null,
  {
    dialect,
    position,
    isMissing,
  }: { readonly dialect: Dialect; readonly position: string; readonly isMissing: string },
): string {
  if (value === null) return `(${isMissing} AND ${position})`;
  const further = dialect.compared(name, isDescending ? "<" : ">", value);
  return `(${further} OR (${dialect.oneOf(name, [value])} AND ${position}) OR ${isMissing})`;
}

/** The attributes that a filter names. */
export function attributesOf(filter: VisibilityFilter): Set<string> {
  if ("all" in filter) return new Set(filter.all.flatMap((one) => [...attributesOf(one)]));
  if ("filter" in filter) return attributesOf(filter.filter);
  return new Set(isColumn(filter.name) ? [] : [filter.name]);
}

/** The parts of a filter that must all hold. */
export function conjuncts(filter: VisibilityFilter): readonly VisibilityFilter[] {
  return filter.op === "and" ? filter.all.flatMap(conjuncts) : [filter];
}

export function condition(filter: VisibilityFilter, dialect: Dialect): string {
  switch (filter.op) {
    case "and":
    case "or":
      return junction(filter.op, filter.all, dialect);
    case "not":
      return `(NOT ${condition(filter.filter, dialect)})`;
    case "=":
      return dialect.oneOf(filter.name, [filter.value]);
    case "!=":
      return `(NOT ${dialect.oneOf(filter.name, [filter.value])})`;
    case "<":
    case "<=":
    case ">":
    case ">=":
      return dialect.compared(filter.name, filter.op, filter.value);
    case "in":
      return dialect.oneOf(filter.name, filter.values);
    case "notIn":
      return `(NOT ${dialect.oneOf(filter.name, filter.values)})`;
    case "between":
      return between(filter, dialect);
    case "notBetween":
      return `(NOT ${between(filter, dialect)})`;
    case "startsWith":
      return startsWith(filter, dialect);
    case "notStartsWith":
      return `(NOT ${startsWith(filter, dialect)})`;
    case "contains":
      return dialect.contains(filter.name, filter.values);
    case "matches":
      return dialect.matches(filter.name, textPhrases(filter.text));
    case "isNull":
      return `(${dialect.presence(filter.name)} IS NULL)`;
    case "isNotNull":
      return `(${dialect.presence(filter.name)} IS NOT NULL)`;
    default:
      return filter satisfies never;
  }
}

/** Bracketed in halves: databases limit how deep an expression may be, and a flat list of n terms would be n deep. */
function junction(op: "and" | "or", all: readonly VisibilityFilter[], dialect: Dialect): string {
  const [first] = all;
  if (first === undefined) return op === "and" ? "TRUE" : "FALSE";
  if (all.length === 1) return condition(first, dialect);
  const middle = all.length >> 1;
  const halves = [all.slice(0, middle), all.slice(middle)].map((half) => junction(op, half, dialect));
  return `(${halves.join(op === "and" ? " AND " : " OR ")})`;
}

type Of<Op extends VisibilityFilter["op"]> = Extract<VisibilityFilter, { op: Op }>;

function between({ name, low, high }: Of<"between" | "notBetween">, dialect: Dialect): string {
  return `(${dialect.compared(name, ">=", low)} AND ${dialect.compared(name, "<=", high)})`;
}

/** As a range, which an index can answer, and in which `%` and `_` mean themselves. */
function startsWith({ name, prefix }: Of<"startsWith" | "notStartsWith">, dialect: Dialect): string {
  const end = prefixEnd(prefix);
  const least = dialect.compared(name, ">=", prefix);
  return end === null ? least : `(${least} AND ${dialect.compared(name, "<", end)})`;
}

/** What a condition on the close time says about `list_order`, which is in the indexes; it comes on top of the condition itself. */
export function closeTimeRange(filter: VisibilityFilter, dialect: Dialect): string[] {
  if (!("name" in filter) || filter.name !== "CloseTime") return [];
  switch (filter.op) {
    case "=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return [`${dialect.table}.list_order ${filter.op} ${dialect.number(Number(filter.value))}`];
    case "between":
      return [
        `${dialect.table}.list_order BETWEEN ${dialect.number(Number(filter.low))} AND ${dialect.number(Number(filter.high))}`,
      ];
    case "isNull":
      return [`${dialect.table}.list_order = ${openListOrder}`];
    default:
      return [];
  }
}
