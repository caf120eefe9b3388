import type { history } from "@pawl/protocol";
import type { EventBatch, Run } from "../state/run.ts";

/** What the caller has read of histories. */
export interface ReadChain {
  /** The run that was the current one before anything was read; null where it has been deleted. */
  readonly currentRunId: string | null;
  readonly base: ReadBase;
  /** The runs that continued the base as new, in order; of their events those that a reset may take over. */
  readonly later: readonly LaterRun[];
}

export interface LaterRun {
  readonly runId: string;
  /** How far its history was read. */
  readonly lastEventId: number;
  readonly events: readonly history.HistoryEvent[];
}

export interface ReadBase {
  /** The batches before the point, as they were committed; the last one ends right before it, or the point is none. */
  readonly prefix: readonly EventBatch[];
  /** The run as it was at the end of the prefix; undefined without one. A command works on a copy. */
  readonly folded: Run | undefined;
  /** Of the events from the point on those that a reset may take over. */
  readonly since: readonly history.HistoryEvent[];
  /** How far the history was read. */
  readonly lastEventId: number;
}
