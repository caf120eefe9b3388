/**
 * What the machinery of a shard (single writer, cache, timers, messages, recovery, retention) hosts: executions of several kinds, each a pure
 * machine of its own. The machinery knows an execution by this file only; a kind is added to `Kinds` here and to `machines` in `machines.ts`.
 */
import type { Delivery, Message } from "./outbox.ts";
import type { Rejection } from "./rejection.ts";
import type { EventBatch } from "./run/run.ts";
import type { SizeWarning } from "./run/run-size.ts";
import type { VisibilityRecord } from "./run/visibility.ts";
import type { ScheduleCommand, ScheduleReplies } from "./schedule/schedule.ts";
import type { StandaloneCommand, StandaloneReplies } from "./standalone/standalone-activity.ts";
import type { Step } from "./step.ts";
import type { Command, Effect, Replies, RunSelector } from "./vocabulary.ts";

/** For each kind of execution: what can be asked of it, and its answers by type of command. */
export interface Kinds {
  workflow: { readonly command: Command; readonly replies: Replies };
  schedule: { readonly command: ScheduleCommand; readonly replies: ScheduleReplies };
  activity: { readonly command: StandaloneCommand; readonly replies: StandaloneReplies };
}

export type Kind = keyof Kinds;
export type CommandOfKind<K extends Kind> = Kinds[K]["command"];
export type ReplyOfKind<K extends Kind, C extends CommandOfKind<K>> = K extends Kind
  ? Kinds[K]["replies"][C["type"] & keyof Kinds[K]["replies"]]
  : never;

/**
 * What users call an execution: its `businessId` is a workflow id, an activity id, a schedule id. Kinds have ids of their own: a workflow and a
 * schedule of one namespace may share an id, and know nothing of each other.
 */
export interface ExecutionKey<K extends Kind = Kind> {
  readonly kind: K;
  readonly namespaceId: string;
  readonly businessId: string;
}

/** A run as far as the machinery must know it. */
export interface HostedRun {
  readonly runId: string;
  readonly status: { readonly type: "open" | "closed" };
  /** When the shard next wakes this run; Infinity = never. */
  readonly wakeAtMs: number;
}

/** All runs of one execution that memory holds, and which of them is meant when no run id is given. */
export interface Execution<R extends HostedRun = HostedRun> {
  currentRunId: string | null;
  readonly runs: Map<string, R>;
}

/** Commands that the machinery gives by itself; every kind knows them. */
export type HostCommand =
  /** Something is due: the run does what is, and nothing early. */
  | { readonly type: "wake"; readonly runId: string }
  /** Another execution says something. Answered with a `Delivery`. */
  | { readonly type: "receive"; readonly message: Message }
  /** What became of a message that this run sent. */
  | { readonly type: "delivered"; readonly runId: string; readonly messageId: number; readonly delivery: Delivery };

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

export function scheduleKey(namespaceId: string, scheduleId: string): ExecutionKey<"schedule"> {
  return { kind: "schedule", namespaceId, businessId: scheduleId };
}

/** Of a standalone activity. */
export function activityKey(namespaceId: string, activityId: string): ExecutionKey<"activity"> {
  return { kind: "activity", namespaceId, businessId: activityId };
}

export function workflowKey(namespaceId: string, workflowId: string): ExecutionKey<"workflow"> {
  return { kind: "workflow", namespaceId, businessId: workflowId };
}
