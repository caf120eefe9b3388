/** A load on a store and what it was told, so that afterwards what is there can be held against it. */
import assert from "node:assert/strict";
import { CommitUnknown, type Lease, type Store } from "@pawl/store";
import { historyWrite, partWrite, runWrite, visibilityWrite, wholeHistory } from "@pawl/store/conformance";

export interface Ledger {
  readonly acked: Set<string>;
  readonly unknown: Set<string>;
  /** What a read just after an unknown commit said of it, which must stay so (D2). */
  readonly seen: Map<string, boolean>;
}

export function emptyLedger(): Ledger {
  return { acked: new Set(), unknown: new Set(), seen: new Map() };
}

/** Commits run after run on one shard until `signal`; a fault is noted, and the next commit tried. */
export async function load(
  store: Store,
  lease: Lease,
  { acked, unknown, seen }: Ledger,
  signal: AbortSignal,
): Promise<void> {
  for (let i = 0; !signal.aborted; i += 1) {
    const runId = `run ${lease.shardId}-${i}`;
    try {
      await store.commit(lease, [
        ...[runWrite(runId), partWrite(runId, "a/1", "x"), historyWrite(runId, 1, 3)],
        ...[visibilityWrite(runId), historyWrite(`all of ${lease.shardId}`, i)],
      ]);
      acked.add(runId);
    } catch (error) {
      assert.ok(error instanceof CommitUnknown, String(error));
      unknown.add(runId);
      const found = await store.loadRuns([runId]).catch((error: unknown) => {
        assert.ok(error instanceof CommitUnknown, String(error));
        return null;
      });
      if (found !== null) seen.set(runId, found[0] !== null);
    }
  }
}

/** Everything of a run is there, or nothing. */
async function isThere(store: Store, runId: string, listed: ReadonlySet<string>): Promise<boolean> {
  const [[run], history] = [await store.loadRuns([runId]), await store.readHistory(runId, wholeHistory)];
  const found = [run !== null, run?.parts.size === 1, history.length === 1, listed.has(runId)];
  assert.equal(new Set(found).size, 1, `${runId} is half there: ${found}`);
  return found[0] === true;
}

/** Throws unless all that was acknowledged is there, and nothing is half there or has come or gone after it was read. */
export async function checked(store: Store, { acked, unknown, seen }: Ledger): Promise<void> {
  const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 1_000_000 });
  const listed = new Set(rows.map(({ runId }) => runId));
  for (const runId of acked) assert.ok(await isThere(store, runId, listed), `${runId} was acknowledged and is lost`);
  for (const runId of unknown) {
    const isNow = await isThere(store, runId, listed);
    assert.equal(isNow, seen.get(runId) ?? isNow, `${runId} has come or gone after it was read`);
  }
  assert.ok(rows.every(({ runId }) => acked.has(runId) || unknown.has(runId)));
}
