/** Creates a run with its first events, whoever asked for it: a client, a parent, a schedule, or the run before it. */
import {
  type common,
  enums,
  type failure,
  type googleProtobuf,
  history,
  type Init,
  type sdk,
  toDuration,
  toTimestamp,
} from "@pawl/protocol";
import { resolveRetryPolicy, wireRetryPolicy } from "../backoff.ts";
import { limits } from "../limits.ts";
import { registerCallbacks } from "../nexus/completion-callback.ts";
import { wireResetPoints } from "../reset/reset-point.ts";
import { write } from "../run/history.ts";
import { memoToSet, searchAttributesToSet } from "../run/named-payload.ts";
import type { Follower } from "../state/message.ts";
import { freshRun, type Run, type Workflow } from "../state/run.ts";
import type { ParentRef, ResetPoint, RunStart } from "../state/run-start.ts";
import type { Heirloom } from "../state/versioning.ts";
import type { Step } from "../step.ts";
import { indexVersioning } from "../versioning/version-index.ts";
import { initialVersioning, startedFields } from "../versioning/version-inheritance.ts";
import { nextCronAtMs } from "./cron.ts";

/** Everything that differs from one way of starting to another. Timeouts of 0 = none given. */
export interface RunSpec {
  readonly runId: string;
  /** The namespace's name. */
  readonly namespace: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly input: common.Payloads | undefined;
  readonly header: common.Header | undefined;
  readonly memo: common.Memo | undefined;
  readonly searchAttributes: common.SearchAttributes | undefined;
  readonly executionTimeoutMs: number;
  readonly runTimeoutMs: number;
  readonly taskTimeoutMs: number;
  readonly retryPolicy: common.RetryPolicy | undefined;
  readonly cronSchedule: string;
  readonly identity: string;
  readonly requestId: string;
  readonly firstTaskBackoffMs: number;
  readonly userMetadata: sdk.UserMetadata | undefined;
  readonly links: readonly common.Link[];
  readonly completionCallbacks: readonly common.Callback[];
  readonly heirloom: Heirloom;
  readonly priority: common.Priority | undefined;
  readonly eagerAccepted: boolean;
  readonly continuedFailure: failure.Failure | undefined;
  readonly lastCompletionResult: common.Payloads | undefined;
  readonly parent: ParentRef | null;
  readonly followers: readonly Follower[];
  readonly root: { readonly workflowId: string; readonly runId: string } | null;
  /** Set when the run follows another of the same chain. */
  readonly chain: ChainLink | null;
}

export interface ChainLink {
  readonly initiator: enums.ContinueAsNewInitiator;
  readonly firstRunId: string;
  /** Of the request that began the chain. */
  readonly requestId: string;
  readonly previousRunId: string;
  readonly attempt: number;
  readonly executionExpiresAtMs: number;
  readonly resetPoints: readonly ResetPoint[];
  readonly namesRunTimeout: boolean;
}

/** The run, open, with its started event written. The caller makes it current and schedules its first workflow task. */
export function createRun(workflow: Workflow, step: Step, given: RunSpec): Run {
  const spec: RunSpec = {
    ...given,
    memo: memoToSet(given.memo),
    searchAttributes: searchAttributesToSet(given.searchAttributes),
    ...(!given.chain && { firstTaskBackoffMs: firstBackoffMs(given, step.nowMs) }),
  };
  const start = resolveStart(spec, step.nowMs);
  const run = freshRun({ ...workflow, runId: spec.runId, start });
  run.firstTaskAtMs = spec.firstTaskBackoffMs > 0 ? step.nowMs + spec.firstTaskBackoffMs : null;
  run.followers = spec.followers;
  run.memo = spec.memo;
  run.searchAttributes = spec.searchAttributes;
  run.resetPoints = spec.chain?.resetPoints ?? [];
  registerCallbacks(run, step.nowMs, spec.completionCallbacks);
  run.versioning = initialVersioning(spec.heirloom);
  const attributes = startedAttributes(spec, start, workflow.workflowId);
  write(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_EXECUTION_STARTED,
    links: spec.links,
    userMetadata: spec.userMetadata,
    workflowExecutionStartedEventAttributes: attributes,
  });
  if (start.retryPolicy || start.cronSchedule !== "") {
    run.startEvent = history.WorkflowExecutionStartedEventAttributes.encode(attributes);
    run.changes.parts.add("s");
  }
  indexVersioning(run, null);
  run.changes.core = true;
  run.changes.visibility = true;
  workflow.runs.set(run.runId, run);
  return run;
}

/** The first run of a cron schedule waits for its first time, in whole seconds. */
function firstBackoffMs({ cronSchedule, firstTaskBackoffMs }: RunSpec, nowMs: number): number {
  const firstAtMs =
    cronSchedule === "" ? undefined : nextCronAtMs(cronSchedule, { afterMs: nowMs, notBeforeMs: nowMs + 1 });
  return firstAtMs === undefined ? firstTaskBackoffMs : Math.ceil((firstAtMs - nowMs) / 1_000) * 1_000;
}

/** Makes the run the one that its workflow id means. */
export function makeCurrent(workflow: Workflow, run: Run): void {
  workflow.currentRunId = run.runId;
  run.changes.current = true;
}

