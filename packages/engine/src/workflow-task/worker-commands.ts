/** Carrying out the commands of a completed workflow task, after all of them were checked. */
import { type command, type common, enums, type protocol, toDuration } from "@pawl/protocol";
import { activityTaskOf, beginAttempt, canceledEvent, forgetActivity, scheduleActivity } from "../activity/activity.ts";
import { startChild } from "../family/child-workflow.ts";
import { cancelExternal, signalExternal } from "../family/external-workflow.ts";
import { requestNexusCancel } from "../nexus/nexus-cancellation.ts";
import { scheduleNexusOperation } from "../nexus/nexus-command.ts";
import { write } from "../run/history.ts";
import { memoToSet, mergedFields, searchAttributesToSet } from "../run/named-payload.ts";
import type { Activity } from "../state/activity.ts";
import type { Run, Workflow } from "../state/run.ts";
import type { DeploymentVersion } from "../state/versioning.ts";
import type { Step } from "../step.ts";
import { textPayloads } from "../text-payload.ts";
import { applyMessage } from "../update/update.ts";
import type { StartedActivityTask } from "../vocabulary.ts";
import { afterFailure, beginNext, continueAsNewSpec, nextCron } from "../workflow/chain.ts";
import { markClosed } from "../workflow/close.ts";
import { cancelTimer, startTimer } from "../workflow/timer.ts";
import type { CheckedType } from "./command-check.ts";

const { CommandType, EventType } = enums;

/** What applying a command may use. */
export interface Completion {
  readonly workflow: Workflow;
  readonly run: Run;
  readonly step: Step;
  /** Id of the WORKFLOW_TASK_COMPLETED event. */
  readonly completedEventId: number;
  readonly identity: string;
  /** Of the worker, when it is versioned. */
  readonly deploymentVersion: DeploymentVersion | undefined;
  readonly eagerActivities: StartedActivityTask[];
  /** What the worker says to updates, by message id. */
  readonly messages: ReadonlyMap<string, protocol.Message>;
  readonly nexusEndpointIds: ReadonlyMap<string, string>;
  /** Activities scheduled by this completion, dispatched at its end unless cancelled or started at once. */
  readonly scheduled: { readonly activity: Activity; readonly eager: boolean }[];
}

/** Applies one command that was checked. */
export function applyCommand(completion: Completion, one: command.Command): void {
  appliers[one.commandType as CheckedType](completion, one);
}

type Apply = (completion: Completion, one: command.Command) => void;

/** One for each command that can be checked: a missing one does not compile. */
const appliers = {
  [CommandType.SCHEDULE_ACTIVITY_TASK]: ({ run, step, completedEventId, scheduled }, one) => {
    const attributes = one.scheduleActivityTaskCommandAttributes!;
    const activity = scheduleActivity(run, step, attributes, { completedEventId, userMetadata: one.userMetadata });
    scheduled.push({ activity, eager: attributes.requestEagerExecution });
  },
  [CommandType.REQUEST_CANCEL_ACTIVITY_TASK]: (completion, one) => {
    requestCancelActivity(completion, one.requestCancelActivityTaskCommandAttributes!.scheduledEventId);
  },
  [CommandType.START_TIMER]: ({ run, step, completedEventId }, one) => {
    startTimer(run, step, one.startTimerCommandAttributes!, { completedEventId, userMetadata: one.userMetadata });
  },
  [CommandType.CANCEL_TIMER]: ({ run, step, completedEventId, identity }, one) => {
    cancelTimer(run, step, one.cancelTimerCommandAttributes!, { completedEventId, identity });
  },
  [CommandType.RECORD_MARKER]: ({ run, step, completedEventId }, one) => {
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
  },
  [CommandType.COMPLETE_WORKFLOW_EXECUTION]: ({ workflow, run, step, completedEventId }, one) => {
    const { result } = one.completeWorkflowExecutionCommandAttributes!;
    const spec = nextCron(run, step, { result });
    write(run, step.nowMs, {
      eventType: EventType.WORKFLOW_EXECUTION_COMPLETED,
      userMetadata: one.userMetadata,
      workflowExecutionCompletedEventAttributes: {
        result,
        workflowTaskCompletedEventId: completedEventId,
        newExecutionRunId: spec?.runId ?? "",
      },
    });
    markClosed(run, step, { type: "completed", result }, { followed: spec !== undefined });
    if (spec) beginNext(workflow, step, spec);
  },
  [CommandType.FAIL_WORKFLOW_EXECUTION]: failWorkflow,
  [CommandType.CANCEL_WORKFLOW_EXECUTION]: ({ run, step, completedEventId }, one) => {
    const { details } = one.cancelWorkflowExecutionCommandAttributes!;
    write(run, step.nowMs, {
      eventType: EventType.WORKFLOW_EXECUTION_CANCELED,
      userMetadata: one.userMetadata,
      workflowExecutionCanceledEventAttributes: { details, workflowTaskCompletedEventId: completedEventId },
    });
    markClosed(run, step, { type: "canceled", details });
  },
  [CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION]: continueAsNew,
  [CommandType.START_CHILD_WORKFLOW_EXECUTION]: ({ run, step, completedEventId }, one) => {
    startChild(run, step, one.startChildWorkflowExecutionCommandAttributes!, {
      completedEventId,
      userMetadata: one.userMetadata,
    });
  },
  [CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION]: ({ run, step, completedEventId }, one) => {
    signalExternal(run, step, one.signalExternalWorkflowExecutionCommandAttributes!, {
      completedEventId,
      userMetadata: one.userMetadata,
    });
  },
  [CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION]: ({ run, step, completedEventId }, one) => {
    cancelExternal(run, step, one.requestCancelExternalWorkflowExecutionCommandAttributes!, {
      completedEventId,
      userMetadata: one.userMetadata,
    });
  },
  [CommandType.SCHEDULE_NEXUS_OPERATION]: ({ run, step, completedEventId, nexusEndpointIds }, one) => {
    scheduleNexusOperation(run, step, one.scheduleNexusOperationCommandAttributes!, {
      completedEventId,
      userMetadata: one.userMetadata,
      endpointIds: nexusEndpointIds,
    });
  },
  [CommandType.REQUEST_CANCEL_NEXUS_OPERATION]: ({ run, step, completedEventId }, one) => {
    const { scheduledEventId } = one.requestCancelNexusOperationCommandAttributes!;
    requestNexusCancel(run, step, scheduledEventId, { completedEventId, userMetadata: one.userMetadata });
  },
  [CommandType.PROTOCOL_MESSAGE]: ({ run, step, messages }, one) => {
    applyMessage(run, step, messages.get(one.protocolMessageCommandAttributes!.messageId)!);
  },
  [CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES]: upsertSearchAttributes,
  [CommandType.MODIFY_WORKFLOW_PROPERTIES]: modifyProperties,
} as const satisfies Record<CheckedType, Apply>;

