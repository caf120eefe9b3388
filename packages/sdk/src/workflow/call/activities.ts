/** Activities as workflow code calls them: functions that return promises. */
import type { ActivityCommand, LocalActivityCommand, LocalActivityOutcome, Outcome } from "../../value/activation.ts";
import { msOptionalToNumber, msToNumber } from "../../value/duration.ts";
import { ActivityFailure, CancelledFailure } from "../../value/failure.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import {
  ActivityCancellationType,
  type ActivityOptions,
  type LocalActivityOptions,
  requireOneOf,
  type UntypedActivities,
} from "../../value/options.ts";
import { compileRetryPolicy, type RetryPolicy } from "../../value/retry-policy.ts";
import type { ActivityInput, LocalActivityInput } from "../interceptors.ts";
import { getRun } from "../run/current-run.ts";
import type { WorkflowRun } from "../run/run.ts";
import { sleep } from "../wait/timer.ts";
import { waitFor } from "../wait/waiting.ts";

/** An activity as a function; for one call, options can be put over those that it was made with. */
export type ActivityFunctionWithOptions<A extends unknown[], R, O = ActivityOptions> = ((
  ...args: A
) => Promise<Awaited<R>>) & {
  executeWithOptions(options: O, args: A): Promise<Awaited<R>>;
};
/** A local activity as workflow code calls it; with other options by `executeWithOptions`. */
export type LocalActivityFunctionWithOptions<A extends unknown[], R> = ActivityFunctionWithOptions<
  A,
  R,
  LocalActivityOptions
>;

/** The activities of `T` as workflow code calls them. What is no function is `never`. */
export type ActivityInterfaceFor<T, O = ActivityOptions> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? ActivityFunctionWithOptions<A, R, O> : never;
};
/** The same for local activities. */
export type LocalActivityInterfaceFor<T> = ActivityInterfaceFor<T, LocalActivityOptions>;

type CompiledOptions = Omit<
  ActivityCommand,
  "type" | "seq" | "activityId" | "activityType" | "input" | "headers" | "summary"
>;
type CompiledLocalOptions = Pick<
  LocalActivityCommand,
  | "scheduleToCloseTimeoutMs"
  | "scheduleToStartTimeoutMs"
  | "startToCloseTimeoutMs"
  | "localRetryThresholdMs"
  | "retryPolicy"
  | "cancellationType"
>;

/**
 * Functions that run the activities of these names, all with these options. Throws `TypeError` without a `startToCloseTimeout` or
 * `scheduleToCloseTimeout`, and for durations and policies that are none.
 */
export function proxyActivities<A = UntypedActivities>(options: ActivityOptions): ActivityInterfaceFor<A> {
  const compiled = compile(options);
  return proxy(
    (activityType, args) => schedule(activityType, args, options, compiled),
    (activityType, args, own: ActivityOptions) => {
      const both = merged(options, own);
      return schedule(activityType, args, both, compile(both));
    },
  );
}

/** As {@link proxyActivities}, for activities that run in the worker of this workflow task and are not dispatched: short ones. */
export function proxyLocalActivities<A = UntypedActivities>(
  options: LocalActivityOptions,
): LocalActivityInterfaceFor<A> {
  const compiled = compileLocal(options);
  return proxy(
    (activityType, args) => scheduleLocal(activityType, args, options, compiled),
    (activityType, args, own: LocalActivityOptions) => {
      const both = merged(options, own);
      return scheduleLocal(activityType, args, both, compileLocal(both));
    },
  );
}

/** One activity by its name. */
export function scheduleActivity<R>(activityType: string, args: unknown[], options: ActivityOptions): Promise<R> {
  return schedule(activityType, args, options, compile(options)) as Promise<R>;
}

/** One local activity by its name. */
export function scheduleLocalActivity<R>(
  activityType: string,
  args: unknown[],
  options: LocalActivityOptions,
): Promise<R> {
  return scheduleLocal(activityType, args, options, compileLocal(options)) as Promise<R>;
}

function merged<O extends { retry?: RetryPolicy }>(options: O, own: O): O {
  return { ...options, ...own, ...(own.retry ? { retry: { ...options.retry, ...own.retry } } : {}) };
}

