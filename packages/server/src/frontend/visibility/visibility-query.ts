/**
 * The filter of a list as its caller writes it: a subset of SQL's WHERE, by recursive descent.
 *
 *   query      = [or] [GROUP BY name {, name}] [ORDER BY name [ASC | DESC] {, name [ASC | DESC]}]
 *   or         = and {OR and}
 *   and        = not {AND not}
 *   not        = NOT not | ( or ) | comparison
 *   comparison = name operator value | name [NOT] IN (value {, value}) | name [NOT] BETWEEN value AND value
 *              | name [NOT] STARTS_WITH value | name IS [NOT] NULL
 *
 * What the names and values mean is not known here: see `visibility-filter.ts`.
 */
import { limits } from "../../limits.ts";
import { malformed, QueryError, type Word, wordsOf } from "./query-lexer.ts";

export type Literal =
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "number"; readonly value: number; readonly isInteger: boolean }
  | { readonly type: "boolean"; readonly value: boolean };

export const comparisons = ["=", "!=", "<", "<=", ">", ">="] as const;
export type Comparison = (typeof comparisons)[number];

/** One comparison of one attribute. */
export type Term =
  | { readonly type: "compare"; readonly name: string; readonly operator: Comparison; readonly value: Literal }
  | { readonly type: "in"; readonly name: string; readonly not: boolean; readonly values: readonly Literal[] }
  | {
      readonly type: "between";
      readonly name: string;
      readonly not: boolean;
      readonly low: Literal;
      readonly high: Literal;
    }
  | { readonly type: "startsWith"; readonly name: string; readonly not: boolean; readonly prefix: Literal }
  | { readonly type: "isNull"; readonly name: string; readonly not: boolean };

export type Expression =
  | { readonly type: "and"; readonly all: readonly Expression[] }
  | { readonly type: "or"; readonly all: readonly Expression[] }
  | { readonly type: "not"; readonly of: Expression }
  | Term;

export interface ParsedQuery {
  /** Undefined for all. */
  readonly where: Expression | undefined;
  readonly groupBy: readonly string[];
  readonly orderBy: readonly Ordering[];
}

export interface Ordering {
  readonly name: string;
  readonly isDescending: boolean;
}

/** Throws `QueryError`, and nothing else. */
export function parseQuery(query: string): ParsedQuery {
  if (query.length > limits.visibilityQueryBytesMax)
    throw new QueryError(`malformed SQL query: longer than ${limits.visibilityQueryBytesMax} bytes`);
  return new Parser(query).parse();
}

type NameWord = Extract<Word, { type: "name" }>;

class Parser {
  readonly #query: string;
  readonly #words: readonly Word[];
  #next = 0;
  #terms = 0;
  #depth = 0;

  constructor(query: string) {
    this.#query = query;
    this.#words = wordsOf(query);
  }

