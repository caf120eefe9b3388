/**
 * Writing history: dense ids, times that never decrease, and the order that SDK replayers rely on.
 *
 *   H1. Ids are 1..N without gaps, given when an event is written, never to a buffered one.
 *   H2. While a workflow task is started, what happens outside is buffered; what its completion commands is written.
 *   H3. The buffer is flushed in order of arrival, except that the ends of activities, children and Nexus operations come last.
 *   H4. A workflow task's started event ends its batch, so that a batch never straddles what one poll sends and the next.
 */
import { enums, history, toTimestamp } from "@pawl/protocol";
import { hashedHistory } from "../state/history-hash.ts";
import type { EventBatch, HistoryEventInit, Run } from "../state/run.ts";
import type { WorkflowTask } from "../state/workflow-task.ts";
import { noteRequest } from "../workflow/attached-request.ts";
import { scheduledEvent, startedEvent } from "../workflow-task/workflow-task-events.ts";
import { countExternalPayloads } from "./external-payload.ts";

/** How much of the newest history a run keeps in memory for its next poll. */
const tailBytesMax = 256 * 1024;

/** Writes an event now and returns its id. */
export function write(run: Run, nowMs: number, event: HistoryEventInit): number {
  writeSpeculative(run);
  run.arrivedLast = 0;
  const eventId = run.nextEventId++;
  run.lastEventAtMs = Math.max(run.lastEventAtMs, nowMs);
  // A started event of an activity keeps its true, earlier time; everything else happens now.
  run.open.push({ ...event, eventId, taskId: eventId, eventTime: event.eventTime ?? toTimestamp(run.lastEventAtMs) });
  return eventId;
}

/** A speculative workflow task becomes a normal one as soon as anything else is written. */
function writeSpeculative(run: Run): void {
  const task = run.workflowTask;
  if (task.type !== "none" && task.speculative) writeShownTask(run, task);
}

/** Writes the events of a workflow task that was only shown so far. They take the ids they were shown with. */
export function writeShownTask(run: Run, task: Exclude<WorkflowTask, { type: "none" }>): void {
  run.workflowTask = { ...task, speculative: false, transient: false };
  write(run, task.scheduledAtMs, scheduledEvent(run, task));
  if (task.type !== "started") return;
  write(run, task.startedAtMs, startedEvent(task));
  sealBatch(run);
}

/** Writes what happened outside the workflow's code, or buffers it while a workflow task is in flight (H2). Tells whether it was written. */
export function happen(run: Run, nowMs: number, event: HistoryEventInit): boolean {
  if (run.workflowTask.type === "started") {
    // The buffer outlives this process, so the task whose end flushes it must, too.
    writeSpeculative(run);
    run.buffered.push(event);
    run.changes.core = true;
    return false;
  }
  const { arrivedLast } = run;
  write(run, nowMs, event);
  run.arrivedLast = arrivedLast + 1;
  return true;
}

const endsLast = new Set<number>([
  enums.EventType.ACTIVITY_TASK_COMPLETED,
  enums.EventType.ACTIVITY_TASK_FAILED,
  enums.EventType.ACTIVITY_TASK_TIMED_OUT,
  enums.EventType.ACTIVITY_TASK_CANCELED,
  enums.EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED,
  enums.EventType.CHILD_WORKFLOW_EXECUTION_FAILED,
  enums.EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
  enums.EventType.CHILD_WORKFLOW_EXECUTION_CANCELED,
  enums.EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED,
  enums.EventType.NEXUS_OPERATION_COMPLETED,
  enums.EventType.NEXUS_OPERATION_FAILED,
  enums.EventType.NEXUS_OPERATION_CANCELED,
  enums.EventType.NEXUS_OPERATION_TIMED_OUT,
]);