/** Dispatches what the completion scheduled, or starts it at once for the worker that asked for that. */
export function dispatchScheduled({
  run,
  step,
  identity,
  deploymentVersion,
  scheduled,
  eagerActivities,
}: Completion): void {
  for (const { activity, eager } of scheduled) {
    if (!run.activities.has(activity.scheduledEventId)) continue;
    // A workflow that was paused meanwhile has none, and one in transition waits for its new version.
    const task = activityTaskOf(run, activity);
    if (!task) continue;
    if (eager && activity.cancelRequestedEventId === null)
      eagerActivities.push(beginAttempt(run, step, activity, { identity, requestId: step.newId(), deploymentVersion }));
    else step.dispatch(task);
  }
}

/** `"ACTIVITY_ID_NOT_STARTED"` as a JSON payload: what SDKs expect of an activity cancelled before any worker had it. */
const notStartedDetails = textPayloads("ACTIVITY_ID_NOT_STARTED");

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
  const { spec, retryState } = afterFailure(run, step, failure);
  write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_EXECUTION_FAILED,
    workflowExecutionFailedEventAttributes: {
      failure,
      retryState,
      workflowTaskCompletedEventId: completedEventId,
      newExecutionRunId: spec?.runId ?? "",
    },
  });
  const retried = retryState === enums.RetryState.IN_PROGRESS;
  markClosed(run, step, { type: "failed", failure, retryState }, { followed: spec !== undefined, retried });
  if (spec) beginNext(workflow, step, spec);
}

function continueAsNew({ workflow, run, step, completedEventId }: Completion, one: command.Command): void {
  const attributes = one.continueAsNewWorkflowExecutionCommandAttributes!;
  const spec = continueAsNewSpec(run, step, attributes);
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
      backoffStartInterval: attributes.backoffStartInterval,
      initiator: attributes.initiator,
      failure: attributes.failure,
      lastCompletionResult: attributes.lastCompletionResult,
      header: attributes.header,
      memo: memoToSet(attributes.memo),
      searchAttributes: searchAttributesToSet(attributes.searchAttributes),
    },
  });
  markClosed(run, step, { type: "continuedAsNew" });
  beginNext(workflow, step, spec);
}

function upsertSearchAttributes({ run, step, completedEventId }: Completion, one: command.Command): void {
  const { searchAttributes } = one.upsertWorkflowSearchAttributesCommandAttributes!;
  write(run, step.nowMs, {
    eventType: EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    userMetadata: one.userMetadata,
    upsertWorkflowSearchAttributesEventAttributes: { workflowTaskCompletedEventId: completedEventId, searchAttributes },
  });
  mergeSearchAttributes(run, searchAttributes);
}

export function mergeSearchAttributes(run: Run, upserted: common.SearchAttributes | undefined): void {
  run.searchAttributes = {
    indexedFields: mergedFields(run.searchAttributes?.indexedFields ?? {}, upserted?.indexedFields ?? {}),
  };
  run.changes.visibility = true;
}

function modifyProperties({ run, step, completedEventId }: Completion, one: command.Command): void {
  const { upsertedMemo } = one.modifyWorkflowPropertiesCommandAttributes!;
  write(run, step.nowMs, {
    eventType: EventType.WORKFLOW_PROPERTIES_MODIFIED,
    userMetadata: one.userMetadata,
    workflowPropertiesModifiedEventAttributes: { workflowTaskCompletedEventId: completedEventId, upsertedMemo },
  });
  mergeMemo(run, upsertedMemo);
}

export function mergeMemo(run: Run, upserted: common.Memo | undefined): void {
  run.memo = { fields: mergedFields(run.memo?.fields ?? {}, upserted?.fields ?? {}) };
  run.changes.visibility = true;
}
