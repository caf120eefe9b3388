/**
 * Durable bytes. The store knows tables and leases, not workflows or schedules: what it keeps of a run is a snapshot that only the engine can read.
 *
 * A kind of row is added to `Write`; methods are few: one `commit`, and the reads that are not by key. Every implementation passes
 * `conformance.ts`. Rules that callers rely on:
 *   D1. `commit` resolves only when all its writes are on disk; they are all there or none is.
 *   D2. A `CommitUnknown` says just that: the writes may or may not be there. The caller forgets what it had cached and reads again.
 *   D3. The fence is checked inside the write transaction: a lease that another owner has taken over commits nothing (`LeaseLost`).
 *   D4. A read that starts after a commit resolved sees that commit.
 *   D5. Neither side changes an array of bytes that it gave to the other: a store may keep what it is given, and give out what it keeps.
 *   D6. A write of a kind that has a key replaces the earlier one, except history: a batch that begins where a stored one begins is a
 *       bug of the caller, and its commit throws an error that is no `StoreError`, with nothing written.
 */

import type { Lease } from "./lease.ts";
import type { Membership } from "./membership.ts";

export type { Lease } from "./lease.ts";

/**
 * Kinds of execution. An id means another execution in each of them, and each has lists of its own. Stores keep the place in this list:
 * kinds are appended, never moved.
 */
export const executionKinds = ["workflow", "activity", "schedule"] as const;
export type ExecutionKind = (typeof executionKinds)[number];

/** What users call an execution: workflow id, activity id, schedule id are its `businessId`, unique in the namespace among those of its kind. */
export interface ExecutionKey {
  readonly kind: ExecutionKind;
  readonly namespaceId: string;
  readonly businessId: string;
}

/** Which run an execution's key means when no run id is given. `runId: null` deletes the row. */
export interface CurrentWrite extends ExecutionKey {
  readonly table: "current";
  readonly runId: string | null;
}

/** The snapshot of one run, without its parts. */
export interface RunWrite extends ExecutionKey {
  readonly table: "run";
  readonly runId: string;
  readonly snapshot: Uint8Array;
  /** When the shard must look at this run again; null = nothing is due. Indexed. */
  readonly wakeAtMs: number | null;
  /** Work that is due now and held by nobody but this row: after a restart the shard reads such runs and dispatches again. Indexed. */
  readonly undispatched: boolean;
}

/** One pending thing of a run (an activity, a timer, …), so that a run with many of them is not rewritten whole. `bytes: null` deletes it. */
export interface PartWrite {
  readonly table: "part";
  readonly runId: string;
  /** Unique in the run, e.g. `a/17`. */
  readonly part: string;
  readonly bytes: Uint8Array | null;
}

/** Events `firstEventId..lastEventId`, encoded as the `events` fields of a `temporal.api.history.v1.History`, so that batches concatenate. */
export interface HistoryWrite {
  readonly table: "history";
  readonly runId: string;
  readonly firstEventId: number;
  readonly lastEventId: number;
  readonly events: Uint8Array;
}

/**
 * A value of a search attribute as it is indexed. Datetimes are milliseconds since the epoch; a list is asked for its elements, and a text for its
 * words (`text-words.ts`).
 */
export type SearchValue = string | number | boolean | readonly string[] | { readonly text: string };

/** What the list of a kind shows and filters by. Replaces the earlier row of the same run. */
export interface VisibilityWrite extends ExecutionKey {
  readonly table: "visibility";
  readonly runId: string;
  /** The workflow's or activity's type; "" where a kind has none. */
  readonly type: string;
  readonly taskQueue: string;
  /** As the API numbers it for the kind, e.g. `temporal.api.enums.v1.WorkflowExecutionStatus`. */
  readonly status: number;
  readonly startTimeMs: number;
  readonly executionTimeMs: number;
  /** null while the run is open. */
  readonly closeTimeMs: number | null;
  readonly historyLength: number | null;
  readonly historySizeBytes: number | null;
  readonly executionDurationMs: number | null;
  readonly stateTransitionCount: number | null;
  readonly parentWorkflowId: string | null;
  readonly parentRunId: string | null;
  readonly rootWorkflowId: string;
  readonly rootRunId: string;
  /** Every other attribute by name, custom and predefined. */
  readonly searchAttributes: Readonly<Record<string, SearchValue>>;
  /** The kind's row of a list, e.g. an encoded `temporal.api.workflow.v1.WorkflowExecutionInfo`, given back as it is. */
  readonly info: Uint8Array;
}

/** Removes a run and everything kept of it: snapshot, parts, history, visibility. The current row is a write of its own. */
export interface DeleteRunWrite {
  readonly table: "deleteRun";
  readonly runId: string;
}

/** A namespace. `name` is unique; `bytes` are the server's own encoding, null deletes the row of the id. */
export interface NamespaceWrite {
  readonly table: "namespace";
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array | null;
}

