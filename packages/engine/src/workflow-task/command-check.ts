/**
 * Whether the commands that workflow code asks for can be carried out. All are checked before any is applied, so a wrong one
 * leaves the run as it was: its workflow task fails and the code may be fixed.
 */
import { type command, durationMs, enums, type protocol, type workflowservice } from "@pawl/protocol";
import { scheduleProblem } from "../activity/activity.ts";
import { startChildProblem } from "../family/child-workflow.ts";
import { cancelExternalProblem, signalExternalProblem } from "../family/external-workflow.ts";
import { limits } from "../limits.ts";
import { nexusHeaderProblem, scheduleNexusProblem } from "../nexus/nexus-command.ts";
import { nexusEndOf } from "../nexus/nexus-rebuild.ts";
import { pascalCase } from "../pascal-case.ts";
import { payloadBytes, payloadMapBytes, payloadsBytes } from "../payload-size.ts";
import { Rejection } from "../rejection.ts";
import type { Message } from "../state/message.ts";
import type { Run } from "../state/run.ts";
import { messagesProblem, onlyReject } from "../update/update.ts";
import { continueAsNewProblem } from "../workflow/chain.ts";
import { hasBufferedFiring } from "../workflow/timer.ts";

const { CommandType, WorkflowTaskFailedCause: Cause } = enums;

export type Problem =
  /** The workflow task fails with this cause. */
  | { readonly type: "failTask"; readonly cause: enums.WorkflowTaskFailedCause; readonly message: string }
  /** The run is terminated: it asked for something beyond a hard limit. */
  | { readonly type: "terminate"; readonly cause: enums.WorkflowTaskFailedCause; readonly message: string }
  /** The request itself makes no sense and changes nothing. */
  | { readonly type: "refuse"; readonly rejection: Rejection };

const closing: readonly number[] = [
  CommandType.COMPLETE_WORKFLOW_EXECUTION,
  CommandType.FAIL_WORKFLOW_EXECUTION,
  CommandType.CANCEL_WORKFLOW_EXECUTION,
  CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
];

function isClosing(one: command.Command): boolean {
  return closing.includes(one.commandType);
}

/** What the run would look like after the commands checked so far. */
interface Ahead {
  readonly activityIds: Set<string>;
  readonly cancelledActivities: Set<number>;
  /** The id that the event of the next command gets: a worker can foresee it, and cancel what it schedules at once. */
  nextEventId: number;
  /** Scheduled event ids of activities that this completion schedules. */
  readonly newActivities: Set<number>;
  readonly timerIds: Set<string>;
  buffered: number;
  children: number;
  signals: number;
  cancellations: number;
  /** Workflow ids of children that this completion starts. */
  readonly newChildren: Set<string>;
  readonly nexusEndpointIds: ReadonlyMap<string, string>;
  nexusOperations: number;
  /** Scheduled event ids of operations that this completion schedules. */
  readonly newNexusOperations: Set<number>;
  readonly cancelledNexusOperations: Set<number>;
}

type Completion = Pick<workflowservice.RespondWorkflowTaskCompletedRequest, "commands" | "messages">;

/** The first thing that is wrong with the commands, or undefined. */
export function checkCommands(
  run: Run,
  { commands, messages }: Completion,
  nexusEndpointIds: ReadonlyMap<string, string>,
): Problem | undefined {
  for (const [index, one] of commands.entries()) {
    if (!(one.commandType in checks))
      return {
        type: "refuse",
        rejection: new Rejection(
          "INVALID_ARGUMENT",
          `unknown command type: ${one.commandType === CommandType.UNSPECIFIED ? "Unspecified" : one.commandType}`,
        ),
      };
    if (isClosing(one) && index < commands.length - 1) return { type: "refuse", rejection: mustBeLast(commands, one) };
  }
  const ahead: Ahead = {
    activityIds: new Set(run.activityIds.keys()),
    cancelledActivities: new Set(),
    nextEventId: firstCommandEventId(run),
    newActivities: new Set(),
    timerIds: new Set(run.timers.keys()),
    buffered: run.buffered.length,
    children: run.children.size,
    signals: pendingMessages(run, "signalExternal"),
    cancellations: pendingMessages(run, "cancelExternal"),
    newChildren: new Set(),
    nexusEndpointIds,
    nexusOperations: run.nexusOperations.size,
    newNexusOperations: new Set(),
    cancelledNexusOperations: new Set(),
  };
  for (const one of commands) {
    const problem = checks[one.commandType as CheckedType](run, one, ahead);
    if (problem) return problem;
    if (!isRejection(one, messages)) ahead.nextEventId += 1;
  }
  return checkMessages(run, commands, messages);
}