function proxy<A, O>(
  call: (activityType: string, args: unknown[]) => Promise<unknown>,
  callWith: (activityType: string, args: unknown[], options: O) => Promise<unknown>,
): ActivityInterfaceFor<A, O> {
  const functions = new Map<string, (...args: unknown[]) => Promise<unknown>>();
  return new Proxy({} as ActivityInterfaceFor<A, O>, {
    get(_, activityType) {
      if (typeof activityType !== "string") throw new TypeError("an activity's name is a string");
      // Awaiting the proxy itself must not call an activity of this name.
      if (activityType === "then") return undefined;
      let found = functions.get(activityType);
      if (!found) {
        found = Object.assign((...args: unknown[]) => call(activityType, args), {
          executeWithOptions: (options: O, args: unknown[] = []) => callWith(activityType, args, options),
        });
        functions.set(activityType, found);
      }
      return found;
    },
  });
}

function compile(options: ActivityOptions): CompiledOptions {
  const { startToCloseTimeout, scheduleToCloseTimeout, scheduleToStartTimeout, heartbeatTimeout, retry } = options;
  requireTimeout(options);
  requireOneOf(ActivityCancellationType, options.cancellationType, "ActivityOptions.cancellationType");
  return {
    taskQueue: options.taskQueue,
    startToCloseTimeoutMs: msOptionalToNumber(startToCloseTimeout, "ActivityOptions.startToCloseTimeout"),
    scheduleToCloseTimeoutMs: msOptionalToNumber(scheduleToCloseTimeout, "ActivityOptions.scheduleToCloseTimeout"),
    scheduleToStartTimeoutMs: msOptionalToNumber(scheduleToStartTimeout, "ActivityOptions.scheduleToStartTimeout"),
    heartbeatTimeoutMs: msOptionalToNumber(heartbeatTimeout, "ActivityOptions.heartbeatTimeout"),
    retryPolicy: retry && compileRetryPolicy(retry),
    allowEagerDispatch: options.allowEagerDispatch ?? true,
    priority: options.priority,
  };
}

const localRetryThresholdDefaultMs = 60_000;

function compileLocal(options: LocalActivityOptions): CompiledLocalOptions {
  const { startToCloseTimeout, scheduleToCloseTimeout, scheduleToStartTimeout, localRetryThreshold, retry } = options;
  requireTimeout(options);
  requireOneOf(ActivityCancellationType, options.cancellationType, "LocalActivityOptions.cancellationType");
  return {
    startToCloseTimeoutMs: msOptionalToNumber(startToCloseTimeout, "LocalActivityOptions.startToCloseTimeout"),
    scheduleToCloseTimeoutMs: msOptionalToNumber(scheduleToCloseTimeout, "LocalActivityOptions.scheduleToCloseTimeout"),
    scheduleToStartTimeoutMs: msOptionalToNumber(scheduleToStartTimeout, "LocalActivityOptions.scheduleToStartTimeout"),
    localRetryThresholdMs: msToNumber(
      localRetryThreshold ?? localRetryThresholdDefaultMs,
      "LocalActivityOptions.localRetryThreshold",
    ),
    retryPolicy: retry && compileRetryPolicy(retry),
    cancellationType: options.cancellationType ?? "TRY_CANCEL",
  };
}

function requireTimeout(options: { startToCloseTimeout?: unknown; scheduleToCloseTimeout?: unknown }): void {
  if (options?.startToCloseTimeout === undefined && options?.scheduleToCloseTimeout === undefined) {
    throw new TypeError("Required either scheduleToCloseTimeout or startToCloseTimeout");
  }
}

async function schedule(
  activityType: string,
  args: unknown[],
  options: ActivityOptions,
  compiled: CompiledOptions,
): Promise<unknown> {
  const run = getRun("an activity");
  const seq = run.nextSeq("activity");
  const { outbound } = run.interceptors;
  const scheduled = composeInterceptors(outbound, "scheduleActivity", (input) =>
    // Interceptors may have put other options in the place of those that were compiled beforehand.
    scheduleNext(run, input, input.options === options ? compiled : compile(input.options)),
  );
  return await scheduled({ activityType, args, options, headers: {}, seq });
}

