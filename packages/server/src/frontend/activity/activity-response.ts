/** What a worker is given for an activity task: PollActivityTaskQueueResponse. */
import { Rejection, type StartedActivityTask } from "@pawl/engine";
import { history, type Init, toDuration, toTimestamp, type workflowservice } from "@pawl/protocol";
import { readEvent } from "../history/history-page.ts";
import type { Parts } from "../parts.ts";

/** Undefined when the run has been deleted since the task was started. */
export async function activityTaskResponse(
  { store, tokens, namespaces }: Pick<Parts, "store" | "tokens" | "namespaces">,
  started: StartedActivityTask,
): Promise<Init<workflowservice.PollActivityTaskQueueResponse> | undefined> {
  const { namespaceId, workflowId, activity, activityId } = started;
  const scheduled = started.scheduled ?? (await readScheduled(store, activity));
  if (!scheduled) return undefined;
  const { input, header } = scheduled;
  const namespace = namespaces.byId(namespaceId);
  return {
    taskToken: tokens.seal({ kind: "activity", namespaceId, workflowId, activityId, ...activity }),
    workflowNamespace: namespace instanceof Rejection ? "" : namespace.name,
    ...(workflowId === ""
      ? { workflowExecution: {}, activityRunId: activity.runId }
      : { workflowExecution: { workflowId, runId: activity.runId }, workflowType: { name: started.workflowType } }),
    activityType: { name: started.activityType },
    activityId,
    header,
    input,
    heartbeatDetails: started.heartbeatDetails,
    scheduledTime: toTimestamp(started.scheduledAtMs),
    currentAttemptScheduledTime: toTimestamp(started.attemptScheduledAtMs),
    startedTime: toTimestamp(started.startedAtMs),
    attempt: started.attempt,
    scheduleToCloseTimeout: toDuration(started.scheduleToCloseTimeoutMs),
    startToCloseTimeout: toDuration(started.startToCloseTimeoutMs),
    heartbeatTimeout: toDuration(started.heartbeatTimeoutMs),
    retryPolicy: started.retryPolicy,
    priority: started.priority,
  };
}

/** Input and header of an activity that memory no longer has: from its scheduled event. */
async function readScheduled(
  store: Parts["store"],
  { runId, scheduledEventId }: StartedActivityTask["activity"],
): Promise<Pick<history.ActivityTaskScheduledEventAttributes, "input" | "header"> | undefined> {
  const event = await readEvent(store, runId, scheduledEventId);
  const attributes = event && history.History.decode(event).events[0]?.activityTaskScheduledEventAttributes;
  if (attributes) return attributes;
  const [stored] = await store.loadRuns([runId]);
  if (!stored) return undefined;
  throw new Error(`event ${scheduledEventId} of run ${runId} is not the scheduling of an activity`);
}
