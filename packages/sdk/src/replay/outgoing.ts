/**
 * Commands that workflow code gave and that history has yet to confirm. Each command leaves exactly one event, in order; an event that is not the
 * one its command should leave is the proof of nondeterminism.
 */
import { enums, type history } from "@pawl/protocol";
import type { WorkflowCommand } from "../value/activation.ts";
import { changeVersionAttribute, type LocalActivityEnd, readMarker } from "./marker.ts";
import { Nondeterminism } from "./nondeterminism.ts";

/** What leaves an event: all but the commands that stay inside the worker, and the outcome of a local activity. */
export type HistoryCommand =
  | Exclude<
      WorkflowCommand,
      { type: "scheduleLocalActivity" } | { type: "cancelLocalActivity" } | { type: "rejectUpdate" }
    >
  | { type: "localActivityEnd"; end: LocalActivityEnd };

type CommandType = HistoryCommand["type"];
const { EventType } = enums;

/** Which command leaves which event. */
const commandsOf: ReadonlyMap<number, readonly CommandType[]> = new Map<number, readonly CommandType[]>([
  [EventType.ACTIVITY_TASK_SCHEDULED, ["scheduleActivity"]],
  [EventType.ACTIVITY_TASK_CANCEL_REQUESTED, ["cancelActivity"]],
  [EventType.TIMER_STARTED, ["startTimer"]],
  [EventType.TIMER_CANCELED, ["cancelTimer"]],
  [EventType.MARKER_RECORDED, ["patch", "localActivityEnd"]],
  [EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED, ["startChild"]],
  [EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, ["cancelExternal"]],
  [EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, ["signalExternal"]],
  [EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, ["upsertSearchAttributes"]],
  [EventType.WORKFLOW_PROPERTIES_MODIFIED, ["upsertMemo"]],
  [EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, ["acceptUpdate"]],
  [EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED, ["completeUpdate"]],
  [EventType.WORKFLOW_EXECUTION_COMPLETED, ["completeWorkflow"]],
  [EventType.WORKFLOW_EXECUTION_FAILED, ["failWorkflow"]],
  [EventType.WORKFLOW_EXECUTION_CANCELED, ["cancelWorkflow"]],
  [EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW, ["continueAsNew"]],
  [EventType.NEXUS_OPERATION_SCHEDULED, ["scheduleNexusOperation"]],
  [EventType.NEXUS_OPERATION_CANCEL_REQUESTED, ["cancelNexusOperation"]],
]);

const eventNames = new Map(Object.entries(EventType).map(([name, value]) => [value as number, name]));

export function isCommandEvent(event: history.HistoryEvent): boolean {
  return commandsOf.has(event.eventType);
}

/** The SDK writes this attribute with each new patch by itself: no code asked for it. */
export function isChangeVersionUpsert(event: history.HistoryEvent): boolean {
  const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields;
  return fields !== undefined && changeVersionAttribute in fields;
}

export class Outgoing {
  #commands: HistoryCommand[] = [];

  get isEmpty(): boolean {
    this.#dropDeprecatedPatches();
    return this.#commands.length === 0;
  }

  push(command: HistoryCommand): void {
    this.#commands.push(command);
  }

  /** What code did that history does not have, for the message of a {@link Nondeterminism}. */
  get head(): HistoryCommand | undefined {
    return this.#commands[0];
  }

  /**
   * The command that left this event. `undefined` for an event that no command need answer for: the marker of a patch deprecated since.
   * Throws {@link Nondeterminism}.
   */
  match(event: history.HistoryEvent): HistoryCommand | undefined {
    const marker = event.markerRecordedEventAttributes && readMarker(event.markerRecordedEventAttributes);
    if (marker?.kind === "patch") {
      if (this.#isPatch(marker.patchId)) return this.#commands.shift();
      if (marker.deprecated) return undefined;
    }
    this.#dropDeprecatedPatches();
    const command = this.#commands[0];
    if (!command || !commandsOf.get(event.eventType)?.includes(command.type) || !isSame(command, event)) {
      throw new Nondeterminism({
        eventId: event.eventId,
        history: describeEvent(event),
        code: describeDeed(command),
        stack: stackOf(command),
      });
    }
    return this.#commands.shift();
  }

  #isPatch(patchId: string): boolean {
    const isOther = (each: HistoryCommand) => each.type === "patch" && each.deprecated && each.patchId !== patchId;
    const at = this.#commands.findIndex((each) => !isOther(each));
    const found = this.#commands[at];
    if (found?.type !== "patch" || found.patchId !== patchId) return false;
    this.#commands.splice(0, at);
    return true;
  }

  /** A call of `deprecatePatch` may or may not have left a marker; without one it is forgotten. */
  #dropDeprecatedPatches(): void {
    while (this.#commands[0]?.type === "patch" && this.#commands[0].deprecated) this.#commands.shift();
  }
}

