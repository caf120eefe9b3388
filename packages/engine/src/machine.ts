/**
 * What the machinery of a shard (single writer, cache, timers, messages, recovery, retention) hosts: executions of several kinds, each a pure
 * machine of its own. The machinery knows an execution by this file only; which kinds there are is in `machines.ts`.
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
  /** null: what the store has of it still holds, `undispatched` included, and so does its `wakeAtMs`, which is no later. */
  readonly snapshot: Uint8Array | null;
  readonly parts: readonly PartChange[];
  /** New events, for kinds that have a history. */
  readonly batches: readonly EventBatch[];
  readonly wakeAtMs: number | null;
  /** A task waits for a worker, or a message for its receiver: only memory knows that it is on its way. */
  readonly undispatched: boolean;
  /** The row that lists show, when it has changed. */
  readonly visibility: VisibilityRecord | null;
  /** The run goes, and everything kept of it. */
  readonly deleted: boolean;
  /** The run is new, and becomes the one that its key means. */
  readonly current: boolean;
  /** Figures of the run that have passed their mark now. */
  readonly warnings?: readonly SizeWarning[];
}

/**
 * The laws of one kind. Pure and synchronous: E1 to E3 of `workflow.ts` hold for each.
 * `E` and `C` are the kind's execution and commands; the machinery holds them all as `Machine`.
 */
export interface Machine<R extends HostedRun, E extends Execution<R>, C extends { readonly type: string }> {
  /** The execution before any of its runs is in memory. */
  empty(key: Omit<ExecutionKey, "kind">, currentRunId: string | null): E;
  /** The run that a command is about, "" = the current one, when it is about one that exists already: what must have been loaded. */
  selectorOf(command: C | HostCommand): RunSelector | undefined;
  /** Whether the current run must have been loaded besides, because the command may end it. */
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
  /** Whether memory knows something of the run that the store does not, so that it must not be forgotten. */
  isPinned(run: R): boolean;
  /** An estimate of the run's size in memory. */
  memoryBytes(run: R): number;
}
