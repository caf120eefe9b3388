/** How a run ended, as the end of the Nexus operation that it worked on. */

import type { NexusOutcome } from "@pawl/engine";
import { enums, failure, history } from "@pawl/protocol";

/** `closing` is the last event of a chain, as an `events` field. Throws when it closes none. */
export function outcomeOf(closing: Uint8Array): NexusOutcome {
  const [event] = history.History.decode(closing).events;
  const completed = event?.workflowExecutionCompletedEventAttributes;
  // Workflows give one value at most; what else a result may hold has no place in an operation's.
  if (completed) return { type: "completed", result: completed.result?.payloads[0] };
  const failed = event?.workflowExecutionFailedEventAttributes;
  if (failed) return { type: "failed", failure: failed.failure ?? failure.Failure.create({}) };
  const canceled = event?.workflowExecutionCanceledEventAttributes;
  if (canceled)
    return {
      type: "canceled",
      failure: failure.Failure.create({
        message: "operation canceled",
        canceledFailureInfo: failure.CanceledFailureInfo.create({ details: canceled.details }),
      }),
    };
  if (event?.workflowExecutionTerminatedEventAttributes)
    return {
      type: "failed",
      failure: failure.Failure.create({
        message: "operation terminated",
        terminatedFailureInfo: failure.TerminatedFailureInfo.create({}),
      }),
    };
  if (event?.workflowExecutionTimedOutEventAttributes)
    return {
      type: "failed",
      failure: failure.Failure.create({
        message: "operation exceeded internal timeout",
        timeoutFailureInfo: { timeoutType: enums.TimeoutType.UNSPECIFIED, lastHeartbeatDetails: undefined },
      }),
    };
  throw new Error(`event ${event?.eventType} does not end a chain`);
}
