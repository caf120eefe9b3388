/** What a reset takes over from the events after its point: what the outside world has said, not what the workflow did about it. */
import { enums, type history, toTimestamp, type workflowservice } from "@pawl/protocol";
import { foldNexus, nexusEndOf, scheduledEventIdOf } from "../nexus/nexus-rebuild.ts";
import { childEndOf, unpost } from "../rebuild/rebuild-pending.ts";
import { write } from "../run/history.ts";
import type { Child, Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import { reapplyUpdate } from "../update/update.ts";
import { reapplyOptions } from "../workflow/workflow-options.ts";

const { EventType, ResetReapplyExcludeType: Exclude, ResetReapplyType } = enums;

type Excluded = ReadonlySet<enums.ResetReapplyExcludeType>;

const excludable = [Exclude.SIGNAL, Exclude.UPDATE, Exclude.NEXUS, Exclude.CANCEL_REQUEST] as const;

/** The older field says what to include, the newer one what not to; both count. */
export function excludedTypes({
  resetReapplyType,
  resetReapplyExcludeTypes,
}: Pick<workflowservice.ResetWorkflowExecutionRequest, "resetReapplyType" | "resetReapplyExcludeTypes">): Excluded {
  const excluded = new Set(resetReapplyExcludeTypes);
  if (resetReapplyType === ResetReapplyType.SIGNAL) excluded.add(Exclude.UPDATE);
  if (resetReapplyType === ResetReapplyType.NONE) excluded.add(Exclude.SIGNAL).add(Exclude.UPDATE);
  return excluded;
}

/** Then not even what cannot be excluded by itself is taken over, like in the reference server. */
export function takesNothing(excluded: Excluded): boolean {
  return excludable.every((type) => excluded.has(type));
}

/** Whether a reset looks at events of this kind at all, so that others need not be kept for it. */
export function isTakenOver(event: history.HistoryEvent): boolean {
  switch (event.eventType) {
    case EventType.WORKFLOW_EXECUTION_SIGNALED:
    case EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED:
    case EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
    case EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED:
    case EventType.CHILD_WORKFLOW_EXECUTION_STARTED:
      return true;
    case EventType.NEXUS_OPERATION_STARTED:
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED:
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED:
      return true;
    default:
      return childEndOf(event) !== undefined || nexusEndOf(event) !== undefined;
  }
}

/** Writes into `run` what `event` of the run before says, if it is one that is taken over. */
export function reapply(run: Run, step: Step, event: history.HistoryEvent, excluded: Excluded): void {
  if (!isTakenOver(event)) return;
  const signal = event.workflowExecutionSignaledEventAttributes;
  if (signal) {
    if (!excluded.has(Exclude.SIGNAL)) reapplySignal(run, step, event, signal);
    return;
  }
  const request =
    event.workflowExecutionUpdateAdmittedEventAttributes?.request ??
    // An accepted update without its request follows an admitted one, which has it.
    event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest;
  if (request && !excluded.has(Exclude.UPDATE)) reapplyUpdate(run, step, request);
  reapplyOptions(run, step, event);
  if (!excluded.has(Exclude.NEXUS)) reapplyNexus(run, step, event);
  const child = childOf(run, event);
  if (child) reapplyChild(run, step, event, child);
}

/** Whoever repeats the signal is known by its request id, as before. */
function reapplySignal(
  run: Run,
  step: Step,
  { links }: history.HistoryEvent,
  { signalName, input, header, identity, requestId }: history.WorkflowExecutionSignaledEventAttributes,
): void {
  run.signalCount += 1;
  if (requestId !== "") run.signalRequestIds.add(requestId);
  write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_SIGNALED,
    links,
    workflowExecutionSignaledEventAttributes: { signalName, input, header, identity, requestId },
  });
}

/** What became of an operation that was scheduled before the point. */
function reapplyNexus(run: Run, step: Step, event: history.HistoryEvent): void {
  const operation = run.nexusOperations.get(scheduledEventIdOf(event));
  if (!operation) return;
  const started = event.eventType === EventType.NEXUS_OPERATION_STARTED;
  if (started ? operation.status.type === "started" : !nexusEndOf(event) && !operation.cancellation) return;
  const { eventId: _, eventTime: __, taskId: ___, ...told } = event;
  const eventId = write(run, step.nowMs, told);
  foldNexus(run, { ...event, eventId, eventTime: toTimestamp(step.nowMs) });
}

/** The pending child that the event is about. One that was asked for after the point is no child of the new run. */
function childOf(run: Run, event: history.HistoryEvent): Child | undefined {
  const about = event.childWorkflowExecutionStartedEventAttributes ?? childEndOf(event);
  return about && run.children.get(about.initiatedEventId);
}

function reapplyChild(run: Run, step: Step, event: history.HistoryEvent, child: Child): void {
  const { initiatedEventId } = child;
  const started = event.childWorkflowExecutionStartedEventAttributes;
  if (started && child.status.type === "started") return;
  const startedEventId = child.status.type === "started" ? child.status.startedEventId : 0;
  const { eventId: _, eventTime: __, taskId: ___, ...told } = event;
  const end = childEndOf(event);
  // The child's start has an id of the new run's.
  if (end && "startedEventId" in end) end.startedEventId = startedEventId;
  const eventId = write(run, step.nowMs, told);
  unpost(run, initiatedEventId);
  if (!started) {
    run.children.delete(initiatedEventId);
    return;
  }
  const runId = started.workflowExecution?.runId ?? "";
  run.children.set(initiatedEventId, { ...child, status: { type: "started", runId, startedEventId: eventId } });
}