/** Behind the event that completes the workflow task, and those of a task that was only shown so far. */
function firstCommandEventId({ workflowTask: task, nextEventId }: Run): number {
  const isShown = task.type === "started" && (task.speculative || task.transient);
  return nextEventId + (isShown ? 3 : 1);
}

/** The one command that writes no event: it points to the rejection of an update. */
function isRejection(
  { protocolMessageCommandAttributes: pointer }: command.Command,
  messages: readonly protocol.Message[],
): boolean {
  const message = pointer && messages.find(({ id }) => id === pointer.messageId);
  return message !== undefined && onlyReject([message]);
}

function mustBeLast(commands: readonly command.Command[], closing: command.Command): Rejection {
  const names = commands.map(({ commandType }) => commandName(commandType)).join(", ");
  const message = `invalid command sequence: [${names}], command ${commandName(closing.commandType)} must be the last command.`;
  return new Rejection("INVALID_ARGUMENT", message);
}

function commandName(type: enums.CommandType): string {
  const [name = ""] = Object.entries(CommandType).find(([, value]) => value === type) ?? [];
  return pascalCase(name);
}

/** Messages count in the order of the commands that point to them, the others after them. */
function checkMessages(
  run: Run,
  commands: readonly command.Command[],
  messages: readonly protocol.Message[],
): Problem | undefined {
  const rest = new Map(messages.map((message) => [message.id, message]));
  // Commands point to messages by id, so an id must mean one.
  if (rest.size < messages.length)
    return failTask(Cause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE, "two messages have the same ID");
  const ordered: protocol.Message[] = [];
  for (const { protocolMessageCommandAttributes: pointer } of commands) {
    if (!pointer) continue;
    const message = rest.get(pointer.messageId);
    if (!message)
      return failTask(
        Cause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE,
        `ProtocolMessageCommand referenced absent message ID ${pointer.messageId}`,
      );
    rest.delete(message.id);
    ordered.push(message);
  }
  const problem = messagesProblem(run, [...ordered, ...rest.values()]);
  return problem === undefined ? undefined : failTask(Cause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE, problem);
}

type Check = (run: Run, one: command.Command, ahead: Ahead) => Problem | undefined;
/** The command types that this engine knows. */
export type CheckedType = keyof typeof checks;

function failTask(cause: enums.WorkflowTaskFailedCause, message: string): Problem {
  return { type: "failTask", cause, message };
}

function tooLong(field: string, command: string, value: string): string {
  return `${field} on ${command} exceeds length limit. ${field}=${value} Length=${value.length} Limit=${limits.idBytesMax}`;
}

function tooLarge(cause: enums.WorkflowTaskFailedCause, what: string): Problem {
  return { type: "terminate", cause, message: `${what} exceeds size limit.` };
}

const checkClose =
  (cause: enums.WorkflowTaskFailedCause, problem: (one: command.Command) => string | undefined): Check =>
  (_run, one, ahead) => {
    if (ahead.buffered > 0) return failTask(Cause.UNHANDLED_COMMAND, "UnhandledCommand");
    const message = problem(one);
    return message === undefined ? undefined : failTask(cause, message);
  };

