/** What workflow code may ask of Nexus operations: whether its commands can be carried out, and the one that schedules. */
import { type command, durationMs, enums, toDuration } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { noAttempts } from "../outside-call.ts";
import { write } from "../run/history.ts";
import type { NexusOperation } from "../state/outside-call.ts";
import { type HistoryEventInit, type Run, touchNexusOperation } from "../state/run.ts";
import type { Step } from "../step.ts";
import { nexusCallOf } from "./nexus-call.ts";

export type ScheduleNexusAttributes = command.ScheduleNexusOperationCommandAttributes;

const attributesName = "ScheduleNexusOperationCommandAttributes";

/** The server's own, in lower case: a workflow that set them would speak in its name. */
const reservedHeaders: readonly string[] = [
  "request-timeout",
  "xdc-redirection",
  "xdc-redirection-api",
  "caller-name",
  "caller-type",
  "call-initiation",
  "temporal-principal-type",
  "temporal-principal-name",
];

/** Why the command cannot be carried out, or undefined. What is too large is found elsewhere. */
export function scheduleNexusProblem(
  attributes: ScheduleNexusAttributes,
  endpointIds: ReadonlyMap<string, string>,
): string | undefined {
  const { endpoint, service, operation } = attributes;
  if (!endpointIds.has(endpoint)) return `endpoint ${JSON.stringify(endpoint)} not found`;
  if (bytesOf(service) > limits.idBytesMax)
    return `${attributesName}.Service exceeds length limit of ${limits.idBytesMax}`;
  if (bytesOf(operation) > limits.idBytesMax)
    return `${attributesName}.Operation exceeds length limit of ${limits.idBytesMax}`;
  for (const [field, timeout] of [
    ["ScheduleToCloseTimeout", attributes.scheduleToCloseTimeout],
    ["ScheduleToStartTimeout", attributes.scheduleToStartTimeout],
    ["StartToCloseTimeout", attributes.startToCloseTimeout],
  ] as const) {
    if (durationMs(timeout) < 0) return `${attributesName}.${field} is invalid: negative duration`;
  }
  return undefined;
}

export function nexusHeaderProblem({ nexusHeader }: ScheduleNexusAttributes): string | undefined {
  let bytes = 0;
  for (const [name, value] of Object.entries(nexusHeader)) {
    bytes += bytesOf(name) + bytesOf(value);
    if (reservedHeaders.includes(name.toLowerCase()))
      return `${attributesName}.NexusHeader contains a disallowed header key: ${JSON.stringify(name)}`;
  }
  return bytes > limits.nexusHeaderBytesMax ? `${attributesName}.NexusHeader exceeds size limit` : undefined;
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Writes the event and asks for the request to be made. */
export function scheduleNexusOperation(
  run: Run,
  step: Step,
  attributes: ScheduleNexusAttributes,
  event: {
    completedEventId: number;
    userMetadata: HistoryEventInit["userMetadata"];
    endpointIds: ReadonlyMap<string, string>;
  },
): void {
  const { endpoint, service, operation, input } = attributes;
  const endpointId = event.endpointIds.get(endpoint)!;
  const requestId = step.newId();
  const nexusHeader = Object.fromEntries(
    Object.entries(attributes.nexusHeader).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const timeouts = timeoutsOf(attributes, run.start.runTimeoutMs);
  const scheduledEventId = write(run, step.nowMs, {
    eventType: enums.EventType.NEXUS_OPERATION_SCHEDULED,
    userMetadata: event.userMetadata,
    nexusOperationScheduledEventAttributes: {
      ...{ endpoint, endpointId, service, operation, input, nexusHeader, requestId },
      scheduleToCloseTimeout: given(attributes.scheduleToCloseTimeout, timeouts.scheduleToCloseTimeoutMs),
      scheduleToStartTimeout: given(attributes.scheduleToStartTimeout, timeouts.scheduleToStartTimeoutMs),
      startToCloseTimeout: given(attributes.startToCloseTimeout, timeouts.startToCloseTimeoutMs),
      workflowTaskCompletedEventId: event.completedEventId,
    },
  });
  const scheduled: NexusOperation = {
    ...{ scheduledEventId, endpoint, endpointId, service, operation, requestId, ...timeouts },
    scheduledAtMs: step.nowMs,
    status: { type: "scheduled" },
    cancellation: null,
    scheduled: { input, nexusHeader },
    ...noAttempts(),
  };
  run.nexusOperations.set(scheduledEventId, scheduled);
  touchNexusOperation(run, scheduled);
  step.call(nexusCallOf(run, scheduled));
}

/** Nothing takes longer than the run, nor a part longer than the whole. */
function timeoutsOf(attributes: ScheduleNexusAttributes, runTimeoutMs: number) {
  const scheduleToCloseTimeoutMs = lesser(durationMs(attributes.scheduleToCloseTimeout), runTimeoutMs);
  const part = (timeoutMs: number) => (timeoutMs > 0 ? lesser(timeoutMs, scheduleToCloseTimeoutMs) : 0);
  return {
    scheduleToCloseTimeoutMs,
    scheduleToStartTimeoutMs: part(durationMs(attributes.scheduleToStartTimeout)),
    startToCloseTimeoutMs: part(durationMs(attributes.startToCloseTimeout)),
  };
}

/** The smaller of two timeouts, each of which may be 0 = none. */
function lesser(one: number, other: number): number {
  return one > 0 && other > 0 ? Math.min(one, other) : one || other;
}

/** A timeout that was not given and is none stays absent. */
function given(timeout: ScheduleNexusAttributes["scheduleToCloseTimeout"], timeoutMs: number) {
  return timeout || timeoutMs > 0 ? toDuration(timeoutMs) : undefined;
}
