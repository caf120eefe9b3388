/**
 * The workflow no longer wants an operation. Its handler is told once the operation has started; what becomes of the operation is the handler's
 * business, and the workflow hears of it by the operation's end.
 *
 *   request ─▶ waiting ──the operation starts──▶ scheduled ──done──▶ succeeded
 *                                                  │    ▲ └──refuse for good──▶ failed
 *                                           refuse ▼    │
 *                                                 backingOff
 */
import { enums, failure } from "@pawl/protocol";
import { timeoutName } from "../backoff.ts";
import { type CallFailure, countAttempt, nextAttemptAtMs, noAttempts } from "../outside-call.ts";
import { Rejection } from "../rejection.ts";
import { happen, write } from "../run/history.ts";
import type { NexusCancellation, NexusOperation } from "../state/outside-call.ts";
import { type HistoryEventInit, isOpen, type Run, touchNexusOperation } from "../state/run.ts";
import type { Step } from "../step.ts";
import type { CommandOf, Replies } from "../vocabulary.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";
import { nexusCallOf, nexusDeadline } from "./nexus-call.ts";

const { EventType } = enums;

/** The event is written also when the operation's end is buffered already. */
export function requestNexusCancel(
  run: Run,
  step: Step,
  scheduledEventId: number,
  event: { completedEventId: number; userMetadata: HistoryEventInit["userMetadata"] },
): void {
  const requestedEventId = write(run, step.nowMs, {
    eventType: EventType.NEXUS_OPERATION_CANCEL_REQUESTED,
    userMetadata: event.userMetadata,
    nexusOperationCancelRequestedEventAttributes: {
      scheduledEventId,
      workflowTaskCompletedEventId: event.completedEventId,
    },
  });
  const operation = run.nexusOperations.get(scheduledEventId);
  if (!operation) return;
  operation.cancellation = { requestedEventId, status: { type: "waiting" }, ...noAttempts() };
  touchNexusOperation(run, operation);
  beginCancellation(run, step, operation);
}

/** As soon as the operation has started, there is somebody to tell. */
export function beginCancellation(run: Run, step: Step, operation: NexusOperation): void {
  const { cancellation, status } = operation;
  if (status.type !== "started" || cancellation?.status.type !== "waiting") return;
  cancellation.status = { type: "scheduled", requestedAtMs: step.nowMs };
  touchNexusOperation(run, operation);
  step.call(nexusCallOf(run, operation));
}

export function endCancellationBackoff(run: Run, step: Step, operation: NexusOperation): void {
  const { cancellation } = operation;
  if (cancellation?.status.type !== "backingOff" || cancellation.status.callAtMs > step.nowMs) return;
  cancellation.status = { type: "scheduled", requestedAtMs: cancellation.status.requestedAtMs };
  touchNexusOperation(run, operation);
  step.call(nexusCallOf(run, operation));
}

/** What came of the request to cancel. */
export function cancelNexusOperationEnded(
  run: Run,
  step: Step,
  { scheduledEventId, attempt, outcome }: CommandOf<"cancelNexusOperationEnded">,
): Replies["cancelNexusOperationEnded"] | Rejection {
  const operation = run.nexusOperations.get(scheduledEventId);
  const cancellation = operation?.cancellation;
  if (!isOpen(run) || !operation || cancellation?.status.type !== "scheduled" || cancellation.attempt + 1 !== attempt)
    return new Rejection("NOT_FOUND", "the request to cancel the operation is over");
  touchNexusOperation(run, operation);
  const { requestedAtMs } = cancellation.status;
  if (outcome.type === "done") {
    countAttempt(cancellation, step.nowMs, undefined);
    cancellation.status = { type: "succeeded", requestedAtMs };
    tell(run, step, {
      eventType: EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED,
      nexusOperationCancelRequestCompletedEventAttributes: {
        scheduledEventId,
        requestedEventId: cancellation.requestedEventId,
      },
    });
    return {};
  }
  const problem = outcome.type === "tooLate" ? tooLate(operation) : outcome;
  countAttempt(cancellation, step.nowMs, problem.failure);
  if (problem.retryable)
    cancellation.status = { type: "backingOff", requestedAtMs, callAtMs: nextAttemptAtMs(cancellation, step.nowMs) };
  else failCancellation(run, step, { scheduledEventId, cancellation, requestedAtMs, problem });
  return {};
}

function failCancellation(
  run: Run,
  step: Step,
  failed: {
    scheduledEventId: number;
    cancellation: NexusCancellation;
    requestedAtMs: number;
    problem: CallFailure;
  },
): void {
  const { scheduledEventId, cancellation, requestedAtMs, problem } = failed;
  cancellation.status = { type: "failed", requestedAtMs };
  tell(run, step, {
    eventType: EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED,
    nexusOperationCancelRequestFailedEventAttributes: {
      scheduledEventId,
      requestedEventId: cancellation.requestedEventId,
      failure: problem.failure,
    },
  });
}

/** Workers of before these events were thought of may pass them over. */
function tell(run: Run, step: Step, event: HistoryEventInit): void {
  happen(run, step.nowMs, { ...event, workerMayIgnore: true });
  scheduleWorkflowTask(run, step);
}

function tooLate(operation: NexusOperation): CallFailure {
  const timeout = nexusDeadline(operation)?.timeout ?? enums.TimeoutType.SCHEDULE_TO_CLOSE;
  return {
    retryable: false,
    failure: failure.Failure.create({
      message: `not enough time to execute another request before ${timeoutName(timeout)} timeout`,
      applicationFailureInfo: failure.ApplicationFailureInfo.create({ type: "CallError", nonRetryable: true }),
    }),
  };
}