const checks = {
  [CommandType.SCHEDULE_ACTIVITY_TASK]: (run, one, ahead) => {
    const attributes = one.scheduleActivityTaskCommandAttributes;
    if (!attributes)
      return failTask(
        Cause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
        "ScheduleActivityTaskCommandAttributes is not set on ScheduleActivityTaskCommand.",
      );
    const problem = scheduleProblem(attributes, run.start.runTimeoutMs);
    if (problem !== undefined) return failTask(Cause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES, problem);
    if (payloadsBytes(attributes.input) > limits.blobBytesMax)
      return tooLarge(Cause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES, "ScheduleActivityTaskCommandAttributes.Input");
    if (ahead.activityIds.size >= limits.pendingActivitiesMax) {
      return failTask(
        Cause.PENDING_ACTIVITIES_LIMIT_EXCEEDED,
        `the number of pending activities, ${ahead.activityIds.size}, has reached the per-workflow limit of ${limits.pendingActivitiesMax}`,
      );
    }
    if (ahead.activityIds.has(attributes.activityId))
      return failTask(
        Cause.SCHEDULE_ACTIVITY_DUPLICATE_ID,
        `invalid history builder state for action: add-activitytask-scheduled-event, ActivityID: ${attributes.activityId}`,
      );
    ahead.activityIds.add(attributes.activityId);
    ahead.newActivities.add(ahead.nextEventId);
    return undefined;
  },
  [CommandType.REQUEST_CANCEL_ACTIVITY_TASK]: (run, one, ahead) => {
    const attributes = one.requestCancelActivityTaskCommandAttributes;
    const scheduledEventId = attributes?.scheduledEventId ?? 0;
    const bad = (message: string) => failTask(Cause.BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES, message);
    if (!attributes)
      return bad("RequestCancelActivityTaskCommandAttributes is not set on RequestCancelActivityTaskCommand.");
    if (scheduledEventId <= 0) return bad("ScheduledEventId is not set on RequestCancelActivityTaskCommand.");
    // An activity scheduled by this very completion has an id that the worker can foresee.
    const known =
      run.activities.has(scheduledEventId) ||
      hasBufferedEnd(run, scheduledEventId) ||
      ahead.newActivities.has(scheduledEventId);
    if (!known || ahead.cancelledActivities.has(scheduledEventId) || isCancelRequested(run, scheduledEventId)) {
      return bad(
        `invalid history builder state for action: add-activitytask-cancel-requested-event, ScheduledEventID: ${scheduledEventId}`,
      );
    }
    ahead.cancelledActivities.add(scheduledEventId);
    return undefined;
  },
  [CommandType.START_TIMER]: (_run, one, ahead) => {
    const attributes = one.startTimerCommandAttributes;
    if (!attributes)
      return failTask(Cause.BAD_START_TIMER_ATTRIBUTES, "StartTimerCommandAttributes is not set on StartTimerCommand.");
    if (attributes.timerId === "")
      return failTask(Cause.BAD_START_TIMER_ATTRIBUTES, "TimerId is not set on StartTimerCommand.");
    if (attributes.timerId.length > limits.idBytesMax)
      return failTask(Cause.BAD_START_TIMER_ATTRIBUTES, tooLong("TimerId", "StartTimerCommand", attributes.timerId));
    if (durationMs(attributes.startToFireTimeout) < 0)
      return failTask(
        Cause.BAD_START_TIMER_ATTRIBUTES,
        `An invalid StartToFireTimeout is set on StartTimerCommand: negative duration. TimerId=${attributes.timerId}`,
      );
    if (ahead.timerIds.has(attributes.timerId))
      return failTask(
        Cause.START_TIMER_DUPLICATE_ID,
        `invalid history builder state for action: add-timer-started-event, TimerID: ${attributes.timerId}`,
      );
    ahead.timerIds.add(attributes.timerId);
    return undefined;
  },
  [CommandType.CANCEL_TIMER]: (run, one, ahead) => {
    if (!one.cancelTimerCommandAttributes)
      return failTask(
        Cause.BAD_CANCEL_TIMER_ATTRIBUTES,
        "CancelTimerCommandAttributes is not set on CancelTimerCommand.",
      );
    const { timerId } = one.cancelTimerCommandAttributes;
    if (timerId === "") return failTask(Cause.BAD_CANCEL_TIMER_ATTRIBUTES, "TimerId is not set on CancelTimerCommand.");
    if (timerId.length > limits.idBytesMax)
      return failTask(Cause.BAD_CANCEL_TIMER_ATTRIBUTES, tooLong("TimerId", "CancelTimerCommand", timerId));
    if (ahead.timerIds.delete(timerId)) return undefined;
    if (!hasBufferedFiring(run, timerId))
      return failTask(
        Cause.BAD_CANCEL_TIMER_ATTRIBUTES,
        `invalid history builder state for action: add-timer-canceled-event, TimerID: ${timerId}`,
      );
    ahead.buffered -= 1;
    return undefined;
  },
  [CommandType.RECORD_MARKER]: (_run, one) => {
    const attributes = one.recordMarkerCommandAttributes;
    if (!attributes)
      return failTask(
        Cause.BAD_RECORD_MARKER_ATTRIBUTES,
        "RecordMarkerCommandAttributes is not set on RecordMarkerCommand.",
      );
    if (attributes.markerName === "")
      return failTask(Cause.BAD_RECORD_MARKER_ATTRIBUTES, "MarkerName is not set on RecordMarkerCommand.");
    if (attributes.markerName.length > limits.idBytesMax)
      return failTask(
        Cause.BAD_RECORD_MARKER_ATTRIBUTES,
        tooLong("MarkerName", "RecordMarkerCommand", attributes.markerName),
      );
    const bytes = Object.values(attributes.details).reduce((sum, payloads) => sum + payloadsBytes(payloads), 0);
    return bytes > limits.blobBytesMax
      ? tooLarge(Cause.BAD_RECORD_MARKER_ATTRIBUTES, "RecordMarkerCommandAttributes.Details")
      : undefined;
  },
  [CommandType.COMPLETE_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const problem = checkClose(
      Cause.BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
      ({ completeWorkflowExecutionCommandAttributes: a }) =>
        a ? undefined : "CompleteWorkflowExecutionCommandAttributes is not set on CompleteWorkflowExecutionCommand.",
    )(run, one, ahead);
    if (problem) return problem;
    return payloadsBytes(one.completeWorkflowExecutionCommandAttributes?.result) > limits.blobBytesMax
      ? // The reference server gives this cause.
        tooLarge(Cause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES, "CompleteWorkflowExecutionCommandAttributes.Result")
      : undefined;
  },
  [CommandType.FAIL_WORKFLOW_EXECUTION]: checkClose(
    Cause.BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES,
    ({ failWorkflowExecutionCommandAttributes: a }) =>
      a
        ? a.failure
          ? undefined
          : "Failure is not set on FailWorkflowExecutionCommand."
        : "FailWorkflowExecutionCommandAttributes is not set on FailWorkflowExecutionCommand.",
  ),
  [CommandType.CANCEL_WORKFLOW_EXECUTION]: checkClose(
    Cause.BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES,
    ({ cancelWorkflowExecutionCommandAttributes: a }) =>
      a ? undefined : "CancelWorkflowExecutionCommandAttributes is not set on CancelWorkflowExecutionCommand.",
  ),
  [CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const problem = checkClose(
      Cause.BAD_CONTINUE_AS_NEW_ATTRIBUTES,
      ({ continueAsNewWorkflowExecutionCommandAttributes: a }) => continueAsNewProblem(run, a),
    )(run, one, ahead);
    if (problem) return problem;
    return payloadsBytes(one.continueAsNewWorkflowExecutionCommandAttributes?.input) > limits.blobBytesMax
      ? tooLarge(Cause.BAD_CONTINUE_AS_NEW_ATTRIBUTES, "ContinueAsNewWorkflowExecutionCommandAttributes. Input")
      : undefined;
  },
  [CommandType.START_CHILD_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const attributes = one.startChildWorkflowExecutionCommandAttributes;
    const problem = attributes
      ? startChildProblem(run, attributes)
      : "StartChildWorkflowExecutionCommandAttributes is not set.";
    if (problem !== undefined || !attributes)
      return failTask(Cause.BAD_START_CHILD_EXECUTION_ATTRIBUTES, problem ?? "");
    if (payloadsBytes(attributes.input) > limits.blobBytesMax)
      return tooLarge(
        Cause.BAD_START_CHILD_EXECUTION_ATTRIBUTES,
        "StartChildWorkflowExecutionCommandAttributes. Input",
      );
    if (payloadMapBytes(attributes.memo?.fields) > limits.blobBytesMax)
      return tooLarge(Cause.BAD_START_CHILD_EXECUTION_ATTRIBUTES, "StartChildWorkflowExecutionCommandAttributes.Memo");
    ahead.children += 1;
    ahead.newChildren.add(attributes.workflowId);
    return ahead.children > limits.pendingChildrenMax
      ? tooManyPending(
          Cause.PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED,
          "child workflow executions",
          limits.pendingChildrenMax,
        )
      : undefined;
  },
  [CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const attributes = one.signalExternalWorkflowExecutionCommandAttributes;
    const problem = attributes
      ? signalExternalProblem(run, attributes)
      : "SignalExternalWorkflowExecutionCommandAttributes is not set on SignalExternalWorkflowExecutionCommand.";
    if (problem !== undefined) return failTask(Cause.BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES, problem);
    if (payloadsBytes(attributes?.input) > limits.blobBytesMax)
      return tooLarge(
        Cause.BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES,
        "SignalExternalWorkflowExecutionCommandAttributes.Input",
      );
    ahead.signals += 1;
    return ahead.signals > limits.pendingSignalsMax
      ? tooManyPending(Cause.PENDING_SIGNALS_LIMIT_EXCEEDED, "signals to external workflows", limits.pendingSignalsMax)
      : undefined;
  },
  [CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const attributes = one.requestCancelExternalWorkflowExecutionCommandAttributes;
    const bad = (message: string) => failTask(Cause.BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES, message);
    const problem = attributes
      ? cancelExternalProblem(run, attributes)
      : "RequestCancelExternalWorkflowExecutionCommandAttributes is not set on RequestCancelExternalWorkflowExecutionCommand.";
    if (problem !== undefined || !attributes) return bad(problem ?? "");
    if (ahead.newChildren.has(attributes.workflowId))
      return bad(
        `Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId=${attributes.workflowId} RunId=${attributes.runId} Namespace=${attributes.namespace}`,
      );
    ahead.cancellations += 1;
    return ahead.cancellations > limits.pendingCancelRequestsMax
      ? tooManyPending(
          Cause.PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED,
          "requests to cancel external workflows",
          limits.pendingCancelRequestsMax,
        )
      : undefined;
  },
  [CommandType.SCHEDULE_NEXUS_OPERATION]: (_run, one, ahead) => {
    const attributes = one.scheduleNexusOperationCommandAttributes;
    const cause = Cause.BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES;
    if (!attributes) return failTask(cause, "empty ScheduleNexusOperationCommandAttributes");
    const problem = scheduleNexusProblem(attributes, ahead.nexusEndpointIds);
    if (problem !== undefined) return failTask(cause, problem);
    if (attributes.input && payloadBytes(attributes.input) > limits.blobBytesMax)
      return {
        type: "terminate",
        cause,
        message: "ScheduleNexusOperationCommandAttributes.Input exceeds size limit",
      };
    const badHeader = nexusHeaderProblem(attributes);
    if (badHeader !== undefined) return failTask(cause, badHeader);
    const max = limits.pendingNexusOperationsMax;
    if (ahead.nexusOperations >= max)
      return failTask(
        Cause.PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED,
        `workflow has reached the pending nexus operation limit of ${max} for this namespace`,
      );
    ahead.nexusOperations += 1;
    ahead.newNexusOperations.add(ahead.nextEventId);
    return undefined;
  },
  [CommandType.REQUEST_CANCEL_NEXUS_OPERATION]: (run, one, ahead) => {
    const attributes = one.requestCancelNexusOperationCommandAttributes;
    const bad = (message: string) => failTask(Cause.BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES, message);
    if (!attributes) return bad("empty CancelNexusOperationCommandAttributes");
    const { scheduledEventId } = attributes;
    // As of activities: the worker can foresee the id of an operation that this very completion schedules.
    const known =
      run.nexusOperations.has(scheduledEventId) ||
      run.buffered.some((event) => nexusEndOf(event)?.scheduledEventId === scheduledEventId) ||
      ahead.newNexusOperations.has(scheduledEventId);
    if (!known)
      return bad(
        `requested cancelation for a non-existing or already completed operation with scheduled event ID of ${scheduledEventId}`,
      );
    if (ahead.cancelledNexusOperations.has(scheduledEventId) || run.nexusOperations.get(scheduledEventId)?.cancellation)
      return bad(`cancelation was already requested for an operation with scheduled event ID ${scheduledEventId}`);
    ahead.cancelledNexusOperations.add(scheduledEventId);
    return undefined;
  },
  [CommandType.PROTOCOL_MESSAGE]: (_run, { protocolMessageCommandAttributes: attributes }) => {
    const bad = (what: string) => failTask(Cause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE, what);
    if (!attributes) return bad("ProtocolMessageCommandAttributes is not set on ProtocolMessageCommand.");
    return attributes.messageId === "" ? bad("MessageID is not set on ProtocolMessageCommand.") : undefined;
  },
  [CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES]: (_run, one) => {
    const attributes = one.upsertWorkflowSearchAttributesCommandAttributes;
    const unset = (what: string) =>
      failTask(Cause.BAD_SEARCH_ATTRIBUTES, `${what} is not set on UpsertWorkflowSearchAttributesCommand.`);
    if (!attributes) return unset("UpsertWorkflowSearchAttributesCommandAttributes");
    if (!attributes.searchAttributes) return unset("SearchAttributes");
    return Object.keys(attributes.searchAttributes.indexedFields).length === 0 ? unset("IndexedFields") : undefined;
  },
  [CommandType.MODIFY_WORKFLOW_PROPERTIES]: (_run, one) => {
    const attributes = one.modifyWorkflowPropertiesCommandAttributes;
    const fields = attributes?.upsertedMemo?.fields ?? {};
    if (Object.keys(fields).length === 0)
      return failTask(
        Cause.BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES,
        `${attributes ? "UpsertedMemo.Fields" : "ModifyWorkflowPropertiesCommandAttributes"} is not set on ModifyWorkflowPropertiesCommand.`,
      );
    return payloadMapBytes(fields) > limits.blobBytesMax
      ? tooLarge(Cause.BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES, "ModifyWorkflowPropertiesCommandAttributes")
      : undefined;
  },
} as const satisfies Record<number, Check>;

function tooManyPending(cause: enums.WorkflowTaskFailedCause, what: string, max: number): Problem {
  return failTask(cause, `the number of pending ${what}, ${max}, has reached the per-workflow limit of ${max}`);
}

function hasBufferedEnd(run: Run, scheduledEventId: number): boolean {
  return run.buffered.some((event) => {
    const end =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    return end?.scheduledEventId === scheduledEventId;
  });
}

function isCancelRequested(run: Run, scheduledEventId: number): boolean {
  return (run.activities.get(scheduledEventId)?.cancelRequestedEventId ?? null) !== null;
}

function pendingMessages(run: Run, type: Message["type"]): number {
  let count = 0;
  for (const { message } of run.outbox.values()) if (message.type === type) count += 1;
  return count;
}
