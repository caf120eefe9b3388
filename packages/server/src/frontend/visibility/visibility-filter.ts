/** What a parsed list filter means: names become attributes, literals become values of their types. */
import { enums } from "@pawl/protocol";
import type { VisibilityFilter } from "@pawl/store";
import { QueryError } from "./query-lexer.ts";
import { type Attribute, typeName } from "./search-attribute.ts";
import { workflowStatuses } from "./status-name.ts";
import { parseDuration, parseTime } from "./time-text.ts";
import type { Expression, Literal, Term } from "./visibility-query.ts";

const { TEXT, KEYWORD, INT, DOUBLE, BOOL, DATETIME, KEYWORD_LIST } = enums.IndexedValueType;

/** The attribute that a name means; undefined when there is none. */
export type Resolve = (name: string) => Attribute | undefined;

export const namespaceDivision = "TemporalNamespaceDivision";

/** Rows of the server's own workloads are in a division, and shown only to who asks for it, or for groups by it. */
export function filterOf(
  where: Expression | undefined,
  groupBy: string | undefined,
  resolve: Resolve,
): VisibilityFilter {
  let asksForDivision = groupBy === namespaceDivision;
  const noting: Resolve = (name) => {
    const attribute = resolve(name);
    asksForDivision ||= attribute?.name === namespaceDivision;
    return attribute;
  };
  const filter = where && convert(where, noting);
  if (asksForDivision) return filter ?? { op: "and", all: [] };
  const undivided: VisibilityFilter = { op: "isNull", name: namespaceDivision };
  return filter ? { op: "and", all: [undivided, filter] } : undivided;
}

export function attributeOf(name: string, resolve: Resolve): Attribute {
  const attribute = resolve(name);
  if (attribute) return attribute;
  throw new QueryError(`invalid search attribute: ${name}`);
}

type Scalar = string | number | boolean;

function convert(expression: Expression, resolve: Resolve): VisibilityFilter {
  if (expression.type === "and" || expression.type === "or")
    return { op: expression.type, all: expression.all.map((one) => convert(one, resolve)) };
  if (expression.type === "not") return { op: "not", filter: convert(expression.of, resolve) };
  const attribute = attributeOf(expression.name, resolve);
  const name = attribute.column ?? attribute.name;
  checkOperator(attribute, expression);
  if (expression.type !== "isNull" && (attribute.type === TEXT || attribute.type === KEYWORD_LIST)) {
    const filter = memberFilter(attribute, name, expression);
    return isNegative(expression) ? { op: "not", filter } : filter;
  }
  switch (expression.type) {
    case "compare":
      return { op: expression.operator, name, value: valueFor(attribute, expression.value) };
    case "in": {
      const values = expression.values.map((literal) => valueFor(attribute, literal));
      return { op: expression.not ? "notIn" : "in", name, values };
    }
    case "between": {
      const low = valueFor(attribute, expression.low) as string | number;
      const high = valueFor(attribute, expression.high) as string | number;
      return { op: expression.not ? "notBetween" : "between", name, low, high };
    }
    case "startsWith":
      return {
        op: expression.not ? "notStartsWith" : "startsWith",
        name,
        prefix: String(valueFor(attribute, expression.prefix)),
      };
    case "isNull":
      return { op: expression.not ? "isNotNull" : "isNull", name };
    default:
      return expression satisfies never;
  }
}

/** Lists are asked for elements and texts for words. A run that lacks the attribute has none of them, as on the reference server. */
function memberFilter(attribute: Attribute, name: string, expression: Term): VisibilityFilter {
  const literals =
    expression.type === "in" ? expression.values : expression.type === "compare" ? [expression.value] : [];
  const values = literals.map((literal) => String(valueFor(attribute, literal)));
  if (attribute.type === KEYWORD_LIST) return { op: "contains", name, values };
  const [text = ""] = values;
  if (text.trim() !== "") return { op: "matches", name, text };
  throw new QueryError(`invalid expression: no tokens found filtering on Text type search attribute ${attribute.name}`);
}

function isNegative(expression: Term): boolean {
  return expression.type === "compare" ? expression.operator === "!=" : expression.not;
}

