/** How long a task waited for a worker, as a span: it ends when the worker is given it. */
import type { Task } from "../../matching/match.ts";
import type { Traces } from "../../telemetry/traces.ts";

/**
 * In the trace of the commit that made the task. Where that is not known any more (another process made it, or another node), in that of the poll that
 * got it. Calls from within that poll.
 */
export function taskWaitSpan(traces: Traces, task: Task): void {
  const poll = traces.current;
  const maker = traces.makerOf(task);
  const span = traces.begin(maker ?? poll);
  if (span === "unsampled") return;
  const { kind, scheduledAtMs, taskQueue, stickyQueue, workflowId, activityId, runId } = task;
  traces.end(
    // The clock of tasks has whole milliseconds, so one that did not wait may seem to begin later than now.
    { ...span, startMs: Math.min(scheduledAtMs, span.startMs) },
    {
      ...{ name: `wait ${kind} task`, kind: "internal" },
      attributes: {
        temporalTaskQueue: taskQueue,
        ...(stickyQueue !== undefined && { "pawl.sticky_queue": stickyQueue }),
        ...(workflowId !== "" && { temporalWorkflowID: workflowId }),
        ...(activityId !== undefined && { temporalActivityID: activityId }),
        temporalRunID: runId,
      },
      links: maker !== undefined && typeof poll === "object" ? [poll] : undefined,
    },
  );
}
