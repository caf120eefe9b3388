/**
 * The failures that cross the wire: why an activity, a child workflow or a workflow did not succeed. Each is one link of a chain; `cause` is the
 * next. An error that is none of these becomes an `ApplicationFailure` of its own name when an activity throws it, and fails the workflow task
 * (not the workflow) when workflow code throws it.
 */
import type { failure } from "@pawl/protocol";
import type { Duration } from "./duration.ts";
import { isError, recognizeAcrossRealms } from "./errors.ts";

/** A failure as the API has it. */
export type ProtoFailure = failure.Failure;

/** Which timeout expired: see the options of activities. */
export const TimeoutType = {
  START_TO_CLOSE: "START_TO_CLOSE",
  SCHEDULE_TO_START: "SCHEDULE_TO_START",
  SCHEDULE_TO_CLOSE: "SCHEDULE_TO_CLOSE",
  HEARTBEAT: "HEARTBEAT",
} as const;
export type TimeoutType = (typeof TimeoutType)[keyof typeof TimeoutType];

/** Why there was no further attempt. */
export const RetryState = {
  IN_PROGRESS: "IN_PROGRESS",
  NON_RETRYABLE_FAILURE: "NON_RETRYABLE_FAILURE",
  TIMEOUT: "TIMEOUT",
  MAXIMUM_ATTEMPTS_REACHED: "MAXIMUM_ATTEMPTS_REACHED",
  RETRY_POLICY_NOT_SET: "RETRY_POLICY_NOT_SET",
  INTERNAL_SERVER_ERROR: "INTERNAL_SERVER_ERROR",
  CANCEL_REQUESTED: "CANCEL_REQUESTED",
} as const;
export type RetryState = (typeof RetryState)[keyof typeof RetryState];

/** `BENIGN`: expected, not logged as an error and not counted as one. */
export const ApplicationFailureCategory = { BENIGN: "BENIGN" } as const;
export type ApplicationFailureCategory = (typeof ApplicationFailureCategory)[keyof typeof ApplicationFailureCategory];

/** The base of all errors that are carried from one process to another, with their chain of causes. */
export abstract class TemporalFailure extends Error {
  /** The failure that was or will be sent, when this error came from one. */
  declare failure?: ProtoFailure | undefined;
  declare readonly cause?: Error;
  constructor(message?: string, cause?: Error) {
    super(message);
    if (cause !== undefined) this.cause = cause;
  }
}
recognizeAcrossRealms(TemporalFailure, "TemporalFailure");

/** What an `ApplicationFailure` is made of. */
export interface ApplicationFailureOptions {
  message?: string | undefined;
  /** A name by which callers and retry policies tell failures apart. */
  type?: string | undefined;
  /** Default: false. */
  nonRetryable?: boolean | undefined;
  /** Any values; they travel as payloads. */
  details?: unknown[] | undefined;
  cause?: Error | undefined;
  /** Replaces the retry policy's interval before the next attempt. */
  nextRetryDelay?: Duration | undefined;
  /** `"BENIGN"`: expected, not logged as an error and not counted as one. */
  category?: ApplicationFailureCategory | undefined;
}

/** Thrown by user code: in an activity it fails the attempt, in a workflow it fails the workflow. */
export class ApplicationFailure extends TemporalFailure {
  readonly type: string | undefined;
  readonly nonRetryable: boolean | undefined;
  readonly details: unknown[] | undefined;
  readonly nextRetryDelay: Duration | undefined;
  readonly category: ApplicationFailureCategory | undefined;
  constructor(
    message?: string,
    type?: string,
    nonRetryable?: boolean,
    details?: unknown[],
    cause?: Error,
    nextRetryDelay?: Duration,
    category?: ApplicationFailureCategory,
  ) {
    super(message, cause);
    this.type = type;
    this.nonRetryable = nonRetryable;
    this.details = details;
    this.nextRetryDelay = nextRetryDelay;
    this.category = category;
  }

  static create(options: ApplicationFailureOptions): ApplicationFailure {
    const { message, type, nonRetryable = false, details, cause, nextRetryDelay, category } = options;
    return new ApplicationFailure(message, type, nonRetryable, details, cause, nextRetryDelay, category);
  }

  /** Wraps an error of any kind; message and type default to the error's own. */
  static fromError(error: unknown, overrides: ApplicationFailureOptions = {}): ApplicationFailure {
    const message = overrides.message ?? (isError(error) ? error.message : String(error));
    const type = overrides.type ?? (isError(error) ? error.name : undefined);
    const cause = overrides.cause ?? (isError(error) ? error : undefined);
    return ApplicationFailure.create({ ...overrides, message, type, cause });
  }

  /** `type` defaults to `"Error"`. The retry policy decides whether there is another attempt. */
  static retryable(message?: string | null, type?: string | null, ...details: unknown[]): ApplicationFailure {
    return new ApplicationFailure(message ?? undefined, type ?? "Error", false, details);
  }

  /** `type` defaults to `"Error"`. There is no other attempt, whatever the retry policy says. */
  static nonRetryable(message?: string | null, type?: string | null, ...details: unknown[]): ApplicationFailure {
    return new ApplicationFailure(message ?? undefined, type ?? "Error", true, details);
  }
}
recognizeAcrossRealms(ApplicationFailure, "ApplicationFailure");

