/** Search attributes as the JSON text of a visibility row, and the path of one attribute in it. */

import type { SearchValue } from "../store.ts";
import { textWords } from "./text-words.ts";

/** SQLite's JSON paths have no escape that all its versions agree on, so that a name never holds a character that would need one. */
const unsafeInPath = /["\\%]/g;

export function storedName(name: string): string {
  return name.replace(unsafeInPath, (char) => `%${char.charCodeAt(0).toString(16)}`);
}

export function attributesJson(attributes: Readonly<Record<string, SearchValue>>): string {
  const names = Object.keys(attributes);
  if (names.length === 0) return "{}";
  return JSON.stringify(Object.fromEntries(names.map((name) => [storedName(name), storedValue(attributes[name]!)])));
}

/** A value as JSON holds it: a text with its words, in an object, which no other value is. */
export type StoredValue =
  | Exclude<SearchValue, { text: string }>
  | { readonly text: string; readonly words: readonly string[] };

export function storedValue(value: SearchValue): StoredValue {
  return typeof value === "object" && "text" in value ? { text: value.text, words: textWords(value.text) } : value;
}

export function givenValue(value: StoredValue): SearchValue {
  return typeof value === "object" && "text" in value ? { text: value.text } : value;
}

/** What `attributesJson` was made of. */
export function attributesOfJson(json: string): Record<string, SearchValue> {
  const stored = JSON.parse(json) as Record<string, StoredValue>;
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [givenName(name), givenValue(value)]));
}

function givenName(name: string): string {
  return name.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

export function attributePath(name: string): string {
  return `$."${storedName(name)}"`;
}

/** The words of an attribute that is a text. */
export function wordsPath(name: string): string {
  return `${attributePath(name)}.words`;
}
