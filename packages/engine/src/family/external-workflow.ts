/** Signals to, and cancellations of, other workflows, asked for by workflow code. */
import { type command, type common, enums, history } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { send } from "../outbox.ts";
import { Rejection } from "../rejection.ts";
import { happen, write } from "../run/history.ts";
import type { Delivery, Message } from "../state/message.ts";
import { type HistoryEventInit, isOpen, type Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import { requestCancel } from "../workflow/close.ts";
import { signal } from "../workflow/signal.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";

export type SignalExternalAttributes = command.SignalExternalWorkflowExecutionCommandAttributes;
export type CancelExternalAttributes = command.RequestCancelExternalWorkflowExecutionCommandAttributes;
type SignalExternal = Extract<Message, { type: "signalExternal" }>;
type CancelExternal = Extract<Message, { type: "cancelExternal" }>;
const { EventType } = enums;
const SignalAttributes = history.SignalExternalWorkflowExecutionInitiatedEventAttributes;
const CancelAttributes = history.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const signalCommand = "SignalExternalWorkflowExecutionCommand";
const cancelCommand = "RequestCancelExternalWorkflowExecutionCommand";

function isElsewhere(run: Run, namespace: string): boolean {
  return namespace !== "" && namespace !== run.start.namespace;
}

function lengthProblem(workflowId: string, command: string): string | undefined {
  const max = limits.idBytesMax;
  return workflowId.length > max
    ? `WorkflowId on ${command} exceeds length limit. WorkflowId=${workflowId} Length=${workflowId.length} Limit=${max}`
    : undefined;
}

export function signalExternalProblem(
  run: Run,
  { namespace, execution, signalName }: SignalExternalAttributes,
): string | undefined {
  if (isElsewhere(run, namespace)) return `cross namespace calls are not allowed on ${signalCommand}.`;
  if (!execution) return `Execution is not set on ${signalCommand}.`;
  const { workflowId, runId } = execution;
  const of = `Namespace=${namespace} RunId=${runId}`;
  if (workflowId === "") return `WorkflowId is not set on ${signalCommand}. ${of} SignalName=${signalName}`;
  const tooLong = lengthProblem(workflowId, signalCommand);
  if (tooLong !== undefined) return `${tooLong} ${of} SignalName=${signalName}`;
  if (runId !== "" && !uuid.test(runId))
    return `Invalid RunId set on ${signalCommand}. WorkflowId=${workflowId} ${of} SignalName=${signalName}`;
  return signalName === "" ? `SignalName is not set on ${signalCommand}. WorkflowId=${workflowId} ${of}` : undefined;
}

export function cancelExternalProblem(
  run: Run,
  { namespace, workflowId, runId }: CancelExternalAttributes,
): string | undefined {
  if (isElsewhere(run, namespace)) return `cross namespace calls are not allowed on ${cancelCommand}.`;
  if (workflowId === "") return `WorkflowId is not set on ${cancelCommand}. Namespace=${namespace} RunId=${runId}`;
  const tooLong = lengthProblem(workflowId, cancelCommand);
  if (tooLong !== undefined) return `${tooLong} RunId=${runId} Namespace=${namespace}`;
  return runId !== "" && !uuid.test(runId)
    ? `Invalid RunId set on ${cancelCommand}. WorkflowId=${workflowId} RunId=${runId} Namespace=${namespace}`
    : undefined;
}

export function signalExternal(
  run: Run,
  step: Step,
  attributes: SignalExternalAttributes,
  event: { completedEventId: number; userMetadata: HistoryEventInit["userMetadata"] },
): void {
  const initiated = {
    workflowTaskCompletedEventId: event.completedEventId,
    namespace: attributes.namespace || run.start.namespace,
    namespaceId: run.namespaceId,
    workflowExecution: attributes.execution,
    signalName: attributes.signalName,
    input: attributes.input,
    control: attributes.control,
    childWorkflowOnly: attributes.childWorkflowOnly,
    header: attributes.header,
  };
  const initiatedEventId = write(run, step.nowMs, {
    eventType: EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
    userMetadata: event.userMetadata,
    signalExternalWorkflowExecutionInitiatedEventAttributes: initiated,
  });
  send(run, step, signalMessage(run, initiatedEventId, SignalAttributes.create(initiated)));
}

/** What is sent for a signal that the run has asked for. */
export function signalMessage(
  run: Run,
  initiatedEventId: number,
  attributes: history.SignalExternalWorkflowExecutionInitiatedEventAttributes,
): SignalExternal {
  const addressed = addressedBy(run, attributes.workflowExecution!);
  return { type: "signalExternal", ...addressed, initiatedEventId, attributes: SignalAttributes.encode(attributes) };
}

export function cancelExternal(
  run: Run,
  step: Step,
  attributes: CancelExternalAttributes,
  event: { completedEventId: number; userMetadata: HistoryEventInit["userMetadata"] },
): void {
  const { workflowId, runId } = attributes;
  const initiated = {
    workflowTaskCompletedEventId: event.completedEventId,
    namespace: attributes.namespace || run.start.namespace,
    namespaceId: run.namespaceId,
    workflowExecution: { workflowId, runId },
    control: attributes.control,
    childWorkflowOnly: attributes.childWorkflowOnly,
    reason: attributes.reason,
  };
  const initiatedEventId = write(run, step.nowMs, {
    eventType: EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
    userMetadata: event.userMetadata,
    requestCancelExternalWorkflowExecutionInitiatedEventAttributes: initiated,
  });
  send(run, step, cancelMessage(run, initiatedEventId, CancelAttributes.create(initiated)));
}

/** What is sent for a cancellation that the run has asked for. */
export function cancelMessage(
  run: Run,
  initiatedEventId: number,
  attributes: history.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
): CancelExternal {
  const addressed = addressedBy(run, attributes.workflowExecution!);
  return { type: "cancelExternal", ...addressed, initiatedEventId, attributes: CancelAttributes.encode(attributes) };
}

function addressedBy({ workflowId, runId }: Run, receiver: common.WorkflowExecution) {
  return { workflowId: receiver.workflowId, runId: receiver.runId, sender: { workflowId, runId } };
}

const notFound = new Rejection("NOT_FOUND", "no such running workflow");

/** Whether `run` may be reached: a sender may ask for its own child only, and nobody reaches itself. */
function reaches(run: Run, message: SignalExternal | CancelExternal, childOnly: boolean): boolean {
  if (run.runId === message.sender.runId) return false;
  return (
    !childOnly ||
    (run.start.parent?.workflowId === message.sender.workflowId && run.start.parent.runId === message.sender.runId)
  );
}

export function receiveSignal(run: Run, step: Step, message: SignalExternal): Delivery {
  const attributes = SignalAttributes.decode(message.attributes);
  if (!isOpen(run) || !reaches(run, message, attributes.childWorkflowOnly))
    return { type: "refused", rejection: notFound };
  const rejection = signal(run, step, {
    signalName: attributes.signalName,
    input: attributes.input,
    header: attributes.header,
    identity: "history-service",
    requestId: `${message.sender.runId}:${message.initiatedEventId}`,
    links: [],
    externalWorkflowExecution: message.sender,
  });
  return rejection ? { type: "refused", rejection } : { type: "taken", runId: run.runId };
}

export function receiveCancel(run: Run, step: Step, message: CancelExternal): Delivery {
  const attributes = CancelAttributes.decode(message.attributes);
  if (!reaches(run, message, attributes.childWorkflowOnly)) return { type: "refused", rejection: notFound };
  // A workflow that has closed needs no cancelling any more: that is a success.
  if (isOpen(run)) {
    requestCancel(run, step, {
      reason: attributes.reason,
      identity: "history-service",
      requestId: `${message.sender.runId}:${message.initiatedEventId}`,
      links: [],
      external: { execution: message.sender, initiatedEventId: message.initiatedEventId },
    });
  }
  return { type: "taken", runId: run.runId };
}

/** The sender hears what became of its signal. */
export function signalDelivered(run: Run, step: Step, message: SignalExternal, delivery: Delivery): void {
  if (!isOpen(run)) return;
  const { namespace, namespaceId, workflowExecution, control } = SignalAttributes.decode(message.attributes);
  const about = { namespace, namespaceId, workflowExecution, control, initiatedEventId: message.initiatedEventId };
  const { SignalExternalWorkflowExecutionFailedCause: Cause } = enums;
  if (delivery.type === "taken") {
    happen(run, step.nowMs, {
      eventType: EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
      externalWorkflowExecutionSignaledEventAttributes: about,
    });
  } else {
    const cause =
      delivery.rejection.code === "INVALID_ARGUMENT"
        ? Cause.SIGNAL_COUNT_LIMIT_EXCEEDED
        : Cause.EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;
    happen(run, step.nowMs, {
      eventType: EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
      signalExternalWorkflowExecutionFailedEventAttributes: { ...about, cause },
    });
  }
  scheduleWorkflowTask(run, step);
}

/** The sender hears what became of its cancellation. */
export function cancelDelivered(run: Run, step: Step, message: CancelExternal, delivery: Delivery): void {
  if (!isOpen(run)) return;
  const { namespace, namespaceId, workflowExecution, control } = CancelAttributes.decode(message.attributes);
  const about = { namespace, namespaceId, workflowExecution, initiatedEventId: message.initiatedEventId };
  if (delivery.type === "taken") {
    happen(run, step.nowMs, {
      eventType: EventType.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
      externalWorkflowExecutionCancelRequestedEventAttributes: about,
    });
  } else {
    const cause = enums.CancelExternalWorkflowExecutionFailedCause.EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;
    happen(run, step.nowMs, {
      eventType: EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
      requestCancelExternalWorkflowExecutionFailedEventAttributes: {
        ...about,
        control,
        cause,
      },
    });
  }
  scheduleWorkflowTask(run, step);
}
