/** Short forms of what a worker and a client send, so that a story shows only what it is about. */
import { type command, type common, enums, type failure, type Init } from "@pawl/protocol";

export type Command = Init<command.Command>;
export type Failure = Init<failure.Failure>;

const Type = enums.CommandType;

export function seconds(count: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(count), nanos: Math.round((count - Math.floor(count)) * 1e9) };
}

export function payload(value: unknown): Init<common.Payload> {
  return { metadata: { encoding: Buffer.from("json/plain") }, data: Buffer.from(JSON.stringify(value)) };
}

export function text(value: unknown): Init<common.Payloads> {
  return { payloads: [payload(value)] };
}

export function applicationFailure(
  message: string,
  info: Init<failure.ApplicationFailureInfo> = {},
  rest: Failure = {},
): Failure {
  return { message, source: "Story", applicationFailureInfo: { type: "Broken", ...info }, ...rest };
}

export function complete(result: unknown = "out"): Command {
  return {
    commandType: Type.COMPLETE_WORKFLOW_EXECUTION,
    completeWorkflowExecutionCommandAttributes: { result: text(result) },
  };
}

export function fail(failure: Failure = applicationFailure("failed")): Command {
  return { commandType: Type.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: { failure } };
}

export function cancelWorkflow(details: unknown = "gone"): Command {
  return {
    commandType: Type.CANCEL_WORKFLOW_EXECUTION,
    cancelWorkflowExecutionCommandAttributes: { details: text(details) },
  };
}

export function continueAsNew(attributes: Command["continueAsNewWorkflowExecutionCommandAttributes"] = {}): Command {
  return {
    commandType: Type.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    continueAsNewWorkflowExecutionCommandAttributes: attributes,
  };
}

/** The activity `a` with ten seconds from start to close. */
export function activity(queue: string, attributes: Command["scheduleActivityTaskCommandAttributes"] = {}): Command {
  return {
    commandType: Type.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId: "a",
      activityType: { name: "Act" },
      taskQueue: { name: queue },
      input: text("in"),
      startToCloseTimeout: seconds(10),
      ...attributes,
    },
  };
}

export function cancelActivity(scheduledEventId: number): Command {
  return {
    commandType: Type.REQUEST_CANCEL_ACTIVITY_TASK,
    requestCancelActivityTaskCommandAttributes: { scheduledEventId },
  };
}

export function timer(timerId = "t", timeoutSeconds = 1): Command {
  return {
    commandType: Type.START_TIMER,
    startTimerCommandAttributes: { timerId, startToFireTimeout: seconds(timeoutSeconds) },
  };
}

export function cancelTimer(timerId = "t"): Command {
  return { commandType: Type.CANCEL_TIMER, cancelTimerCommandAttributes: { timerId } };
}

export function marker(attributes: Command["recordMarkerCommandAttributes"] = {}): Command {
  return { commandType: Type.RECORD_MARKER, recordMarkerCommandAttributes: { markerName: "m", ...attributes } };
}

export function child(
  workflowId: string,
  attributes: Command["startChildWorkflowExecutionCommandAttributes"] = {},
): Command {
  return {
    commandType: Type.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: {
      namespace: "default",
      workflowId,
      workflowType: { name: "Child" },
      taskQueue: { name: workflowId },
      input: text("child in"),
      ...attributes,
    },
  };
}

export function signalExternal(
  workflowId: string,
  attributes: Command["signalExternalWorkflowExecutionCommandAttributes"] = {},
): Command {
  return {
    commandType: Type.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    signalExternalWorkflowExecutionCommandAttributes: {
      namespace: "default",
      execution: { workflowId },
      signalName: "external",
      input: text("external"),
      ...attributes,
    },
  };
}

export function cancelExternal(
  workflowId: string,
  attributes: Command["requestCancelExternalWorkflowExecutionCommandAttributes"] = {},
): Command {
  return {
    commandType: Type.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
    requestCancelExternalWorkflowExecutionCommandAttributes: { namespace: "default", workflowId, ...attributes },
  };
}

export function upsertSearchAttributes(indexedFields: Record<string, Init<common.Payload>>): Command {
  return {
    commandType: Type.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes: { indexedFields } },
  };
}

export function upsertMemo(fields: Record<string, Init<common.Payload>>): Command {
  return {
    commandType: Type.MODIFY_WORKFLOW_PROPERTIES,
    modifyWorkflowPropertiesCommandAttributes: { upsertedMemo: { fields } },
  };
}

/** A worker's own task queue, that its next workflow task may come on. */
export function sticky(name: string, scheduleToStartSeconds = 10) {
  return {
    workerTaskQueue: { name, kind: enums.TaskQueueKind.STICKY },
    scheduleToStartTimeout: seconds(scheduleToStartSeconds),
  };
}

/** The operation `op` of the endpoint that is called as the story is. */
export function nexus(endpoint: string, attributes: Command["scheduleNexusOperationCommandAttributes"] = {}): Command {
  return {
    commandType: Type.SCHEDULE_NEXUS_OPERATION,
    scheduleNexusOperationCommandAttributes: {
      endpoint,
      service: "service",
      operation: "op",
      input: payload("in"),
      nexusHeader: { "X-Trace": "1" },
      ...attributes,
    },
  };
}

export function cancelNexus(scheduledEventId: number): Command {
  return {
    commandType: Type.REQUEST_CANCEL_NEXUS_OPERATION,
    requestCancelNexusOperationCommandAttributes: { scheduledEventId },
  };
}
