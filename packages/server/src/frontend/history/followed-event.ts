/**
 * The closing event as older clients understand it. When a run is retried, or repeated by its cron schedule, its closing event says failed, timed out or
 * completed, and names the next run. Clients that do not announce that they understand this follow a chain of runs by continue-as-new events only, so they are
 * sent such an event in its place, as the reference server does.
 */
import { enums, failure, history, type Init } from "@pawl/protocol";
import type { Call } from "../handler.ts";

const followsNextRunId = "follows-next-run-id";

/** `event`: one encoded `events` field. */
export function followedEvent(event: Uint8Array, call: Pick<Call, "supportedFeatures">): Uint8Array {
  if (call.supportedFeatures.includes(followsNextRunId)) return event;
  const closing = history.History.decode(event).events[0]!;
  const attributes = continuedAsNew(closing);
  if (!attributes) return event;
  const { eventId, eventTime, taskId, version } = closing;
  return history.History.encode({
    events: [
      {
        ...{ eventId, eventTime, taskId, version },
        eventType: enums.EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
        workflowExecutionContinuedAsNewEventAttributes: attributes,
      },
    ],
  });
}

/** Whether another run follows: continued as new, retried, or the next of a cron schedule. `event`: one encoded `events` field, of a closing event. */
export function isFollowed(event: Uint8Array): boolean {
  const closing = history.History.decode(event).events[0]!;
  return (
    closing.eventType === enums.EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW || continuedAsNew(closing) !== undefined
  );
}

function continuedAsNew(
  closing: history.HistoryEvent,
): Init<history.WorkflowExecutionContinuedAsNewEventAttributes> | undefined {
  const failed = closing.workflowExecutionFailedEventAttributes;
  if (failed?.newExecutionRunId) return { newExecutionRunId: failed.newExecutionRunId, failure: failed.failure };
  const completed = closing.workflowExecutionCompletedEventAttributes;
  if (completed?.newExecutionRunId)
    return { newExecutionRunId: completed.newExecutionRunId, lastCompletionResult: completed.result };
  const timedOut = closing.workflowExecutionTimedOutEventAttributes;
  if (!timedOut?.newExecutionRunId) return undefined;
  const timeoutFailureInfo = { timeoutType: enums.TimeoutType.START_TO_CLOSE, lastHeartbeatDetails: undefined };
  return {
    newExecutionRunId: timedOut.newExecutionRunId,
    failure: failure.Failure.create({ message: "workflow timeout", source: "Server", timeoutFailureInfo }),
  };
}
