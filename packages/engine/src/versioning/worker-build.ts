/** What is remembered of the worker's build when it completes a workflow task: a reset point, and search attributes by which runs are found. */
import { limits } from "../limits.ts";
import { addResetPoint, type Build } from "../reset/reset-point.ts";
import { keywordList } from "../run/derived-attribute.ts";
import type { Run } from "../state/run.ts";

/** What runs of workers without versioning have among their `BuildIds`. */
export const unversioned = "unversioned";

export function rememberBuild(
  run: Run,
  build: Build & { readonly isVersioned: boolean },
  completed: { eventId: number; atMs: number },
): void {
  const added = addResetPoint(run, build, completed);
  // What runs of versioned workers have is in `version-index.ts`.
  if (!build.isVersioned) {
    const before = keywords(run, "BuildIds");
    const { buildId } = build;
    const own = buildId === "" ? [] : [`${unversioned}:${escaped(buildId)}`];
    const now = [...new Set([unversioned, ...before, ...own])];
    if (now.length !== before.length) setKeywords(run, "BuildIds", now);
  }
  if (added && build.binaryChecksum !== "")
    setKeywords(
      run,
      "BinaryChecksums",
      run.resetPoints.map(({ binaryChecksum }) => binaryChecksum).filter((checksum) => checksum !== ""),
    );
}

/** The colon separates the kind from the id. */
function escaped(buildId: string): string {
  return buildId.replaceAll("|", "||").replaceAll(":", "|:");
}

/** The values of a search attribute that is a list of keywords and that only the server sets. */
export function keywords(run: Run, name: string): readonly string[] {
  const payload = run.searchAttributes?.indexedFields[name];
  if (!payload) return [];
  try {
    const values: unknown = JSON.parse(new TextDecoder().decode(payload.data));
    return Array.isArray(values) ? values.map(String) : [];
  } catch {
    // A workflow may set these attributes too, to anything; then what it set is replaced.
    return [];
  }
}

/** Sets it, or takes it away when there are no values. */
export function setKeywords(run: Run, name: string, values: readonly string[]): void {
  const { [name]: _, ...others } = run.searchAttributes?.indexedFields ?? {};
  const indexedFields =
    values.length === 0 ? others : { ...others, [name]: keywordList(values.slice(-limits.resetPointsMax)) };
  run.searchAttributes = { indexedFields };
  run.changes.core = true;
  run.changes.visibility = true;
}
