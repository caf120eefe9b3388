/**
 * What passes between the replay core and workflow code: jobs in, commands out. Plain data without functions or classes, because it crosses from
 * one realm to another. `seq` numbers what workflow code has begun, from 1, per kind.
 */

import type { InitialVersioningBehavior, SuggestContinueAsNewReason } from "./continue-as-new.ts";
import type { ProtoFailure } from "./failure.ts";
import type { ActivityCancellationType, Priority } from "./options.ts";
import type { Payload } from "./payload.ts";
import type { CompiledRetryPolicy } from "./retry-policy.ts";
import type { WorkerDeploymentVersion } from "./worker-deployments.ts";

export type Payloads = readonly Payload[];
export type Fields = Record<string, Payload>;

/** What is known of a run when it starts, and kept as long as it lives; all of it comes from its first event. */
export interface RunStart {
  workflowId: string;
  runId: string;
  workflowType: string;
  namespace: string;
  taskQueue: string;
  firstExecutionRunId: string;
  continuedFromExecutionRunId: string | undefined;
  randomSeed: string;
  startTimeMs: number;
  memo: Fields | undefined;
  searchAttributes: Fields | undefined;
  parent: { workflowId: string; runId: string; namespace: string } | undefined;
  root: { workflowId: string; runId: string } | undefined;
  attempt: number;
  cronSchedule: string | undefined;
  cronScheduleToScheduleIntervalMs: number | undefined;
  executionTimeoutMs: number | undefined;
  executionExpirationTimeMs: number | undefined;
  runTimeoutMs: number | undefined;
  taskTimeoutMs: number;
  retryPolicy: CompiledRetryPolicy | undefined;
  priority: Priority | undefined;
  lastResult: Payloads;
  lastFailure: ProtoFailure | undefined;
}

/** How something workflow code waits for ended. */
export type Outcome =
  | { status: "completed"; result: Payload | undefined }
  | { status: "failed"; failure: ProtoFailure }
  | { status: "cancelled"; failure: ProtoFailure };

export type LocalActivityOutcome =
  | Outcome
  /** `failure`: of the attempt that will be tried again. */
  | {
      status: "backoff";
      attempt: number;
      backoffMs: number;
      originalScheduleMs: number;
      failure: ProtoFailure | undefined;
    };

export type ChildStartOutcome =
  | { status: "started"; runId: string }
  | { status: "alreadyExists" }
  | { status: "notFound" }
  | { status: "cancelled"; failure: ProtoFailure };

export type Job =
  | { type: "start"; start: RunStart; input: Payloads; headers: Fields }
  | { type: "patch"; patchId: string }
  | { type: "randomSeed"; seed: string }
  | { type: "signal"; name: string; input: Payloads; headers: Fields }
  | { type: "cancel"; reason: string }
  | { type: "update"; id: string; name: string; input: Payloads; headers: Fields; validate: boolean }
  | { type: "timer"; seq: number }
  | { type: "activity"; seq: number; outcome: Outcome }
  | { type: "localActivity"; seq: number; outcome: LocalActivityOutcome }
  | { type: "childStart"; seq: number; outcome: ChildStartOutcome }
  | { type: "child"; seq: number; outcome: Outcome }
  | { type: "nexusStart"; seq: number; scheduledEventId: number; token: string | undefined }
  | { type: "nexus"; seq: number; outcome: Outcome }
  | { type: "nexusCancel"; seq: number; failure: ProtoFailure | undefined }
  | { type: "externalSignal"; seq: number; failure: ProtoFailure | undefined }
  | { type: "externalCancel"; seq: number; failure: ProtoFailure | undefined };

export interface Activation extends Clock {
  jobs: readonly Job[];
}

/** What a workflow task says beside its news. */
export interface Clock {
  /** The time of the workflow task: what `Date.now()` says until the next one. */
  timestampMs: number;
  isReplaying: boolean;
  historyLength: number;
  historySize: number;
  continueAsNewSuggested: boolean;
  continueAsNewReasons: readonly SuggestContinueAsNewReason[];
  /** The version that new runs of this workflow would begin with is another than this pinned run's. */
  targetVersionChanged: boolean;
  /** Of the worker that did this task. */
  deploymentVersion: WorkerDeploymentVersion | undefined;
}

