import type { CommandOfKind, ExecutionKey, Kind, Rejection, ReplyOfKind } from "@pawl/engine";
import type { AwaitedVerdict } from "../shard/verdicts.ts";

/** What the frontend asks of the shards; `shard/ring.ts` is one. */
export interface Submitter {
  /** Resolves after the commit. A Rejection changed nothing; throws `Unavailable` when the caller may try again. */
  submit<K extends Kind, C extends CommandOfKind<K>>(
    key: ExecutionKey<K>,
    command: C,
  ): Promise<ReplyOfKind<K, C> | Rejection>;
  /**
   * Resolves at the next commit that touches the run, with `end` only at one after which it is closed, or when the signal aborts. Call it before
   * reading, so that nothing is missed.
   */
  changed(runId: string, signal: AbortSignal, news?: "change" | "end"): Promise<void>;
  /** Hears of the rejection of an update of this id from now on, until it is disposed of. Call it before asking for the update, so that nothing is missed. */
  awaitVerdict(key: ExecutionKey<"workflow">, updateId: string): AwaitedVerdict;
}
