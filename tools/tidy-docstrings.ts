/** What users import says what it is: every export of a public door has a docstring, whichever file it is declared in. */
import { posix } from "node:path";
import type { CodeFile, Finding, Repository } from "./repository.ts";
import { lineAt } from "./source-text.ts";

/** The packages that programs of users import. */
const publicPackages: ReadonlySet<string> = new Set(["@pawl/sdk", "@pawl/server", "@pawl/testing", "pawl"]);

export function docstringFindings({ code, packages }: Repository): Finding[] {
  const files = new Map(code.map((file) => [file.path, file]));
  const doors = [...packages].flatMap(([name, { doors: own }]) => (publicPackages.has(name) ? [...own.values()] : []));
  const found = new Map<string, Finding>();
  for (const door of doors)
    for (const { name, file, at } of exportedFrom(door, files).values()) {
      if (hasDocstring(file.text, at)) continue;
      const line = lineAt(file.text, at);
      const message = `${name} can be imported from ${door} and has no docstring; say above it what a caller must know`;
      found.set(`${file.path}:${line}`, { path: file.path, line, rule: "docstrings", message });
    }
  return [...found.values()];
}

/** The first of its name: of overloads, or of a value and the type beside it, that one is what editors show. */
interface Declaration {
  readonly name: string;
  readonly file: CodeFile;
  readonly at: number;
}

type Exported = Map<string, Declaration>;

const declaration =
  /^(export )?(?:declare )?(?:abstract |async )*(?:class|function\*?|const|let|interface|type) +([\w$]+)/gm;
const list = /^export (?:type )?\{([^}]*)\}(?: from "( *)")?/gm;
const everything = /^export (?:type )?\* from "( *)"/gm;
const imported = /^import (?:type )?\{([^}]*)\} from "( *)"/gm;

/** What is exported by files of this repository; names of other packages speak for themselves there. */
function exportedFrom(path: string, files: ReadonlyMap<string, CodeFile>): Exported {
  const found: Exported = new Map();
  const file = files.get(path);
  if (!file) return found;
  const { code, text } = file;
  const sourceOf = (match: RegExpMatchArray, quoted: string): Exported => {
    const end = match.index! + match[0].length - 1;
    return exportedFrom(posix.join(posix.dirname(path), text.slice(end - quoted.length, end)), files);
  };
  const take = (source: Exported, entries: readonly Entry[]) => {
    for (const { own, name } of entries) {
      const declared = source.get(own);
      if (declared) found.set(name, declared);
    }
  };
  for (const match of code.matchAll(everything))
    for (const [name, declared] of sourceOf(match, match[1]!)) found.set(name, declared);
  const listed: Entry[] = [];
  for (const match of code.matchAll(list)) {
    const entries = entriesOf(match[1]!);
    if (match[2] === undefined) listed.push(...entries);
    else take(sourceOf(match, match[2]), entries);
  }
  // What a list without a source names is imported or declared in the file itself.
  for (const match of listed.length > 0 ? code.matchAll(imported) : []) {
    const entries = entriesOf(match[1]!).flatMap(({ own, name: here }) =>
      listed.filter((entry) => entry.own === here).map(({ name }) => ({ own, name })),
    );
    if (entries.length > 0) take(sourceOf(match, match[2]!), entries);
  }
  const own: Exported = new Map();
  for (const { index, 1: isExported, 2: name = "" } of code.matchAll(declaration)) {
    if (own.has(name)) continue;
    own.set(name, { name, file, at: index });
    if (isExported) found.set(name, own.get(name)!);
  }
  take(own, listed);
  return found;
}

interface Entry {
  readonly own: string;
  readonly name: string;
}

/** `a, type b as c`: a under its own name, b under that of c. */
function entriesOf(names: string): Entry[] {
  return names
    .split(",")
    .map((entry) => entry.trim().replace(/^type /, ""))
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [own = "", name = own] = entry.split(/\s+as\s+/);
      return { own, name };
    });
}

/** A comment at the head of a file, with a blank line behind it, is about the file. */
function hasDocstring(text: string, at: number): boolean {
  const before = text.slice(0, at).replace(/(?:(?<=^|\n)\/\/.*\n)+$/, "");
  return before.endsWith("*/\n") && before.lastIndexOf("/**") > before.lastIndexOf("*/", before.length - 4);
}
