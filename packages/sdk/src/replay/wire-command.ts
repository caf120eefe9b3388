/** Commands of workflow code as the commands of a workflow task's completion. */
import { type command, enums, type Init } from "@pawl/protocol";
import type { ActivityCommand, ChildCommand, ContinueAsNewCommand, NexusCommand, Target } from "../value/activation.ts";
import { encodeInitialBehavior } from "../value/continue-as-new.ts";
import { encodeSearchAttributes } from "../value/search-attributes.ts";
import { wireDuration, wireFields, wirePayload, wirePayloads, wireRetryPolicy } from "../value/wire.ts";
import { changeVersionAttribute, localActivityFields, patchFields } from "./marker.ts";
import type { HistoryCommand } from "./outgoing.ts";

/** A command on its way; the one field that the worker may still change is open to it. */
export type WireCommand = Omit<Init<command.Command>, "scheduleActivityTaskCommandAttributes"> & {
  scheduleActivityTaskCommandAttributes?:
    | (Omit<Init<command.ScheduleActivityTaskCommandAttributes>, "requestEagerExecution"> & {
        requestEagerExecution?: boolean;
      })
    | undefined;
};
const { CommandType } = enums;

/** What a command needs to know of the run: its own place, and what earlier commands became. */
export interface WireScope {
  readonly namespace: string;
  readonly taskQueue: string;
  /** The event that began what code gave this number. */
  scheduledEventId(kind: "activity" | "nexusOperation", seq: number): number;
  /** Every patch of this run so far. */
  readonly patchIds: ReadonlySet<string>;
}

export function wireCommands(each: HistoryCommand, scope: WireScope): WireCommand[] {
  switch (each.type) {
    case "scheduleActivity":
      return [scheduleActivity(each, scope)];
    case "cancelActivity": {
      const scheduledEventId = scope.scheduledEventId("activity", each.seq);
      const attributes = { requestCancelActivityTaskCommandAttributes: { scheduledEventId } };
      return [{ commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK, ...attributes }];
    }
    case "startTimer": {
      const timer = { timerId: String(each.seq), startToFireTimeout: wireDuration(each.durationMs) };
      const userMetadata = each.summary ? { summary: wirePayload(each.summary) } : undefined;
      return [{ commandType: CommandType.START_TIMER, userMetadata, startTimerCommandAttributes: timer }];
    }
    case "cancelTimer":
      return [{ commandType: CommandType.CANCEL_TIMER, cancelTimerCommandAttributes: { timerId: String(each.seq) } }];
    case "startChild":
      return [startChild(each, scope)];
    case "signalExternal": {
      const signalExternalWorkflowExecutionCommandAttributes = {
        ...target(each.target, scope),
        ...{ signalName: each.name, input: wirePayloads(each.input), header: { fields: wireFields(each.headers) } },
      };
      return [
        {
          commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
          signalExternalWorkflowExecutionCommandAttributes,
        },
      ];
    }
    case "cancelExternal": {
      const { execution, ...where } = target(each.target, scope);
      const requestCancelExternalWorkflowExecutionCommandAttributes = { ...where, ...execution, reason: each.reason };
      const commandType = CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION;
      return [{ commandType, requestCancelExternalWorkflowExecutionCommandAttributes }];
    }
    case "scheduleNexusOperation":
      return [scheduleNexusOperation(each)];
    case "cancelNexusOperation": {
      const scheduledEventId = scope.scheduledEventId("nexusOperation", each.seq);
      const attributes = { requestCancelNexusOperationCommandAttributes: { scheduledEventId } };
      return [{ commandType: CommandType.REQUEST_CANCEL_NEXUS_OPERATION, ...attributes }];
    }
    case "patch":
      return patch(each, scope);
    case "localActivityEnd": {
      const { summary, ...end } = each.end;
      const userMetadata = summary ? { summary: wirePayload(summary) } : undefined;
      const recordMarkerCommandAttributes = localActivityFields(end);
      return [{ commandType: CommandType.RECORD_MARKER, userMetadata, recordMarkerCommandAttributes }];
    }
    case "upsertSearchAttributes":
      return [upsertSearchAttributes(each.fields)];
    case "upsertMemo": {
      const upsertedMemo = { fields: wireFields(each.fields) };
      const commandType = CommandType.MODIFY_WORKFLOW_PROPERTIES;
      return [{ commandType, modifyWorkflowPropertiesCommandAttributes: { upsertedMemo } }];
    }
    case "acceptUpdate":
      return [protocolMessage(acceptanceId(each.id))];
    case "completeUpdate":
      return [protocolMessage(responseId(each.id))];
    default:
      return [closing(each)];
  }
}

/** Ids of the messages that answer an update; a command names the message whose place it marks. */
export const acceptanceId = (updateId: string) => `${updateId}/accept`;
export const rejectionId = (updateId: string) => `${updateId}/reject`;
export const responseId = (updateId: string) => `${updateId}/complete`;

function protocolMessage(messageId: string): WireCommand {
  return { commandType: CommandType.PROTOCOL_MESSAGE, protocolMessageCommandAttributes: { messageId } };
}

function scheduleActivity(each: ActivityCommand, { taskQueue }: WireScope): WireCommand {
  return {
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    userMetadata: each.summary ? { summary: wirePayload(each.summary) } : undefined,
    scheduleActivityTaskCommandAttributes: {
      activityId: each.activityId,
      activityType: { name: each.activityType },
      taskQueue: { name: each.taskQueue ?? taskQueue, kind: enums.TaskQueueKind.NORMAL },
      header: { fields: wireFields(each.headers) },
      input: wirePayloads(each.input),
      scheduleToCloseTimeout: wireDuration(each.scheduleToCloseTimeoutMs),
      scheduleToStartTimeout: wireDuration(each.scheduleToStartTimeoutMs),
      startToCloseTimeout: wireDuration(each.startToCloseTimeoutMs),
      heartbeatTimeout: wireDuration(each.heartbeatTimeoutMs),
      retryPolicy: wireRetryPolicy(each.retryPolicy),
      // The worker takes it back when it has no slot for it.
      requestEagerExecution: each.allowEagerDispatch && (each.taskQueue ?? taskQueue) === taskQueue,
      priority: each.priority,
    },
  };
}

