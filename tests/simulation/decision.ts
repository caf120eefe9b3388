/** What a worker answers to a workflow task: a function of the run's program and of its history, so that any worker at any time says the same. */
import { type command, enums, type history, type Init } from "@pawl/protocol";
import {
  activity,
  applicationFailure,
  cancelActivity,
  cancelNexus,
  cancelTimer,
  cancelWorkflow,
  complete,
  continueAsNew,
  fail,
  marker,
  nexus,
  payload,
  signalExternal,
  text,
} from "../stories/requests.ts";
import type { ActivityScript, Program, Step } from "./program.ts";

type Event = history.HistoryEvent;
type Command = Init<command.Command>;

export const taskQueue = "q";
export const namespace = "orders";
/** The endpoint of the service whose operations workflows call, and the queue of its handlers. */
export const endpoint = "handlers";

/** What history says of the program's steps, by their ids. */
interface Seen {
  readonly issued: Set<string>;
  readonly over: Set<string>;
  readonly scheduledEventIds: Map<string, number>;
  readonly cancelled: Set<string>;
  signals: number;
  isCancelRequested: boolean;
}

export function programOf(events: readonly Event[]): Program {
  const data = events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads[0]?.data;
  return JSON.parse(new TextDecoder().decode(data)) as Program;
}

export function decide(events: readonly Event[], runId: string): Command[] {
  const { workflowId } = events[0]!.workflowExecutionStartedEventAttributes!;
  const program = programOf(events);
  const seen = look(events);
  if (seen.isCancelRequested) return [cancelWorkflow()];
  const commands: Command[] = [];
  for (const stage of program.stages) {
    for (const step of stage) commands.push(...commandsOf(step, seen, { workflowId, runId }));
    if (!stage.every((step) => isOver(step, seen))) return commands;
  }
  return [...commands, end(program)];
}

function end({ end }: Program): Command {
  if (end.type === "continueAsNew") return continueAsNew({ input: text(end.program) });
  return end.type === "complete" ? complete() : fail();
}

function isOver(step: Step, { over, issued, signals }: Seen): boolean {
  switch (step.do) {
    case "activity":
    case "timer":
    case "signalOther":
    case "cancelOther":
      return over.has(step.id);
    case "race":
      return over.has(step.id) && over.has(`${step.id}t`);
    case "nexus":
      return over.has(step.id) && (step.ms === undefined || over.has(`${step.id}t`));
    case "child":
      return step.awaited ? over.has(step.id) : issued.has(step.id);
    case "signals":
      return signals >= step.count;
    case "marker":
      // Nothing to wait for, but the marker itself must have been written once.
      return issued.has(step.id);
    default:
      return step satisfies never;
  }
}

function commandsOf(step: Step, seen: Seen, { workflowId, runId }: { workflowId: string; runId: string }): Command[] {
  if (step.do === "signals") return [];
  if (seen.issued.has(step.id)) return settle(step, seen);
  const { id } = step;
  // What was issued counts at once: the stage after a marker need not wait for another task.
  if (step.do === "marker" || (step.do === "child" && !step.awaited)) seen.issued.add(id);
  switch (step.do) {
    case "activity":
      return [act(id, step.script)];
    case "timer":
      return [sleep(id, step.ms)];
    case "race":
      return [act(id, step.script), sleep(`${id}t`, step.ms)];
    case "nexus":
      return [operation(step), ...(step.ms === undefined ? [] : [sleep(`${id}t`, step.ms)])];
    case "child":
      return [childOf(`${workflowId}/${id}`, step.program, step.policy)];
    case "signalOther":
      return [signalExternal(step.workflowId, { namespace, signalName: `other ${runId} ${id}`, control: id })];
    case "cancelOther":
      return [
        {
          commandType: enums.CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
          requestCancelExternalWorkflowExecutionCommandAttributes: {
            namespace,
            workflowId: step.workflowId,
            control: id,
          },
        },
      ];
    case "marker":
      return [marker({ markerName: id })];
    default:
      return step satisfies never;
  }
}

function settle(step: Step, seen: Seen): Command[] {
  if (step.do === "race") return settleRace(step.id, seen, cancelActivity);
  return step.do === "nexus" && step.ms !== undefined ? settleRace(step.id, seen, cancelNexus) : [];
}

function settleRace(
  id: string,
  { over, scheduledEventIds, cancelled }: Seen,
  cancel: (scheduledEventId: number) => Command,
): Command[] {
  const [activityOver, timerOver] = [over.has(id), over.has(`${id}t`)];
  if (activityOver && !timerOver) {
    over.add(`${id}t`);
    return [cancelTimer(`${id}t`)];
  }
  if (timerOver && !activityOver && !cancelled.has(id)) return [cancel(scheduledEventIds.get(id)!)];
  return [];
}

