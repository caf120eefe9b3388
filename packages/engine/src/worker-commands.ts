/**
 * The commands that workflow code asks for with a completed workflow task (semantics.md §4). All are checked before any is applied, so a wrong
 * one leaves the run as it was: its workflow task fails and the code may be fixed.
 */
import { type command, durationMs, enums, toDuration } from "@pawl/protocol";
import {
  activityTaskOf,
  beginAttempt,
  canceledEvent,
  forgetActivity,
  scheduleActivity,
  scheduleProblem,
} from "./activity.ts";
import { beginNext, continueAsNewSpec, nextAttempt } from "./chain.ts";
import { markClosed } from "./close.ts";
import { write } from "./history.ts";
import { limits } from "./limits.ts";
import { payloadsBytes } from "./payload-size.ts";
import { Rejection } from "./rejection.ts";
import type { Activity, Run, Workflow } from "./run.ts";
import type { Step } from "./step.ts";
import { cancelTimer, hasBufferedFiring, startTimer } from "./timer.ts";
import type { StartedActivityTask } from "./vocabulary.ts";

const { CommandType, EventType, WorkflowExecutionStatus, WorkflowTaskFailedCause: Cause } = enums;

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

export function isClosing(one: command.Command): boolean {
  return closing.includes(one.commandType);
}

/** What the run would look like after the commands checked so far. */
interface Ahead {
  readonly activityIds: Set<string>;
  readonly cancelledActivities: Set<number>;
  readonly timerIds: Set<string>;
  buffered: number;
}

/** The first thing that is wrong with the commands, or undefined. */
export function checkCommands(run: Run, commands: readonly command.Command[]): Problem | undefined {
  for (const [index, one] of commands.entries()) {
    if (!(one.commandType in checks))
      return {
        type: "refuse",
        rejection: new Rejection("INVALID_ARGUMENT", `Unknown command type: ${one.commandType}.`),
      };
    if (isClosing(one) && index < commands.length - 1) {
      return {
        type: "refuse",
        rejection: new Rejection(
          "INVALID_ARGUMENT",
          "invalid command sequence: a command that closes the workflow must be the last one",
        ),
      };
    }
  }
  const ahead: Ahead = {
    activityIds: new Set(run.activityIds.keys()),
    cancelledActivities: new Set(),
    timerIds: new Set(run.timers.keys()),
    buffered: run.buffered.length,
  };
  for (const one of commands) {
    const problem = checks[one.commandType as Checked](run, one, ahead);
    if (problem) return problem;
  }
  return undefined;
}

type Check = (run: Run, one: command.Command, ahead: Ahead) => Problem | undefined;
type Checked = keyof typeof checks;

