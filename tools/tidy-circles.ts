/**
 * Files import each other in no circle, so that each can be read after those it stands on. At run time there is none anywhere, because a module of a circle is
 * used before it has run. Types may form one where it is the thing itself: see `knots`.
 */
import { posix } from "node:path";
import type { CodeFile, Finding, Repository } from "./repository.ts";

/** Where types may form a circle within a folder, and why. */
export const knots: Readonly<Record<string, string>> = {
  "packages/sdk/src/client/": "a handle names its client",
  "packages/sdk/src/worker/": "options name plugins, which change options and are told of the worker",
  "packages/sdk/src/workflow/": "a run has a root scope, and scopes belong to the current run",
  "examples/": "activities and workflows know each other's types",
  "tests/": "what a test is made of may know its whole",
};

export function circleFindings({ code }: Repository): Finding[] {
  const byPath = new Map(code.map((file) => [file.path, file]));
  const circles = circlesOf(byPath, false);
  const known = new Set(circles.map(String));
  circles.push(...circlesOf(byPath, true).filter((circle) => !isKnot(circle) && !known.has(String(circle))));
  return circles.map((circle) => {
    const path = circle[0]!;
    const message = `imports itself by way of ${circle.slice(1).join(", ")}; give what they share a file of its own`;
    return { path, line: 1, rule: "circles", message };
  });
}

function isKnot(circle: readonly string[]): boolean {
  return Object.keys(knots).some((folder) => circle.every((path) => path.startsWith(folder)));
}

/** The largest groups in which each file leads to each other one, their paths in order. `types`: by imports of types, too. */
function circlesOf(files: ReadonlyMap<string, CodeFile>, types: boolean): string[][] {
  const indexes = new Map<string, number>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const found: string[][] = [];
  // Tarjan's: a group is what is left on the path when the file that was met first among them is done.
  const visit = (file: CodeFile): number => {
    const index = indexes.size;
    indexes.set(file.path, index);
    let low = index;
    path.push(file.path);
    onPath.add(file.path);
    for (const target of importsOf(file, types)) {
      const next = files.get(target);
      if (!next) continue;
      if (!indexes.has(target)) low = Math.min(low, visit(next));
      else if (onPath.has(target)) low = Math.min(low, indexes.get(target)!);
    }
    if (low === index) {
      const group = path.splice(path.indexOf(file.path));
      for (const one of group) onPath.delete(one);
      if (group.length > 1) found.push(group.sort());
    }
    return low;
  };
  for (const file of files.values()) if (!indexes.has(file.path)) visit(file);
  return found;
}

function importsOf({ path, references }: CodeFile, types: boolean): string[] {
  return references
    .filter(
      ({ kind, specifier }) => specifier.startsWith(".") && (kind === "import" || (types && kind === "typeImport")),
    )
    .map(({ specifier }) => posix.join(posix.dirname(path), specifier));
}
