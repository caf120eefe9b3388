/** Filters over visibility as SQLite's SQL: `visibility-sql.ts` says what is alike in every database. */

import { kindCode } from "./kind-code.ts";
import type { VisibilityQuery } from "./store.ts";
import { attributePath } from "./visibility-attributes.ts";
import { openListOrder } from "./visibility-row.ts";
import {
  closeTimeRange,
  columns,
  condition,
  conjuncts,
  type Dialect,
  isColumn,
  type Scalar,
} from "./visibility-sql.ts";

export interface BoundSql {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

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
    const dialect = dialectOf(values);
    conditions.push(condition(filter, dialect));
    for (const part of conjuncts(filter)) conditions.push(...closeTimeRange(part, dialect));
  }
  return conditions;
}

function dialectOf(values: Values): Dialect {
  return {
    oneOf: (name, wanted) => oneOf(name, wanted, values),
    compared: (name, order, wanted) => `(${scalar(name, values)} ${order} ${literal(name, wanted, values)})`,
    presence: (name) =>
      isColumn(name) ? columns[name] : `json_type(search_attributes, ${values.bind(attributePath(name))})`,
    number: (value) => values.bind(value),
  };
}

/** The value of a name; NULL for an attribute that is a list, as nothing but membership is asked of those. */
function scalar(name: string, values: Values): string {
  if (isColumn(name)) return columns[name];
  const path = values.bind(attributePath(name));
  return `CASE json_type(search_attributes, ${path}) WHEN 'array' THEN NULL ELSE json_extract(search_attributes, ${path}) END`;
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
  const [first] = wanted;
  if (first !== undefined && wanted.length === 1)
    return membership(name, (value) => `${value} = ${literal(name, first, values)}`, values);
  // `x IN ()` would be false where x is NULL; `x <> x` is NULL there.
  if (wanted.length === 0) return membership(name, (value) => `${value} <> ${value}`, values);
  // One parameter however many values: the statement's text stays the same, and its parameters few.
  const list = values.bind(JSON.stringify(wanted.map(bindable)));
  return membership(name, (value) => `${value} IN (SELECT value FROM json_each(${list}))`, values);
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
