/** How a worker's run ends when it does not end well. */
import type { Duration } from "../../value/duration.ts";
import { errorMessage } from "../../value/errors.ts";

/** The shutdown took longer than `shutdownForceTime`. */
export class GracefulShutdownPeriodExpiredError extends Error {
  constructor() {
    super("Timed out while waiting for worker to shutdown gracefully");
    this.name = "GracefulShutdownPeriodExpiredError";
  }
}

/** How `runUntil` ends when the worker ends first. */
export interface RunUntilOptions {
  /** How long the promise may go on when the worker has ended before it. Default: 0. */
  promiseCompletionTimeout?: Duration;
}

/** The worker of `runUntil` has ended, and what it was to run for has not. */
export class PromiseCompletionTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`Promise did not resolve within ${timeoutMs}ms after Worker completed shutdown`);
    this.name = "PromiseCompletionTimeoutError";
  }
}

/** What went wrong on each side of a `runUntil`. */
export interface CombinedWorkerRunErrorCause {
  /** Thrown by the worker. */
  workerError: unknown;
  /** Thrown by what it was to run for, or {@link PromiseCompletionTimeoutError}. */
  innerError: unknown;
}

/** Both have failed: the worker of `runUntil`, and what it was to run for. */
export class CombinedWorkerRunError extends Error {
  declare readonly cause: CombinedWorkerRunErrorCause;
  constructor(cause: CombinedWorkerRunErrorCause) {
    super(`Worker terminated with fatal error in \`runUntil\`: ${errorMessage(cause.workerError)}`, { cause });
    this.name = "CombinedWorkerRunError";
  }
}

/** What came of the promise, or would have come of it within the time. */
export async function settledWithin<R>(
  settlement: Promise<PromiseSettledResult<R>>,
  timeoutMs: number,
): Promise<PromiseSettledResult<R>> {
  const { promise: late, resolve } = Promise.withResolvers<PromiseSettledResult<R>>();
  const reason = new PromiseCompletionTimeoutError(timeoutMs);
  const timer = setTimeout(() => resolve({ status: "rejected", reason }), timeoutMs);
  const settled = await Promise.race([settlement, late]);
  clearTimeout(timer);
  return settled;
}
