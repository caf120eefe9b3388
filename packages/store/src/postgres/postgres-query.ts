/**
 * Filters over visibility as PostgreSQL's SQL. Only values are ours to place, and all of them are bound; column names come from a closed map.
 *
 * `visibility-sql.ts` says what is alike in every database: a missing value makes a comparison NULL, numbers come
 * before texts, a boolean is the number 0 or 1, and of a list nothing but membership is asked.
 */

import { kindCode } from "../kind-code.ts";
import type { Store, VisibilityFilter, VisibilityOrder, VisibilityQuery } from "../store.ts";
import { textPhrases, wordsJson } from "../visibility/text-words.ts";
import { openListOrder } from "../visibility/visibility-row.ts";
import {
  behindValue,
  closeTimeRange,
  columnSql,
  condition,
  conjuncts,
  type Dialect,
  isColumn,
  type Order,
  type Scalar,
} from "../visibility/visibility-sql.ts";
import { attributeText } from "./postgres-statement.ts";
import { storedText } from "./postgres-text.ts";

export interface BoundSql {
  readonly text: string;
  readonly values: readonly unknown[];
}

const table = "visibility";

/** Selects list_order, start_time_ms, run_id, info and, if it is ordered by a value, that as JSON. */
export function listSql(query: VisibilityQuery): BoundSql {
  const values = new Values();
  const conditions = where(query, values);
  const { orderBy } = query;
  const byValue = orderBy && valueOrder(orderBy, values);
  if (query.after !== undefined) {
    const { closeTimeMs, startTimeMs, runId, orderValue = null } = query.after;
    const position = [values.bigint(closeTimeMs ?? openListOrder), values.bigint(startTimeMs), values.text(runId)];
    const behind = `(list_order, start_time_ms, run_id) < (${position.join(", ")})`;
    const { isMissing = "" } = byValue ?? {};
    conditions.push(
      orderBy === undefined
        ? behind
        : behindValue(orderBy, orderValue, { dialect: dialectOf(values), position: behind, isMissing }),
    );
  }
  const shown = orderBy === undefined ? "" : `, (${groupValue(orderBy.name, values)})::text AS order_value`;
  const order = [...(byValue?.order ?? []), "list_order DESC", "start_time_ms DESC", "run_id DESC"].join(", ");
  const text = `SELECT list_order, start_time_ms, run_id, info${shown} FROM visibility WHERE ${conditions.join(" AND ")}
    ORDER BY ${order} LIMIT ${values.bigint(query.limit)}`;
  return { text, values: values.all };
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
  const number = tested(name, { number: (value) => value, text: () => "NULL::numeric" }, values);
  const text = tested(name, { text: (value) => value, number: () => "NULL::text" }, values);
  const [first, second] = isDescending ? [text, number] : [number, text];
  const isMissing = `((${number} IS NULL) AND (${text} IS NULL))`;
  return { isMissing, order: [`${first} ${direction}`, `${second} ${direction}`] };
}

/**
 * Nearly every list leaves out the few rows that have it, which are in an index of their own. To count them and all rows, each by an index alone, and take one
 * from the other is far less than to look at every row for what it lacks.
 */
const rareAttribute = "TemporalNamespaceDivision";
const hasRare = `search_attributes ? '${rareAttribute}'`;

