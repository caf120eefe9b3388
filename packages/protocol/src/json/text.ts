/** JSON text and back without losing digits: a number that a double cannot hold keeps the text it had. */

/** A number as its text. `JSON.stringify` writes it as it is. */
export interface RawNumber {
  readonly rawJSON: string;
}

const exact = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** Why JSON could not become a message. `path` leads to the field, as in `taskQueue.name`; "" is the whole. */
export class JsonProblem extends Error {
  constructor(path: string, what: string) {
    super(path === "" ? what : `${path}: ${what}`);
    this.name = "JsonProblem";
  }
}

export const isRawNumber = exact.isRawJSON;

/** How deep arrays and objects may nest. Protobuf's own limit for messages is a hundred; payloads are the callers' own. */
const jsonDepthMax = 500;

/** Numbers that a double may not hold as they are: very long ones, and those with an exponent. */
const delicate = /[\d.]{16}|\d[eE][+-]?\d/;

/** Throws `JsonProblem` with the place. Never overflows the stack. */
export function parseJson(text: string): unknown {
  if (isNestedDeeper(text, jsonDepthMax))
    throw new JsonProblem("", `the JSON is nested deeper than ${jsonDepthMax} levels`);
  try {
    return delicate.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch (error) {
    throw new JsonProblem("", `the text is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === "number" && source !== undefined && delicate.test(source) && String(value) !== source
    ? exact.rawJSON(source)
    : value;
}

const character = {
  quote: 34,
  backslash: 92,
  openBracket: 91,
  closeBracket: 93,
  openBrace: 123,
  closeBrace: 125,
} as const;

function isNestedDeeper(text: string, max: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case character.quote:
        at = endOfString(text, at);
        break;
      case character.openBracket:
      case character.openBrace:
        if (++depth > max) return true;
        break;
      case character.closeBracket:
      case character.closeBrace:
        depth--;
    }
  }
  return false;
}

/** Where the string that begins at `from` has its closing quote; behind the text if it has none. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === character.quote) return at;
    if (code === character.backslash) at++;
  }
  return text.length;
}

/** What a value is called in a message to a person. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isRawNumber(value)) return "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}
