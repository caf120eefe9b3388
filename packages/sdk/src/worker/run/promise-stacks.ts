/**
 * Finds where code is waiting. While promises are traced, each one keeps the stack of its creation until it is settled; those that are left are the waits. Tracing
 * slows down all promises of the process, so it is on only during the synchronous replay for one query, and costs runs nothing otherwise.
 */
import { promiseHooks } from "node:v8";
import { watched } from "./watchdog.ts";

interface Made {
  /** Filled by the engine; written as text when it is read, and most are not. */
  readonly holder: { readonly stack?: string };
  /** What it waits for: a promise that somebody awaits, or whose `then` was called. */
  readonly parent: Promise<unknown> | undefined;
}

const framesMax = 100;

/** The stacks of all waits in which `replay`, which must be synchronous, leaves its code. Rejects as it throws, and as {@link watched} does. */
export async function waitsAfter(timeoutMs: number, replay: () => void): Promise<string[]> {
  const stacks = new PromiseStacks();
  const followed = () => {
    stacks.start();
    try {
      replay();
    } finally {
      stacks.stop();
    }
  };
  // Code that is ended from outside comes to no `finally` of its own.
  await watched(timeoutMs, followed).finally(() => stacks.stop());
  return stacks.waits();
}

class PromiseStacks {
  readonly #made = new Map<Promise<unknown>, Made>();
  readonly #limitBefore = Error.stackTraceLimit;
  #unhook: (() => void) | undefined;

  start(): void {
    Error.stackTraceLimit = framesMax;
    const made = this.#made;
    const init = (promise: Promise<unknown>, parent: Promise<unknown> | undefined) => {
      const holder = {};
      Error.captureStackTrace(holder, init);
      made.set(promise, { holder, parent });
    };
    const settled = (promise: Promise<unknown>) => void made.delete(promise);
    this.#unhook = promiseHooks.createHook({ init, settled }) as unknown as () => void;
  }

  /** May be called again. */
  stop(): void {
    if (!this.#unhook) return;
    this.#unhook();
    this.#unhook = undefined;
    Error.stackTraceLimit = this.#limitBefore;
  }

  /** The stack of each wait that nothing else waits for, in the order in which they began; several may be of one place. */
  waits(): string[] {
    const awaited = new Set([...this.#made.values()].map(({ parent }) => parent));
    // Without a parent it is no wait: an async function that has not ended, or what somebody may wait for later.
    const last = [...this.#made].filter(([promise, { parent }]) => parent !== undefined && !awaited.has(promise));
    return last.map(([, { holder }]) => holder.stack ?? "");
  }
}