function resolveStart(spec: RunSpec, nowMs: number): RunStart {
  const { executionTimeoutMs } = spec;
  const unboundedRunMs = spec.runTimeoutMs > 0 ? spec.runTimeoutMs : executionTimeoutMs;
  const runTimeoutMs = executionTimeoutMs > 0 ? Math.min(unboundedRunMs, executionTimeoutMs) : unboundedRunMs;
  const wantedTaskMs = Math.min(spec.taskTimeoutMs || limits.workflowTaskTimeoutMs, limits.workflowTaskTimeoutMsMax);
  const executionExpiresAtMs =
    spec.chain?.executionExpiresAtMs ??
    (executionTimeoutMs > 0 ? nowMs + spec.firstTaskBackoffMs + executionTimeoutMs : 0);
  return {
    namespace: spec.namespace,
    workflowType: spec.workflowType,
    taskQueue: spec.taskQueue,
    executionTimeoutMs,
    runTimeoutMs,
    taskTimeoutMs: runTimeoutMs > 0 ? Math.min(wantedTaskMs, runTimeoutMs) : wantedTaskMs,
    startedAtMs: nowMs,
    firstTaskBackoffMs: spec.firstTaskBackoffMs,
    retryPolicy: spec.retryPolicy ? resolveRetryPolicy(spec.retryPolicy) : null,
    cronSchedule: spec.cronSchedule,
    attempt: spec.chain?.attempt ?? 1,
    firstRunId: spec.chain?.firstRunId ?? spec.runId,
    originalRunId: spec.runId,
    executionExpiresAtMs,
    runExpiresAtMs: runExpiresAtMs(runTimeoutMs, nowMs + spec.firstTaskBackoffMs, executionExpiresAtMs),
    requestId: spec.requestId,
    chainRequestId: spec.chain?.requestId,
    parent: spec.parent,
    root: spec.root,
    priority: spec.priority,
    userMetadata: spec.userMetadata,
    namesRunTimeout: runTimeoutMs > 0 || spec.parent !== null || spec.chain?.namesRunTimeout === true,
  };
}

/** When a run that begins to work at `fromMs` ends at the latest; 0 = never. */
export function runExpiresAtMs(runTimeoutMs: number, fromMs: number, executionExpiresAtMs: number): number {
  const runEndsAtMs = runTimeoutMs > 0 ? fromMs + runTimeoutMs : 0;
  return runEndsAtMs > 0 && executionExpiresAtMs > 0
    ? Math.min(runEndsAtMs, executionExpiresAtMs)
    : runEndsAtMs || executionExpiresAtMs;
}

/** A timeout that nobody gave is not shown. */
export function optionalDuration(timeoutMs: number): Init<googleProtobuf.Duration> | undefined {
  return timeoutMs > 0 ? toDuration(timeoutMs) : undefined;
}

function startedAttributes(
  spec: RunSpec,
  start: RunStart,
  workflowId: string,
): Init<history.WorkflowExecutionStartedEventAttributes> {
  const { parent, chain } = spec;
  return {
    workflowType: { name: spec.workflowType },
    workflowId,
    ...(parent && {
      parentWorkflowNamespace: parent.namespace,
      parentWorkflowNamespaceId: parent.namespaceId,
      parentWorkflowExecution: { workflowId: parent.workflowId, runId: parent.runId },
      parentInitiatedEventId: parent.initiatedEventId,
    }),
    rootWorkflowExecution: spec.root ?? undefined,
    taskQueue: { name: spec.taskQueue, kind: enums.TaskQueueKind.NORMAL },
    input: spec.input,
    header: spec.header,
    memo: spec.memo,
    searchAttributes: spec.searchAttributes,
    workflowExecutionTimeout: optionalDuration(start.executionTimeoutMs),
    workflowRunTimeout: start.namesRunTimeout ? toDuration(start.runTimeoutMs) : undefined,
    workflowTaskTimeout: toDuration(start.taskTimeoutMs),
    ...(start.executionExpiresAtMs > 0 && { workflowExecutionExpirationTime: toTimestamp(start.executionExpiresAtMs) }),
    continuedExecutionRunId: chain?.previousRunId ?? "",
    initiator:
      chain?.initiator ??
      (spec.cronSchedule === ""
        ? enums.ContinueAsNewInitiator.UNSPECIFIED
        : enums.ContinueAsNewInitiator.CRON_SCHEDULE),
    continuedFailure: spec.continuedFailure,
    lastCompletionResult: spec.lastCompletionResult,
    originalExecutionRunId: start.originalRunId,
    firstExecutionRunId: start.firstRunId,
    identity: spec.identity,
    retryPolicy: start.retryPolicy ? wireRetryPolicy(start.retryPolicy) : undefined,
    attempt: start.attempt,
    cronSchedule: spec.cronSchedule,
    // A run that follows another at once names no delay.
    firstWorkflowTaskBackoff: chain ? optionalDuration(spec.firstTaskBackoffMs) : toDuration(spec.firstTaskBackoffMs),
    completionCallbacks: spec.completionCallbacks,
    prevAutoResetPoints: chain ? wireResetPoints(chain.resetPoints) : undefined,
    ...startedFields(spec.heirloom),
    priority: spec.priority,
    eagerExecutionAccepted: spec.eagerAccepted,
  };
}
