/** What an activity without a workflow is started with. */
import type { Duration } from "../value/duration.ts";
import type { ActivityFunction, Priority } from "../value/options.ts";
import type { RetryPolicy } from "../value/retry-policy.ts";
import type { SearchAttributePair, TypedSearchAttributes } from "../value/search-attributes.ts";

/** Whether an id may name another activity once the one it named has ended. Default: the server's, which is `ALLOW_DUPLICATE`. */
export const ActivityIdReusePolicy = {
  ALLOW_DUPLICATE: "ALLOW_DUPLICATE",
  ALLOW_DUPLICATE_FAILED_ONLY: "ALLOW_DUPLICATE_FAILED_ONLY",
  REJECT_DUPLICATE: "REJECT_DUPLICATE",
} as const;
export type ActivityIdReusePolicy = (typeof ActivityIdReusePolicy)[keyof typeof ActivityIdReusePolicy];

/** What a start does when an activity of its id is open: it throws, or gives a handle of that one. Default: the server's, which is `FAIL`. */
export const ActivityIdConflictPolicy = { FAIL: "FAIL", USE_EXISTING: "USE_EXISTING" } as const;
export type ActivityIdConflictPolicy = (typeof ActivityIdConflictPolicy)[keyof typeof ActivityIdConflictPolicy];

/** Options of an activity that is started without a workflow. Defaults that are not given here are those of activities of workflows. */
export interface ActivityOptions {
  /** The id of the activity, by which it can be found again. */
  id: string;
  taskQueue: string;
  args?: readonly unknown[];
  heartbeatTimeout?: Duration;
  retry?: RetryPolicy;
  /** For one attempt. One of this and `scheduleToCloseTimeout` is required. */
  startToCloseTimeout?: Duration;
  scheduleToStartTimeout?: Duration;
  scheduleToCloseTimeout?: Duration;
  summary?: string;
  priority?: Priority;
  /** The first attempt comes after this time. Default: at once. */
  startDelay?: Duration;
  idReusePolicy?: ActivityIdReusePolicy;
  idConflictPolicy?: ActivityIdConflictPolicy;
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
}

// biome-ignore lint/suspicious/noExplicitAny: the activities of any user.
type AnyActivity = ActivityFunction<any, any>;
/** The keys of `T` that hold activities. */
export type ActivityName<T> = { [N in keyof T & string]: T[N] extends AnyActivity ? N : never }[keyof T & string];
/** What activity `N` of `T` is called with, as a tuple. */
export type ActivityArgs<T, N extends ActivityName<T>> = T[N] extends ActivityFunction<infer P, unknown> ? P : never;
/** What activity `N` of `T` resolves to. */
export type ActivityResult<T, N extends ActivityName<T>> = T[N] extends AnyActivity ? Awaited<ReturnType<T[N]>> : never;
/** `ActivityOptions` with `args` as activity `N` of `T` takes them; required unless it takes none. */
export type ActivityOptionsFor<T, N extends ActivityName<T>> = Omit<ActivityOptions, "args"> &
  (ActivityArgs<T, N> extends [unknown, ...unknown[]]
    ? { args: Readonly<ActivityArgs<T, N>> }
    : { args?: Readonly<ActivityArgs<T, N>> });
