/** How a workflow ended: `pawl workflow result`, and the end of `execute`. */
import { enums, history } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { Failure } from "../failure.ts";
import type { Json } from "../output/json.ts";
import type { Session } from "../session.ts";
import { workflowFlags } from "./target.ts";

interface Closed {
  readonly event: history.HistoryEvent;
  readonly runId: string;
}

/** The event that closed the last run of the chain; waits for it. */
async function closingEvent(session: Session, workflowId: string, runId: string): Promise<Closed> {
  const { namespace } = session;
  const execution = { workflowId, runId };
  let nextPageToken: Uint8Array = new Uint8Array();
  for (;;) {
    const page = await session.wait("GetWorkflowExecutionHistory", {
      ...{ namespace, execution, nextPageToken, waitNewEvent: true },
      historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT,
    });
    nextPageToken = page.nextPageToken;
    const event = history.History.decode(page.history ?? new Uint8Array()).events.at(-1);
    if (event === undefined) continue;
    const next = successor(event);
    if (next === "") return { event, runId: execution.runId };
    execution.runId = next;
    nextPageToken = new Uint8Array();
  }
}

function successor(event: history.HistoryEvent): string {
  return (
    event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ??
    event.workflowExecutionCompletedEventAttributes?.newExecutionRunId ??
    event.workflowExecutionFailedEventAttributes?.newExecutionRunId ??
    event.workflowExecutionTimedOutEventAttributes?.newExecutionRunId ??
    ""
  );
}

const endings = {
  workflowExecutionCompletedEventAttributes: "COMPLETED",
  workflowExecutionFailedEventAttributes: "FAILED",
  workflowExecutionTimedOutEventAttributes: "TIMEOUT",
  workflowExecutionCanceledEventAttributes: "CANCELED",
  workflowExecutionTerminatedEventAttributes: "TERMINATED",
} as const;

/** Prints how it ended. Throws {@link Failure} unless it completed. */
export async function waitForResult(
  session: Session,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  { more, begunAtMs }: { readonly more: Json; readonly begunAtMs?: number },
): Promise<void> {
  const { event, runId: closedRunId } = await closingEvent(session, workflowId, runId);
  const closeEvent = await session.messageJson(history.HistoryEvent.typeName, history.HistoryEvent.encode(event));
  const [key, status] = Object.entries(endings).find(([name]) => closeEvent[name] !== undefined) ?? ["", "CLOSED"];
  const attributes: Json = closeEvent[key] ?? {};
  const payloads: Json = attributes.result;
  const result = Array.isArray(payloads) ? payloads[0] : payloads;
  const { output } = session;
  const durationMillis = begunAtMs === undefined ? undefined : Date.now() - begunAtMs;
  output.json({
    ...{ workflowId, runId: closedRunId, ...more, status, closeEvent },
    ...(durationMillis !== undefined && { durationMillis }),
    ...(status === "COMPLETED" && { result: result ?? null }),
  });
  output.say(
    `${output.paint("Status", "cyan")}      ${output.paint(status, status === "COMPLETED" ? "green" : "red")}`,
  );
  if (status === "COMPLETED") {
    output.say(`${output.paint("Result", "cyan")}      ${output.paint(JSON.stringify(result ?? null), undefined)}`);
    return;
  }
  throw new Failure("environment", `workflow ${workflowId} ${endingText(status, attributes)}`);
}

function endingText(status: string, attributes: Json): string {
  if (status === "FAILED") return `failed: ${failureText(attributes.failure)}`;
  if (status === "TERMINATED") return `was terminated${attributes.reason ? `: ${attributes.reason}` : ""}`;
  if (status === "TIMEOUT") return "ran into its timeout";
  return status === "CANCELED" ? "was canceled" : "has closed";
}

/** A failure with its causes, in one line. */
export function failureText(failure: Json): string {
  if (!failure) return "no failure was recorded";
  const type = failure.applicationFailureInfo?.type;
  const own = `${type ? `${type}: ` : ""}${failure.message ?? ""}`;
  return failure.cause ? `${own}; caused by ${failureText(failure.cause)}` : own;
}

export const resultCommands: readonly Definition[] = [
  define({
    path: "workflow result",
    summary: "Wait until a workflow has closed, and print its result",
    details: "The exit code is 1 unless it completes.",
    flags: workflowFlags,
    argument: "workflowId",
    examples: ["workflow result order-1 -o json"],
    async run(session, { workflowId, runId = "" }) {
      const { namespace } = session;
      const { workflowExecutionInfo } = await session.call("DescribeWorkflowExecution", {
        ...{ namespace, execution: { workflowId, runId } },
      });
      const run = { workflowId, runId: workflowExecutionInfo!.execution!.runId };
      await waitForResult(session, run, { more: { namespace } });
    },
  }),
];
