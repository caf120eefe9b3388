/**
 * The life of a Nexus operation, as its caller's run knows it:
 *
 *   schedule ─▶ scheduled ──answer──▶ started ──complete──▶ ended (leaves the run)
 *                │    ▲ │
 *         refuse ▼    │ └──the answer is the end──▶ ended        timeOut: from each state ─▶ ended
 *              backingOff
 *
 *   N1. Every request names the operation's request id, by which a handler recognises one that comes again.
 *   N2. The end may overtake the answer to the start: then the started event is written first.
 *   N3. An answer that comes too late (the operation has started or ended) is NOT_FOUND and changes nothing.
 */
import { type common, enums, failure, toTimestamp } from "@pawl/protocol";
import { type CallFailure, countAttempt, nextAttemptAtMs } from "../outside-call.ts";
import { Rejection } from "../rejection.ts";
import { happen } from "../run/history.ts";
import type { NexusOperation } from "../state/outside-call.ts";
import { type HistoryEventInit, isOpen, type Run, touchNexusOperation } from "../state/run.ts";
import type { Step } from "../step.ts";
import type { CommandOf, NexusOutcome, Replies } from "../vocabulary.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";
import { nexusCallOf, nexusDeadline } from "./nexus-call.ts";
import { beginCancellation, endCancellationBackoff } from "./nexus-cancellation.ts";

const { EventType } = enums;
const operationNotFound = new Rejection("NOT_FOUND", "operation not found");
const runCompleted = new Rejection("NOT_FOUND", "workflow execution already completed");

/** What came of the request to start it. */
export function startNexusOperationEnded(
  run: Run,
  step: Step,
  { scheduledEventId, attempt, outcome }: CommandOf<"startNexusOperationEnded">,
): Replies["startNexusOperationEnded"] | Rejection {
  const operation = run.nexusOperations.get(scheduledEventId);
  if (!isOpen(run) || operation?.status.type !== "scheduled" || operation.attempt + 1 !== attempt)
    return operationNotFound; // N3
  switch (outcome.type) {
    case "started":
      countAttempt(operation, step.nowMs, undefined);
      recordStarted(run, step, operation, { startedAtMs: null, ...outcome });
      scheduleWorkflowTask(run, step);
      beginCancellation(run, step, operation);
      return {};
    case "completed":
    case "failed":
    case "canceled":
      endOperation(run, step, operation, { outcome, links: outcome.links });
      return {};
    case "refused":
      startRefused(run, step, operation, outcome);
      return {};
    case "tooLate":
      // The deadline itself ends the operation, in a moment.
      return {};
    default:
      return outcome satisfies never;
  }
}

function startRefused(run: Run, step: Step, operation: NexusOperation, problem: CallFailure): void {
  countAttempt(operation, step.nowMs, problem.failure);
  if (!problem.retryable) {
    endOperation(run, step, operation, { outcome: { type: "failed", failure: problem.failure } });
    return;
  }
  operation.status = { type: "backingOff", callAtMs: nextAttemptAtMs(operation, step.nowMs) };
  touchNexusOperation(run, operation);
}

/** The handler tells of the end of what it has started. */
export function completeNexusOperation(
  run: Run,
  step: Step,
  completion: CommandOf<"completeNexusOperation">,
): Replies["completeNexusOperation"] | Rejection {
  if (!isOpen(run)) return runCompleted;
  const operation = run.nexusOperations.get(completion.scheduledEventId);
  if (!operation || operation.requestId !== completion.requestId) return operationNotFound;
  const { operationToken, startedAtMs, startedLinks: links, outcome } = completion;
  if (operation.status.type !== "started") recordStarted(run, step, operation, { operationToken, startedAtMs, links }); // N2
  endOperation(run, step, operation, { outcome });
  return {};
}

interface Start {
  readonly operationToken: string;
  /** null = now. */
  readonly startedAtMs: number | null;
  readonly links: readonly common.Link[];
}