type Operator = "equal" | "order" | "in" | "between" | "startsWith" | "isNull";

const operatorsOf: Readonly<Record<number, readonly Operator[]>> = {
  [KEYWORD]: ["equal", "order", "in", "between", "startsWith", "isNull"],
  [KEYWORD_LIST]: ["equal", "in", "isNull"],
  [TEXT]: ["equal", "isNull"],
  [INT]: ["equal", "order", "in", "between", "isNull"],
  [DOUBLE]: ["equal", "order", "in", "between", "isNull"],
  [DATETIME]: ["equal", "order", "in", "between", "isNull"],
  [BOOL]: ["equal", "in", "isNull"],
};
/** Kept as a number whose order says nothing. */
const statusOperators: readonly Operator[] = ["equal", "in", "isNull"];

function checkOperator({ name, type }: Attribute, expression: Term): void {
  const legal = name === "ExecutionStatus" ? statusOperators : (operatorsOf[type] ?? []);
  const operator = operatorOf(expression);
  if (legal.includes(operator)) return;
  if (operator === "between")
    throw new QueryError(
      `invalid expression: cannot do range condition on search attribute '${name}' of type ${typeName(type)}`,
    );
  const written = expression.type === "compare" ? expression.operator : operator === "in" ? "in" : "starts_with";
  throw new QueryError(
    `operation is not supported: operator '${written}' not supported for ${typeName(type)} type search attribute '${name}'`,
  );
}

function operatorOf(expression: Term): Operator {
  if (expression.type !== "compare") return expression.type;
  return expression.operator === "=" || expression.operator === "!=" ? "equal" : "order";
}

function valueFor(attribute: Attribute, literal: Literal): Scalar {
  if (attribute.read) return attribute.read(literal) ?? wrongType(attribute, literal);
  if (attribute.name === "ExecutionStatus") return statusOf(literal);
  if (attribute.name === "ExecutionDuration") return durationOf(literal);
  switch (attribute.type) {
    case INT:
    case DOUBLE:
      if (literal.type === "number") return literal.value;
      break;
    case BOOL:
      if (literal.type === "boolean") return literal.value;
      break;
    case DATETIME:
      if (literal.type === "text") return timeOf(literal.value);
      if (literal.type === "number" && literal.isInteger) return literal.value / nsPerMs;
      break;
    case KEYWORD:
    case KEYWORD_LIST:
    case TEXT:
      if (literal.type === "text") return literal.value;
      break;
    default:
      break;
  }
  return wrongType(attribute, literal);
}

function wrongType({ name, type }: Attribute, literal: Literal): never {
  const goType = literal.type === "number" ? (literal.isInteger ? "int64" : "float64") : goTypes[literal.type];
  throw new QueryError(
    `invalid expression: invalid value type for search attribute ${name} of type ${typeName(type)}: ${shown(literal)} (type: ${goType})`,
  );
}

/** The reference server names the types of its own language. */
const goTypes = { text: "string", boolean: "bool" } as const;

const nsPerMs = 1e6;

function shown(literal: Literal): string {
  return literal.type === "text" ? JSON.stringify(literal.value) : String(literal.value);
}

function statusOf(literal: Literal): number {
  const status = literal.type === "boolean" ? undefined : workflowStatuses.statusOf(literal.value);
  if (status !== undefined) return status;
  const text = literal.type === "text" ? `'${literal.value}'` : String(literal.value);
  throw new QueryError(`invalid expression: invalid ExecutionStatus value ${text}`);
}

/** Milliseconds; a number is in nanoseconds. */
function durationOf(literal: Literal): number {
  if (literal.type === "number" && literal.isInteger) return literal.value / nsPerMs;
  const ms = literal.type === "text" ? parseDuration(literal.value) : undefined;
  if (ms !== undefined) return ms;
  throw new QueryError(
    `invalid expression: invalid duration value for search attribute ExecutionDuration: ${shown(literal)}`,
  );
}

function timeOf(text: string): number {
  const ms = parseTime(text);
  if (ms === undefined) throw new QueryError(`invalid expression: unable to parse datetime '${text}'`);
  return ms;
}