/** A named value of the whole cluster (its id, its token key, …). `bytes: null` deletes it. */
export interface SettingWrite {
  readonly table: "setting";
  readonly name: string;
  readonly bytes: Uint8Array | null;
  /** What the value must be before the commit, null = there must be none; otherwise the commit fails with `SettingChanged`. Absent = whatever it is. */
  readonly expected?: Uint8Array | null;
}

export type Write =
  | CurrentWrite
  | RunWrite
  | PartWrite
  | HistoryWrite
  | VisibilityWrite
  | DeleteRunWrite
  | NamespaceWrite
  | SettingWrite;

/** Whether a write belongs to a shard, and so is committed under its lease. */
export function needsLease(write: Write): boolean {
  return write.table !== "namespace" && write.table !== "setting";
}

/** Whether a setting that holds `before` is as its write expects it. */
export function isExpected({ expected }: SettingWrite, before: Uint8Array | null): boolean {
  if (expected === undefined) return true;
  if (expected === null || before === null) return expected === before;
  return expected.length === before.length && expected.every((byte, at) => byte === before[at]);
}

export interface StoredRun extends ExecutionKey {
  readonly snapshot: Uint8Array;
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

export interface StoredBatch {
  readonly firstEventId: number;
  readonly lastEventId: number;
  readonly events: Uint8Array;
}

/** Events `fromEventId..toEventId`, both inclusive. Reading stops after the batch that reaches `eventCountMax` events or `bytesMax` bytes. */
export interface HistoryRange {
  readonly fromEventId: number;
  readonly toEventId: number;
  readonly eventCountMax: number;
  readonly bytesMax: number;
}

export interface RunRef extends ExecutionKey {
  readonly runId: string;
}

/**
 * A filter over visibility rows, already checked against the attributes' types. Comparisons are of single values: with a list, a text or nothing
 * at all they are neither true nor false.
 */
export type VisibilityFilter =
  | { readonly op: "and" | "or"; readonly all: readonly VisibilityFilter[] }
  | { readonly op: "not"; readonly filter: VisibilityFilter }
  | {
      readonly op: "=" | "!=" | "<" | "<=" | ">" | ">=";
      readonly name: string;
      readonly value: string | number | boolean;
    }
  | { readonly op: "in" | "notIn"; readonly name: string; readonly values: readonly (string | number | boolean)[] }
  | {
      readonly op: "between" | "notBetween";
      readonly name: string;
      readonly low: string | number;
      readonly high: string | number;
    }
  | { readonly op: "startsWith" | "notStartsWith"; readonly name: string; readonly prefix: string }
  | { readonly op: "isNull" | "isNotNull"; readonly name: string }
  /** Of lists: any of the values is an element. False where there is no list. */
  | { readonly op: "contains"; readonly name: string; readonly values: readonly string[] }
  /** Of texts: any of the phrases of `text` is in it. False where there is no text. */
  | { readonly op: "matches"; readonly name: string; readonly text: string };

/**
 * Names that are columns of their own; every other name is looked up in `searchAttributes`. Times and durations are in milliseconds. Of all
 * kinds, `WorkflowId` is the business id, `WorkflowType` the type and `ExecutionStatus` the status.
 */
export const visibilityColumns = [
  "WorkflowId",
  "RunId",
  "WorkflowType",
  "TaskQueue",
  "ExecutionStatus",
  "StartTime",
  "ExecutionTime",
  "CloseTime",
  "HistoryLength",
  "HistorySizeBytes",
  "ExecutionDuration",
  "StateTransitionCount",
  "ParentWorkflowId",
  "ParentRunId",
  "RootWorkflowId",
  "RootRunId",
] as const;

/**
 * Rows of one kind in one namespace that match, open runs first, then by close time, start time and run id, all descending; with `orderBy` that is
 * the order of rows of one value. `after` is the position of the last row seen, so that pages stay stable while rows are written.
 */
export interface VisibilityQuery {
  readonly kind: ExecutionKind;
  readonly namespaceId: string;
  readonly filter?: VisibilityFilter;
  readonly limit: number;
  readonly orderBy?: VisibilityOrder;
  readonly after?: VisibilityPosition;
}

/** Numbers come before texts, and a boolean is the number 0 or 1. Rows without a single value come last, also when it descends. */
export interface VisibilityOrder {
  /** One of `visibilityColumns`, or an attribute. */
  readonly name: string;
  readonly isDescending: boolean;
}

export interface VisibilityPosition {
  readonly closeTimeMs: number | null;
  readonly startTimeMs: number;
  readonly runId: string;
  /** What the row was put in order by, null where there is none; absent without `orderBy`. */
  readonly orderValue?: string | number | null;
}

export interface VisibilityRow extends VisibilityPosition {
  readonly info: Uint8Array;
}

export interface Store {
  /** Of a store that several nodes share. */
  readonly membership?: Membership | undefined;

