/** What is pointed at must be there: links between documents with their headings, and documents named in comments. */
import { posix } from "node:path";
import type { CodeFile, Finding, Repository, Source } from "./repository.ts";
import { lineAt } from "./source-text.ts";

export function documentFindings(sources: readonly Source[], { code }: Repository): Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const documents = sources.filter(({ path }) => path.endsWith(".md"));
  return [
    ...documents.flatMap((document) => linkFindings(document, byPath)),
    ...code.flatMap((file) => mentionFindings(file, byPath)),
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

function mentionFindings({ path, comments }: CodeFile, byPath: ReadonlyMap<string, Source>): Finding[] {
  const known = (name: string) => [...byPath.keys()].some((other) => other === name || other.endsWith(`/${name}`));
  return [...comments.matchAll(/(?<![\w/.*-])[\w./-]*\w\.md\b/g)]
    .filter(([name]) => !known(name))
    .map((match) => ({
      path,
      line: lineAt(comments, match.index),
      rule: "documents",
      message: `"${match[0]}" is not in the repository; say here what it says, or name a document that is`,
    }));
}
