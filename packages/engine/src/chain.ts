/** A run that follows another under the same workflow id: continue-as-new and workflow retries. */
import { type command, durationMs, enums, type failure, history } from "@pawl/protocol";
import { decideRetry, wireRetryPolicy } from "./backoff.ts";
import { limits } from "./limits.ts";
import { createRun, makeCurrent, type RunSpec } from "./new-run.ts";
import type { Run, Workflow } from "./run.ts";
import type { Step } from "./step.ts";
import { scheduleWorkflowTask } from "./workflow-task.ts";

/** What the next run repeats of this one, whatever the reason. */
function inherited(run: Run) {
  const { start } = run;
  return {
    namespace: start.namespace,
    workflowType: start.workflowType,
    taskQueue: start.taskQueue,
    executionTimeoutMs: start.executionTimeoutMs,
    runTimeoutMs: start.runTimeoutMs,
    taskTimeoutMs: start.taskTimeoutMs,
    requestId: "",
    userMetadata: start.userMetadata,
    links: [],
    versioningOverride: undefined,
    priority: start.priority,
    eagerAccepted: false,
    parent: start.parent,
    root: start.root,
  } as const;
}

/** Two runs of a chain start at least a second apart: a quick one waits for its first task. */
function spaced(run: Run, step: Step, backoffMs: number): number {
  return Math.max(
    backoffMs,
    run.start.startedAtMs + run.start.firstTaskBackoffMs + limits.chainIntervalMsMin - step.nowMs,
    0,
  );
}

/** Starts the run that follows, after the one before has written its closing event. */
export function beginNext(workflow: Workflow, step: Step, spec: RunSpec): void {
  const next = createRun(workflow, step, spec);
  makeCurrent(workflow, next);
  scheduleWorkflowTask(next, step);
}

export type ContinueAsNewAttributes = command.ContinueAsNewWorkflowExecutionCommandAttributes;

/** How the new run will start; its event and the old run's closing event must agree. Only type, queue and timeouts are inherited. */
export function continueAsNewSpec(run: Run, step: Step, attributes: ContinueAsNewAttributes): RunSpec {
  const initiator = attributes.initiator || enums.ContinueAsNewInitiator.WORKFLOW;
  return {
    ...inherited(run),
    runId: step.newId(),
    requestId: step.newId(),
    identity: "",
    workflowType: attributes.workflowType?.name || run.start.workflowType,
    taskQueue: attributes.taskQueue?.name || run.start.taskQueue,
    runTimeoutMs: durationMs(attributes.workflowRunTimeout) || run.start.runTimeoutMs,
    taskTimeoutMs: durationMs(attributes.workflowTaskTimeout) || run.start.taskTimeoutMs,
    input: attributes.input,
    header: attributes.header,
    memo: attributes.memo,
    searchAttributes: attributes.searchAttributes,
    retryPolicy: attributes.retryPolicy,
    cronSchedule: attributes.cronSchedule,
    completionCallbacks: [],
    continuedFailure: attributes.failure,
    lastCompletionResult: attributes.lastCompletionResult,
    firstTaskBackoffMs: spaced(run, step, durationMs(attributes.backoffStartInterval)),
    chain: {
      initiator,
      firstRunId: run.start.firstRunId,
      previousRunId: run.runId,
      attempt: 1,
      executionExpiresAtMs: run.start.executionExpiresAtMs,
    },
  };
}

export type NextAttempt = { readonly spec: RunSpec } | { readonly retryState: enums.RetryState };

/** The run that retries this one after `cause`, or why there is none. */
export function nextAttempt(run: Run, step: Step, cause: failure.Failure): NextAttempt {
  const { start } = run;
  if (!start.retryPolicy || !run.startEvent) return { retryState: enums.RetryState.RETRY_POLICY_NOT_SET };
  const decision = decideRetry(
    start.retryPolicy,
    { attempt: start.attempt, nowMs: step.nowMs, expiresAtMs: start.executionExpiresAtMs },
    cause,
  );
  if (!decision.retry) return { retryState: decision.state };
  const started = history.WorkflowExecutionStartedEventAttributes.decode(run.startEvent);
  const spec: RunSpec = {
    ...inherited(run),
    runId: step.newId(),
    requestId: step.newId(),
    identity: "",
    input: started.input,
    header: started.header,
    memo: started.memo,
    searchAttributes: started.searchAttributes,
    retryPolicy: wireRetryPolicy(start.retryPolicy),
    cronSchedule: start.cronSchedule,
    completionCallbacks: started.completionCallbacks,
    continuedFailure: cause,
    lastCompletionResult: started.lastCompletionResult,
    firstTaskBackoffMs: spaced(run, step, decision.delayMs),
    chain: {
      initiator: enums.ContinueAsNewInitiator.RETRY,
      firstRunId: start.firstRunId,
      previousRunId: run.runId,
      attempt: start.attempt + 1,
      executionExpiresAtMs: start.executionExpiresAtMs,
    },
  };
  return { spec };
}
