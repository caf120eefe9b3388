/** Where two recordings differ: one line a field, `what.path: expected … but got …`. */
import type { Plain } from "./normalise.ts";

export function differences(expected: Plain | undefined, actual: Plain | undefined): string[] {
  const found: string[] = [];
  compare("", expected, actual, found);
  return found;
}

function compare(path: string, expected: Plain | undefined, actual: Plain | undefined, found: string[]): void {
  if (isNode(expected) && isNode(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    for (const key of keys) compare(`${path}.${key}`, field(expected, key), field(actual, key), found);
  } else if (expected !== actual) found.push(`${path}: expected ${shown(expected)} but got ${shown(actual)}`);
}

function isNode(value: Plain | undefined): value is Plain & object {
  return typeof value === "object" && value !== null;
}

function field(node: object, key: string): Plain | undefined {
  return (node as Record<string, Plain>)[key];
}

function shown(value: Plain | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
