/**
 * The interface between a shard (single writer, cache, timers, messages, recovery, retention) and the kinds of execution that it hosts, each a pure state
 * machine of its own. A shard knows executions by this file only; which kinds there are is in `machines.ts`.
 */
import type { Rejection } from "./rejection.ts";
import type { SizeWarning } from "./run/run-size.ts";
import type { VisibilityRecord } from "./run/visibility.ts";
import type { Execution, ExecutionKey, HostedRun, RunSelector } from "./state/execution.ts";
import type { EventBatch } from "./state/run.ts";
import type { Step } from "./step.ts";
import type { Effect, HostCommand } from "./vocabulary.ts";

export type PartChange = readonly [part: string, bytes: Uint8Array | null];

/** Everything about one run that the next commit must write. */
export interface RunChanges {
  /** null: the stored snapshot is still right, and so are the stored `undispatched` and `wakeAtMs`; that one may be earlier than needed, never later. */
  readonly snapshot: Uint8Array | null;
  readonly parts: readonly PartChange[];
  /** New events, for kinds that have a history. */
  readonly batches: readonly EventBatch[];
  readonly wakeAtMs: number | null;
  /** A task waits for a worker, or a message for its receiver, and only memory knows where: after a restart it must be dispatched again. */
  readonly undispatched: boolean;
  /** The row that lists show, when it has changed. */
  readonly visibility: VisibilityRecord | null;
  /** The run is deleted, with all of its rows. */
  readonly deleted: boolean;
  /** The run is new, and becomes the current one of its key. */
  readonly current: boolean;
  /** Sizes of the run that have just passed their warning threshold. */
  readonly warnings?: readonly SizeWarning[];
}

/**
 * The state machine of one kind of execution. Pure and synchronous: E1 to E3 of `workflow.ts` hold for each.
 * `R`, `E` and `C` are the kind's run, execution and commands.
 */
export interface Machine<R extends HostedRun, E extends Execution<R>, C extends { readonly type: string }> {
  /** The execution before any of its runs is in memory. */
  empty(key: Omit<ExecutionKey, "kind">, currentRunId: string | null): E;
  /** The run that must be loaded before the command is executed; "" is the current one, undefined: none, because the command is not about an existing run. */
  selectorOf(command: C | HostCommand): RunSelector | undefined;
  /** Whether the current run must be loaded in addition, because the command may end it. */
  needsCurrent?(command: C | HostCommand): boolean;
  /** Throws `Oversized` for what would make a run too large: its `instead` is a command of the same machine. */
  execute(execution: E, command: C | HostCommand, step: Step): unknown | Rejection;
  /** The run that `takeChanges` wrote. Throws when the snapshot is of a version that this build does not know. */
  restore(snapshot: Uint8Array, parts: ReadonlyMap<string, Uint8Array>): R;
  /** Takes what has changed since the last call; undefined when nothing has. Afterwards `wakeAtMs` is right. Throws `Oversized`. */
  takeChanges(run: R): RunChanges | undefined;
  /** The row by which lists show the run as it is now. */
  listed(run: R): VisibilityRecord;
  /** Everything of the run that waits for a worker or another execution: to be done again after a restart, when memory is empty. */
  pendingEffects(run: R): Effect[];
  /** Which task of the run a worker holds; `workflow` when it holds both. */
  heldBy(run: R): "nobody" | "activity" | "workflow";
  /** Whether the run has state that is in memory only, so that it must not be evicted from the cache. */
  isPinned(run: R): boolean;
  /** An estimate of the run's size in memory. */
  memoryBytes(run: R): number;
}
