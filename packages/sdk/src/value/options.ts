/** Options that more than one part of the SDK takes, and the types of workflows, activities and the messages workflows take. */
import type { Duration } from "./duration.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { SearchAttributePair, SearchAttributes, TypedSearchAttributes } from "./search-attributes.ts";

/** Arguments of any types. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments of any workflow; a user's own types take its place.
export type AnyArgs = any[];

/** A workflow: a deterministic asynchronous function whose arguments and result can become payloads. It awaits only what the workflow API returns. */
export type Workflow = (...args: AnyArgs) => Promise<unknown>;
/** What a workflow's promise resolves to. */
export type WorkflowResultType<W extends Workflow> = Awaited<ReturnType<W>>;

/** An activity: any asynchronous function whose arguments and result can become payloads. */
export type ActivityFunction<P extends AnyArgs = AnyArgs, R = unknown> = (...args: P) => Promise<R>;
/** Activities by their names, where their types do not matter. */
// biome-ignore lint/suspicious/noExplicitAny: the activities of any user.
export type UntypedActivities = Record<string, (...args: any[]) => any>;
/** Activities by their names. */
export type ActivityInterface = Record<string, ActivityFunction>;

/** Made by `defineSignal`. The sender waits until the server has it, not until it is handled. */
export interface SignalDefinition<Args extends AnyArgs = [], Name extends string = string> {
  type: "signal";
  name: Name;
  /** Exists in types only: keeps the arguments known. */
  args?: Args;
}
/** Made by `defineQuery`. Answered at once by reading; leaves no trace in history. */
export interface QueryDefinition<Ret, Args extends AnyArgs = [], Name extends string = string> {
  type: "query";
  name: Name;
  args?: Args;
  result?: Ret;
}
/** Made by `defineUpdate`. May change the workflow, and its caller gets its result. */
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

/** A workflow's promise, whatever it resolves to. */
// biome-ignore lint/suspicious/noExplicitAny: the functions of any user, in these five.
export type WorkflowReturnType = Promise<any>;
/** A handler of signals. What it throws fails the workflow or its task, as in the workflow's own function. */
export type WorkflowSignalType = (...args: AnyArgs) => Promise<void> | void;
/** A handler of queries: it must not change the workflow, and cannot wait. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type WorkflowQueryType = (...args: AnyArgs) => any;
/** A handler of updates. A failure that it throws fails the update, not the workflow. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type WorkflowUpdateType = (...args: AnyArgs) => Promise<any> | any;
/** Refuses an update by throwing, before history says anything of it. It must not change the workflow, and cannot wait. */
export type WorkflowUpdateValidatorType = (...args: AnyArgs) => void;

/** Options with the arguments of the workflow, which may be left out where it takes none. */
export type WithWorkflowArgs<W extends Workflow, T> = T &
  (Parameters<W> extends [unknown, ...unknown[]]
    ? { args: Parameters<W> | Readonly<Parameters<W>> }
    : { args?: Parameters<W> | Readonly<Parameters<W>> });

/** Whether a workflow may be started with the id of one that has closed. Refused starts throw `WorkflowExecutionAlreadyStartedError`. */
export const WorkflowIdReusePolicy = {
  /** The default. */
  ALLOW_DUPLICATE: "ALLOW_DUPLICATE",
  /** Only where that one did not complete. */
  ALLOW_DUPLICATE_FAILED_ONLY: "ALLOW_DUPLICATE_FAILED_ONLY",
  REJECT_DUPLICATE: "REJECT_DUPLICATE",
  /** Better said by a conflict policy: `TERMINATE_EXISTING`. */
  TERMINATE_IF_RUNNING: "TERMINATE_IF_RUNNING",
} as const;
export type WorkflowIdReusePolicy = (typeof WorkflowIdReusePolicy)[keyof typeof WorkflowIdReusePolicy];

/** What becomes of a start while a workflow of the same id is running. */
export const WorkflowIdConflictPolicy = {
  /** Throws `WorkflowExecutionAlreadyStartedError`. The default. */
  FAIL: "FAIL",
  /** Gives a handle of the one that runs. */
  USE_EXISTING: "USE_EXISTING",
  TERMINATE_EXISTING: "TERMINATE_EXISTING",
} as const;
export type WorkflowIdConflictPolicy = (typeof WorkflowIdConflictPolicy)[keyof typeof WorkflowIdConflictPolicy];

/** Which tasks of a queue go first when there are more than its workers can do. */
export interface Priority {
  /** 1 (first) to 5. Default: 3. */
  priorityKey?: number;
  /** Tasks of one priority take turns by this key, so that one tenant does not keep the others waiting. */
  fairnessKey?: string;
  /** How many turns the key gets for one of the others. Default: 1. */
  fairnessWeight?: number;
}

