/** What an activity may know and do while it runs. Found by `Context.current()` anywhere below the activity's function. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../client/client.ts";
import type { ActivityCancellationDetails } from "../value/cancellation-details.ts";
import { type Duration, msToNumber } from "../value/duration.ts";
import { IllegalStateError } from "../value/errors.ts";
import { CancelledFailure } from "../value/failure.ts";
import { type Logger, withFields } from "../value/logger.ts";
import type { MetricMeter } from "../value/metrics.ts";
import type { Priority } from "../value/options.ts";
import type { RetryPolicy } from "../value/retry-policy.ts";
import { type ActivityProgress, checkedProgress } from "./progress.ts";

/** What an activity may know of itself. Timestamps are milliseconds since 1970. */
export interface Info {
  readonly taskToken: Uint8Array;
  readonly base64TaskToken: string;
  readonly activityId: string;
  readonly activityType: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly isLocal: boolean;
  readonly namespace: string;
  /** As {@link namespace}. */
  readonly activityNamespace: string;
  readonly workflowNamespace: string;
  /** Its ids are empty for an activity without a workflow. */
  readonly workflowExecution: { readonly workflowId: string; readonly runId: string };
  /** `false` for an activity that a client started without a workflow. */
  readonly inWorkflow?: boolean | undefined;
  /** The run of an activity without a workflow. */
  readonly activityRunId?: string | undefined;
  readonly workflowType: string;
  readonly taskQueue: string;
  /** The details of the last heartbeat of an earlier attempt. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the activity itself put there.
  readonly heartbeatDetails: any;
  readonly scheduledTimestampMs: number;
  readonly currentAttemptScheduledTimestampMs: number;
  readonly startedTimestampMs: number;
  /** 0: there is none. */
  readonly startToCloseTimeoutMs: number;
  readonly scheduleToCloseTimeoutMs: number | undefined;
  readonly heartbeatTimeoutMs: number | undefined;
  readonly retryPolicy: RetryPolicy | undefined;
  readonly priority: Priority | undefined;
}

export type CancellationCause = keyof ActivityCancellationDetails;

export interface ContextParts {
  readonly info: Info;
  readonly logger: Logger;
  readonly metricMeter: MetricMeter;
  readonly client: () => Client;
  /** What interceptors add to the attributes of each log line. */
  readonly logAttributes: (attributes: Record<string, unknown>) => Record<string, unknown>;
  readonly heartbeat: (details: unknown) => void;
  /** Aborted with a `CancelledFailure`. */
  readonly cancellation: AbortSignal;
  readonly causes: ReadonlySet<CancellationCause>;
  readonly workerShutdown: AbortSignal;
  /** Aborts when the attempt is over, however it ended. */
  readonly ended: AbortSignal;
}

/** Options of `heartbeat.auto`. */
export interface AutoHeartbeatOptions {
  /** Default: half the heartbeat timeout, or 10 seconds without one. */
  readonly everyMs?: number;
  /** The details of each heartbeat. */
  readonly progress?: () => unknown;
}

/** Heartbeats that go on until `stop()`, the end of a `using` block, or the end or cancellation of the attempt. */
export interface AutoHeartbeat extends Disposable {
  stop(): void;
}

/** Tells the server that the activity is alive. Never throws: a cancellation in the server's answer reaches the activity by `cancelled` and `cancellationSignal`. */
export interface Heartbeat {
  (details?: unknown): void;
  /** Heartbeats at once and then at an interval, for activities that wait for something long. A cancellation reaches the activity in the same way. */
  auto(options?: AutoHeartbeatOptions): AutoHeartbeat;
}

const autoDefaultMs = 10_000;

/** Holds the context of the activity that is running. */
export const asyncLocalStorage = new AsyncLocalStorage<Context>();

/** What an activity can do beside its own work. `Context.current()` is the one of the activity that runs. */
export class Context {
  readonly info: Info;
  /** Rejects with a `CancelledFailure` when the activity is cancelled; never resolves. Cancellation comes with the answer to a heartbeat. */
  readonly cancelled: Promise<never>;
  /** For `fetch`, `child_process` and whatever else takes a signal. */
  readonly cancellationSignal: AbortSignal;
  /** The worker is about to stop: time to save progress by a heartbeat. The activity itself is not cancelled until the grace time is over. */
  readonly workerShutdown: AbortSignal;
  readonly log: Logger;
  /** Tells the server that the activity is alive, and leaves `details` for the next attempt. Sent at most every 0.8 × the heartbeat timeout. */
  readonly heartbeat: Heartbeat;
  /** Numbers go to the worker's runtime, tagged with namespace, task queue and types. */
  readonly metricMeter: MetricMeter;
  readonly #parts: ContextParts;

