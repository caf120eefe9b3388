/** What a workflow may know of itself. */
import type { Clock, RunStart } from "../../value/activation.ts";
import type { SuggestContinueAsNewReason } from "../../value/continue-as-new.ts";
import type { FailureConverter } from "../../value/failure-converter.ts";
import type { Priority } from "../../value/options.ts";
import { fromPayloadsAtIndex, mapFromPayloads, type PayloadConverter } from "../../value/payload-converter.ts";
import type { RetryPolicy } from "../../value/retry-policy.ts";
import {
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  type SearchAttributes,
  type TypedSearchAttributes,
} from "../../value/search-attributes.ts";

import type { WorkerDeploymentVersion } from "../../value/worker-deployments.ts";

/** The workflow that started this one. */
export interface ParentWorkflowInfo {
  workflowId: string;
  runId: string;
  namespace: string;
}

/** The workflow at the top of the chain of parents. */
export interface RootWorkflowInfo {
  workflowId: string;
  runId: string;
}

/** What a workflow can know of itself. Times are the server's. */
export interface WorkflowInfo {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly firstExecutionRunId: string;
  /** The id that this run's history began with: a reset changes `runId`, and keeps this one. */
  readonly originalExecutionRunId: string;
  readonly continuedFromExecutionRunId?: string | undefined;
  readonly searchAttributes: SearchAttributes;
  readonly typedSearchAttributes: TypedSearchAttributes;
  readonly memo?: Record<string, unknown> | undefined;
  readonly parent?: ParentWorkflowInfo | undefined;
  readonly root?: RootWorkflowInfo | undefined;
  /** The result of the previous run, under cron or continue-as-new. */
  readonly lastResult?: unknown;
  readonly lastFailure?: Error | undefined;
  /** The number of events up to the current workflow task. */
  readonly historyLength: number;
  /** The size of the history in bytes, up to the current workflow task. */
  readonly historySize: number;
  /** The server suggests to continue as new, because the history is long. */
  readonly continueAsNewSuggested: boolean;
  /** Why the server suggests that. */
  readonly suggestedContinueAsNewReasons?: SuggestContinueAsNewReason[];
  /** New runs of this workflow would begin with another version than this pinned one has: `continueAsNew` can move to it. */
  readonly targetWorkerDeploymentVersionChanged: boolean;
  /** The version of the worker that does the current workflow task; during replay, of the one that did it. */
  readonly currentDeploymentVersion?: WorkerDeploymentVersion | undefined;
  readonly startTime: Date;
  readonly runStartTime: Date;
  readonly executionTimeoutMs?: number | undefined;
  readonly executionExpirationTime?: Date | undefined;
  readonly runTimeoutMs?: number | undefined;
  readonly taskTimeoutMs: number;
  readonly retryPolicy?: RetryPolicy | undefined;
  /** 1 for the first. */
  readonly attempt: number;
  readonly cronSchedule?: string | undefined;
  readonly cronScheduleToScheduleInterval?: number | undefined;
  readonly priority?: Priority | undefined;
  /** For logging and tools; a workflow that decides by it is not deterministic. */
  readonly unsafe: { readonly now: () => number; readonly isReplaying: boolean };
}

export function infoOf(
  start: RunStart,
  { converter, failures }: { converter: PayloadConverter; failures: FailureConverter },
  clock: Clock,
  now: () => number,
): WorkflowInfo {
  const { retryPolicy: policy } = start;
  return {
    workflowId: start.workflowId,
    runId: start.runId,
    workflowType: start.workflowType,
    namespace: start.namespace,
    taskQueue: start.taskQueue,
    firstExecutionRunId: start.firstExecutionRunId,
    originalExecutionRunId: start.randomSeed,
    continuedFromExecutionRunId: start.continuedFromExecutionRunId,
    searchAttributes: decodeSearchAttributes(start.searchAttributes),
    typedSearchAttributes: decodeTypedSearchAttributes(start.searchAttributes),
    memo: mapFromPayloads(converter, start.memo),
    parent: start.parent && { ...start.parent },
    root: start.root && { ...start.root },
    lastResult: fromPayloadsAtIndex(converter, 0, start.lastResult),
    lastFailure: start.lastFailure && failures.failureToError(start.lastFailure, converter),
    ...infoOfTask(clock, now),
    startTime: new Date(start.startTimeMs),
    runStartTime: new Date(start.startTimeMs),
    executionTimeoutMs: start.executionTimeoutMs,
    executionExpirationTime:
      start.executionExpirationTimeMs === undefined ? undefined : new Date(start.executionExpirationTimeMs),
    runTimeoutMs: start.runTimeoutMs,
    taskTimeoutMs: start.taskTimeoutMs,
    retryPolicy: policy && {
      initialInterval: policy.initialIntervalMs,
      backoffCoefficient: policy.backoffCoefficient,
      ...(policy.maximumIntervalMs > 0 ? { maximumInterval: policy.maximumIntervalMs } : {}),
      ...(policy.maximumAttempts > 0 ? { maximumAttempts: policy.maximumAttempts } : {}),
      nonRetryableErrorTypes: [...policy.nonRetryableErrorTypes],
    },
    attempt: start.attempt,
    cronSchedule: start.cronSchedule,
    cronScheduleToScheduleInterval: start.cronScheduleToScheduleIntervalMs,
    priority: start.priority && { ...start.priority },
  };
}

/** The part of the info that changes from one workflow task to the next. */
export function infoOfTask(clock: Clock, now: () => number) {
  const { historyLength, historySize, continueAsNewSuggested, isReplaying, deploymentVersion } = clock;
  return {
    ...{ historyLength, historySize, continueAsNewSuggested, unsafe: { now, isReplaying } },
    suggestedContinueAsNewReasons: [...clock.continueAsNewReasons],
    targetWorkerDeploymentVersionChanged: clock.targetVersionChanged,
    currentDeploymentVersion: deploymentVersion && { ...deploymentVersion },
  };
}