/** How long a workflow may take. What lasts longer is ended by the server, and waiting for it throws with a `TimeoutFailure` as cause. */
export interface WorkflowDurationOptions {
  /** For the whole chain, retries and continue-as-new included. Default: no limit. */
  workflowExecutionTimeout?: Duration;
  /** For one run. Default: no limit but the one above. */
  workflowRunTimeout?: Duration;
  /** How long a worker may be silent with one workflow task before another gets it. Default: 10 seconds. */
  workflowTaskTimeout?: Duration;
}
/** {@link BaseWorkflowOptions} under an older name. */
export type CommonWorkflowOptions = BaseWorkflowOptions;

/** What a workflow may be started with, by a client or by a parent. */
export interface BaseWorkflowOptions extends WorkflowDurationOptions {
  /** Default: `ALLOW_DUPLICATE`. */
  workflowIdReusePolicy?: WorkflowIdReusePolicy;
  /** Runs that fail are followed by another. Default: they are not. */
  retry?: RetryPolicy;
  /** As cron has it, in UTC or in the zone of a `CRON_TZ=Area/City` before it: each run is followed by another at the next time. Schedules can do more. */
  cronSchedule?: string;
  /** Values that lists show and workflows read, by name; not searchable. */
  memo?: Record<string, unknown>;
  /** Values that lists can be filtered by, by name. The names must have been registered with the server. */
  searchAttributes?: SearchAttributes;
  /** Where both name an attribute, these count. */
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  /** One line that user interfaces show. */
  staticSummary?: string;
  /** Any number of lines, as Markdown. */
  staticDetails?: string;
  priority?: Priority;
}

/** When an awaited activity throws `ActivityFailure`, with a `CancelledFailure` as cause, in a scope that is cancelled. */
export const ActivityCancellationType = {
  /** At once; the activity is told to end. */
  TRY_CANCEL: "TRY_CANCEL",
  /** When the activity has ended. One that hears of its cancellation must heartbeat. */
  WAIT_CANCELLATION_COMPLETED: "WAIT_CANCELLATION_COMPLETED",
  /** At once; the activity goes on. */
  ABANDON: "ABANDON",
} as const;
export type ActivityCancellationType = (typeof ActivityCancellationType)[keyof typeof ActivityCancellationType];

/** Options of an activity that a workflow calls. When a timeout expires the call throws `ActivityFailure` with a `TimeoutFailure` as cause. */
export interface ActivityOptions {
  /** Unique among the workflow's open activities. Default: its number in the workflow. */
  activityId?: string;
  /** Default: the workflow's. */
  taskQueue?: string;
  /** An attempt that is silent for longer has failed. Default: it may be silent. */
  heartbeatTimeout?: Duration;
  /** Default: again and again until `scheduleToCloseTimeout`. */
  retry?: RetryPolicy;
  /** For one attempt. One of this and `scheduleToCloseTimeout` is required. */
  startToCloseTimeout?: Duration;
  /** For one attempt to wait for a worker; one that waits longer is not tried again. Default: no limit. */
  scheduleToStartTimeout?: Duration;
  /** For all attempts and the time between them. Default: no limit. */
  scheduleToCloseTimeout?: Duration;
  /** Default: `TRY_CANCEL`. */
  cancellationType?: ActivityCancellationType;
  /** Default: true. Lets the server hand the activity to this worker in its answer. */
  allowEagerDispatch?: boolean;
  /** One line that user interfaces show. */
  summary?: string;
  priority?: Priority;
}

/** Options of a local activity: it runs in the workflow's own worker and leaves only its result in history. For short work. */
export interface LocalActivityOptions {
  /** Default: again and again until `scheduleToCloseTimeout`. */
  retry?: RetryPolicy;
  /** For one attempt. One of this and `scheduleToCloseTimeout` is required. */
  startToCloseTimeout?: Duration;
  /** To wait for a place among the worker's local activities. Default: no limit. */
  scheduleToStartTimeout?: Duration;
  /** For all attempts and the time between them. Default: no limit. */
  scheduleToCloseTimeout?: Duration;
  /** Backoffs longer than this become durable timers. Default: 1 minute. */
  localRetryThreshold?: Duration;
  /** Default: `TRY_CANCEL`. */
  cancellationType?: ActivityCancellationType;
  /** A line for people who look at the history. */
  summary?: string;
}

/** Options of a query by its name. */
export interface WorkflowQueryOptions<Args extends AnyArgs = []> {
  args?: Args;
}

/** Options of a signal by its name. */
export interface WorkflowSignalOptions<Args extends AnyArgs = []> {
  args?: Args;
}

/** A history as `fetchHistory()` gives it, or its JSON, parsed. */
export interface HistoryAndWorkflowId {
  workflowId: string;
  history: unknown;
}
