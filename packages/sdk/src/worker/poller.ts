/** Asks the server for tasks, again and again, and hands each on without waiting for its end. */
import { setTimeout as delay } from "node:timers/promises";
import { CallFailed } from "../connection/transport.ts";
import type { Logger } from "../value/logger.ts";
import type { Slots } from "./slots.ts";

/** The server answers an empty poll within 60 s; the rest is for the way. */
export const pollTimeoutMs = 70_000;

const retryFirstMs = 100;
const retryLongestMs = 5_000;

/** Statuses that no waiting mends: INVALID_ARGUMENT, NOT_FOUND (the namespace), PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const hopeless: ReadonlySet<number> = new Set([3, 5, 7, 12, 16]);
const endedByDeadline = 4;

export interface PollerParts<T> {
  readonly name: string;
  readonly slots: Slots;
  /** `undefined` when there was nothing to do. */
  readonly poll: (signal: AbortSignal) => Promise<T | undefined>;
  /** Its errors are its own to report: a rejection is a bug and ends the worker. */
  readonly handle: (task: T) => Promise<void>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when the signal has aborted and every task that was taken is done. Throws when polling is hopeless. */
export async function runPoller<T>({ name, slots, poll, handle, logger, signal }: PollerParts<T>): Promise<void> {
  const underway = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  let failures = 0;
  while (!signal.aborted && !failure) {
    await slots.take();
    let task: T | undefined;
    try {
      task = signal.aborted ? undefined : await poll(signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) {
        slots.give();
        break;
      }
      if (error instanceof CallFailed && hopeless.has(error.code)) failure = { error };
      else if (!(error instanceof CallFailed && error.code === endedByDeadline)) {
        const waitMs = Math.min(retryFirstMs * 2 ** failures++, retryLongestMs);
        // One word at the beginning of an outage is enough; all pollers of a worker live through the same one.
        if (failures === 1)
          logger.warn(`${name} poll failed, trying again until it succeeds`, { error: String(error) });
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
    if (task === undefined) {
      slots.give();
      continue;
    }
    const handled = handle(task)
      .catch((error) => {
        failure ??= { error };
      })
      .finally(() => {
        slots.give();
        underway.delete(handled);
      });
    underway.add(handled);
  }
  await Promise.all(underway);
  if (failure) throw failure.error;
}
