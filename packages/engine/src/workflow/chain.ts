/** A run that follows another under the same workflow id: continue-as-new, workflow retries, cron schedules. */
import { type command, type common, durationMs, enums, type failure, history } from "@pawl/protocol";
import { decideRetry, retryPolicyProblem } from "../backoff.ts";
import { limits } from "../limits.ts";
import { inheritedCallbacks } from "../nexus/completion-callback.ts";
import { handOn } from "../reset/reset-point.ts";
import type { Run, Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import { reservedQueueProblem } from "../task-queue-name.ts";
import { inheritedByCron, inheritedByRetry, inheritedFrom } from "../versioning/version-inheritance.ts";
import { scheduleWorkflowTask } from "../workflow-task/workflow-task.ts";
import { nextCronAtMs } from "./cron.ts";
import { type ChainLink, createRun, makeCurrent, type RunSpec } from "./new-run.ts";

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
    priority: start.priority,
    eagerAccepted: false,
    parent: start.parent,
    followers: run.followers,
    root: start.root,
  } as const;
}

/** Two runs of a chain start at least a second apart: a quick one waits for its first task. */
function spaced(run: Run, step: Step, backoffMs: number): number {
  return Math.max(backoffMs, dueAtMs(run) + limits.chainIntervalMsMin - step.nowMs, 0);
}

/** When the run's first task was due; a reset does not change that. */
function dueAtMs({ start }: Run): number {
  return (start.reset?.originalStartedAtMs ?? start.startedAtMs) + start.firstTaskBackoffMs;
}

/** Starts the run that follows, after the one before has written its closing event. */
export function beginNext(workflow: Workflow, step: Step, spec: RunSpec): void {
  const next = createRun(workflow, step, spec);
  makeCurrent(workflow, next);
  scheduleWorkflowTask(next, step);
}

export type ContinueAsNewAttributes = command.ContinueAsNewWorkflowExecutionCommandAttributes;

/** Why the command cannot be carried out, or undefined. */
export function continueAsNewProblem(run: Run, attributes: ContinueAsNewAttributes | undefined): string | undefined {
  const command = "ContinueAsNewWorkflowExecutionCommand";
  if (!attributes) return `${command}Attributes is not set on ${command}.`;
  const type = attributes.workflowType?.name || run.start.workflowType;
  const queue = attributes.taskQueue?.name || run.start.taskQueue;
  const of = `WorkflowType=${type} TaskQueue=${queue}`;
  const max = limits.idBytesMax;
  if (type.length > max)
    return `WorkflowType on ${command} exceeds length limit. WorkflowType=${type} Length=${type.length} Limit=${max}`;
  const badQueue = queue.length > max ? "taskQueue length exceeds limit" : reservedQueueProblem(queue);
  if (badQueue !== undefined) return `error validating ${command} TaskQueue: ${badQueue}. ${of}`;
  const policy = retryPolicyProblem(attributes.retryPolicy);
  if (policy !== undefined) return `invalid WorkflowRetryPolicy on ${command}: ${policy}. ${of}`;
  for (const [field, timeout] of [
    ["WorkflowRunTimeout", attributes.workflowRunTimeout],
    ["WorkflowTaskTimeout", attributes.workflowTaskTimeout],
    ["BackoffStartInterval", attributes.backoffStartInterval],
  ] as const) {
    if (durationMs(timeout) < 0) return `Invalid ${field} on ${command}: negative duration. ${of}`;
  }
  return undefined;
}

/** How the new run will start; its event and the old run's closing event must agree. Only type, queue and timeouts are inherited. */
export function continueAsNewSpec(run: Run, step: Step, attributes: ContinueAsNewAttributes): RunSpec {
  const initiator = attributes.initiator || enums.ContinueAsNewInitiator.WORKFLOW;
  const taskQueue = attributes.taskQueue?.name || run.start.taskQueue;
  return {
    ...inherited(run),
    runId: step.newId(),
    requestId: step.newId(),
    identity: "",
    workflowType: attributes.workflowType?.name || run.start.workflowType,
    taskQueue,
    heirloom: inheritedFrom(run, step.routing, taskQueue, attributes.initialVersioningBehavior),
    runTimeoutMs: durationMs(attributes.workflowRunTimeout) || run.start.runTimeoutMs,
    taskTimeoutMs: durationMs(attributes.workflowTaskTimeout) || run.start.taskTimeoutMs,
    input: attributes.input,
    header: attributes.header,
    memo: attributes.memo,
    searchAttributes: attributes.searchAttributes,
    retryPolicy: attributes.retryPolicy,
    cronSchedule: attributes.cronSchedule,
    completionCallbacks: inheritedCallbacks(run),
    continuedFailure: attributes.failure,
    lastCompletionResult: attributes.lastCompletionResult,
    firstTaskBackoffMs: spaced(run, step, durationMs(attributes.backoffStartInterval)),
    chain: {
      initiator,
      firstRunId: run.start.firstRunId,
      requestId: run.start.chainRequestId ?? run.start.requestId,
      previousRunId: run.runId,
      attempt: 1,
      executionExpiresAtMs: run.start.executionExpiresAtMs,
      resetPoints: handOn(run, step),
      namesRunTimeout: true,
    },
  };
}

