import type { ExecutionKey, SizeWarning } from "@pawl/engine";
import type { RunRef, Write } from "@pawl/store";
import type { Hosted } from "./hosted.ts";

export interface ExecutionWrites {
  readonly writes: Write[];
  readonly touched: Touched[];
  /** Runs that have become large. */
  readonly large: LargeRun[];
}

/** A run that changed, and the time at which it must be looked at again. */
export interface Touched {
  readonly run: RunRef;
  readonly wakeAtMs: number | null;
  /** It is closed now, or gone. */
  readonly isClosed: boolean;
}

/** A figure of a run that is beyond its mark, or beyond its limit: then the run has been ended. */
export interface LargeRun {
  readonly key: ExecutionKey;
  readonly runId: string;
  readonly what: SizeWarning["what"];
  /** Events or bytes. */
  readonly value: number;
  readonly above: number;
  readonly ended: boolean;
}

/** Adds what a commit must write of an execution: takes the changes of its runs since the last commit. Throws `Oversized`. */
export function addWrites({ writes, touched, large }: ExecutionWrites, { key, machine, execution }: Hosted): void {
  let current = false;
  for (const [runId, run] of execution.runs) {
    const changes = machine.takeChanges(run);
    if (!changes) continue;
    if (changes.deleted) {
      touched.push({ run: { ...key, runId }, wakeAtMs: null, isClosed: true });
      writes.push({ table: "deleteRun", runId });
      execution.runs.delete(runId);
      current ||= execution.currentRunId === runId;
      if (execution.currentRunId === runId) execution.currentRunId = null;
      continue;
    }
    const { snapshot, wakeAtMs, undispatched, warnings = [] } = changes;
    for (const { what, value, warnAbove } of warnings)
      large.push({ key, runId, what, value, above: warnAbove, ended: false });
    touched.push({ run: { ...key, runId }, wakeAtMs, isClosed: run.status.type === "closed" });
    if (snapshot) writes.push({ table: "run", ...key, runId, snapshot, wakeAtMs, undispatched });
    for (const [part, bytes] of changes.parts) writes.push({ table: "part", runId, part, bytes });
    for (const { firstEventId, lastEventId, bytes } of changes.batches)
      writes.push({ table: "history", runId, firstEventId, lastEventId, events: bytes });
    if (changes.visibility) writes.push({ table: "visibility", ...key, runId, ...changes.visibility });
    current ||= changes.current;
  }
  if (current) writes.push({ table: "current", ...key, runId: execution.currentRunId });
}
