/**
 * Who is told how a run ended: callbacks given with the start, or attached to the open run later.
 *
 *   register ─▶ standby ──the chain ends──▶ scheduled ──arrived──▶ succeeded
 *                                             │    ▲ └──refused for good──▶ failed
 *                                    refused  ▼    │
 *                                            backingOff
 *
 *   K1. They are told of the end of the whole chain: a run that is retried, or continues as new, hands them to the next.
 *   K2. A reset that ends another run than its base begins one that knows the base's callbacks, and not those of the other: they are told that it has ended.
 *   K3. One that cannot be reached is asked again until the run is deleted.
 */
import type { common } from "@pawl/protocol";
import { senderOf } from "../outbox.ts";
import { type Call, countAttempt, nextAttemptAtMs, noAttempts } from "../outside-call.ts";
import { Rejection } from "../rejection.ts";
import type { CompletionCallback } from "../state/outside-call.ts";
import { isOpen, type Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import type { CommandOf, Replies } from "../vocabulary.ts";

export function registerCallbacks(
  run: Run,
  nowMs: number,
  callbacks: readonly common.Callback[],
  attachedRequestId = "",
): void {
  for (const callback of callbacks) {
    const id = run.callbacks.size + 1;
    run.callbacks.set(id, {
      ...{ id, callback, attachedRequestId, registeredAtMs: nowMs },
      ...{ status: { type: "standby" }, ...noAttempts() },
    });
    touch(run, id);
  }
}

/** Those links of a start that none of its callbacks has too: an event names each once. */
export function linksBesideCallbacks(
  links: readonly common.Link[],
  callbacks: readonly common.Callback[],
): readonly common.Link[] {
  if (links.length === 0 || callbacks.length === 0) return links;
  const text = (link: common.Link) => JSON.stringify(link);
  const ofCallbacks = new Set(callbacks.flatMap((callback) => callback.links.map(text)));
  return links.filter((link) => !ofCallbacks.has(text(link)));
}

/** What the next run of the chain is given (K1). */
export function inheritedCallbacks(run: Run): common.Callback[] {
  return [...run.callbacks.values()].map(({ callback }) => callback);
}

/** The chain has ended: everybody is told, but for those whom `next` will tell. */
export function announceToCallbacks(run: Run, step: Step, next?: Run): void {
  const text = ({ callback }: CompletionCallback) => JSON.stringify(callback);
  const taken = new Set([...(next?.callbacks.values() ?? [])].map(text));
  for (const callback of run.callbacks.values()) {
    if (taken.size > 0 && taken.has(text(callback))) continue;
    callback.status = { type: "scheduled" };
    touch(run, callback.id);
    step.call(callbackCallOf(run, callback));
  }
}

/** The request to tell it, while one is to be made. */
export function callbackCallOf(run: Run, registered: CompletionCallback): Call | undefined {
  const { id, callback, attachedRequestId, status, attempt } = registered;
  if (status.type !== "scheduled" || run.status.type !== "closed") return undefined;
  return {
    type: "completionCallback",
    from: senderOf(run),
    attempt: attempt + 1,
    callbackId: id,
    callback,
    attachedRequestId,
    closedEventId: run.nextEventId - 1,
    startedAtMs: run.start.startedAtMs,
    closedAtMs: run.status.closedAtMs,
  };
}

/** When the next of them is to be told again; Infinity = none. */
export function nextCallbackAtMs(run: Run): number {
  let atMs = Number.POSITIVE_INFINITY;
  for (const { status } of run.callbacks.values())
    if (status.type === "backingOff") atMs = Math.min(atMs, status.callAtMs);
  return atMs;
}

/** Whether the end is being told to somebody right now. */
export function hasCallbackUnderWay(run: Run): boolean {
  for (const { status } of run.callbacks.values()) if (status.type === "scheduled") return true;
  return false;
}

export function endCallbackBackoffs(run: Run, step: Step): void {
  for (const callback of run.callbacks.values()) {
    if (callback.status.type !== "backingOff" || callback.status.callAtMs > step.nowMs) continue;
    callback.status = { type: "scheduled" };
    touch(run, callback.id);
    step.call(callbackCallOf(run, callback));
  }
}

export function completionCallbackEnded(
  run: Run,
  step: Step,
  { callbackId, attempt, problem }: CommandOf<"completionCallbackEnded">,
): Replies["completionCallbackEnded"] | Rejection {
  const callback = run.callbacks.get(callbackId);
  if (isOpen(run) || callback?.status.type !== "scheduled" || callback.attempt + 1 !== attempt)
    return new Rejection("NOT_FOUND", "the request to the callback is over");
  countAttempt(callback, step.nowMs, problem?.failure);
  if (!problem) callback.status = { type: "succeeded" };
  else if (problem.retryable) callback.status = { type: "backingOff", callAtMs: nextAttemptAtMs(callback, step.nowMs) };
  else callback.status = { type: "failed" };
  touch(run, callbackId);
  return {};
}

function touch(run: Run, id: number): void {
  run.changes.parts.add(`k/${id}`);
}
