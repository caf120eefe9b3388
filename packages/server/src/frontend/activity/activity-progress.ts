/** How far a pending activity has come, for whoever watches it. */
import { type ActivitySelector, Rejection } from "@pawl/engine";
import { workflow as api } from "@pawl/protocol";
import type { Parts } from "../parts.ts";
import { activityIdProblem, ownerKey } from "./activity.ts";

export interface WatchedActivity {
  readonly key: ReturnType<typeof ownerKey>;
  readonly selector: ActivitySelector;
}

export interface ActivityProgress {
  readonly runId: string;
  /** What tells the activity from a later one of the same id. */
  readonly scheduledEventId: number;
  /** An encoded `temporal.api.workflow.v1.PendingActivityInfo`. */
  readonly info: Uint8Array;
}

/** "" for the run id: the current run; for the workflow id: an activity without a workflow. */
export function watchedActivity(
  { namespaces }: Pick<Parts, "namespaces">,
  ids: { readonly namespace: string; readonly workflowId: string; readonly runId: string; readonly activityId: string },
): WatchedActivity | Rejection {
  const namespace = namespaces.byName(ids.namespace);
  if (namespace instanceof Rejection) return namespace;
  const { runId, activityId } = ids;
  const problem = activityIdProblem({ ...ids, identity: "" });
  return problem ?? { key: ownerKey(namespace.id, ids), selector: { by: "id", runId, activityId } };
}

/** NOT_FOUND once the activity has ended. */
export async function activityProgress(
  { ring }: Pick<Parts, "ring">,
  { key, selector }: WatchedActivity,
): Promise<ActivityProgress | Rejection> {
  const found = await ring.submit(key, { type: "locateActivity", activity: selector });
  if (found instanceof Rejection) return found;
  const { runId, scheduledEventId } = found.activity;
  return { runId, scheduledEventId, info: api.PendingActivityInfo.encode(found.info) };
}