/** Selects value, as JSON, and count, in any order. */
export function countSql({ groupBy, filter, ...list }: Parameters<Store["countVisibility"]>[0]): BoundSql {
  const values = new Values();
  const parts = filter === undefined ? [] : conjuncts(filter);
  const others = parts.filter((part) => part.op !== "isNull" || part.name !== rareAttribute);
  const value = groupBy === undefined ? "NULL::jsonb" : groupedValue(groupBy, values);
  const grouping = groupBy === undefined ? "" : " GROUP BY 1";
  const conditions = where({ ...list, filter: { op: "and", all: others } }, values).join(" AND ");
  const counted = [`SELECT ${value} AS value, count(*) AS count FROM visibility WHERE ${conditions}${grouping}`];
  if (others.length < parts.length)
    counted.push(`SELECT ${value}, -count(*) FROM visibility WHERE ${conditions} AND ${hasRare}${grouping}`);
  const groups = groupBy === undefined ? "" : " GROUP BY counted.value HAVING sum(counted.count) > 0";
  const shown = groupBy === undefined ? "NULL" : "to_jsonb(counted.value)::text";
  return {
    text: `SELECT ${shown} AS value, sum(counted.count)::bigint AS count FROM (
      ${counted.join("\n      UNION ALL ")}) AS counted${groups}`,
    values: values.all,
  };
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

/** Numbered parameters with their types; one value that is bound twice gets one number. */
class Values {
  readonly all: unknown[] = [];
  readonly #numbers = new Map<string, number>();

  text(value: string): string {
    return `${this.#bind(storedText(value), "text")} COLLATE "C"`;
  }

  attributeName(name: string): string {
    return this.#bind(attributeText(name), "text");
  }

  bigint(value: number): string {
    return this.#bind(value, "bigint");
  }

  /** Whole numbers as the columns hold them, so that indexes answer; others as they are. */
  number(value: number): string {
    return Number.isSafeInteger(value) ? this.bigint(value) : this.#bind(String(value), "numeric");
  }

  texts(all: readonly string[]): string {
    return this.#bind(all.map(storedText), "text[]");
  }

  attributeTexts(all: readonly string[]): string {
    return this.#bind(all.map(attributeText), "text[]");
  }

  numbers(all: readonly number[]): string {
    return this.#bind(all.map(String), all.every(Number.isSafeInteger) ? "bigint[]" : "numeric[]");
  }

  json(value: unknown): string {
    return this.#bind(JSON.stringify(value), "jsonb");
  }

  #bind(value: unknown, type: string): string {
    const id = `${type} ${JSON.stringify(value)}`;
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.all.push(value);
      this.#numbers.set(id, number);
    }
    return `$${number}::${type}`;
  }
}

function where(
  { kind, namespaceId, filter }: Pick<VisibilityQuery, "kind" | "namespaceId" | "filter">,
  values: Values,
): string[] {
  const conditions = [`namespace_id = ${values.text(namespaceId)}`, `kind = ${values.bigint(kindCode(kind))}::integer`];
  for (const part of filter === undefined ? [] : conjuncts(filter)) conditions.push(...partConditions(part, values));
  return conditions;
}

/** So that the planner can tell how many rows they select: of what it finds written around a column it believes that hardly any row has it. */
function partConditions(part: VisibilityFilter, values: Values): string[] {
  const dialect = dialectOf(values);
  const range = closeTimeRange(part, dialect);
  // Which is all that the part says, but for runs that are open.
  if (range.length > 0) return part.op === "isNull" ? range : [...range, `${table}.list_order < ${openListOrder}`];
  if ((part.op === "isNull" || part.op === "isNotNull") && !isColumn(part.name)) {
    const isThere = `search_attributes ? ${values.attributeName(part.name)}`;
    return [part.op === "isNull" ? `NOT (${isThere})` : isThere];
  }
  return [condition(part, dialect), ...indexedAttribute(part, values)];
}

function dialectOf(values: Values): Dialect {
  return {
    table,
    oneOf: (name, wanted) => oneOf(name, wanted, values),
    compared: (name, order, wanted) => compared(name, order, wanted, values),
    contains: (name, wanted) => contains(name, wanted, values),
    matches: (name, phrases) => matches(name, phrases, values),
    presence: (name) => (isColumn(name) ? columnSql(name, table) : attribute(name, values)),
    number: (value) => values.number(value),
  };
}

/** What a condition says that the index of attributes can answer; it comes on top of the condition itself. */
function indexedAttribute(filter: VisibilityFilter, values: Values): string[] {
  const wanted = wantedAttributes(filter);
  if (wanted.length === 0) return [];
  const holds = wanted.map((part) => `search_attributes @> ${values.json(part)}`);
  return ["search_attributes <> '{}'::jsonb", `(${holds.join(" OR ")})`];
}

/** Any of these is a part of the attributes of each row that the condition selects; none when nothing such can be said. */
function wantedAttributes(filter: VisibilityFilter): readonly object[] {
  if (!("name" in filter) || isColumn(filter.name)) return [];
  const name = attributeText(filter.name);
  switch (filter.op) {
    case "=":
      return equalTo(name, [filter.value]);
    case "in":
      return equalTo(name, filter.values);
    case "contains":
      return filter.values.map((value) => ({ [name]: [attributeText(value)] }));
    case "matches":
      return textPhrases(filter.text).map((words) => ({ [name]: { words } }));
    default:
      return [];
  }
}