function failTask(cause: enums.WorkflowTaskFailedCause, message: string): Problem {
  return { type: "failTask", cause, message };
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
    if (problem !== undefined)
      return failTask(
        Cause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
        `${problem} ActivityId=${attributes.activityId} ActivityType=${attributes.activityType?.name ?? ""}`,
      );
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
        `ScheduleActivityDuplicateId: ActivityId=${attributes.activityId} is already pending`,
      );
    ahead.activityIds.add(attributes.activityId);
    return undefined;
  },
  [CommandType.REQUEST_CANCEL_ACTIVITY_TASK]: (run, one, ahead) => {
    const scheduledEventId = one.requestCancelActivityTaskCommandAttributes?.scheduledEventId ?? 0;
    const bad = (message: string) => failTask(Cause.BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES, message);
    if (scheduledEventId <= 0) return bad("ScheduledEventId is not set on RequestCancelActivityTaskCommand.");
    // An activity scheduled by this very completion has an id that the worker can foresee.
    const known =
      run.activities.has(scheduledEventId) ||
      hasBufferedEnd(run, scheduledEventId) ||
      scheduledEventId >= run.nextEventId;
    if (!known || ahead.cancelledActivities.has(scheduledEventId) || isCancelRequested(run, scheduledEventId)) {
      return bad(
        `BadRequestCancelActivityAttributes: no pending activity with ScheduledEventID ${scheduledEventId}, or its cancellation was requested before`,
      );
    }
    ahead.cancelledActivities.add(scheduledEventId);
    return undefined;
  },
  [CommandType.START_TIMER]: (_run, one, ahead) => {
    const attributes = one.startTimerCommandAttributes;
    if (!attributes?.timerId)
      return failTask(Cause.BAD_START_TIMER_ATTRIBUTES, "TimerId is not set on StartTimerCommand.");
    if (attributes.timerId.length > limits.idBytesMax)
      return failTask(Cause.BAD_START_TIMER_ATTRIBUTES, `TimerId exceeds length limit of ${limits.idBytesMax}.`);
    if (!attributes.startToFireTimeout || durationMs(attributes.startToFireTimeout) < 0)
      return failTask(Cause.BAD_START_TIMER_ATTRIBUTES, "An invalid StartToFireTimeout is set on StartTimerCommand.");
    if (ahead.timerIds.has(attributes.timerId))
      return failTask(
        Cause.START_TIMER_DUPLICATE_ID,
        `StartTimerDuplicateId: TimerId=${attributes.timerId} is already running`,
      );
    ahead.timerIds.add(attributes.timerId);
    return undefined;
  },
  [CommandType.CANCEL_TIMER]: (run, one, ahead) => {
    const timerId = one.cancelTimerCommandAttributes?.timerId;
    if (!timerId) return failTask(Cause.BAD_CANCEL_TIMER_ATTRIBUTES, "TimerId is not set on CancelTimerCommand.");
    if (ahead.timerIds.delete(timerId)) return undefined;
    if (!hasBufferedFiring(run, timerId))
      return failTask(
        Cause.BAD_CANCEL_TIMER_ATTRIBUTES,
        `BadCancelTimerAttributes: no running timer with TimerId ${timerId}`,
      );
    ahead.buffered -= 1;
    return undefined;
  },
  [CommandType.RECORD_MARKER]: (_run, one) => {
    const attributes = one.recordMarkerCommandAttributes;
    if (!attributes?.markerName)
      return failTask(Cause.BAD_RECORD_MARKER_ATTRIBUTES, "MarkerName is not set on RecordMarkerCommand.");
    if (attributes.markerName.length > limits.idBytesMax)
      return failTask(Cause.BAD_RECORD_MARKER_ATTRIBUTES, `MarkerName exceeds length limit of ${limits.idBytesMax}.`);
    const bytes = Object.values(attributes.details).reduce((sum, payloads) => sum + payloadsBytes(payloads), 0);
    return bytes > limits.blobBytesMax
      ? tooLarge(Cause.BAD_RECORD_MARKER_ATTRIBUTES, "RecordMarkerCommandAttributes.Details")
      : undefined;
  },
  [CommandType.COMPLETE_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const problem = checkClose(
      Cause.BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
      ({ completeWorkflowExecutionCommandAttributes: a }) =>
        a ? undefined : "CompleteWorkflowExecutionCommandAttributes is not set.",
    )(run, one, ahead);
    if (problem) return problem;
    return payloadsBytes(one.completeWorkflowExecutionCommandAttributes?.result) > limits.blobBytesMax
      ? tooLarge(Cause.BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES, "CompleteWorkflowExecutionCommandAttributes.Result")
      : undefined;
  },
  [CommandType.FAIL_WORKFLOW_EXECUTION]: checkClose(
    Cause.BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES,
    ({ failWorkflowExecutionCommandAttributes: a }) =>
      a?.failure ? undefined : "Failure is not set on FailWorkflowExecutionCommand.",
  ),
  [CommandType.CANCEL_WORKFLOW_EXECUTION]: checkClose(
    Cause.BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES,
    ({ cancelWorkflowExecutionCommandAttributes: a }) =>
      a ? undefined : "CancelWorkflowExecutionCommandAttributes is not set.",
  ),
  [CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION]: (run, one, ahead) => {
    const problem = checkClose(
      Cause.BAD_CONTINUE_AS_NEW_ATTRIBUTES,
      ({ continueAsNewWorkflowExecutionCommandAttributes: a }) =>
        a ? undefined : "ContinueAsNewWorkflowExecutionCommandAttributes is not set.",
    )(run, one, ahead);
    if (problem) return problem;
    return payloadsBytes(one.continueAsNewWorkflowExecutionCommandAttributes?.input) > limits.blobBytesMax
      ? tooLarge(Cause.BAD_CONTINUE_AS_NEW_ATTRIBUTES, "ContinueAsNewWorkflowExecutionCommandAttributes.Input")
      : undefined;
  },
} as const satisfies Record<number, Check>;

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

