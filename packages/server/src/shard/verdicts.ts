/**
 * Delivers rejections of updates to the callers that wait for them. They are not kept: the engine forgets a rejected update, so that its id can be used
 * again, and what a later caller hears does not depend on what happens to be in memory.
 */
import type { ExecutionKey, RejectedUpdate } from "@pawl/engine";
import type { failure } from "@pawl/protocol";
import { keyText } from "./hosted.ts";

/** Of the update that was admitted as the `admission`th of its run. */
export interface AwaitedVerdict extends Disposable {
  rejection(runId: string, admission: number | undefined): failure.Failure | undefined;
}

type Told = RejectedUpdate & { readonly runId: string };

export class Verdicts {
  readonly #waiting = new Map<string, Set<Told[]>>();

  /** From now on, until it is disposed of. Call it before the update is asked for, so that nothing is missed. */
  await(key: ExecutionKey, updateId: string): AwaitedVerdict {
    const id = idOf(key, updateId);
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    const told: Told[] = [];
    waiting.add(told);
    return {
      rejection: (runId, admission) => told.find((one) => one.runId === runId && one.admission === admission)?.failure,
      [Symbol.dispose]: () => {
        waiting.delete(told);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
      },
    };
  }

  tell(key: ExecutionKey, runId: string, rejected: readonly RejectedUpdate[]): void {
    for (const one of rejected)
      for (const told of this.#waiting.get(idOf(key, one.updateId)) ?? []) told.push({ ...one, runId });
  }

  get size(): number {
    return this.#waiting.size;
  }
}

/** Ids may hold any character but this one. */
function idOf(key: ExecutionKey, updateId: string): string {
  return `${keyText(key)}\n${updateId}`;
}
