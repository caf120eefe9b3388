/** Waits for the end of a workflow by long polls for its closing event, and follows it from run to run. */
import { enums, history } from "@pawl/protocol";
import { CancelledFailure, TerminatedFailure, TimeoutFailure } from "../value/failure.ts";
import { decodeRetryState } from "../value/failure-converter.ts";
import { arrayFromPayloads } from "../value/payload-converter.ts";
import type { ResolvedClientOptions } from "./client-options.ts";
import { rethrowCallFailure, WorkflowContinuedAsNewError, WorkflowFailedError } from "./errors.ts";

/** The server answers a long poll within 20 s; the rest is for the way. */
const longPollMs = 60_000;

interface Execution {
  readonly workflowId: string;
  readonly runId: string | undefined;
}

type Ending<R> = { result: R } | { nextRunId: string };

export async function awaitResult<R>(options: ResolvedClientOptions, of: Execution, followRuns: boolean): Promise<R> {
  const { namespace } = options;
  let runId = of.runId;
  for (;;) {
    const execution = { workflowId: of.workflowId, runId };
    const closing = await closingEvent(options, execution).catch((error) =>
      rethrowCallFailure(error, "Failed to get the result of Workflow", { namespace, ...execution }),
    );
    const ending = readEnding<R>(options, closing, followRuns);
    if ("result" in ending) return ending.result;
    runId = ending.nextRunId;
  }
}

async function closingEvent(
  { call, namespace }: ResolvedClientOptions,
  execution: Execution,
): Promise<history.HistoryEvent> {
  let nextPageToken: Uint8Array = new Uint8Array(0);
  for (;;) {
    const request = {
      ...{ namespace, execution, nextPageToken, waitNewEvent: true, skipArchival: true },
      historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT,
    };
    const response = await call("GetWorkflowExecutionHistory", request, { timeoutMs: longPollMs, waits: true });
    const closing = history.History.decode(response.history ?? new Uint8Array(0)).events.at(-1);
    if (closing) return closing;
    // An empty answer is a long poll that ran out; the token pins the run, so that the next one waits for the same.
    nextPageToken = response.nextPageToken;
  }
}

function readEnding<R>(
  { payloadConverter, failureConverter }: ResolvedClientOptions,
  event: history.HistoryEvent,
  followRuns: boolean,
): Ending<R> {
  const notRetried = "NON_RETRYABLE_FAILURE";
  const { workflowExecutionCompletedEventAttributes: completed, workflowExecutionFailedEventAttributes: failed } =
    event;
  if (completed) {
    if (followRuns && completed.newExecutionRunId) return { nextRunId: completed.newExecutionRunId };
    // A workflow has one result; several values would be a tuple that no SDK's workflow returns.
    const [result] = arrayFromPayloads(payloadConverter, completed.result?.payloads);
    return { result: result as R };
  }
  if (failed) {
    if (followRuns && failed.newExecutionRunId) return { nextRunId: failed.newExecutionRunId };
    const cause = failed.failure && failureConverter.failureToError(failed.failure, payloadConverter);
    throw new WorkflowFailedError(
      "Workflow execution failed",
      cause,
      decodeRetryState(failed.retryState) ?? notRetried,
    );
  }
  const cancelled = event.workflowExecutionCanceledEventAttributes;
  if (cancelled) {
    const details = arrayFromPayloads(payloadConverter, cancelled.details?.payloads);
    const cause = new CancelledFailure("Workflow canceled", details);
    throw new WorkflowFailedError("Workflow execution cancelled", cause, notRetried);
  }
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated) {
    const cause = new TerminatedFailure(terminated.reason || "Workflow execution terminated");
    throw new WorkflowFailedError(terminated.reason || "Workflow execution terminated", cause, notRetried);
  }
  const timedOut = event.workflowExecutionTimedOutEventAttributes;
  if (timedOut) {
    if (followRuns && timedOut.newExecutionRunId) return { nextRunId: timedOut.newExecutionRunId };
    const cause = new TimeoutFailure("Workflow execution timed out", undefined, "START_TO_CLOSE");
    throw new WorkflowFailedError(
      "Workflow execution timed out",
      cause,
      decodeRetryState(timedOut.retryState) ?? "TIMEOUT",
    );
  }
  const continued = event.workflowExecutionContinuedAsNewEventAttributes;
  if (!continued) throw new TypeError(`event ${event.eventId} of type ${event.eventType} ends no workflow`);
  if (!followRuns)
    throw new WorkflowContinuedAsNewError("Workflow execution continued as new", continued.newExecutionRunId);
  return { nextRunId: continued.newExecutionRunId };
}
