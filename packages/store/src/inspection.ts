/**
 * A store read row by row as it lies there, to be looked over: the rows of each run, and the rows that belong to none. Everything that one inspection
 * reads is of one moment, also while a server goes on writing; and it changes nothing.
 */
import type { ExecutionKey, RunRef, StoredBatch, VisibilityWrite } from "./store.ts";

/** Everything that is kept of a run. */
export interface InspectedRun extends RunRef {
  readonly shardId: number;
  readonly wakeAtMs: number | null;
  readonly undispatched: boolean;
  readonly snapshot: Uint8Array;
  readonly parts: ReadonlyMap<string, Uint8Array>;
  readonly batches: readonly StoredBatch[];
  /** Its row of a list, and the key under which that lies. */
  readonly visibility: InspectedVisibility | undefined;
}

export type InspectedVisibility = Omit<VisibilityWrite, "table" | "info">;

/** A row that names a run which is not there. */
export interface StrayRow {
  readonly table: "part" | "history" | "visibility";
  readonly runId: string;
}

/** A run that lists show and do not find by what they show of it. */
export interface MisplacedRow {
  readonly runId: string;
  /** What is wrong, as the end of a sentence about the run. */
  readonly what: string;
}

export interface InspectedCurrent extends ExecutionKey {
  readonly runId: string;
  /** Whether there is such a run of this execution. */
  readonly isThere: boolean;
}

export interface StoreInspection {
  /** What the storage itself finds wrong with its pages; empty = nothing. */
  damage(): Promise<readonly string[]>;
  runCount(): Promise<number>;
  /** Ordered by run id. */
  runs(page: { readonly afterRunId: string; readonly limit: number }): Promise<readonly InspectedRun[]>;
  /** Ordered by key; by which part of it first is the store's own. */
  currents(page: { readonly after?: ExecutionKey; readonly limit: number }): Promise<readonly InspectedCurrent[]>;
  /** A thousand at most. */
  strays(): Promise<readonly StrayRow[]>;
  /** Where the storage keeps indexes of lists by itself: runs that these do not know, or know as they are not. A few hundred at most. */
  misplaced(): Promise<readonly MisplacedRow[]>;
  shards(): Promise<readonly { readonly shardId: number; readonly rangeId: number }[]>;
  namespaces(): Promise<readonly { readonly id: string; readonly name: string }[]>;
  close(): Promise<void>;
}

export const strayRowsMax = 1_000;
export const misplacedRowsMax = 100;
