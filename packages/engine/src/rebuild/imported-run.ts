/** A run that another server has lived to its end, taken over from its history. It is told to nobody: whoever waited for it has heard of its end there. */
import { history } from "@pawl/protocol";
import type { RunChanges } from "../machine.ts";
import { keepBatch } from "../run/history.ts";
import { takeChanges } from "../run/snapshot.ts";
import { isOpen } from "../state/run.ts";
import { keepAll, type RebuildTarget, rebuild } from "./rebuild.ts";

/** A history is kept as so many events to a row. */
const batchEvents = 100;

export interface ImportOptions {
  /** When it is deleted again. */
  readonly deleteAtMs: number;
  /** Whether its workflow id is to mean it. */
  readonly isCurrent: boolean;
}

/** What a store must write of it. Throws for events that are not those of a whole, closed run. */
export function importedRun(
  events: readonly history.HistoryEvent[],
  target: RebuildTarget,
  { deleteAtMs, isCurrent }: ImportOptions,
): RunChanges & { readonly snapshot: Uint8Array } {
  const run = rebuild(events, target);
  if (isOpen(run))
    throw new Error("the run has not ended: only a worker of the server where it runs can go on with it");
  run.callbacks.clear();
  // Its retention counts from now.
  run.deletion = { atMs: deleteAtMs, asked: true };
  for (let at = 0; at < events.length; at += batchEvents) {
    const some = events.slice(at, at + batchEvents);
    const bytes = history.History.encode({ events: some });
    keepBatch(run, { firstEventId: some[0]!.eventId, lastEventId: some.at(-1)!.eventId, bytes });
  }
  keepAll(run);
  run.changes.current = isCurrent;
  const changes = takeChanges(run);
  if (!changes?.snapshot) throw new Error("everything of a new run has changed");
  return { ...changes, snapshot: changes.snapshot };
}