/** Whether the event is this very command's: same activity, same timer, same child. What it was given may differ. */
function isSame(command: HistoryCommand, event: history.HistoryEvent): boolean {
  switch (command.type) {
    case "scheduleActivity": {
      const { activityId, activityType } = event.activityTaskScheduledEventAttributes!;
      return activityId === command.activityId && activityType?.name === command.activityType;
    }
    case "startTimer":
      return event.timerStartedEventAttributes!.timerId === String(command.seq);
    case "cancelTimer":
      return event.timerCanceledEventAttributes!.timerId === String(command.seq);
    case "startChild": {
      const { workflowId, workflowType } = event.startChildWorkflowExecutionInitiatedEventAttributes!;
      return workflowId === command.workflowId && workflowType?.name === command.workflowType;
    }
    case "signalExternal": {
      const { signalName, workflowExecution } = event.signalExternalWorkflowExecutionInitiatedEventAttributes!;
      return signalName === command.name && workflowExecution?.workflowId === command.target.workflowId;
    }
    case "cancelExternal": {
      const { workflowExecution } = event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes!;
      return workflowExecution?.workflowId === command.target.workflowId;
    }
    case "scheduleNexusOperation": {
      const { endpoint, service, operation } = event.nexusOperationScheduledEventAttributes!;
      return endpoint === command.endpoint && service === command.service && operation === command.operation;
    }
    case "acceptUpdate":
      return event.workflowExecutionUpdateAcceptedEventAttributes!.protocolInstanceId === command.id;
    case "completeUpdate":
      return event.workflowExecutionUpdateCompletedEventAttributes!.meta?.updateId === command.id;
    case "localActivityEnd": {
      const marker = readMarker(event.markerRecordedEventAttributes!);
      return marker.kind === "localActivity" && marker.end.seq === command.end.seq;
    }
    case "patch":
      return false; // A patch's own marker was looked for before.
    default:
      return true;
  }
}

export function stackOf(command: HistoryCommand | undefined): string | undefined {
  return command && "stack" in command ? command.stack : undefined;
}

export function describeEvent(event: history.HistoryEvent): string {
  const name = eventNames.get(event.eventType) ?? `an event of type ${event.eventType}`;
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) return `${name} of activity ${scheduled.activityType?.name} (id ${scheduled.activityId})`;
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child) return `${name} of child workflow ${child.workflowType?.name} (id ${child.workflowId})`;
  const timerId = event.timerStartedEventAttributes?.timerId ?? event.timerCanceledEventAttributes?.timerId;
  if (timerId !== undefined) return `${name} of timer ${timerId}`;
  if (event.markerRecordedEventAttributes) {
    const marker = readMarker(event.markerRecordedEventAttributes);
    if (marker.kind === "patch") return `${name} of patch ${JSON.stringify(marker.patchId)}`;
    if (marker.kind === "localActivity")
      return `${name} of local activity ${marker.end.activityType} (${marker.end.seq})`;
    return `${name} ${JSON.stringify(marker.name)}`;
  }
  const nexus = event.nexusOperationScheduledEventAttributes;
  if (nexus) return `${name} of Nexus operation ${nexus.service}.${nexus.operation} at ${nexus.endpoint}`;
  const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
  if (signal) return `${name} of signal ${signal.signalName} to ${signal.workflowExecution?.workflowId}`;
  return name;
}

export function describeDeed(command: HistoryCommand | undefined): string {
  if (!command) return "did nothing there";
  switch (command.type) {
    case "scheduleActivity":
      return `scheduled activity ${command.activityType} (id ${command.activityId})`;
    case "cancelActivity":
      return `cancelled activity ${command.seq}`;
    case "startTimer":
      return `started timer ${command.seq} of ${command.durationMs} ms`;
    case "cancelTimer":
      return `cancelled timer ${command.seq}`;
    case "startChild":
      return `started child workflow ${command.workflowType} (id ${command.workflowId})`;
    case "signalExternal":
      return `sent signal ${command.name} to workflow ${command.target.workflowId}`;
    case "cancelExternal":
      return `cancelled workflow ${command.target.workflowId}`;
    case "scheduleNexusOperation":
      return `called Nexus operation ${command.service}.${command.operation} at ${command.endpoint}`;
    case "cancelNexusOperation":
      return `cancelled Nexus operation ${command.seq}`;
    case "patch":
      return `called patched(${JSON.stringify(command.patchId)})`;
    case "localActivityEnd":
      return `ended local activity ${command.end.activityType} (${command.end.seq})`;
    case "upsertSearchAttributes":
      return `upserted search attributes ${Object.keys(command.fields).join(", ")}`;
    case "upsertMemo":
      return `upserted memo ${Object.keys(command.fields).join(", ")}`;
    case "acceptUpdate":
      return `accepted update ${command.id}`;
    case "completeUpdate":
      return `completed update ${command.id}`;
    case "continueAsNew":
      return "continued as new";
    case "completeWorkflow":
      return "completed the workflow";
    case "failWorkflow":
      return `failed the workflow (${command.failure.message})`;
    case "cancelWorkflow":
      return "ended the workflow as cancelled";
    default:
      return command satisfies never;
  }
}