function startChild(each: ChildCommand, { namespace, taskQueue }: WireScope): WireCommand {
  const { summary, details } = each;
  return {
    commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
    userMetadata:
      summary || details
        ? { summary: summary && wirePayload(summary), details: details && wirePayload(details) }
        : undefined,
    startChildWorkflowExecutionCommandAttributes: {
      namespace: each.namespace ?? namespace,
      workflowId: each.workflowId,
      workflowType: { name: each.workflowType },
      taskQueue: { name: each.taskQueue ?? taskQueue, kind: enums.TaskQueueKind.NORMAL },
      input: wirePayloads(each.input),
      workflowExecutionTimeout: wireDuration(each.executionTimeoutMs),
      workflowRunTimeout: wireDuration(each.runTimeoutMs),
      workflowTaskTimeout: wireDuration(each.taskTimeoutMs),
      parentClosePolicy: each.parentClosePolicy as enums.ParentClosePolicy,
      workflowIdReusePolicy: each.reusePolicy as enums.WorkflowIdReusePolicy,
      retryPolicy: wireRetryPolicy(each.retryPolicy),
      cronSchedule: each.cronSchedule,
      header: { fields: wireFields(each.headers) },
      memo: each.memo ? { fields: wireFields(each.memo) } : undefined,
      searchAttributes: each.searchAttributes ? { indexedFields: wireFields(each.searchAttributes) } : undefined,
      priority: each.priority,
    },
  };
}

function scheduleNexusOperation(each: NexusCommand): WireCommand {
  return {
    commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
    userMetadata: each.summary ? { summary: wirePayload(each.summary) } : undefined,
    scheduleNexusOperationCommandAttributes: {
      ...{ endpoint: each.endpoint, service: each.service, operation: each.operation },
      input: wirePayload(each.input),
      nexusHeader: each.headers,
      scheduleToCloseTimeout: wireDuration(each.scheduleToCloseTimeoutMs),
      scheduleToStartTimeout: wireDuration(each.scheduleToStartTimeoutMs),
      startToCloseTimeout: wireDuration(each.startToCloseTimeoutMs),
    },
  };
}

function target(to: Target, { namespace }: WireScope) {
  if ("childSeq" in to) {
    return { namespace, execution: { workflowId: to.workflowId, runId: "" }, childWorkflowOnly: true };
  }
  const execution = { workflowId: to.workflowId, runId: to.runId ?? "" };
  return { namespace: to.namespace || namespace, execution, childWorkflowOnly: false };
}

function patch(each: Extract<HistoryCommand, { type: "patch" }>, { patchIds }: WireScope): WireCommand[] {
  const recordMarkerCommandAttributes = patchFields(each.patchId, each.deprecated);
  const marker = { commandType: CommandType.RECORD_MARKER, recordMarkerCommandAttributes };
  // Lets an operator find the runs that still need the old code.
  return [marker, upsertSearchAttributes(encodeSearchAttributes({ [changeVersionAttribute]: [...patchIds] }))];
}

function upsertSearchAttributes(fields: Parameters<typeof wireFields>[0]): WireCommand {
  const searchAttributes = { indexedFields: wireFields(fields) };
  const commandType = CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES;
  return { commandType, upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes } };
}

function closing(
  each: Extract<HistoryCommand, { type: "completeWorkflow" | "failWorkflow" | "cancelWorkflow" | "continueAsNew" }>,
): WireCommand {
  switch (each.type) {
    case "completeWorkflow": {
      const result = each.result ? wirePayloads([each.result]) : undefined;
      const commandType = CommandType.COMPLETE_WORKFLOW_EXECUTION;
      return { commandType, completeWorkflowExecutionCommandAttributes: { result } };
    }
    case "failWorkflow": {
      const attributes = { failWorkflowExecutionCommandAttributes: { failure: each.failure } };
      return { commandType: CommandType.FAIL_WORKFLOW_EXECUTION, ...attributes };
    }
    case "cancelWorkflow":
      return { commandType: CommandType.CANCEL_WORKFLOW_EXECUTION, cancelWorkflowExecutionCommandAttributes: {} };
    case "continueAsNew":
      return continueAsNew(each);
    default:
      return each satisfies never;
  }
}

function continueAsNew(each: ContinueAsNewCommand): WireCommand {
  return {
    commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    continueAsNewWorkflowExecutionCommandAttributes: {
      workflowType: { name: each.workflowType },
      taskQueue: each.taskQueue ? { name: each.taskQueue, kind: enums.TaskQueueKind.NORMAL } : undefined,
      input: wirePayloads(each.input),
      workflowRunTimeout: wireDuration(each.runTimeoutMs),
      workflowTaskTimeout: wireDuration(each.taskTimeoutMs),
      backoffStartInterval: wireDuration(each.backoffStartMs),
      initialVersioningBehavior: encodeInitialBehavior(each.initialVersioningBehavior),
      retryPolicy: wireRetryPolicy(each.retryPolicy),
      header: { fields: wireFields(each.headers) },
      memo: each.memo ? { fields: wireFields(each.memo) } : undefined,
      searchAttributes: each.searchAttributes ? { indexedFields: wireFields(each.searchAttributes) } : undefined,
    },
  };
}