/** The server itself was the reason. */
export class ServerFailure extends TemporalFailure {
  readonly nonRetryable: boolean;
  constructor(message: string | undefined, nonRetryable: boolean, cause?: Error) {
    super(message, cause);
    this.nonRetryable = nonRetryable;
  }
}
recognizeAcrossRealms(ServerFailure, "ServerFailure");

/** What was awaited, or the code that awaits, has been cancelled. */
export class CancelledFailure extends TemporalFailure {
  readonly details: unknown[];
  constructor(message: string | undefined, details: unknown[] = [], cause?: Error) {
    super(message, cause);
    this.details = details;
  }
}
recognizeAcrossRealms(CancelledFailure, "CancelledFailure");

/** The workflow that was awaited has been terminated. */
export class TerminatedFailure extends TemporalFailure {}
recognizeAcrossRealms(TerminatedFailure, "TerminatedFailure");

/** Something took longer than its options allow; `lastHeartbeatDetails` is what an activity had said last. */
export class TimeoutFailure extends TemporalFailure {
  readonly lastHeartbeatDetails: unknown;
  readonly timeoutType: TimeoutType | undefined;
  constructor(
    message: string | undefined,
    lastHeartbeatDetails: unknown,
    timeoutType: TimeoutType | undefined,
    cause?: Error,
  ) {
    super(message, cause);
    this.lastHeartbeatDetails = lastHeartbeatDetails;
    this.timeoutType = timeoutType;
  }
}
recognizeAcrossRealms(TimeoutFailure, "TimeoutFailure");

/** What a workflow sees of an activity that failed; `cause` says why. */
export class ActivityFailure extends TemporalFailure {
  readonly activityType: string;
  readonly activityId: string | undefined;
  readonly retryState: RetryState | undefined;
  readonly identity: string | undefined;
  constructor(
    message: string | undefined,
    activityType: string,
    activityId: string | undefined,
    retryState: RetryState | undefined,
    identity: string | undefined,
    cause?: Error,
  ) {
    super(message, cause);
    this.activityType = activityType;
    this.activityId = activityId;
    this.retryState = retryState;
    this.identity = identity;
  }
}
recognizeAcrossRealms(ActivityFailure, "ActivityFailure");

/** Which run a failure is about. */
export interface WorkflowExecution {
  workflowId?: string | undefined;
  runId?: string | undefined;
}

/** What a workflow sees of a child workflow that failed; `cause` says why. */
export class ChildWorkflowFailure extends TemporalFailure {
  readonly namespace: string | undefined;
  readonly execution: WorkflowExecution;
  readonly workflowType: string;
  readonly retryState: RetryState | undefined;
  constructor(
    namespace: string | undefined,
    execution: WorkflowExecution,
    workflowType: string,
    retryState: RetryState | undefined,
    cause?: Error,
  ) {
    super("Child Workflow execution failed", cause);
    this.namespace = namespace;
    this.execution = execution;
    this.workflowType = workflowType;
    this.retryState = retryState;
  }
}
recognizeAcrossRealms(ChildWorkflowFailure, "ChildWorkflowFailure");

/** What a workflow sees of a Nexus operation that failed; `cause` says why. */
export class NexusOperationFailure extends TemporalFailure {
  /** `undefined` when the operation never got into the history. */
  readonly scheduledEventId: number | undefined;
  readonly endpoint: string;
  readonly service: string;
  readonly operation: string;
  /** What its handler calls an operation that goes on by itself. */
  readonly operationToken: string | undefined;
  constructor(
    message: string | undefined,
    scheduledEventId: number | undefined,
    endpoint: string,
    service: string,
    operation: string,
    operationToken: string | undefined,
    cause?: Error,
  ) {
    super(message, cause);
    this.scheduledEventId = scheduledEventId;
    this.endpoint = endpoint;
    this.service = service;
    this.operation = operation;
    this.operationToken = operationToken;
  }
}
recognizeAcrossRealms(NexusOperationFailure, "NexusOperationFailure");

/** The error itself when it is a failure, else an application failure of its name. */
export function ensureTemporalFailure(error: unknown): TemporalFailure {
  return error instanceof TemporalFailure ? error : ensureApplicationFailure(error);
}

/** The error itself when it is an application failure, else one of its name, message and stack. */
export function ensureApplicationFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const failure = ApplicationFailure.fromError(error);
  if (isError(error) && error.stack !== undefined) failure.stack = error.stack;
  return failure;
}

/** The error itself, or what an activity's, a child's or a Nexus operation's failure wraps, is a cancellation. */
export function isCancellation(error: unknown): boolean {
  if (error instanceof CancelledFailure) return true;
  const wrappers = [ActivityFailure, ChildWorkflowFailure, NexusOperationFailure];
  return wrappers.some((each) => error instanceof each) && isCancellation((error as TemporalFailure).cause);
}

/** The first error of the chain that is not a wrapper, as text: what most callers want to show. */
export function rootCause(error: unknown): string | undefined {
  if (error instanceof TemporalFailure) return error.cause ? rootCause(error.cause) : error.message;
  if (isError(error)) return error.message;
  return typeof error === "string" ? error : undefined;
}
