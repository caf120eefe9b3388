/**
 * Delivers what became of updates that are known no more to the callers that wait for them. It is not kept: the engine forgets a rejected update, so that its
 * id can be used again, and what a later caller hears does not depend on what happens to be in memory.
 */
import type { EndedUpdate, ExecutionKey } from "@pawl/engine";
import { keyText } from "./hosted.ts";

/** Of the update that was admitted as the `admission`th of its run. */
export interface AwaitedVerdict extends Disposable {
  of(runId: string, admission: number | undefined): EndedUpdate["verdict"] | undefined;
}

type Told = EndedUpdate & { readonly runId: string };

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
      of: (runId, admission) => told.find((one) => one.runId === runId && one.admission === admission)?.verdict,
      [Symbol.dispose]: () => {
        waiting.delete(told);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
      },
    };
  }

  tell(key: ExecutionKey, runId: string, ended: readonly EndedUpdate[]): void {
    for (const one of ended)
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
