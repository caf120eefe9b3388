/** Options that more than one part of the SDK takes, and the types of workflows, activities and the messages workflows take. */
import type { Duration } from "./duration.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { SearchAttributePair, SearchAttributes, TypedSearchAttributes } from "./search-attributes.ts";

// biome-ignore lint/suspicious/noExplicitAny: the arguments of any workflow; a user's own types take its place.
export type AnyArgs = any[];

export type Workflow = (...args: AnyArgs) => Promise<unknown>;
export type WorkflowResultType<W extends Workflow> = Awaited<ReturnType<W>>;

export type ActivityFunction<P extends AnyArgs = AnyArgs, R = unknown> = (...args: P) => Promise<R>;
// biome-ignore lint/suspicious/noExplicitAny: the activities of any user.
export type UntypedActivities = Record<string, (...args: any[]) => any>;
export type ActivityInterface = Record<string, ActivityFunction>;

export interface SignalDefinition<Args extends AnyArgs = [], Name extends string = string> {
  type: "signal";
  name: Name;
  /** Exists in types only: keeps the arguments known. */
  args?: Args;
}
export interface QueryDefinition<Ret, Args extends AnyArgs = [], Name extends string = string> {
  type: "query";
  name: Name;
  args?: Args;
  result?: Ret;
}
export interface UpdateDefinition<Ret, Args extends AnyArgs = [], Name extends string = string> {
  type: "update";
  name: Name;
  args?: Args;
  result?: Ret;
}

/** Throws `TypeError` naming `what` for a value that is no key of `known`. */
export function requireOneOf(known: object, value: string | undefined, what: string): void {
  if (value === undefined || Object.hasOwn(known, value)) return;
  throw new TypeError(`${what}: ${JSON.stringify(value)} is none of ${Object.keys(known).join(", ")}`);
}

/** What becomes of a handler that still runs when its workflow ends. */
export const HandlerUnfinishedPolicy = { WARN_AND_ABANDON: "WARN_AND_ABANDON", ABANDON: "ABANDON" } as const;
export type HandlerUnfinishedPolicy = (typeof HandlerUnfinishedPolicy)[keyof typeof HandlerUnfinishedPolicy];

// biome-ignore lint/suspicious/noExplicitAny: the functions of any user, in these five.
export type WorkflowReturnType = Promise<any>;
export type WorkflowSignalType = (...args: AnyArgs) => Promise<void> | void;
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type WorkflowQueryType = (...args: AnyArgs) => any;
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type WorkflowUpdateType = (...args: AnyArgs) => Promise<any> | any;
export type WorkflowUpdateValidatorType = (...args: AnyArgs) => void;

export type WithWorkflowArgs<W extends Workflow, T> = T &
  (Parameters<W> extends [unknown, ...unknown[]]
    ? { args: Parameters<W> | Readonly<Parameters<W>> }
    : { args?: Parameters<W> | Readonly<Parameters<W>> });

export const WorkflowIdReusePolicy = {
  ALLOW_DUPLICATE: "ALLOW_DUPLICATE",
  ALLOW_DUPLICATE_FAILED_ONLY: "ALLOW_DUPLICATE_FAILED_ONLY",
  REJECT_DUPLICATE: "REJECT_DUPLICATE",
  /** Better said by a conflict policy: `TERMINATE_EXISTING`. */
  TERMINATE_IF_RUNNING: "TERMINATE_IF_RUNNING",
} as const;
export type WorkflowIdReusePolicy = (typeof WorkflowIdReusePolicy)[keyof typeof WorkflowIdReusePolicy];

export const WorkflowIdConflictPolicy = {
  FAIL: "FAIL",
  USE_EXISTING: "USE_EXISTING",
  TERMINATE_EXISTING: "TERMINATE_EXISTING",
} as const;
export type WorkflowIdConflictPolicy = (typeof WorkflowIdConflictPolicy)[keyof typeof WorkflowIdConflictPolicy];

export interface Priority {
  /** 1 (first) to 5. Default: 3. */
  priorityKey?: number;
  fairnessKey?: string;
  fairnessWeight?: number;
}

/** For the whole chain, retries and continue-as-new included; for one run; for one task of it. */
export interface WorkflowDurationOptions {
  workflowExecutionTimeout?: Duration;
  workflowRunTimeout?: Duration;
  workflowTaskTimeout?: Duration;
}
export type CommonWorkflowOptions = BaseWorkflowOptions;

/** What a workflow may be started with, by a client or by a parent. */
export interface BaseWorkflowOptions extends WorkflowDurationOptions {
  workflowIdReusePolicy?: WorkflowIdReusePolicy;
  retry?: RetryPolicy;
  cronSchedule?: string;
  memo?: Record<string, unknown>;
  searchAttributes?: SearchAttributes;
  /** Where both name an attribute, these count. */
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  /** One line that user interfaces show. */
  staticSummary?: string;
  staticDetails?: string;
  priority?: Priority;
}

export const ActivityCancellationType = {
  TRY_CANCEL: "TRY_CANCEL",
  WAIT_CANCELLATION_COMPLETED: "WAIT_CANCELLATION_COMPLETED",
  ABANDON: "ABANDON",
} as const;
export type ActivityCancellationType = (typeof ActivityCancellationType)[keyof typeof ActivityCancellationType];

export interface ActivityOptions {
  activityId?: string;
  taskQueue?: string;
  heartbeatTimeout?: Duration;
  retry?: RetryPolicy;
  /** One of this and `scheduleToCloseTimeout` is required. */
  startToCloseTimeout?: Duration;
  scheduleToStartTimeout?: Duration;
  scheduleToCloseTimeout?: Duration;
  /** Default: `TRY_CANCEL`. */
  cancellationType?: ActivityCancellationType;
  /** Default: true. Lets the server hand the activity to this worker in its answer. */
  allowEagerDispatch?: boolean;
  summary?: string;
  priority?: Priority;
}

export interface LocalActivityOptions {
  retry?: RetryPolicy;
  startToCloseTimeout?: Duration;
  scheduleToStartTimeout?: Duration;
  scheduleToCloseTimeout?: Duration;
  /** Backoffs longer than this become durable timers. Default: 1 minute. */
  localRetryThreshold?: Duration;
  cancellationType?: ActivityCancellationType;
  /** A line for people who look at the history. */
  summary?: string;
}

/** Of a query that is asked by its name. */
export interface WorkflowQueryOptions<Args extends AnyArgs = []> {
  args?: Args;
}

/** Of a signal that is sent by its name. */
export interface WorkflowSignalOptions<Args extends AnyArgs = []> {
  args?: Args;
}

/** A history as `fetchHistory()` gives it, or its JSON, parsed. */
export interface HistoryAndWorkflowId {
  workflowId: string;
  history: unknown;
}
