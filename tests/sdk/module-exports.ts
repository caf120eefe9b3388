/** The names that a module exports, types included, read from its source or its declarations and from whatever it exports again. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const declared =
  /^export (?:declare )?(?:default )?(?:abstract |async )*(?:class|function\*?|const enum|const|let|var|interface|type|enum|namespace) +([\w$]+)/gm;
const destructured = /^export declare const ([\w$]+):[^\n]*, ([\w$]+):/gm;
const listed = /^export (?:type )?\{([^}]*)\}(?: from ["']([^"']+)["'])?/gm;
const again = /^export (?:type )?\* from ["']([^"']+)["']/gm;

/** `resolvePackage`: where a module of another package lies; `undefined` leaves it out. */
export function exportedNames(
  file: string,
  resolvePackage: (specifier: string) => string | undefined = () => undefined,
): ReadonlySet<string> {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const names = new Set<string>();
  for (const [, name] of text.matchAll(declared)) names.add(name!);
  for (const [, first, second] of text.matchAll(destructured)) {
    names.add(first!);
    names.add(second!);
  }
  for (const [, list] of text.matchAll(listed)) {
    const entries = list!.replace(/\/\/[^\n]*/g, "").split(",");
    for (const entry of entries) {
      const name = entry
        .trim()
        .replace(/^type /, "")
        .split(/ as /)
        .at(-1)!
        .trim();
      if (name !== "") names.add(name);
    }
  }
  for (const [, specifier] of text.matchAll(again)) {
    const target = specifier!.startsWith(".") ? fileOf(join(dirname(file), specifier!)) : resolvePackage(specifier!);
    if (target) for (const name of exportedNames(target, resolvePackage)) names.add(name);
  }
  return names;
}

function fileOf(path: string): string {
  const found = [path, `${path}.d.ts`, join(path, "index.d.ts")].find((each) => /\.ts$/.test(each) && existsSync(each));
  if (!found) throw new Error(`no module at ${path}`);
  return found;
}
