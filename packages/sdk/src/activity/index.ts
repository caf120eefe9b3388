/** `@pawl/sdk/activity`: what an activity may know and do while it runs. */
import type { Client } from "../client/client.ts";
import type { ActivityCancellationDetails } from "../value/cancellation-details.ts";
import type { Duration } from "../value/duration.ts";
import type { LogFields, Logger, LogLevel } from "../value/logger.ts";
import type { MetricMeter } from "../value/metrics.ts";
import { type AutoHeartbeatOptions, Context, type Heartbeat, type Info } from "./context.ts";
import type { ActivityProgress } from "./progress.ts";

export type { ActivityCancellationDetails } from "../value/cancellation-details.ts";
export { CompleteAsyncError } from "../value/errors.ts";
export { ApplicationFailure, CancelledFailure } from "../value/failure.ts";
export type { ActivityFunction, ActivityInterface, UntypedActivities } from "../value/options.ts";
export {
  type AutoHeartbeat,
  type AutoHeartbeatOptions,
  asyncLocalStorage,
  Context,
  type Heartbeat,
  type Info,
} from "./context.ts";
export type { ActivityProgress } from "./progress.ts";

/** What the server has told of the current attempt. Like all functions of this module it throws `IllegalStateError` outside of an activity. */
export function activityInfo(): Info {
  return Context.current().info;
}

/** See {@link Context.heartbeat}. */
export const heartbeat: Heartbeat = Object.assign((details?: unknown) => Context.current().heartbeat(details), {
  auto: (options?: AutoHeartbeatOptions) => Context.current().heartbeat.auto(options),
});

/** See {@link Context.progress}. */
export function progress(done: ActivityProgress): void {
  Context.current().progress(done);
}

/** Rejects with a `CancelledFailure` when the activity is cancelled; never resolves. */
export function cancelled(): Promise<never> {
  return Context.current().cancelled;
}

/** See {@link Context.cancellationSignal}. */
export function cancellationSignal(): AbortSignal {
  return Context.current().cancellationSignal;
}

/** See {@link Context.cancellationDetails}. */
export function cancellationDetails(): ActivityCancellationDetails | undefined {
  return Context.current().cancellationDetails;
}

/** Aborts when the worker begins to shut down; the activity goes on meanwhile. */
export function workerShutdown(): AbortSignal {
  return Context.current().workerShutdown;
}

/** Throws `CancelledFailure` when the activity is cancelled meanwhile. */
export function sleep(duration: Duration): Promise<void> {
  return Context.current().sleep(duration);
}

/** When this attempt times out; `undefined` when it never does. */
export function deadline(): Date | undefined {
  return Context.current().deadline;
}

/** Milliseconds until this attempt times out; `Infinity` when it never does. */
export function getRemainingTime(): number {
  return Context.current().getRemainingTime();
}

/** See {@link Context.client}. */
export function getClient(): Client {
  return Context.current().client;
}

/** See {@link Context.metricMeter}. */
export const metricMeter: MetricMeter = {
  createCounter: (...args) => Context.current().metricMeter.createCounter(...args),
  createHistogram: (...args) => Context.current().metricMeter.createHistogram(...args),
  createGauge: (...args) => Context.current().metricMeter.createGauge(...args),
  createUpDownCounter: (...args) => Context.current().metricMeter.createUpDownCounter(...args),
  withTags: (tags) => Context.current().metricMeter.withTags(tags),
};

/** Carries the activity's id, type, attempt and workflow with each message. */
export const log: Logger = {
  log: (level: LogLevel, message: string, fields?: LogFields) => Context.current().log.log(level, message, fields),
  trace: (message, fields) => Context.current().log.trace(message, fields),
  debug: (message, fields) => Context.current().log.debug(message, fields),
  info: (message, fields) => Context.current().log.info(message, fields),
  warn: (message, fields) => Context.current().log.warn(message, fields),
  error: (message, fields) => Context.current().log.error(message, fields),
};