  /** Resolves when the store finds that it has lost what it acknowledged: whoever uses it must end. Of a store to which that can happen. */
  readonly lost?: Promise<StateLost> | undefined;

  /** What GetClusterInfo reports, and what a log line names. */
  readonly kind: "memory" | "sqlite" | "postgres";

  /** Takes the shard over: increments its range id, so that every earlier lease of it is void. */
  acquire(shardId: number, owner: string): Promise<Lease>;

  /**
   * All or nothing, on disk when it resolves (D1). Writes of `namespace` and `setting` need no lease; pass null when there are no others, as a store
   * that is spread over several takes them alone.
   * Throws `LeaseLost`, `StoreFull`, `NameTaken` (a namespace name that another id has), `SettingChanged` (a setting is not as `expected`): nothing was
   * written; `CommitUnknown`: see D2.
   */
  commit(lease: Lease | null, writes: readonly Write[]): Promise<void>;

  /**
   * The current run ids of these executions, in order; null where there is none. `shardId`: where the caller knows that all are of one shard, so that a
   * store which is several need not look elsewhere; what is of another shard may be missed then.
   */
  loadCurrent(keys: readonly ExecutionKey[], shardId?: number): Promise<(string | null)[]>;

  /** Snapshots with their parts, in order; null where there is no such run. `shardId`: as with `loadCurrent`. */
  loadRuns(runIds: readonly string[], shardId?: number): Promise<(StoredRun | null)[]>;

  /** Batches that hold events of the range, ascending. */
  readHistory(runId: string, range: HistoryRange): Promise<StoredBatch[]>;

  /** Like `readHistory`, descending from `toEventId`. */
  readHistoryReverse(runId: string, range: HistoryRange): Promise<StoredBatch[]>;

  /** Runs of the shard with `wakeAtMs < beforeMs`, soonest first; those of one millisecond come in any order. */
  wakingRuns(shardId: number, page: { beforeMs: number; limit: number }): Promise<(RunRef & { wakeAtMs: number })[]>;

  /** Runs of the shard whose `undispatched` is set, ordered by run id. */
  undispatchedRuns(shardId: number, page: { afterRunId?: string; limit: number }): Promise<RunRef[]>;

  listVisibility(query: VisibilityQuery): Promise<VisibilityRow[]>;

  /** How many rows match; with `groupBy` (a name of `visibilityColumns` or an attribute) one count per value. */
  countVisibility(
    query: Pick<VisibilityQuery, "kind" | "namespaceId" | "filter"> & { readonly groupBy?: string },
  ): Promise<{ value: string | number | boolean | null; count: number }[]>;

  namespaces(): Promise<{ id: string; name: string; bytes: Uint8Array }[]>;
  setting(name: string): Promise<Uint8Array | null>;

  /** All settings whose name begins with `prefix`, by name. */
  settings(prefix: string): Promise<{ name: string; bytes: Uint8Array }[]>;

  /** Waits for commits under way, then releases files, threads and connections. */
  close(): Promise<void>;
}

/** A fault of the store. `retry` tells whether the same call may succeed later without anyone acting. */
export abstract class StoreError extends Error {
  abstract readonly retry: boolean;
  override get name(): string {
    return this.constructor.name;
  }
}

/** Nothing was written: another owner has acquired the shard since. */
export class LeaseLost extends StoreError {
  readonly retry = false;
  constructor(lease: Lease) {
    super(`shard ${lease.shardId} has been taken over: range ${lease.rangeId} is no longer the newest`);
  }
}

/** Nothing was written: the disk or quota is full. */
export class StoreFull extends StoreError {
  readonly retry = true;
}

/** The writes may or may not be on disk (D2). */
export class CommitUnknown extends StoreError {
  readonly retry = true;
}

/**
 * What was acknowledged is not in the database any more: it has been failed over to a standby that lacked it, or been restored. The store is of no use from then
 * on, as its caller's memory is ahead of it; a new one goes on from what there is.
 */
export class StateLost extends StoreError {
  readonly retry = false;
  constructor(where: string) {
    super(
      `${where} has gone back: what had been committed there and acknowledged is gone. It has been failed over to a standby that did not have it ` +
        "(only a synchronous one has everything), or been restored from a backup",
    );
  }
}

/** Nothing was written: a namespace of that name exists under another id. */
export class NameTaken extends StoreError {
  readonly retry = false;
  constructor(namespace: string) {
    super(`namespace "${namespace}" already exists`);
  }
}

/** Nothing was written: the setting is not what the commit expected it to be. */
export class SettingChanged extends StoreError {
  readonly retry = true;
  constructor(setting: string) {
    super(`setting "${setting}" has been changed by somebody else`);
  }
}

/** The store cannot be opened: a newer schema, another process on the same file, a damaged or unreadable file. The message says which and what to do. */
export class StoreUnusable extends StoreError {
  readonly retry = false;
}
