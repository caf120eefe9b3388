/**
 * How the parts of a filter are written in PostgreSQL's SQL. All values are bound, and column names come from a closed map, so nothing that a caller wrote
 * becomes SQL.
 *
 * `visibility-sql.ts` says what is alike in every database: a missing value makes a comparison NULL, numbers come
 * before texts, a boolean is the number 0 or 1, and of a list nothing but membership is asked.
 */

import { wordsJson } from "../visibility/text-words.ts";
import { columnSql, type Dialect, isColumn, type Order, type Scalar } from "../visibility/visibility-sql.ts";
import { attributeText } from "./postgres-entry.ts";
import { storedText } from "./postgres-text.ts";

export const table = "visibility";

/** Numbered parameters with their types; one value that is bound twice gets one number. */
export class Values {
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

  /** Of the index of attributes, or a shape: as they are stored. */
  entry(value: string): string {
    return `${this.#bind(value, "text")} COLLATE "C"`;
  }

  entries(all: readonly string[]): string {
    return this.#bind(all, "text[]");
  }

  numbers(all: readonly number[]): string {
    return this.#bind(all.map(String), all.every(Number.isSafeInteger) ? "bigint[]" : "numeric[]");
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

/** `of`: the table whose columns are meant. */
export function dialectOf(values: Values, of: string = table): Dialect {
  const at: Place = { table: of, values };
  return {
    table: of,
    oneOf: (name, wanted) => oneOf(name, wanted, at),
    compared: (name, order, wanted) => compared(name, order, wanted, at),
    contains: (name, wanted) => contains(name, wanted, values),
    matches: (name, phrases) => matches(name, phrases, values),
    presence: (name) => (isColumn(name) ? columnSql(name, of) : attribute(name, values)),
    number: (value) => values.number(value),
  };
}

export function attribute(name: string, values: Values): string {
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

/** A table, and the parameters of the statement. */
interface Place {
  readonly table: string;
  readonly values: Values;
}

/** A test of each type that a value may have; what a type lacks is NULL. */
export interface Tests {
  readonly text: (value: string) => string;
  readonly number: (value: string) => string;
}

export function tested(name: string, tests: Tests, { table, values }: Place): string {
  if (isColumn(name))
    return `(${textColumns.has(name) ? tests.text(columnSql(name, table)) : tests.number(columnSql(name, table))})`;
  const value = attribute(name, values);
  const plain = `(search_attributes ->> ${values.attributeName(name)})`;
  return `(CASE jsonb_typeof(${value})
    WHEN 'string' THEN ${tests.text(`${plain} COLLATE "C"`)}
    WHEN 'number' THEN ${tests.number(`${plain}::numeric`)}
    WHEN 'boolean' THEN ${tests.number(`(CASE ${plain} WHEN 'true' THEN 1 ELSE 0 END)`)} END)`;
}

function compared(name: string, op: Exclude<Order, "=">, wanted: Scalar, at: Place): string {
  const { values } = at;
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
  return tested(name, tests, at);
}

/** Of arrays, so that the text of a statement and its parameters stay few however many values there are. */
function oneOf(name: string, wanted: readonly Scalar[], at: Place): string {
  const { values } = at;
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
  return tested(name, { text: isText, number: isNumber }, at);
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
