/**
 * What becomes of a namespace that was deleted: everything it holds goes, in batches, and at last the namespace itself.
 *
 *   D1. Which namespaces are to go is in the store: after a restart this goes on where it was.
 *   D2. A namespace goes last. Until then its id is known, so that nothing it holds is without a namespace.
 *   D3. Nothing is left behind by requests that were under way when the namespace was deleted: it goes only when a look begun after
 *       `namespaceSettleMs` finds nothing.
 */
import { type CommandOfKind, type Kind, Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import type { Clock } from "../../clock.ts";
import { limits } from "../../limits.ts";
import { pause } from "../long-poll.ts";
import type { Submitter } from "../submitter.ts";
import type { Namespace, NamespaceRegistry } from "./namespace-registry.ts";

export interface DeletionParts {
  readonly ring: Submitter;
  readonly store: Store;
  readonly namespaces: NamespaceRegistry;
  readonly clock: Clock;
  /** What is kept of a namespace beside its executions: each is asked to forget it, and may be asked again. */
  readonly forgetters: readonly { forget(namespaceId: string): Promise<void> | void }[];
  readonly onFault: (what: string, error: unknown) => void;
}

/** How an execution of each kind is told to go, in the order in which they go: what starts others is the first. */
const deletions: { readonly [K in Kind]: (runId: string) => CommandOfKind<K> } = {
  schedule: () => ({ type: "deleteSchedule" }),
  workflow: (runId) => ({ type: "delete", runId }),
  activity: (runId) => ({ type: "delete", runId }),
};
const kinds = Object.keys(deletions) as Kind[];

export class NamespaceDeletions {
  readonly #parts: DeletionParts;
  readonly #closing = new AbortController();
  /** By namespace id. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  /** Goes on with those that an earlier process has not finished (D1). */
  resume(): void {
    for (const namespace of this.#parts.namespaces.all()) {
      if (namespace.state === enums.NamespaceState.DELETED) this.begin(namespace);
    }
  }

  /** In the background. For one that is under way already nothing changes. */
  begin({ id, deleteAtMs = 0 }: Namespace): void {
    if (this.#closing.signal.aborted || this.#underWay.has(id)) return;
    const deletion = this.#delete(id, deleteAtMs).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, deletion);
  }

  /** Leaves the rest for the next process. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay.values());
  }

  async #delete(namespaceId: string, deleteAtMs: number): Promise<void> {
    const { clock, namespaces, forgetters, onFault } = this.#parts;
    const settledAtMs = deleteAtMs + limits.namespaceSettleMs;
    await this.#wait(deleteAtMs - clock.nowMs());
    while (!this.#closing.signal.aborted) {
      const beganAtMs = clock.nowMs();
      try {
        const isEmpty = await this.#deleteBatch(namespaceId);
        if (isEmpty && beganAtMs >= settledAtMs) {
          for (const forgetter of forgetters) await forgetter.forget(namespaceId);
          await namespaces.remove(namespaceId); // D2
          return;
        }
        if (isEmpty) await this.#wait(settledAtMs - beganAtMs); // D3
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        onFault("delete a namespace", error);
        await this.#wait(limits.namespaceDeleteRetryMs);
      }
    }
  }

  /** Whether there was nothing to delete. */
  async #deleteBatch(namespaceId: string): Promise<boolean> {
    const { store } = this.#parts;
    for (const kind of kinds) {
      const rows = await store.listVisibility({ kind, namespaceId, limit: limits.namespaceDeleteBatch });
      if (rows.length === 0) continue;
      const gone = await Promise.all(rows.map(({ runId }) => this.#deleteRun(runId)));
      // The rest has something to tell others, and goes by itself when it has.
      if (!gone.includes(true)) await this.#wait(limits.namespaceDeleteRetryMs);
      return false;
    }
    return true;
  }

  async #deleteRun(runId: string): Promise<boolean> {
    const { ring, store } = this.#parts;
    const [run] = await store.loadRuns([runId]);
    if (!run) return true;
    const { kind, namespaceId, businessId } = run;
    const command = deletions[kind](runId);
    const reply = await ring.submit({ kind, namespaceId, businessId }, command);
    if (reply instanceof Rejection) return reply.code === "NOT_FOUND";
    const [left] = await store.loadRuns([runId]);
    return !left;
  }

  #wait(ms: number): Promise<void> {
    return ms <= 0 ? Promise.resolve() : pause(this.#parts.clock, ms, this.#closing.signal);
  }
}
