/** Where two recordings differ: one line a field, `what.path: expected … but got …`. */
import type { Plain } from "./normalise.ts";

export function differences(expected: Plain | undefined, actual: Plain | undefined): string[] {
  const found: string[] = [];
  compare("", expected, actual, found);
  return found;
}

function compare(path: string, expected: Plain | undefined, actual: Plain | undefined, found: string[]): void {
  if (isNode(expected) && isNode(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const [left, right] = [ordered(path, expected), ordered(path, actual)];
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    for (const key of keys) compare(`${path}.${key}`, field(left, key), field(right, key), found);
  } else if (unordered(path, expected) !== unordered(path, actual))
    found.push(`${path}: expected ${shown(expected)} but got ${shown(actual)}`);
}

/** What of a workflow is paused is listed in the order of a Go map. */
function unordered(path: string, leaf: Plain | undefined): Plain | undefined {
  if (typeof leaf !== "string" || !path.endsWith(".TemporalPauseInfo.data")) return leaf;
  return JSON.stringify((JSON.parse(leaf) as string[]).sort());
}

/** The reference server lists pending activities in the order of a Go map, which is another each time. */
function ordered(path: string, node: Plain & object): Plain & object {
  if (!Array.isArray(node) || !path.endsWith(".pendingActivities")) return node;
  const idOf = (activity: Plain) => String(isNode(activity) ? field(activity, "activityId") : activity);
  return [...node].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
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