/** Writes the buffered events (H3) and tells whether there were any. */
export function flushBuffer(run: Run, nowMs: number): boolean {
  if (run.buffered.length === 0) return false;
  const buffered = run.buffered;
  run.buffered = [];
  const startedIds = new Map<number, number>();
  for (const event of buffered) {
    if (endsLast.has(event.eventType ?? 0)) continue;
    const eventId = write(run, nowMs, event);
    const activity = event.activityTaskStartedEventAttributes?.scheduledEventId;
    const child = event.childWorkflowExecutionStartedEventAttributes?.initiatedEventId;
    const attached = event.workflowExecutionOptionsUpdatedEventAttributes?.attachedRequestId;
    if (attached) noteRequest(run, attached, eventId);
    if (activity ?? child) startedIds.set((activity ?? child)!, eventId);
    const pending = run.children.get(child ?? 0);
    if (pending?.status.type === "started") {
      run.children.set(pending.initiatedEventId, {
        ...pending,
        status: { ...pending.status, startedEventId: eventId },
      });
      run.changes.parts.add(`c/${pending.initiatedEventId}`);
    }
  }
  for (const event of buffered)
    if (endsLast.has(event.eventType ?? 0)) write(run, nowMs, withStartedId(event, startedIds));
  return true;
}

/** A buffered end could not name its started event, which had no id yet. */
function withStartedId(event: HistoryEventInit, startedIds: ReadonlyMap<number, number>): HistoryEventInit {
  for (const [field, attributes] of Object.entries(event)) {
    if (!field.endsWith("EventAttributes") || typeof attributes !== "object") continue;
    const { scheduledEventId, initiatedEventId } = attributes as {
      scheduledEventId?: number;
      initiatedEventId?: number;
    };
    const startedEventId = startedIds.get(scheduledEventId ?? initiatedEventId ?? 0);
    if (startedEventId !== undefined) return { ...event, [field]: { ...attributes, startedEventId } };
  }
  return event;
}

/** Encodes the events written since the last batch. Called after a started event (H4) and at the end of each command. */
export function sealBatch(run: Run): void {
  run.arrivedLast = 0;
  const first = run.open[0];
  if (!first) return;
  countExternalPayloads(run, run.open);
  const bytes = history.History.encode({ events: run.open });
  const batch: EventBatch = { firstEventId: first.eventId!, lastEventId: run.nextEventId - 1, bytes };
  run.open = [];
  keepBatch(run, batch);
  run.changes.core = true;
  // A copy of its own: encoders hand out slices of large pooled buffers, and one kept for long keeps its whole pool.
  run.tail.push({ ...batch, bytes: new Uint8Array(bytes) });
  run.tailBytes += bytes.length;
  if (run.tailBytes > tailBytesMax) dropTail(run);
}

/** Adds a batch to what is to be written, and to the figures of the history. */
export function keepBatch(run: Run, batch: EventBatch): void {
  run.historySizeBytes += batch.bytes.length;
  if (run.historyHash !== undefined) run.historyHash = hashedHistory(run.historyHash, batch.bytes);
  run.changes.batches.push(batch);
}

export function dropTail(run: Run): void {
  run.tail = [];
  run.tailBytes = 0;
}

/** Forgets batches that no poll of a cached worker asks for any more: those up to the last completed workflow task's start. */
export function trimTail(run: Run): void {
  while (run.tail.length > 0 && run.tail[0]!.lastEventId <= run.lastCompletedStartedEventId) {
    run.tailBytes -= run.tail.shift()!.bytes.length;
  }
}

/** Events `from..to` when memory holds them all, as encoded `events` fields. Call after `sealBatch`. */
export function tailEvents(run: Run, fromEventId: number, toEventId: number): Uint8Array | undefined {
  const batches = run.tail.filter((batch) => batch.lastEventId >= fromEventId && batch.firstEventId <= toEventId);
  if (batches[0]?.firstEventId !== fromEventId || batches.at(-1)!.lastEventId !== toEventId) return undefined;
  if (batches.length === 1) return batches[0].bytes;
  const bytes = new Uint8Array(batches.reduce((sum, batch) => sum + batch.bytes.length, 0));
  let offset = 0;
  for (const batch of batches) {
    bytes.set(batch.bytes, offset);
    offset += batch.bytes.length;
  }
  return bytes;
}