type NextAttempt = { readonly spec: RunSpec } | { readonly retryState: enums.RetryState };

/** The run that retries this one after `cause`, or why there is none. */
function nextAttempt(run: Run, step: Step, cause: failure.Failure): NextAttempt {
  const { start } = run;
  if (!start.retryPolicy || !run.startEvent) return { retryState: enums.RetryState.RETRY_POLICY_NOT_SET };
  const state = { attempt: start.attempt, nowMs: step.nowMs, expiresAtMs: start.executionExpiresAtMs };
  const decision = decideRetry(start.retryPolicy, state, cause);
  if (!decision.retry) return { retryState: decision.state };
  const started = history.WorkflowExecutionStartedEventAttributes.decode(run.startEvent);
  return {
    spec: {
      ...repeated(run, step, started),
      heirloom: inheritedByRetry(run, started),
      continuedFailure: cause,
      lastCompletionResult: started.lastCompletionResult,
      completionCallbacks: inheritedCallbacks(run),
      firstTaskBackoffMs: spaced(run, step, decision.delayMs),
      chain: link(run, step, { initiator: enums.ContinueAsNewInitiator.RETRY, attempt: start.attempt + 1 }),
    },
  };
}

/** What follows a run that failed or timed out: its retry, else its cron schedule, else nothing. */
export function afterFailure(
  run: Run,
  step: Step,
  cause: failure.Failure,
): { readonly spec: RunSpec | undefined; readonly retryState: enums.RetryState } {
  const next = nextAttempt(run, step, cause);
  if ("spec" in next) return { spec: next.spec, retryState: enums.RetryState.IN_PROGRESS };
  return { spec: nextCron(run, step, { failure: cause }), retryState: next.retryState };
}

/** How a run ended that its cron schedule follows with another. */
export interface CronEnding {
  readonly result?: common.Payloads | undefined;
  readonly failure?: failure.Failure | undefined;
}

/** The next run of a cron schedule; undefined when there is no schedule or the chain has expired. A failed run passes on the last good result. */
export function nextCron(run: Run, step: Step, ending: CronEnding): RunSpec | undefined {
  const { start } = run;
  if (start.cronSchedule === "" || !run.startEvent) return undefined;
  if (start.executionExpiresAtMs > 0 && start.executionExpiresAtMs <= step.nowMs) return undefined;
  // From the time at which this run was due, so that a run that starts late does not shift those after it.
  const nextAtMs = nextCronAtMs(start.cronSchedule, { afterMs: dueAtMs(run), notBeforeMs: step.nowMs });
  if (nextAtMs === undefined) return undefined;
  const started = history.WorkflowExecutionStartedEventAttributes.decode(run.startEvent);
  return {
    ...repeated(run, step, started),
    heirloom: inheritedByCron(run),
    continuedFailure: ending.failure,
    lastCompletionResult: ending.failure ? started.lastCompletionResult : ending.result,
    completionCallbacks: [],
    firstTaskBackoffMs: spaced(run, step, Math.ceil((nextAtMs - step.nowMs) / 1_000) * 1_000),
    chain: link(run, step, { initiator: enums.ContinueAsNewInitiator.CRON_SCHEDULE, attempt: 1 }),
  };
}

/** What a retry and a cron run repeat of the start event. */
function repeated(run: Run, step: Step, started: history.WorkflowExecutionStartedEventAttributes) {
  return {
    ...inherited(run),
    runId: step.newId(),
    requestId: step.newId(),
    identity: "",
    input: started.input,
    header: started.header,
    memo: started.memo,
    searchAttributes: started.searchAttributes,
    retryPolicy: started.retryPolicy,
    cronSchedule: run.start.cronSchedule,
  } as const;
}

function link(run: Run, step: Step, { initiator, attempt }: Pick<ChainLink, "initiator" | "attempt">): ChainLink {
  const { firstRunId, executionExpiresAtMs, namesRunTimeout } = run.start;
  const resetPoints = handOn(run, step);
  return {
    initiator,
    firstRunId,
    requestId: run.start.chainRequestId ?? run.start.requestId,
    previousRunId: run.runId,
    attempt,
    executionExpiresAtMs,
    resetPoints,
    namesRunTimeout,
  };
}