export interface ActivityCommand {
  type: "scheduleActivity";
  seq: number;
  activityId: string;
  activityType: string;
  taskQueue: string | undefined;
  input: Payloads;
  headers: Fields;
  scheduleToCloseTimeoutMs: number | undefined;
  scheduleToStartTimeoutMs: number | undefined;
  startToCloseTimeoutMs: number | undefined;
  heartbeatTimeoutMs: number | undefined;
  retryPolicy: CompiledRetryPolicy | undefined;
  allowEagerDispatch: boolean;
  summary: Payload | undefined;
  priority: Priority | undefined;
}

export interface LocalActivityCommand {
  type: "scheduleLocalActivity";
  seq: number;
  activityId: string;
  activityType: string;
  input: Payloads;
  headers: Fields;
  attempt: number;
  originalScheduleMs: number | undefined;
  scheduleToCloseTimeoutMs: number | undefined;
  scheduleToStartTimeoutMs: number | undefined;
  startToCloseTimeoutMs: number | undefined;
  localRetryThresholdMs: number;
  summary: Payload | undefined;
  retryPolicy: CompiledRetryPolicy | undefined;
  cancellationType: ActivityCancellationType;
}

export interface ChildCommand {
  type: "startChild";
  seq: number;
  namespace: string | undefined;
  workflowId: string;
  workflowType: string;
  taskQueue: string | undefined;
  input: Payloads;
  headers: Fields;
  memo: Fields | undefined;
  searchAttributes: Fields | undefined;
  executionTimeoutMs: number | undefined;
  runTimeoutMs: number | undefined;
  taskTimeoutMs: number | undefined;
  retryPolicy: CompiledRetryPolicy | undefined;
  cronSchedule: string | undefined;
  /** Numbers of the API's enums. */
  reusePolicy: number;
  parentClosePolicy: number;
  summary: Payload | undefined;
  details: Payload | undefined;
  priority: Priority | undefined;
}

export interface ContinueAsNewCommand {
  type: "continueAsNew";
  workflowType: string;
  taskQueue: string | undefined;
  input: Payloads;
  headers: Fields;
  memo: Fields | undefined;
  searchAttributes: Fields | undefined;
  runTimeoutMs: number | undefined;
  taskTimeoutMs: number | undefined;
  backoffStartMs: number | undefined;
  initialVersioningBehavior: InitialVersioningBehavior | undefined;
  retryPolicy: CompiledRetryPolicy | undefined;
}

export interface NexusCommand {
  type: "scheduleNexusOperation";
  seq: number;
  endpoint: string;
  service: string;
  operation: string;
  input: Payload;
  headers: Record<string, string>;
  scheduleToCloseTimeoutMs: number | undefined;
  scheduleToStartTimeoutMs: number | undefined;
  startToCloseTimeoutMs: number | undefined;
  summary: Payload | undefined;
}

/** An execution by its id, or a child of this run by the `seq` it was started with. */
export type Target =
  | { workflowId: string; runId: string | undefined; namespace: string }
  | { childSeq: number; workflowId: string };

export type WorkflowCommand = { /** Where the code gave it, when it is traced. */ stack?: string } & CommandOfCode;

type CommandOfCode =
  | ActivityCommand
  | { type: "cancelActivity"; seq: number }
  | LocalActivityCommand
  | { type: "cancelLocalActivity"; seq: number }
  | { type: "startTimer"; seq: number; durationMs: number; summary: Payload | undefined }
  | { type: "cancelTimer"; seq: number }
  | ChildCommand
  | { type: "signalExternal"; seq: number; target: Target; name: string; input: Payloads; headers: Fields }
  | { type: "cancelExternal"; seq: number; target: Target; reason: string }
  | NexusCommand
  | { type: "cancelNexusOperation"; seq: number }
  | { type: "patch"; patchId: string; deprecated: boolean }
  | { type: "upsertSearchAttributes"; fields: Fields }
  | { type: "upsertMemo"; fields: Fields }
  | { type: "acceptUpdate"; id: string }
  | { type: "rejectUpdate"; id: string; failure: ProtoFailure }
  | { type: "completeUpdate"; id: string; outcome: Outcome }
  | ContinueAsNewCommand
  | { type: "completeWorkflow"; result: Payload | undefined }
  | { type: "failWorkflow"; failure: ProtoFailure }
  | { type: "cancelWorkflow" };

/** Nothing may follow these. */
export const closingCommands: ReadonlySet<WorkflowCommand["type"]> = new Set([
  "continueAsNew",
  "completeWorkflow",
  "failWorkflow",
  "cancelWorkflow",
] as const);