/** What applying a command may use. */
export interface Completion {
  readonly workflow: Workflow;
  readonly run: Run;
  readonly step: Step;
  /** Id of the WORKFLOW_TASK_COMPLETED event. */
  readonly completedEventId: number;
  readonly identity: string;
  readonly eagerActivities: StartedActivityTask[];
  /** Activities scheduled by this completion, dispatched at its end unless cancelled or started at once. */
  readonly scheduled: { readonly activity: Activity; readonly eager: boolean }[];
}

/** Applies one command that was checked. */
export function applyCommand(completion: Completion, one: command.Command): void {
  const { run, step, completedEventId, identity } = completion;
  const event = { completedEventId, identity, userMetadata: one.userMetadata };
  switch (one.commandType) {
    case CommandType.SCHEDULE_ACTIVITY_TASK: {
      const attributes = one.scheduleActivityTaskCommandAttributes!;
      completion.scheduled.push({
        activity: scheduleActivity(run, step, attributes, event),
        eager: attributes.requestEagerExecution,
      });
      return;
    }
    case CommandType.REQUEST_CANCEL_ACTIVITY_TASK:
      return requestCancelActivity(completion, one.requestCancelActivityTaskCommandAttributes!.scheduledEventId);
    case CommandType.START_TIMER:
      return startTimer(run, step, one.startTimerCommandAttributes!, event);
    case CommandType.CANCEL_TIMER:
      return cancelTimer(run, step, one.cancelTimerCommandAttributes!, event);
    case CommandType.RECORD_MARKER: {
      const { markerName, details, header, failure } = one.recordMarkerCommandAttributes!;
      write(run, step.nowMs, {
        eventType: EventType.MARKER_RECORDED,
        userMetadata: one.userMetadata,
        markerRecordedEventAttributes: {
          markerName,
          details,
          header,
          failure,
          workflowTaskCompletedEventId: completedEventId,
        },
      });
      return;
    }
    case CommandType.COMPLETE_WORKFLOW_EXECUTION:
      write(run, step.nowMs, {
        eventType: EventType.WORKFLOW_EXECUTION_COMPLETED,
        workflowExecutionCompletedEventAttributes: {
          result: one.completeWorkflowExecutionCommandAttributes!.result,
          workflowTaskCompletedEventId: completedEventId,
        },
      });
      return markClosed(run, step, WorkflowExecutionStatus.COMPLETED);
    case CommandType.FAIL_WORKFLOW_EXECUTION:
      return failWorkflow(completion, one);
    case CommandType.CANCEL_WORKFLOW_EXECUTION:
      write(run, step.nowMs, {
        eventType: EventType.WORKFLOW_EXECUTION_CANCELED,
        workflowExecutionCanceledEventAttributes: {
          details: one.cancelWorkflowExecutionCommandAttributes!.details,
          workflowTaskCompletedEventId: completedEventId,
        },
      });
      return markClosed(run, step, WorkflowExecutionStatus.CANCELED);
    case CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
      return continueAsNew(completion, one);
    default:
      throw new Error(`command ${one.commandType} was checked but cannot be applied`);
  }
}