function duration(ms: number) {
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1e6 };
}

function sleep(timerId: string, ms: number): Command {
  return {
    commandType: enums.CommandType.START_TIMER,
    startTimerCommandAttributes: { timerId, startToFireTimeout: duration(ms) },
  };
}

function act(activityId: string, script: ActivityScript): Command {
  return activity(taskQueue, {
    activityId,
    input: { payloads: [payload(script)] },
    startToCloseTimeout: duration(20_000),
    heartbeatTimeout: duration(script.heartbeats > 0 ? 10_000 : 0),
    retryPolicy: {
      initialInterval: duration(500),
      maximumInterval: duration(10_000),
      maximumAttempts: script.attemptsMax,
    },
  });
}

function operation({ id, timeoutMs, script }: Extract<Step, { do: "nexus" }>): Command {
  return nexus(endpoint, {
    operation: id,
    input: payload(script),
    nexusHeader: {},
    ...(timeoutMs > 0 && { scheduleToCloseTimeout: duration(timeoutMs) }),
  });
}

function childOf(workflowId: string, program: Program, parentClosePolicy: number): Command {
  return {
    commandType: enums.CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: {
      namespace,
      workflowId,
      workflowType: { name: "T" },
      taskQueue: { name: taskQueue },
      input: text(program),
      parentClosePolicy: parentClosePolicy as enums.ParentClosePolicy,
      workflowIdReusePolicy: enums.WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    },
  };
}

export const brokenActivity = (isFinal: boolean) => applicationFailure("broken", { nonRetryable: isFinal });

function look(events: readonly Event[]): Seen {
  const ids = new Map<number, string>();
  const seen: Seen = {
    issued: new Set(),
    over: new Set(),
    scheduledEventIds: new Map(),
    cancelled: new Set(),
    signals: 0,
    isCancelRequested: false,
  };
  for (const event of events) {
    const issued = issuedBy(event);
    if (issued !== undefined) {
      ids.set(event.eventId, issued);
      seen.issued.add(issued);
      const canBeCancelled = event.activityTaskScheduledEventAttributes ?? event.nexusOperationScheduledEventAttributes;
      if (canBeCancelled) seen.scheduledEventIds.set(issued, event.eventId);
    }
    const over = endedBy(event);
    if (over !== undefined) seen.over.add(ids.get(over) ?? "");
    const asked =
      event.activityTaskCancelRequestedEventAttributes?.scheduledEventId ??
      event.nexusOperationCancelRequestedEventAttributes?.scheduledEventId;
    if (asked !== undefined) seen.cancelled.add(ids.get(asked) ?? "");
    const cancelledTimer = event.timerCanceledEventAttributes?.timerId;
    if (cancelledTimer !== undefined) seen.over.add(cancelledTimer);
    if (event.workflowExecutionSignaledEventAttributes) seen.signals += 1;
    if (event.workflowExecutionCancelRequestedEventAttributes) seen.isCancelRequested = true;
  }
  return seen;
}

function issuedBy(event: Event): string | undefined {
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId;
  return (
    event.activityTaskScheduledEventAttributes?.activityId ??
    event.timerStartedEventAttributes?.timerId ??
    event.nexusOperationScheduledEventAttributes?.operation ??
    (child === undefined ? undefined : child.slice(child.lastIndexOf("/") + 1)) ??
    event.signalExternalWorkflowExecutionInitiatedEventAttributes?.control ??
    event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes?.control ??
    event.markerRecordedEventAttributes?.markerName
  );
}

/** The event that began what this one ends. */
function endedBy(event: Event): number | undefined {
  const scheduled =
    event.nexusOperationCompletedEventAttributes ??
    event.nexusOperationFailedEventAttributes ??
    event.nexusOperationTimedOutEventAttributes ??
    event.nexusOperationCanceledEventAttributes ??
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  const initiated =
    event.startChildWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes ??
    event.childWorkflowExecutionTerminatedEventAttributes ??
    event.childWorkflowExecutionTimedOutEventAttributes ??
    event.externalWorkflowExecutionSignaledEventAttributes ??
    event.signalExternalWorkflowExecutionFailedEventAttributes ??
    event.externalWorkflowExecutionCancelRequestedEventAttributes ??
    event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
  return scheduled?.scheduledEventId ?? event.timerFiredEventAttributes?.startedEventId ?? initiated?.initiatedEventId;
}
