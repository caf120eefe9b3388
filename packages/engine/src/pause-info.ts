import type { common } from "@pawl/protocol";
import type { Run } from "./run.ts";

/** The search attribute by which lists find workflows that have paused activities. */
const pauseInfo = "TemporalPauseInfo";
const metadata = { encoding: new TextEncoder().encode("json/plain"), type: new TextEncoder().encode("KeywordList") };

/** The workflow's own search attributes, and the one that follows from what is paused. */
export function shownSearchAttributes(run: Run): common.SearchAttributes {
  const own = run.searchAttributes ?? { indexedFields: {} };
  const types = new Set<string>();
  for (const { paused, activityType } of run.activities.values()) if (paused) types.add(activityType);
  if (types.size === 0) return own;
  const values = [...types].sort().map((type) => `property:activityType=${type}`);
  const payload = { metadata, data: new TextEncoder().encode(JSON.stringify(values)), externalPayloads: [] };
  return { indexedFields: { ...own.indexedFields, [pauseInfo]: payload } };
}
