/**
 * Filters over visibility as PostgreSQL's SQL. Only values are ours to place, and all of them are bound; column names come from a closed map.
 *
 * `visibility-sql.ts` says what is alike in every database: a missing value makes a comparison NULL, numbers come
 * before texts, a boolean is the number 0 or 1, and of a list nothing but membership is asked.
 */

import { kindCode } from "./kind-code.ts";
import { attributeText } from "./postgres-statement.ts";
import { storedText } from "./postgres-text.ts";
import type { Store, VisibilityFilter, VisibilityQuery } from "./store.ts";
import { openListOrder } from "./visibility-row.ts";
import {
  closeTimeRange,
  columns,
  condition,
  conjuncts,
  type Dialect,
  isColumn,
  type Order,
  type Scalar,
} from "./visibility-sql.ts";

export interface BoundSql {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Selects list_order, start_time_ms, run_id and info, in the order of a list. */
export function listSql(query: VisibilityQuery): BoundSql {
  const values = new Values();
  const conditions = where(query, values);
  if (query.after !== undefined) {
    const { closeTimeMs, startTimeMs, runId } = query.after;
    const position = [values.bigint(closeTimeMs ?? openListOrder), values.bigint(startTimeMs), values.text(runId)];
    conditions.push(`(list_order, start_time_ms, run_id) < (${position.join(", ")})`);
  }
  const text = `SELECT list_order, start_time_ms, run_id, info FROM visibility WHERE ${conditions.join(" AND ")}
    ORDER BY list_order DESC, start_time_ms DESC, run_id DESC LIMIT ${values.bigint(query.limit)}`;
  return { text, values: values.all };
}

/** Selects value, as JSON, and count, in any order. */
export function countSql(query: Parameters<Store["countVisibility"]>[0]): BoundSql {
  const values = new Values();
  const { groupBy } = query;
  const value = groupBy === undefined ? "NULL::jsonb" : groupValue(groupBy, values);
  const grouping = groupBy === undefined ? "" : " GROUP BY 1";
  const conditions = where(query, values).join(" AND ");
  return {
    text: `SELECT (counted.value)::text, counted.count FROM (
      SELECT ${value} AS value, count(*) AS count FROM visibility WHERE ${conditions}${grouping}) AS counted`,
    values: values.all,
  };
}

function groupValue(name: string, values: Values): string {
  if (isColumn(name)) return `to_jsonb(${columns[name]})`;
  const value = attribute(name, values);
  return `CASE jsonb_typeof(${value}) WHEN 'array' THEN NULL ELSE ${value} END`;
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
  if (filter !== undefined) {
    const dialect = dialectOf(values);
    conditions.push(condition(filter, dialect));
    for (const part of conjuncts(filter))
      conditions.push(...closeTimeRange(part, dialect), ...indexedAttribute(part, values));
  }
  return conditions;
}

function dialectOf(values: Values): Dialect {
  return {
    oneOf: (name, wanted) => oneOf(name, wanted, values),
    compared: (name, order, wanted) => compared(name, order, wanted, values),
    presence: (name) => (isColumn(name) ? columns[name] : attribute(name, values)),
    number: (value) => values.number(value),
  };
}

/** What a condition says that the index of attributes can answer; it comes on top of the condition itself. */
function indexedAttribute(filter: VisibilityFilter, values: Values): string[] {
  if (filter.op !== "=" || typeof filter.value !== "string" || isColumn(filter.name)) return [];
  const [name, value] = [attributeText(filter.name), attributeText(filter.value)];
  const holds = [{ [name]: value }, { [name]: [value] }].map((part) => `search_attributes @> ${values.json(part)}`);
  return ["search_attributes <> '{}'::jsonb", `(${holds.join(" OR ")})`];
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
  readonly element?: (value: string) => string;
}

function tested(name: string, tests: Tests, values: Values): string {
  if (isColumn(name)) return `(${textColumns.has(name) ? tests.text(columns[name]) : tests.number(columns[name])})`;
  const value = attribute(name, values);
  const plain = `(search_attributes ->> ${values.attributeName(name)})`;
  const list = tests.element
    ? `WHEN 'array' THEN EXISTS (SELECT FROM jsonb_array_elements_text(${value}) AS item (element) WHERE ${tests.element('item.element COLLATE "C"')})`
    : "";
  return `(CASE jsonb_typeof(${value})
    WHEN 'string' THEN ${tests.text(`${plain} COLLATE "C"`)}
    WHEN 'number' THEN ${tests.number(`${plain}::numeric`)}
    WHEN 'boolean' THEN ${tests.number(`(CASE ${plain} WHEN 'true' THEN 1 ELSE 0 END)`)} ${list} END)`;
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
  return tested(name, { text: isText, number: isNumber, element: isText }, values);
}

/** False, and NULL where the value is: `= ANY` of nothing would be false there too. */
function never(value: string): string {
  return `${value} <> ${value}`;
}
