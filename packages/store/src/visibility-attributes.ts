/** Search attributes as the JSON text of a visibility row, and the path of one attribute in it. */

import type { SearchValue } from "./store.ts";

/** SQLite's JSON paths have no escape that all its versions agree on, so that a name never holds a character that would need one. */
const unsafeInPath = /["\\%]/g;

function storedName(name: string): string {
  return name.replace(unsafeInPath, (char) => `%${char.charCodeAt(0).toString(16)}`);
}

export function attributesJson(attributes: Readonly<Record<string, SearchValue>>): string {
  const names = Object.keys(attributes);
  if (names.length === 0) return "{}";
  return JSON.stringify(Object.fromEntries(names.map((name) => [storedName(name), attributes[name]])));
}

export function attributePath(name: string): string {
  return `$."${storedName(name)}"`;
}