function recordStarted(run: Run, step: Step, operation: NexusOperation, start: Start): void {
  const { operationToken, startedAtMs, links } = start;
  const { scheduledEventId, requestId } = operation;
  operation.status = { type: "started", startedAtMs: startedAtMs ?? step.nowMs, operationToken };
  touchNexusOperation(run, operation);
  happen(run, step.nowMs, {
    eventType: EventType.NEXUS_OPERATION_STARTED,
    links,
    ...(startedAtMs !== null && { eventTime: toTimestamp(startedAtMs) }),
    nexusOperationStartedEventAttributes: {
      scheduledEventId,
      requestId,
      operationToken,
      // The field's older name.
      operationId: operationToken,
    },
  });
}

/** How the API writes a result that there is not. */
const nullPayload: common.Payload = {
  metadata: { encoding: new TextEncoder().encode("binary/null") },
  data: new Uint8Array(0),
  externalPayloads: [],
};

function endOperation(
  run: Run,
  step: Step,
  operation: NexusOperation,
  { outcome, links = [] }: { outcome: NexusOutcome; links?: readonly common.Link[] },
): void {
  run.nexusOperations.delete(operation.scheduledEventId);
  touchNexusOperation(run, operation);
  happen(run, step.nowMs, { links, ...endEvent(operation, outcome) });
  scheduleWorkflowTask(run, step);
}

function endEvent(operation: NexusOperation, outcome: NexusOutcome): HistoryEventInit {
  const { scheduledEventId, requestId } = operation;
  switch (outcome.type) {
    case "completed":
      return {
        eventType: EventType.NEXUS_OPERATION_COMPLETED,
        nexusOperationCompletedEventAttributes: {
          scheduledEventId,
          requestId,
          result: outcome.result ?? nullPayload,
        },
      };
    case "failed":
      return {
        eventType: EventType.NEXUS_OPERATION_FAILED,
        nexusOperationFailedEventAttributes: {
          scheduledEventId,
          requestId,
          failure: operationFailure(operation, outcome.failure),
        },
      };
    case "canceled":
      return {
        eventType: EventType.NEXUS_OPERATION_CANCELED,
        nexusOperationCanceledEventAttributes: {
          scheduledEventId,
          requestId,
          failure: operationFailure(operation, outcome.failure),
        },
      };
    default:
      return outcome satisfies never;
  }
}

function operationFailure(operation: NexusOperation, cause: failure.Failure): failure.Failure {
  const { scheduledEventId, endpoint, service, status } = operation;
  const operationToken = status.type === "started" ? status.operationToken : "";
  return failure.Failure.create({
    message: "nexus operation completed unsuccessfully",
    nexusOperationExecutionFailureInfo: {
      ...{ scheduledEventId, endpoint, service, operation: operation.operation },
      ...{ operationToken, operationId: operationToken },
    },
    cause,
  });
}

/** Does what is due for the operation. */
export function wakeNexusOperation(run: Run, step: Step, operation: NexusOperation): void {
  const deadline = nexusDeadline(operation);
  if (deadline && deadline.atMs <= step.nowMs) {
    timeOutOperation(run, step, operation, deadline.timeout);
    return;
  }
  if (operation.status.type === "backingOff" && operation.status.callAtMs <= step.nowMs) {
    operation.status = { type: "scheduled" };
    touchNexusOperation(run, operation);
    step.call(nexusCallOf(run, operation));
  }
  endCancellationBackoff(run, step, operation);
}

function timeOutOperation(run: Run, step: Step, operation: NexusOperation, timeoutType: enums.TimeoutType): void {
  const { scheduledEventId, requestId } = operation;
  run.nexusOperations.delete(scheduledEventId);
  touchNexusOperation(run, operation);
  const cause = failure.Failure.create({
    message: "operation timed out",
    timeoutFailureInfo: { timeoutType, lastHeartbeatDetails: undefined },
  });
  happen(run, step.nowMs, {
    eventType: EventType.NEXUS_OPERATION_TIMED_OUT,
    nexusOperationTimedOutEventAttributes: {
      ...{ scheduledEventId, requestId },
      failure: operationFailure(operation, cause),
    },
  });
  scheduleWorkflowTask(run, step);
}
