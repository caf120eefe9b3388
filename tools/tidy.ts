/**
 * The rules of the repository that no linter knows. A rule is a function from sources to findings; a finding says where, which rule, and
 * what to write instead. tidy.test.ts runs them over the checkout, and over made-up sources to prove that each can fire.
 */
import { type Finding, readRepository, type Source } from "./repository.ts";
import { circleFindings } from "./tidy-circles.ts";
import { docstringFindings } from "./tidy-docstrings.ts";
import { documentFindings } from "./tidy-documents.ts";
import { doorFindings, importFindings } from "./tidy-imports.ts";
import { lengthFindings, nameFindings, textFindings, wordFindings } from "./tidy-words.ts";

/** Findings in the order of their places. */
export function tidy(sources: readonly Source[]): Finding[] {
  const repository = readRepository(sources);
  const found = [
    ...repository.code.flatMap((file) => [
      ...importFindings(file, repository),
      ...wordFindings(file),
      ...lengthFindings(file),
    ]),
    ...sources.flatMap((source) => [...nameFindings(source), ...textFindings(source)]),
    ...doorFindings(repository),
    ...circleFindings(repository),
    ...docstringFindings(repository),
    ...documentFindings(sources, repository),
  ];
  return found.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

export function print({ path, line, rule, message }: Finding): string {
  return `${path}:${line} [${rule}] ${message}`;
}
