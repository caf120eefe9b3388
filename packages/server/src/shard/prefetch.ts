import { type ExecutionKey, machineOf } from "@pawl/engine";
import type { Store } from "@pawl/store";
import type { Entry } from "./entry.ts";
import type { ExecutionCache } from "./execution-cache.ts";
import { type Hosted, keyText } from "./hosted.ts";

export interface Prefetching {
  readonly store: Store;
  readonly shardId: number;
  readonly cache: ExecutionCache;
}

/** Brings what a batch is about into memory: the executions, and of each the runs that its entries name. Reads only what the cache lacks. */
export async function prefetch(batch: readonly Entry[], from: Prefetching): Promise<Map<string, Hosted>> {
  const hosted = await prefetchExecutions(batch, from);
  await prefetchRuns(batch, hosted, from);
  return hosted;
}

async function prefetchExecutions(
  batch: readonly Entry[],
  { store, shardId, cache }: Prefetching,
): Promise<Map<string, Hosted>> {
  const hosted = new Map<string, Hosted>();
  const unknown = new Map<string, ExecutionKey>();
  for (const { key } of batch) {
    const id = keyText(key);
    const cached = hosted.get(id) ?? cache.get(id);
    if (cached) hosted.set(id, cached);
    else unknown.set(id, key);
  }
  if (unknown.size === 0) return hosted;
  const currents = await store.loadCurrent([...unknown.values()], shardId);
  for (const [index, [id, { kind, namespaceId, businessId }]] of [...unknown].entries()) {
    const key = { kind, namespaceId, businessId };
    const machine = machineOf(kind);
    hosted.set(id, { key, machine, execution: machine.empty(key, currents[index] ?? null) });
  }
  return hosted;
}

async function prefetchRuns(
  batch: readonly Entry[],
  hosted: ReadonlyMap<string, Hosted>,
  { store, shardId }: Prefetching,
): Promise<void> {
  const wanted = new Map<string, Hosted>();
  for (const entry of batch) {
    const one = hosted.get(keyText(entry.key))!;
    for (const runId of unloaded(entry, one)) wanted.set(runId, one);
  }
  if (wanted.size === 0) return;
  const stored = await store.loadRuns([...wanted.keys()], shardId);
  for (const [index, [runId, { key, machine, execution }]] of [...wanted].entries()) {
    const row = stored[index];
    // A run id of another execution is as unknown here as one that never was.
    if (row && keyText(row) === keyText(key)) execution.runs.set(runId, machine.restore(row.snapshot, row.parts));
  }
}

/** The entry can be executed without another look into the store. */
export function isLoaded(entry: Entry, hosted: Hosted): boolean {
  return unloaded(entry, hosted).length === 0;
}

/** The runs that the entry is about, as far as they are not in memory. */
function unloaded(entry: Entry, { machine, execution }: Hosted): string[] {
  const missing: string[] = [];
  const want = (runId: string | null) => {
    if (runId && !execution.runs.has(runId)) missing.push(runId);
  };
  const named = entry.type === "redispatch" ? entry.runId : machine.selectorOf(entry.command);
  want(named || execution.currentRunId);
  if (entry.type === "command" && machine.needsCurrent?.(entry.command)) want(execution.currentRunId);
  return missing;
}
