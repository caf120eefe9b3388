/** Takes closed runs of other servers into a state that no server works on, from their histories. */
import { importedRun, workflowKey } from "@pawl/engine";
import { RunHistory, Violation } from "@pawl/engine/invariant";
import { history } from "@pawl/protocol";
import { type Lease, openNamedStore, type Store, StoreError, type Write } from "@pawl/store";
import { StartFailure } from "../config.ts";
import { NamespaceRegistry } from "../frontend/namespace/namespace-registry.ts";
import { loadShardCount } from "../frontend/shard-count.ts";
import { systemRandom } from "../random.ts";
import { shardOf } from "../shard/ring.ts";

/** Why a history cannot be taken in, in one sentence. Nothing was written of it. */
export class ImportRefused extends Error {}

/** A closed run of another server. */
export interface ForeignRun {
  readonly namespace: string;
  readonly workflowId: string;
  /** A UUID in lower case. */
  readonly runId: string;
  /** An encoded `temporal.api.history.v1.History`, from the first event to the last. */
  readonly history: Uint8Array;
}

/** Takes in runs one after another, into a state that no server works on. */
export class HistoryImport {
  readonly #store: Store;
  readonly #namespaces: NamespaceRegistry;
  readonly #shardCount: number;
  readonly #nowMs: () => number;
  readonly #leases = new Map<number, Lease>();

  private constructor(parts: { store: Store; namespaces: NamespaceRegistry; shardCount: number; nowMs: () => number }) {
    this.#store = parts.store;
    this.#namespaces = parts.namespaces;
    this.#shardCount = parts.shardCount;
    this.#nowMs = parts.nowMs;
  }

  /** `where`: the path of a file, or `postgres://…`. Throws `StartFailure`, also while a server works on it. */
  static async open(where: string, nowMs: () => number): Promise<HistoryImport> {
    try {
      const store = await openNamedStore(where);
      const namespaces = await NamespaceRegistry.load(store, systemRandom);
      return new HistoryImport({ store, namespaces, shardCount: await loadShardCount(store), nowMs });
    } catch (error) {
      throw error instanceof StoreError ? new StartFailure("environment", error.message, { cause: error }) : error;
    }
  }

  /** On disk when it resolves. `known`: the run is there already, and nothing is changed. Throws `ImportRefused`. */
  async add({ namespace: name, workflowId, runId, history: bytes }: ForeignRun): Promise<"imported" | "known"> {
    const namespace = this.#namespaces.find(name);
    if (!namespace)
      throw new ImportRefused(
        `there is no namespace "${name}": make it first, with a server and pawl namespace create`,
      );
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(runId))
      throw new ImportRefused(`"${runId}" is no run id, which is a UUID in lower case`);
    if (workflowId === "") throw new ImportRefused("its workflow id is not known: --workflow-id names it");
    const key = workflowKey(namespace.id, workflowId);
    const [stored] = await this.#store.loadRuns([runId]);
    if (stored?.businessId === workflowId && stored.namespaceId === namespace.id) return "known";
    if (stored) throw new ImportRefused(`run id ${runId} is that of another workflow here, "${stored.businessId}"`);
    const events = soundEvents(bytes, this.#nowMs);
    const [currentRunId] = await this.#store.loadCurrent([key]);
    const target = { namespaceId: namespace.id, workflowId, runId, namespace: name, requestId: "" };
    const deleteAtMs = this.#nowMs() + namespace.retentionMs;
    const options = { deleteAtMs, isCurrent: currentRunId === null };
    await this.#store.commit(await this.#lease(shardOf(key, this.#shardCount)), [
      ...writesOf(
        { ...key, runId },
        refusable(() => importedRun(events, target, options)),
      ),
    ]);
    return "imported";
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #lease(shardId: number): Promise<Lease> {
    const lease = this.#leases.get(shardId) ?? (await this.#store.acquire(shardId, "import"));
    this.#leases.set(shardId, lease);
    return lease;
  }
}

/** Of a whole history in which nothing is broken. */
function soundEvents(bytes: Uint8Array, nowMs: () => number): readonly history.HistoryEvent[] {
  const { events } = refusable(() => history.History.decode(bytes));
  const read = new RunHistory({ nowMs });
  if (events.length === 0) throw new ImportRefused("it has no events");
  refusable(() => read.append(1, events.at(-1)!.eventId, bytes));
  return read.events;
}

function refusable<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Violation ? error.what : error instanceof Error ? error.message : String(error);
    throw new ImportRefused(why);
  }
}

function* writesOf(
  run: ReturnType<typeof workflowKey> & { readonly runId: string },
  changes: ReturnType<typeof importedRun>,
): Generator<Write> {
  const { snapshot, wakeAtMs, undispatched, parts, batches, visibility, current } = changes;
  const { runId } = run;
  yield { table: "run", ...run, snapshot, wakeAtMs, undispatched };
  for (const [part, bytes] of parts) yield { table: "part", runId, part, bytes };
  for (const { firstEventId, lastEventId, bytes } of batches)
    yield { table: "history", runId, firstEventId, lastEventId, events: bytes };
  if (visibility) yield { table: "visibility", ...run, ...visibility };
  if (current) yield { table: "current", ...run };
}
