import { type common, enums } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import { happen } from "../run/history.ts";
import type { Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import { closingProblem, scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";

export interface Signal {
  readonly signalName: string;
  readonly input: common.Payloads | undefined;
  readonly header: common.Header | undefined;
  readonly identity: string;
  /** "" = cannot be recognised when repeated. */
  readonly requestId: string;
  readonly links: readonly common.Link[];
  /** Set when another workflow sends it. */
  readonly externalWorkflowExecution?: common.WorkflowExecution;
}

/** Records a signal once per request id. A run whose first task is delayed keeps waiting. */
export function signal(
  run: Run,
  step: Step,
  { signalName, input, header, identity, requestId, links, externalWorkflowExecution }: Signal,
): Rejection | undefined {
  if (requestId !== "" && run.signalRequestIds.has(requestId)) return undefined;
  if (run.signalCount >= limits.signalsMax) {
    return new Rejection(
      "INVALID_ARGUMENT",
      `exceeded workflow execution limit for signal events: ${limits.signalsMax}`,
    );
  }
  // One from another workflow is taken: its sender has nobody who would ask again.
  const closing = externalWorkflowExecution ? undefined : closingProblem(run);
  if (closing) return closing;
  run.signalCount += 1;
  if (requestId !== "") {
    run.signalRequestIds.add(requestId);
    run.changes.parts.add(`r/${requestId}`);
  }
  run.changes.core = true;
  happen(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_EXECUTION_SIGNALED,
    links,
    workflowExecutionSignaledEventAttributes: {
      signalName,
      input,
      header,
      identity,
      requestId,
      externalWorkflowExecution,
    },
  });
  scheduleWorkflowTask(run, step);
  return undefined;
}
