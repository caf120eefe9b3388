/** Time that passes for the workflow: durable timers, and conditions with a limit. */
import { type Duration, msToNumber } from "../../value/duration.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import { getRun } from "../run/current-run.ts";
import type { WorkflowRun } from "../run/run.ts";
import { CancellationScope } from "./cancellation-scope.ts";
import type { TimerOptions } from "./timer-options.ts";

/** Waits by a timer that outlives the worker. At least 1 ms. Throws `CancelledFailure` when its scope is cancelled. */
export function sleep(duration: Duration, options?: TimerOptions): Promise<void> {
  const run = getRun("sleep()");
  const durationMs = msToNumber(duration, "sleep()");
  const { outbound } = run.interceptors;
  if (outbound.length === 0) return timer(run, durationMs, options);
  const start = composeInterceptors(outbound, "startTimer", (input) =>
    timer(run, input.durationMs, input.options, input.seq),
  );
  return start({ durationMs, options, seq: run.nextSeq("timer") });
}

function timer(run: WorkflowRun, durationMs: number, options?: TimerOptions, givenSeq?: number): Promise<void> {
  const scope = CancellationScope.current();
  if (scope.consideredCancelled) return Promise.reject(scope.reason);
  return new Promise<void>((resolve, reject) => {
    const fire = () => {
      run.waiters.of("timer").delete(seq);
      forget();
      resolve();
    };
    const seq = run.startTimer(durationMs, { resolve: fire, reject }, options?.summary, givenSeq);
    const forget = scope.onCancel((reason) => {
      run.stopTimer(seq);
      reject(reason);
    });
  });
}

/** The global `setTimeout` of workflow code. It belongs to no scope, as in Node. */
export function setTimeoutInWorkflow(
  callback: (...args: unknown[]) => unknown,
  delayMs?: unknown,
  ...args: unknown[]
): number {
  const run = getRun("setTimeout()");
  const fire = () => {
    run.waiters.of("timer").delete(seq);
    run.enter(() => callback(...args));
  };
  const seq = run.startTimer(Number(delayMs) || 0, { resolve: fire, reject: () => undefined });
  return seq;
}

export function clearTimeoutInWorkflow(handle: unknown): void {
  getRun("clearTimeout()").stopTimer(Number(handle));
}

/**
 * Waits until `holds` returns true; it is asked after everything that the workflow hears. With a timeout: `true` when it held, `false` when the
 * time was over. Throws `CancelledFailure` when its scope is cancelled.
 */
export function condition(holds: () => boolean, timeout: Duration, options?: TimerOptions): Promise<boolean>;
/** The same without a timeout. */
export function condition(holds: () => boolean): Promise<void>;
export function condition(
  holds: () => boolean,
  timeout?: Duration,
  options?: TimerOptions,
): Promise<void> | Promise<boolean> {
  const run = getRun("condition()");
  if (timeout === undefined) return until(run, holds);
  const durationMs = msToNumber(timeout, "condition()");
  return CancellationScope.cancellable(async () => {
    try {
      return await Promise.race([sleep(durationMs, options).then(() => false), until(run, holds).then(() => true)]);
    } finally {
      CancellationScope.current().cancel();
    }
  });
}

function until(run: WorkflowRun, holds: () => boolean): Promise<void> {
  const scope = CancellationScope.current();
  if (scope.consideredCancelled) return Promise.reject(scope.reason);
  return new Promise<void>((resolve, reject) => {
    if (holds()) return resolve();
    const seq = run.nextSeq("condition");
    const forget = scope.onCancel((reason) => {
      run.conditions.delete(seq);
      reject(reason);
    });
    const end = (finish: () => void) => {
      run.conditions.delete(seq);
      forget();
      finish();
    };
    run.conditions.set(seq, { holds, resolve: () => end(resolve), reject: (error) => end(() => reject(error)) });
  });
}
