/** What is pointed at must be there: links between documents with their headings, and files named in comments and in the documents for maintainers. */
import { posix } from "node:path";
import type { Finding, Repository, Source } from "./repository.ts";
import { lineAt } from "./source-text.ts";

export function documentFindings(sources: readonly Source[], { code }: Repository): Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const documents = sources.filter(({ path }) => path.endsWith(".md"));
  return [
    ...documents.flatMap((document) => linkFindings(document, byPath)),
    ...mentionFindings(
      [
        ...code.map(({ path, comments }) => ({ path, text: comments })),
        // Pages for users name files that the reader writes.
        ...documents.filter(({ path }) => !path.includes("/")),
      ],
      byPath,
    ),
  ];
}

function linkFindings({ path, text }: Source, byPath: ReadonlyMap<string, Source>): Finding[] {
  return [...text.matchAll(/\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?\)/g)].flatMap((match) => {
    const [, file = "", heading] = match;
    const targetPath = file === "" ? path : posix.join(posix.dirname(path), file);
    const target = byPath.get(targetPath);
    const isFolder = [...byPath.keys()].some((other) => other.startsWith(`${targetPath}/`));
    const at = (message: string): Finding[] => [{ path, line: lineAt(text, match.index), rule: "documents", message }];
    if (!target) return isFolder ? [] : at(`the link leads to ${targetPath}, which is not there`);
    if (heading !== undefined && !headingsOf(target.text).has(heading))
      return at(`${targetPath} has no heading #${heading}; it has ${[...headingsOf(target.text)].join(", ")}`);
    return [];
  });
}

/** As GitHub makes anchors of them. */
function headingsOf(text: string): Set<string> {
  const titles = [...text.matchAll(/^#+ +(.+)$/gm)].map(([, title = ""]) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}

function mentionFindings(texts: readonly Source[], byPath: ReadonlyMap<string, Source>): Finding[] {
  // A source may be named without the folders that every package has: `server/limits.ts` is packages/server/src/limits.ts.
  const short = (path: string) => path.replace(/^packages\/([\w-]+)\/src\//, "$1/");
  const ends = new Set([...byPath.keys()].flatMap((path) => [...endsOf(path), ...endsOf(short(path))]));
  return texts.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![\w/.*<-])[\w.-][\w./-]*\.(?:md|tsx?)\b(?!\()/g)]
      .filter(([name]) => !ends.has(name))
      .map((match) => ({
        path,
        line: lineAt(text, match.index),
        rule: "documents",
        message: `"${match[0]}" is not in the repository; say here what it says, or name a file that is`,
      })),
  );
}

/** `a/b/c`, `b/c` and `c`. */
function endsOf(path: string): string[] {
  const names = path.split("/");
  return names.map((_, index) => names.slice(index).join("/"));
}