  parse(): ParsedQuery {
    const startsClause = this.#isKeyword("GROUP") || this.#isKeyword("ORDER") || this.#isKeyword("LIMIT");
    const where = this.#peek.type === "end" || startsClause ? undefined : this.#or();
    const groupBy = this.#groupBy();
    const orderBy = this.#orderBy();
    if (this.#isKeyword("LIMIT")) throw notSupported("'LIMIT' clause");
    if (this.#peek.type !== "end") throw this.#malformed();
    return { where, groupBy, orderBy };
  }

  #groupBy(): string[] {
    if (!this.#takeKeyword("GROUP")) return [];
    this.#expectKeyword("BY");
    const names = [this.#name().name];
    while (this.#takeSymbol(",")) names.push(this.#name().name);
    return names;
  }

  #orderBy(): Ordering[] {
    if (!this.#takeKeyword("ORDER")) return [];
    this.#expectKeyword("BY");
    const all = [this.#ordering()];
    while (this.#takeSymbol(",")) all.push(this.#ordering());
    return all;
  }

  #ordering(): Ordering {
    const { name } = this.#name();
    if (this.#takeKeyword("DESC")) return { name, isDescending: true };
    this.#takeKeyword("ASC");
    return { name, isDescending: false };
  }

  #or(): Expression {
    const all = [this.#and()];
    while (this.#takeKeyword("OR")) all.push(this.#and());
    return all.length === 1 ? all[0]! : { type: "or", all };
  }

  #and(): Expression {
    const all = [this.#not()];
    while (this.#takeKeyword("AND")) all.push(this.#not());
    return all.length === 1 ? all[0]! : { type: "and", all };
  }

  #not(): Expression {
    if (++this.#depth > limits.visibilityDepthMax)
      throw new QueryError(`malformed SQL query: nested deeper than ${limits.visibilityDepthMax}`);
    const expression = this.#operand();
    this.#depth--;
    return expression;
  }

  #operand(): Expression {
    if (this.#takeKeyword("NOT")) return { type: "not", of: this.#not() };
    if (!this.#takeSymbol("(")) return this.#comparison();
    const inner = this.#or();
    this.#expectSymbol(")");
    return inner;
  }

  #comparison(): Expression {
    if (++this.#terms > limits.visibilityTermsMax)
      throw new QueryError(`malformed SQL query: more than ${limits.visibilityTermsMax} comparisons`);
    const { name } = this.#name();
    const operator = this.#takeComparison();
    if (operator) return { type: "compare", name, operator, value: this.#literal() };
    if (this.#takeKeyword("IS")) return this.#isNull(name);
    const not = this.#takeKeyword("NOT");
    if (this.#takeKeyword("IN")) return { type: "in", name, not, values: this.#tuple() };
    if (this.#takeKeyword("STARTS_WITH")) return { type: "startsWith", name, not, prefix: this.#literal() };
    if (this.#takeKeyword("BETWEEN")) {
      const low = this.#literal();
      this.#expectKeyword("AND");
      return { type: "between", name, not, low, high: this.#literal() };
    }
    if (this.#takeSymbol("(")) throw notSupported("function expression");
    if (this.#isKeyword("LIKE")) throw notSupported("operator 'LIKE'");
    if (not || !this.#isBoundary()) throw this.#malformed();
    throw new QueryError("invalid expression: incomplete expression");
  }

  #isNull(name: string): Expression {
    const not = this.#takeKeyword("NOT");
    if (this.#takeKeyword("NULL")) return { type: "isNull", name, not };
    throw new QueryError("invalid expression: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'");
  }

  #tuple(): Literal[] {
    this.#expectSymbol("(");
    const values = [this.#literal()];
    while (this.#takeSymbol(",")) values.push(this.#literal());
    this.#expectSymbol(")");
    return values;
  }

  #literal(): Literal {
    const word = this.#peek;
    if (word.type === "text") {
      this.#next++;
      return { type: "text", value: word.value };
    }
    if (word.type === "name" && (word.keyword === "TRUE" || word.keyword === "FALSE")) {
      this.#next++;
      return { type: "boolean", value: word.keyword === "TRUE" };
    }
    if (word.type === "name")
      throw notSupported(
        `column name on the right side of comparison expression (did you forget to quote "${word.name}"?)`,
      );
    return this.#number();
  }

  #number(): Literal {
    const negative = this.#takeSymbol("-");
    if (!negative) this.#takeSymbol("+");
    const word = this.#peek;
    if (word.type !== "number") throw this.#malformed();
    this.#next++;
    // Never -0, which prints as 0.
    const value = negative && word.value !== 0 ? -word.value : word.value;
    return { type: "number", value, isInteger: word.isInteger };
  }

  #name(): NameWord {
    const word = this.#peek;
    if (word.type !== "name" || (word.keyword !== undefined && keywords.has(word.keyword))) throw this.#malformed();
    this.#next++;
    return word;
  }

  get #peek(): Word {
    return this.#words[this.#next]!;
  }

  #isKeyword(keyword: string): boolean {
    const word = this.#peek;
    return word.type === "name" && word.keyword === keyword;
  }

  #takeKeyword(keyword: string): boolean {
    if (!this.#isKeyword(keyword)) return false;
    this.#next++;
    return true;
  }

  #expectKeyword(keyword: string): void {
    if (!this.#takeKeyword(keyword)) throw this.#malformed();
  }

  #takeSymbol(symbol: string): boolean {
    const word = this.#peek;
    if (word.type !== "symbol" || word.symbol !== symbol) return false;
    this.#next++;
    return true;
  }

  #expectSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) throw this.#malformed();
  }

  #takeComparison(): Comparison | undefined {
    const word = this.#peek;
    const operator = word.type === "symbol" ? comparisons.find((one) => one === word.symbol) : undefined;
    if (operator) this.#next++;
    return operator;
  }

  /** Whether an expression may end before the next word. */
  #isBoundary(): boolean {
    const word = this.#peek;
    if (word.type === "end") return true;
    if (word.type === "symbol") return word.symbol === ")";
    return word.type === "name" && word.keyword !== undefined && boundaries.has(word.keyword);
  }

  #malformed(): QueryError {
    return malformed(this.#query, this.#peek.at);
  }
}

const boundaries = new Set(["AND", "OR", "GROUP", "ORDER", "LIMIT"]);
/** Names only in backticks. */
const keywords = new Set([
  ...boundaries,
  "NOT",
  "IN",
  "BETWEEN",
  "IS",
  "NULL",
  "TRUE",
  "FALSE",
  "STARTS_WITH",
  "LIKE",
  "BY",
]);

export function notSupported(what: string): QueryError {
  return new QueryError(`operation is not supported: ${what}`);
}
