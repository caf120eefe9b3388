/** What waits in a shard's inbox, and what came of it. */
import {
  type CommandOfKind,
  type Effect,
  type ExecutionKey,
  type Kind,
  machineOf,
  type Note,
  type Task,
} from "@pawl/engine";
import type { Origin } from "./commit-spans.ts";
import type { Reservation, Started } from "./dispatcher.ts";
import { keyText } from "./hosted.ts";

export type Entry = Submitted | Redispatch;

/** A command that waits for its batch. */
export interface Submitted {
  readonly type: "command";
  readonly key: ExecutionKey;
  readonly command: CommandOfKind<Kind>;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: unknown) => void;
  /** For its span; absent: none is made. */
  readonly origin?: Origin | undefined;
}

/** A run whose waiting tasks nobody holds: after a restart, or after a commit of unknown outcome. */
export interface Redispatch {
  readonly type: "redispatch";
  readonly key: ExecutionKey;
  /** Null: the current run. */
  readonly runId: string | null;
  /** Pollers that were to get a task of it: they still do, if the commit turns out to have happened. */
  readonly held: readonly Pick<Delivery, "task" | "reservation">[];
}

/** A task that was started for a poller which waited for it. */
export interface Delivery {
  readonly task: Task;
  readonly reservation: Reservation;
  readonly started: Started;
}

/** What an entry owes the world once its batch is on disk. */
export interface Outcome {
  readonly entry: Entry;
  readonly reply: unknown;
  /** Without those that were made before it (S8). */
  deliveries: readonly Delivery[];
  /** What no waiting worker took at once. */
  readonly effects: readonly Effect[];
  /** What is counted of it. */
  readonly notes: readonly Note[];
}

/** Nothing came of it: they go back to their lines. */
export function releasePollers(held: Redispatch["held"]): void {
  for (const { reservation } of held) reservation.release();
}

/** The runs of a batch to be looked at again: their timers must be armed and their tasks dispatched, whatever its commit did. */
export function redispatchesOf(outcomes: readonly Outcome[]): Redispatch[] {
  const entries = outcomes.map(({ entry, deliveries }): Redispatch => {
    const runId = entry.type === "redispatch" ? entry.runId : machineOf(entry.key.kind).selectorOf(entry.command);
    return { type: "redispatch", key: entry.key, runId: runId || null, held: deliveries };
  });
  // A command on one run may have begun another (continue as new, a retry), whose first task nobody holds either.
  const keys = new Map(entries.filter(({ runId }) => runId !== null).map(({ key }) => [keyText(key), key]));
  for (const key of keys.values()) entries.push({ type: "redispatch", key, runId: null, held: [] });
  return entries;
}
