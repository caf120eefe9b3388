/**
 * How long a call may be held open, in one place. A poll answers "nothing yet" a moment before its caller gives up, so that
 * the answer still arrives.
 */
import { Rejection } from "@pawl/engine";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { invalid } from "./field-rules.ts";
import type { Call } from "./handler.ts";

/** Until when a poll for a task is held open. Such a poll needs a deadline, because a task that nobody takes is lost until it times out. */
export function taskPollUntilMs(call: Call, nowMs: number): number | Rejection {
  if (call.deadlineMs === undefined) return invalid("Context timeout is not set.");
  if (call.deadlineMs - nowMs < limits.pollMsMin)
    return new Rejection("FAILED_PRECONDITION", "Context timeout is too short.");
  return waitUntilMs(call, nowMs, limits.taskPollMsMax);
}

/** Until when a call may wait for something to happen: `msMax` from now, or less when its caller has less time. May be in the past. */
export function waitUntilMs(call: Call, nowMs: number, msMax: number): number {
  return Math.min(nowMs + msMax, (call.deadlineMs ?? Number.POSITIVE_INFINITY) - limits.pollMarginMs);
}

/** Whether an answer would reach nobody. When the server stops, callers still wait for theirs. */
export function isGone(call: Call): boolean {
  return call.signal.aborted && call.ended() !== "stopping";
}

/** A signal that aborts when the call ends or its time is up, whichever is first. Dispose of it when the wait is over. */
export class Wait implements Disposable {
  readonly #ended = new AbortController();
  readonly #call: AbortSignal;
  readonly #cancelWake: () => void;
  // With a reason: without one, each abort makes a DOMException and its stack.
  readonly #end = () => this.#ended.abort("over");

  constructor(call: AbortSignal, clock: Clock, untilMs: number) {
    this.#call = call;
    this.#cancelWake = Number.isFinite(untilMs) ? clock.wake(untilMs, this.#end) : () => {};
    if (call.aborted || untilMs <= clock.nowMs()) this.#end();
    else call.addEventListener("abort", this.#end, { once: true });
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get isOver(): boolean {
    return this.#ended.signal.aborted;
  }

  [Symbol.dispose](): void {
    this.#cancelWake();
    this.#call.removeEventListener("abort", this.#end);
    this.#end();
  }
}

/** Resolves after `ms`, or when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancelWake();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancelWake = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