/** A boolean is the number 0 or 1. None where a number is none that JSON knows. */
function equalTo(name: string, wanted: readonly Scalar[]): readonly object[] {
  const parts = wanted.flatMap((value): (string | number | boolean)[] => {
    if (typeof value === "string") return [attributeText(value)];
    const number = Number(value);
    return number === 0 || number === 1 ? [number, number === 1] : [number];
  });
  if (parts.some((part) => typeof part === "number" && !Number.isFinite(part))) return [];
  return parts.map((part) => ({ [name]: part }));
}

function attribute(name: string, values: Values): string {
  return `(search_attributes -> ${values.attributeName(name)})`;
}

const textColumns = new Set<string>([
  "WorkflowId",
  "RunId",
  "WorkflowType",
  "TaskQueue",
  "ParentWorkflowId",
  "ParentRunId",
  "RootWorkflowId",
  "RootRunId",
]);

/** A test of each type that a value may have; what a type lacks is NULL. */
interface Tests {
  readonly text: (value: string) => string;
  readonly number: (value: string) => string;
}

function tested(name: string, tests: Tests, values: Values): string {
  if (isColumn(name))
    return `(${textColumns.has(name) ? tests.text(columnSql(name, table)) : tests.number(columnSql(name, table))})`;
  const value = attribute(name, values);
  const plain = `(search_attributes ->> ${values.attributeName(name)})`;
  return `(CASE jsonb_typeof(${value})
    WHEN 'string' THEN ${tests.text(`${plain} COLLATE "C"`)}
    WHEN 'number' THEN ${tests.number(`${plain}::numeric`)}
    WHEN 'boolean' THEN ${tests.number(`(CASE ${plain} WHEN 'true' THEN 1 ELSE 0 END)`)} END)`;
}

function compared(name: string, op: Exclude<Order, "=">, wanted: Scalar, values: Values): string {
  // Numbers come before texts, whatever they are; NULL stays NULL.
  const always = (value: string, isTrue: boolean) =>
    `(${value} IS NOT NULL AND ${isTrue}) OR (${value} IS NULL AND NULL)`;
  const tests: Tests =
    typeof wanted === "string"
      ? {
          text: (value) => `${value} ${op} ${values.text(wanted)}`,
          number: (value) => always(value, op === "<" || op === "<="),
        }
      : {
          text: (value) => always(value, op === ">" || op === ">="),
          number: (value) => `${value} ${op} ${values.number(Number(wanted))}`,
        };
  return tested(name, tests, values);
}

/** Of arrays, so that the text of a statement and its parameters stay few however many values there are. */
function oneOf(name: string, wanted: readonly Scalar[], values: Values): string {
  const texts = wanted.filter((value) => typeof value === "string");
  const numbers = wanted.filter((value) => typeof value !== "string").map(Number);
  const isText = (value: string) => {
    const [first] = texts;
    if (first === undefined) return never(value);
    return texts.length === 1 ? `${value} = ${values.text(first)}` : `${value} = ANY (${values.texts(texts)})`;
  };
  const isNumber = (value: string) => {
    const [first] = numbers;
    if (first === undefined) return never(value);
    return numbers.length === 1 ? `${value} = ${values.number(first)}` : `${value} = ANY (${values.numbers(numbers)})`;
  };
  return tested(name, { text: isText, number: isNumber }, values);
}

function contains(name: string, wanted: readonly string[], values: Values): string {
  const value = attribute(name, values);
  return `(CASE jsonb_typeof(${value}) WHEN 'array' THEN ${value} ?| ${values.attributeTexts(wanted)} ELSE FALSE END)`;
}

function matches(name: string, phrases: readonly (readonly string[])[], values: Values): string {
  if (phrases.length === 0) return "FALSE";
  const value = attribute(name, values);
  // As PostgreSQL writes an array.
  const holds = phrases.map(
    (phrase) => `strpos((${value} -> 'words')::text, ${values.text(wordsJson(phrase, ", "))}) > 0`,
  );
  return `(CASE jsonb_typeof(${value}) WHEN 'object' THEN ${holds.join(" OR ")} ELSE FALSE END)`;
}

/** False, and NULL where the value is: `= ANY` of nothing would be false there too. */
function never(value: string): string {
  return `${value} <> ${value}`;
}
