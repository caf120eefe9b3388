/** The pending activities of runs as the store has them, for whoever looks through many runs and is to leave no trace in anybody's cache. */
import type { workflow as api, Init } from "@pawl/protocol";
import { pendingActivity } from "../run/describe.ts";
import { restore } from "../run/snapshot.ts";
import { pendingStandalone } from "../standalone/standalone-describe.ts";
import { restoreStandalone } from "../standalone/standalone-snapshot.ts";
import type { Attempts } from "../state/activity.ts";
import { isOpen } from "../state/run.ts";

export interface StoredActivity {
  /** What tells it from others of its run, and by which they come in order; 0 for a standalone one. */
  readonly scheduledEventId: number;
  /** "" for a standalone one. */
  readonly workflowType: string;
  readonly taskQueue: string;
  /** When the present attempt was begun; null while it waits for a worker. */
  readonly startedAtMs: number | null;
  readonly info: Init<api.PendingActivityInfo>;
}

export interface StoredRunBytes {
  readonly kind: "workflow" | "activity";
  readonly snapshot: Uint8Array;
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

/** In the order in which they were scheduled; none of a closed run. Throws when the snapshot is of a version that this build does not know. */
export function storedActivities({ kind, snapshot, parts }: StoredRunBytes): StoredActivity[] {
  if (kind === "activity") {
    const run = restoreStandalone(snapshot, parts);
    if (run.status.type === "closed") return [];
    const { attempts } = run;
    const { taskQueue } = attempts.options;
    return [
      {
        scheduledEventId: 0,
        workflowType: "",
        taskQueue,
        startedAtMs: startedAtMsOf(attempts),
        info: pendingStandalone(run),
      },
    ];
  }
  const run = restore(snapshot, parts);
  if (!isOpen(run)) return [];
  return [...run.activities.values()]
    .sort((a, b) => a.scheduledEventId - b.scheduledEventId)
    .map((activity) => ({
      scheduledEventId: activity.scheduledEventId,
      workflowType: run.start.workflowType,
      taskQueue: activity.options.taskQueue,
      startedAtMs: startedAtMsOf(activity),
      info: pendingActivity(activity),
    }));
}

function startedAtMsOf({ status }: Attempts): number | null {
  return status.type === "started" ? status.startedAtMs : null;
}
