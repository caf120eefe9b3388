/**
 * A filter as rows of conditions, all of which must hold: the other view of the query that stands in the address. Queries that say more than that
 * (OR, NOT, parentheses) have no such rows.
 */
import { type Operator, operators } from "./attributes.ts";

export interface Value {
  readonly text: string;
  /** A text in quotes rather than a number or a truth value. */
  readonly isQuoted: boolean;
}

export interface Condition {
  readonly name: string;
  readonly operator: Operator;
  /** One for each comparison, none for `IS NULL`, any number for `IN`. */
  readonly values: readonly Value[];
}

/** `undefined` for a query that is more than conditions joined by AND, or none at all. */
export function parseConditions(query: string): Condition[] | undefined {
  const words = wordsOf(query);
  if (!words) return undefined;
  const parser = new Parser(words);
  const conditions: Condition[] = [];
  while (!parser.isAtEnd) {
    if (conditions.length > 0 && !parser.take("AND")) return undefined;
    const condition = conditionOf(parser);
    if (!condition) return undefined;
    conditions.push(condition);
  }
  return conditions;
}

export function printConditions(conditions: readonly Condition[]): string {
  return conditions.map(printCondition).join(" AND ");
}

function printCondition({ name, operator, values }: Condition): string {
  const shownName = printName(name);
  if (operator === "IS NULL" || operator === "IS NOT NULL") return `${shownName} ${operator}`;
  if (operator === "IN") return `${shownName} IN (${values.map(printValue).join(", ")})`;
  return `${shownName} ${operator} ${printValue(values[0] ?? { text: "", isQuoted: true })}`;
}

/** In backticks where it has to be. */
export function printName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

function printValue({ text, isQuoted }: Value): string {
  return isQuoted ? quoted(text) : text;
}

export function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Whether a condition that is being typed says something already. */
export function isComplete({ name, operator, values }: Condition): boolean {
  if (name === "") return false;
  if (operator === "IS NULL" || operator === "IS NOT NULL") return true;
  return (
    values.length > 0 && values.every(({ text, isQuoted }) => isQuoted || /^(-?\d[\d.eE+-]*|true|false)$/.test(text))
  );
}

type Word =
  | { readonly kind: "name" | "mark"; readonly text: string }
  | { readonly kind: "value"; readonly value: Value };

const pattern =
  /\s+|(?<single>'(?:[^'\\]|\\.|'')*')|(?<double>"(?:[^"\\]|\\.|"")*")|`(?<tick>(?:[^`]|``)*)`|(?<number>-?\d[\d.eE+-]*)|(?<name>[A-Za-z_]\w*)|(?<mark><=|>=|!=|<|>|=|\(|\)|,)/y;

function wordsOf(query: string): Word[] | undefined {
  const words: Word[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < query.length) {
    const groups = pattern.exec(query)?.groups;
    if (!groups) return undefined;
    const text = groups["single"] ?? groups["double"];
    if (text !== undefined) words.push({ kind: "value", value: { text: unquoted(text), isQuoted: true } });
    else if (groups["number"] !== undefined) words.push({ kind: "value", value: unquotedValue(groups["number"]) });
    else if (groups["tick"] !== undefined) words.push({ kind: "name", text: groups["tick"].replaceAll("``", "`") });
    else if (groups["mark"] !== undefined) words.push({ kind: "mark", text: groups["mark"] });
    else if (groups["name"] !== undefined) words.push(nameOrTruth(groups["name"]));
  }
  return words;
}

function nameOrTruth(text: string): Word {
  return /^(true|false)$/i.test(text)
    ? { kind: "value", value: unquotedValue(text.toLowerCase()) }
    : { kind: "name", text };
}

function unquotedValue(text: string): Value {
  return { text, isQuoted: false };
}

function unquoted(text: string): string {
  const mark = text[0]!;
  return text.slice(1, -1).replace(/\\([\s\S])|''|""/g, (whole, escaped: string | undefined) => {
    if (escaped !== undefined) return escaped;
    return whole[0] === mark ? mark : whole;
  });
}

class Parser {
  readonly #words: readonly Word[];
  #next = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#words.length;
  }

  name(): string | undefined {
    const word = this.#words[this.#next];
    if (word?.kind !== "name") return undefined;
    this.#next++;
    return word.text;
  }

  value(): Value | undefined {
    const word = this.#words[this.#next];
    if (word?.kind !== "value") return undefined;
    this.#next++;
    return word.value;
  }

  /** Takes these keywords or marks if they come next, whatever their case. */
  take(...texts: readonly string[]): boolean {
    const isNext = texts.every((text, at) => {
      const word = this.#words[this.#next + at];
      return word && word.kind !== "value" && word.text.toUpperCase() === text;
    });
    if (isNext) this.#next += texts.length;
    return isNext;
  }
}

function conditionOf(parser: Parser): Condition | undefined {
  const name = parser.name();
  if (name === undefined || /^(NOT|GROUP|ORDER|LIMIT)$/i.test(name)) return undefined;
  if (parser.take("IS", "NULL")) return { name, operator: "IS NULL", values: [] };
  if (parser.take("IS", "NOT", "NULL")) return { name, operator: "IS NOT NULL", values: [] };
  if (parser.take("IN", "(")) {
    const values: Value[] = [];
    do {
      const value = parser.value();
      if (!value) return undefined;
      values.push(value);
    } while (parser.take(","));
    return parser.take(")") ? { name, operator: "IN", values } : undefined;
  }
  const operator = operators.find((each) => parser.take(each));
  const value = operator && parser.value();
  return operator && value ? { name, operator, values: [value] } : undefined;
}