/** Dispatches what the completion scheduled, or starts it at once for the worker that asked for that. */
export function dispatchScheduled({ run, step, identity, scheduled, eagerActivities }: Completion): void {
  for (const { activity, eager } of scheduled) {
    if (!run.activities.has(activity.scheduledEventId)) continue;
    if (eager && activity.cancelRequestedEventId === null)
      eagerActivities.push(beginAttempt(run, step, activity, { identity, requestId: step.newId() }));
    else step.dispatch(activityTaskOf(run, activity)!);
  }
}

/** `"ACTIVITY_ID_NOT_STARTED"` as a JSON payload: what SDKs expect of an activity cancelled before any worker had it. */
const notStartedDetails = {
  payloads: [
    {
      metadata: { encoding: new TextEncoder().encode("json/plain") },
      data: new TextEncoder().encode('"ACTIVITY_ID_NOT_STARTED"'),
      externalPayloads: [],
    },
  ],
};

function requestCancelActivity({ run, step, completedEventId, identity }: Completion, scheduledEventId: number): void {
  const cancelRequestedEventId = write(run, step.nowMs, {
    eventType: EventType.ACTIVITY_TASK_CANCEL_REQUESTED,
    activityTaskCancelRequestedEventAttributes: { scheduledEventId, workflowTaskCompletedEventId: completedEventId },
  });
  const activity = run.activities.get(scheduledEventId);
  if (!activity) return;
  activity.cancelRequestedEventId = cancelRequestedEventId;
  run.changes.parts.add(`a/${scheduledEventId}`);
  if (activity.status.type === "started") return;
  // Nobody runs it: it ends at once, after all events of this completion (buffered, so that it is flushed last).
  run.buffered.push(canceledEvent(activity, { details: notStartedDetails, startedEventId: 0, identity }));
  forgetActivity(run, activity);
}

function failWorkflow({ workflow, run, step, completedEventId }: Completion, one: command.Command): void {
  const failure = one.failWorkflowExecutionCommandAttributes!.failure!;
  const next = nextAttempt(run, step, failure);
  write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_FAILED,
    workflowExecutionFailedEventAttributes: {
      failure,
      retryState: "spec" in next ? enums.RetryState.IN_PROGRESS : next.retryState,
      workflowTaskCompletedEventId: completedEventId,
      newExecutionRunId: "spec" in next ? next.spec.runId : "",
    },
  });
  markClosed(run, step, WorkflowExecutionStatus.FAILED);
  if ("spec" in next) beginNext(workflow, step, next.spec);
}

function continueAsNew({ workflow, run, step, completedEventId, identity }: Completion, one: command.Command): void {
  const attributes = one.continueAsNewWorkflowExecutionCommandAttributes!;
  const spec = continueAsNewSpec(run, step, attributes, identity);
  write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    workflowExecutionContinuedAsNewEventAttributes: {
      newExecutionRunId: spec.runId,
      workflowType: { name: spec.workflowType },
      taskQueue: { name: spec.taskQueue, kind: enums.TaskQueueKind.NORMAL },
      input: spec.input,
      workflowRunTimeout: toDuration(spec.runTimeoutMs),
      workflowTaskTimeout: toDuration(spec.taskTimeoutMs),
      workflowTaskCompletedEventId: completedEventId,
      backoffStartInterval: toDuration(spec.firstTaskBackoffMs),
      initiator: spec.chain!.initiator,
      failure: attributes.failure,
      lastCompletionResult: attributes.lastCompletionResult,
      header: attributes.header,
      memo: attributes.memo,
      searchAttributes: attributes.searchAttributes,
    },
  });
  markClosed(run, step, WorkflowExecutionStatus.CONTINUED_AS_NEW);
  beginNext(workflow, step, spec);
}
