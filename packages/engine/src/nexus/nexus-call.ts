/** The requests that Nexus operations wait for, and their deadlines: computed from state, so that none can be lost. */
import { enums } from "@pawl/protocol";
import { senderOf } from "../outbox.ts";
import type { Call } from "../outside-call.ts";
import type { NexusOperation } from "../state/outside-call.ts";
import type { Run } from "../state/run.ts";

const { SCHEDULE_TO_CLOSE, SCHEDULE_TO_START, START_TO_CLOSE } = enums.TimeoutType;

export interface NexusDeadline {
  readonly timeout: enums.TimeoutType;
  readonly atMs: number;
}

/** The earliest of those that run for the operation in its present state. */
export function nexusDeadline({ status, ...operation }: NexusOperation): NexusDeadline | undefined {
  const isStarted = status.type === "started";
  const all = [
    isStarted
      ? { timeout: START_TO_CLOSE, baseMs: status.startedAtMs, timeoutMs: operation.startToCloseTimeoutMs }
      : { timeout: SCHEDULE_TO_START, baseMs: operation.scheduledAtMs, timeoutMs: operation.scheduleToStartTimeoutMs },
    { timeout: SCHEDULE_TO_CLOSE, baseMs: operation.scheduledAtMs, timeoutMs: operation.scheduleToCloseTimeoutMs },
  ];
  let first: NexusDeadline | undefined;
  for (const { timeout, baseMs, timeoutMs } of all) {
    if (timeoutMs > 0 && (!first || baseMs + timeoutMs < first.atMs)) first = { timeout, atMs: baseMs + timeoutMs };
  }
  return first;
}

/** When the operation next needs attention by itself; Infinity = never. */
export function nextNexusAtMs(operation: NexusOperation): number {
  const { status, cancellation } = operation;
  return Math.min(
    nexusDeadline(operation)?.atMs ?? Number.POSITIVE_INFINITY,
    status.type === "backingOff" ? status.callAtMs : Number.POSITIVE_INFINITY,
    cancellation?.status.type === "backingOff" ? cancellation.status.callAtMs : Number.POSITIVE_INFINITY,
  );
}

/** The request to start or to cancel the operation, while one is to be made. */
export function nexusCallOf(run: Run, operation: NexusOperation): Call | undefined {
  const { status, cancellation, scheduledEventId, endpoint, endpointId, service, requestId, scheduled } = operation;
  const about = {
    from: senderOf(run),
    ...{ scheduledEventId, endpoint, endpointId, service, operation: operation.operation, requestId, scheduled },
    untilMs: nexusDeadline(operation)?.atMs ?? null,
  };
  if (status.type === "scheduled") {
    const { scheduledAtMs, scheduleToCloseTimeoutMs, startToCloseTimeoutMs } = operation;
    const closeAtMs = scheduleToCloseTimeoutMs > 0 ? scheduledAtMs + scheduleToCloseTimeoutMs : null;
    const timeout = { startToCloseMs: startToCloseTimeoutMs, closeAtMs };
    return { type: "startNexusOperation", ...about, attempt: operation.attempt + 1, timeout };
  }
  if (status.type !== "started" || cancellation?.status.type !== "scheduled") return undefined;
  const { operationToken } = status;
  return { type: "cancelNexusOperation", ...about, attempt: cancellation.attempt + 1, operationToken };
}
