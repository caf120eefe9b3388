/** What operators do to the attempts of a standalone activity, now or when the attempt that runs has failed. */
import type { Step } from "../step.ts";
import { type StandaloneRun, standaloneTaskOf } from "./standalone-run.ts";

/**
 * A worker may have the next attempt from `atMs` on, unless the activity is paused: earlier dispatches are void. Nothing brings the first attempt
 * of all forward but a change of its delay.
 */
export function reschedule(run: StandaloneRun, step: Step, atMs: number): void {
  const { attempts } = run;
  const dispatchAtMs = attempts.lastStartedAtMs === null ? Math.max(atMs, attempts.scheduledAtMs) : atMs;
  attempts.stamp += 1;
  attempts.status = { type: dispatchAtMs > step.nowMs ? "backingOff" : "scheduled", dispatchAtMs };
  const task = standaloneTaskOf(run);
  if (task) step.dispatch(task);
}

/** When the wait after the last failure is over; undefined when the next attempt does not follow from one. */
export function retryAtMs({ retry, attempts }: StandaloneRun): number | undefined {
  if (!retry || attempts.lastAttemptCompletedAtMs === null) return undefined;
  return attempts.lastAttemptCompletedAtMs + retry.intervalMs;
}

/** The next attempt is the first again, and waits for nothing. */
export function startOver(run: StandaloneRun, clearHeartbeat: boolean): void {
  run.attempts.attempt = 1;
  run.retry = null;
  if (!clearHeartbeat) return;
  run.attempts.heartbeatDetails = undefined;
  run.attempts.lastHeartbeatAtMs = null;
}

/** The options that the start asked for; its delay only while no attempt has begun. */
export function restoreOptions(run: StandaloneRun): void {
  const { attempts, originalStartDelayMs } = run;
  attempts.options = attempts.originalOptions ?? attempts.options;
  attempts.originalOptions = null;
  if (originalStartDelayMs === null || attempts.lastStartedAtMs !== null) return;
  delayStart(run, originalStartDelayMs);
  run.originalStartDelayMs = null;
}

/** The time for all attempts counts from the end of the delay. */
export function delayStart(run: StandaloneRun, startDelayMs: number): void {
  run.originalStartDelayMs ??= run.startDelayMs;
  run.startDelayMs = startDelayMs;
  run.attempts = { ...run.attempts, scheduledAtMs: run.start.scheduledAtMs + startDelayMs };
}