  constructor(parts: ContextParts) {
    const { info, logger, cancellation } = parts;
    this.#parts = parts;
    this.info = info;
    this.cancellationSignal = cancellation;
    this.workerShutdown = parts.workerShutdown;
    this.metricMeter = parts.metricMeter;
    this.heartbeat = Object.assign((details?: unknown) => parts.heartbeat(details), {
      auto: (options: AutoHeartbeatOptions = {}) => this.#heartbeats(options),
    });
    this.log = withFields(logger, () => parts.logAttributes(activityLogAttributes(info)));
    this.cancelled = new Promise((_, reject) => {
      if (cancellation.aborted) reject(cancellation.reason);
      cancellation.addEventListener("abort", () => reject(cancellation.reason), { once: true });
    });
    // Nobody has to listen.
    this.cancelled.catch(() => undefined);
  }

  /** Throws `IllegalStateError` outside of an activity. */
  static current(): Context {
    const context = asyncLocalStorage.getStore();
    if (!context) throw new IllegalStateError("Context.current() works inside an activity alone");
    return context;
  }

  /** Calls the server that the worker is connected to, in its namespace and with its data converter. */
  get client(): Client {
    return this.#parts.client();
  }

  /** Tells what is done of how much, as a heartbeat: the next attempt finds it in `info.heartbeatDetails`, and tools can show it. */
  progress(progress: ActivityProgress): void {
    this.heartbeat(checkedProgress(progress));
  }

  #heartbeats(options: AutoHeartbeatOptions): AutoHeartbeat {
    const { heartbeatTimeoutMs } = this.info;
    const everyMs = options.everyMs ?? (heartbeatTimeoutMs === undefined ? autoDefaultMs : heartbeatTimeoutMs / 2);
    if (!(everyMs > 0)) throw new TypeError(`heartbeat.auto(): everyMs must be more than 0, not ${everyMs}`);
    const beat = () => this.heartbeat(options.progress?.());
    const timer = setInterval(beat, everyMs);
    const stop = () => clearInterval(timer);
    const { ended, cancellation } = this.#parts;
    for (const signal of [ended, cancellation]) signal.addEventListener("abort", stop, { once: true });
    beat();
    return { stop, [Symbol.dispose]: stop };
  }

  /** Throws `CancelledFailure` when the activity is cancelled meanwhile. */
  async sleep(duration: Duration): Promise<void> {
    try {
      await delay(msToNumber(duration, "sleep()"), undefined, { signal: this.cancellationSignal });
    } catch (error) {
      throw this.cancellationSignal.aborted ? this.cancellationSignal.reason : error;
    }
  }

  /** `undefined` while it is not cancelled. */
  get cancellationDetails(): ActivityCancellationDetails | undefined {
    const { causes } = this.#parts;
    if (causes.size === 0) return undefined;
    const has = (cause: CancellationCause) => causes.has(cause);
    return {
      ...{ cancelRequested: has("cancelRequested"), notFound: has("notFound"), timedOut: has("timedOut") },
      ...{ paused: has("paused"), reset: has("reset"), workerShutdown: has("workerShutdown") },
    };
  }

  /** When this attempt times out; `undefined` when it never does. */
  get deadline(): Date | undefined {
    const { startedTimestampMs, scheduledTimestampMs, startToCloseTimeoutMs, scheduleToCloseTimeoutMs } = this.info;
    const ends = [
      ...(startToCloseTimeoutMs === 0 ? [] : [startedTimestampMs + startToCloseTimeoutMs]),
      ...(scheduleToCloseTimeoutMs === undefined ? [] : [scheduledTimestampMs + scheduleToCloseTimeoutMs]),
    ];
    return ends.length > 0 ? new Date(Math.min(...ends)) : undefined;
  }

  /** Milliseconds until this attempt times out, at least 0; `Infinity` when it never does. */
  getRemainingTime(): number {
    const { deadline } = this;
    return deadline ? Math.max(0, deadline.getTime() - Date.now()) : Number.POSITIVE_INFINITY;
  }
}

/** Who speaks, in each line of an activity's log. */
export function activityLogAttributes(info: Info): Record<string, unknown> {
  const { activityId, activityType, attempt, isLocal, taskQueue, workflowType, workflowExecution } = info;
  return {
    ...{ sdkComponent: "activity", namespace: info.activityNamespace, taskQueue },
    ...{ activityId, activityType, attempt, isLocal, workflowType, ...workflowExecution },
  };
}

export function runInContext<T>(context: Context, work: () => T): T {
  return asyncLocalStorage.run(context, work);
}

export function newCancelledFailure(cause: CancellationCause): CancelledFailure {
  const words = {
    cancelRequested: "CANCELLED",
    notFound: "NOT_FOUND",
    timedOut: "TIMED_OUT",
    paused: "PAUSED",
    reset: "RESET",
    workerShutdown: "WORKER_SHUTDOWN",
  } as const satisfies Record<CancellationCause, string>;
  return new CancelledFailure(words[cause]);
}