async function scheduleNext(
  run: WorkflowRun,
  { activityType, args, options, headers, seq }: ActivityInput,
  compiled: CompiledOptions,
): Promise<unknown> {
  const { activityId: givenId, summary, cancellationType = "TRY_CANCEL" } = options;
  const activityId = givenId ?? String(seq);
  const cancelled = () => {
    const cause = new CancelledFailure("Activity cancelled");
    return new ActivityFailure("Activity cancelled", activityType, activityId, "CANCEL_REQUESTED", undefined, cause);
  };
  const outcome = await waitFor<Outcome>(
    run.waiters.of("activity"),
    seq,
    () =>
      run.push({
        ...compiled,
        ...{ type: "scheduleActivity", seq, activityId, activityType, headers },
        input: run.payloadsOf(args),
        summary: summary === undefined ? undefined : run.converter.toPayload(summary),
      }),
    (_, reject) => {
      // Asked for and given up within one activation: nobody else ever knew of it.
      if (run.takeBack("scheduleActivity", seq)) return reject(cancelled());
      if (cancellationType !== "ABANDON") run.push({ type: "cancelActivity", seq });
      if (cancellationType !== "WAIT_CANCELLATION_COMPLETED") reject(cancelled());
    },
  );
  if (outcome.status === "completed") return run.valueOf(outcome.result);
  throw run.errorOf(outcome.failure);
}

async function scheduleLocal(
  activityType: string,
  args: unknown[],
  options: LocalActivityOptions,
  compiled: CompiledLocalOptions,
): Promise<unknown> {
  const run = getRun("a local activity");
  let attempt = 1;
  let originalScheduleMs: number | undefined;
  for (;;) {
    // Of one row with those of other activities, as in the official SDK: their ids stand in histories.
    const seq = run.nextSeq("activity");
    const scheduled = composeInterceptors(run.interceptors.outbound, "scheduleLocalActivity", (input) => {
      const chosen = input.options === options ? compiled : compileLocal(input.options);
      return scheduleLocalNext(run, input, chosen, originalScheduleMs);
    });
    try {
      return await scheduled({ activityType, args, options, headers: {}, seq, attempt });
    } catch (error) {
      if (!(error instanceof LocalActivityBackoff)) throw error;
      // Too long to hold a workflow task open: a durable timer waits instead.
      await sleep(error.backoffMs);
      attempt = error.attempt;
      originalScheduleMs = error.originalScheduleMs;
    }
  }
}

/** Thrown through interceptors: this attempt failed, and the next one is far off. */
class LocalActivityBackoff extends Error {
  readonly attempt: number;
  readonly backoffMs: number;
  readonly originalScheduleMs: number;
  constructor({ attempt, backoffMs, originalScheduleMs }: Extract<LocalActivityOutcome, { status: "backoff" }>) {
    super(`the local activity is tried again in ${backoffMs} ms`);
    this.attempt = attempt;
    this.backoffMs = backoffMs;
    this.originalScheduleMs = originalScheduleMs;
  }
}

async function scheduleLocalNext(
  run: WorkflowRun,
  { activityType, args, headers, seq, attempt, options }: LocalActivityInput,
  compiled: CompiledLocalOptions,
  originalScheduleMs: number | undefined,
): Promise<unknown> {
  const tried = { seq, activityId: String(seq), activityType, attempt, originalScheduleMs };
  const summary = options.summary === undefined ? undefined : run.converter.toPayload(options.summary);
  const input = run.payloadsOf(args);
  const outcome = await waitFor<LocalActivityOutcome>(
    run.waiters.of("localActivity"),
    seq,
    () => run.push({ ...compiled, ...tried, type: "scheduleLocalActivity", input, headers, summary }),
    () => run.push({ type: "cancelLocalActivity", seq }),
  );
  if (outcome.status === "completed") return run.valueOf(outcome.result);
  if (outcome.status === "backoff") throw new LocalActivityBackoff(outcome);
  throw run.errorOf(outcome.failure);
}
