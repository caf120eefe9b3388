/** The words of a list filter: names, literals, operators, each with the place where it stands. */

export type Word =
  /** `keyword` is the name in upper case, unless it was written in backticks. */
  | { readonly type: "name"; readonly name: string; readonly keyword: string | undefined; readonly at: number }
  | { readonly type: "text"; readonly value: string; readonly at: number }
  | { readonly type: "number"; readonly value: number; readonly isInteger: boolean; readonly at: number }
  | { readonly type: "symbol"; readonly symbol: string; readonly at: number }
  | { readonly type: "end"; readonly at: number };

/** Every refusal of a filter: its text begins with the class of the mistake, as the reference server's does. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

export function malformed(query: string, at: number): QueryError {
  const near = query.slice(at, at + nearCharsMax).trim();
  // Counted from 1, as people count.
  const where = near === "" ? "" : ` near '${near}'`;
  return new QueryError(`malformed SQL query: syntax error at position ${at + 1}${where}`);
}

const nearCharsMax = 40;
const space = /\s+/y;
const name = /[\p{L}_$@][\p{L}\p{N}_$@.]*/uy;
const number = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const symbol = /<=|>=|<>|!=|&&|\|\||[=<>(),+-]/y;
/** Keywords written as symbols, as MySQL has them. */
const keywordOf: Readonly<Record<string, string>> = { "&&": "AND", "||": "OR" };

/** Ends with one `end`. Throws `QueryError`. */
export function wordsOf(query: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(query)?.[0];
  };
  for (;;) {
    at += match(space)?.length ?? 0;
    const first = query[at];
    if (first === undefined) break;
    if (first === "'" || first === '"' || first === "`") {
      const { value, end } = quoted(query, at);
      words.push(first === "`" ? { type: "name", name: value, keyword: undefined, at } : { type: "text", value, at });
      at = end;
      continue;
    }
    const found = match(name) ?? match(number) ?? match(symbol);
    if (found === undefined) throw malformed(query, at);
    words.push(wordOf(query, found, at));
    at += found.length;
  }
  return [...words, { type: "end", at: query.length }];
}

function wordOf(query: string, found: string, at: number): Word {
  const first = found[0]!;
  if (/[\d.]/.test(first)) {
    const value = Number(found);
    if (!Number.isFinite(value)) throw malformed(query, at);
    return { type: "number", value, isInteger: /^\d+$/.test(found), at };
  }
  if (/[=<>!(),+-]/.test(first)) return { type: "symbol", symbol: found === "<>" ? "!=" : found, at };
  return { type: "name", name: found, keyword: keywordOf[found] ?? found.toUpperCase(), at };
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", "0": "\0", Z: "\x1a" };

/** A quote is written twice, or after a backslash as MySQL has it; in a name in backticks a backslash is itself. */
function quoted(query: string, start: number): { value: string; end: number } {
  const quote = query[start]!;
  let value = "";
  for (let at = start + 1; at < query.length; at++) {
    const char = query[at]!;
    if (char === quote && query[at + 1] === quote) {
      value += quote;
      at++;
    } else if (char === quote) {
      if (quote === "`" && value === "") break;
      return { value, end: at + 1 };
    } else if (char === "\\" && quote !== "`") {
      const escaped = query[++at];
      if (escaped === undefined) break;
      value += escapes[escaped] ?? escaped;
    } else value += char;
  }
  throw malformed(query, start);
}
