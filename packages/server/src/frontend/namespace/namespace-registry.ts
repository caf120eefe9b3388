/**
 * All namespaces, in memory: every request looks one up. The store is the truth.
 *
 *   N1. A change is in the store before anyone sees it here.
 *   N2. Changes go one at a time, each on what the one before it left.
 *   N3. After a change of unknown outcome the store is read again before the next one.
 */
import { detail, Rejection } from "@pawl/engine";
import {
  durationMs,
  enums,
  errordetails,
  type Init,
  type namespace as messages,
  toDuration,
  workflowservice,
} from "@pawl/protocol";
import { NameTaken, type Store, type Write } from "@pawl/store";
import { limits } from "../../limits.ts";
import type { Random } from "../../random.ts";

export interface Namespace {
  /** A UUID. */
  readonly id: string;
  readonly name: string;
  readonly state: enums.NamespaceState;
  readonly description: string;
  readonly ownerEmail: string;
  readonly data: Readonly<Record<string, string>>;
  /** How long closed workflows are kept. */
  readonly retentionMs: number;
  readonly badBinaries: messages.BadBinaries;
  /** When what it holds is to be deleted; undefined unless its state is DELETED. */
  readonly deleteAtMs?: number | undefined;
}

const { REGISTERED, DEPRECATED, DELETED } = enums.NamespaceState;

/** Settings by the id of the namespace: when what it holds is to be deleted, as a decimal number. */
const deletionPrefix = "namespace-deletion/";
const deletedIdChars = 5;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class NamespaceRegistry {
  readonly #store: Store;
  readonly #random: Random;
  readonly #byName = new Map<string, Namespace>();
  readonly #byId = new Map<string, Namespace>();
  #lastChange: Promise<unknown> = Promise.resolve();
  #isStale = false;
  /** How often the store was read. */
  #readCount = 0;

  private constructor(store: Store, random: Random) {
    this.#store = store;
    this.#random = random;
  }

  static async load(store: Store, random: Random): Promise<NamespaceRegistry> {
    const registry = new NamespaceRegistry(store, random);
    await registry.#read();
    return registry;
  }

  /** The namespace that a request names, for everything but starting workflows: it may be deprecated. */
  byName(name: string): Namespace | Rejection {
    return this.#inState(name, [REGISTERED, DEPRECATED]);
  }

  /** The same for starting workflows: a deprecated namespace takes no new ones. */
  forStart(name: string): Namespace | Rejection {
    return this.#inState(name, [REGISTERED]);
  }

  /** The namespace of a task token. A request that names another one mixes two up; one that names none is taken at its token's word. */
  ofToken(token: { readonly namespaceId: string }, requestNamespace: string): Namespace | Rejection {
    const namespace = this.byId(token.namespaceId);
    if (!(namespace instanceof Rejection) && namespace.state === DELETED) return namespaceNotFound(requestNamespace);
    if (namespace instanceof Rejection || requestNamespace === "" || requestNamespace === namespace.name)
      return namespace;
    return new Rejection("INVALID_ARGUMENT", "Operation requested with a token from a different namespace.");
  }

  byId(id: string): Namespace | Rejection {
    return this.#byId.get(id) ?? namespaceNotFound(id);
  }

  /** In any state; undefined when there is none of that name. */
  find(name: string): Namespace | undefined {
    return this.#byName.get(name);
  }

  /** By name. */
  all(): Namespace[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Throws `StoreError` when it may not have been written. */
  create(draft: Omit<Namespace, "id" | "state">): Promise<Namespace | Rejection> {
    return this.#change(async () => {
      if (this.#byName.has(draft.name)) return namespaceExists(draft.name);
      if (this.#byName.size >= limits.namespacesMax)
        return new Rejection("RESOURCE_EXHAUSTED", `There are ${limits.namespacesMax} namespaces, which is the most.`);
      const namespace: Namespace = { ...draft, id: this.#random.uuid(), state: REGISTERED };
      try {
        await this.#write(namespace);
      } catch (error) {
        if (!(error instanceof NameTaken)) throw error;
        await this.#read(); // another node made it
        return namespaceExists(draft.name);
      }
      return namespace;
    });
  }

  /** `next` gives what the namespace becomes, or refuses. Its id and name stay. Throws `StoreError` when it may not have been written. */
  update(name: string, next: (namespace: Namespace) => Namespace | Rejection): Promise<Namespace | Rejection> {
    return this.#change(async () => {
      const current = this.byName(name);
      if (current instanceof Rejection) return current;
      const changed = next(current);
      if (!(changed instanceof Rejection)) await this.#write(changed);
      return changed;
    });
  }

  /**
   * From now on nobody may use the namespace; it has another name, and its own is free. `refuse` may find that it is still needed. What it holds
   * is for `namespace-deletion.ts` to delete, and at last the namespace itself by `remove`. Doing it again changes nothing.
   */
  markDeleted(
    id: string,
    { deleteAtMs, refuse }: { deleteAtMs: number; refuse: (namespace: Namespace) => Rejection | undefined },
  ): Promise<Namespace | Rejection> {
    return this.#change(async () => {
      const current = this.byId(id);
      if (current instanceof Rejection || current.state === DELETED) return current;
      const refused = refuse(current);
      if (refused) return refused;
      const deleted = { ...current, name: this.#deletedName(current), state: DELETED, deleteAtMs };
      await this.#write(deleted);
      return deleted;
    });
  }

  /** The end of a namespace that holds nothing any more. */
  remove(id: string): Promise<void> {
    return this.#change(async () => {
      const namespace = this.#byId.get(id);
      if (namespace === undefined) return;
      this.#isStale = true;
      await this.#store.commit(null, [
        { table: "namespace", id, name: namespace.name, bytes: null },
        { table: "setting", name: deletionPrefix + id, bytes: null },
      ]);
      this.#isStale = false;
      this.#byId.delete(id);
      this.#byName.delete(namespace.name);
    });
  }

  /** Reads what other nodes have changed. Waits for no change of this node: that one may wait for other nodes to read. */
  refresh(): Promise<void> {
    return this.#read();
  }

  /** As the reference server calls them: with as much of the id as it takes to be the only one. */
  #deletedName({ id, name }: Namespace): string {
    for (let length = deletedIdChars; ; length++) {
      const deletedName = `${name}-deleted-${id.slice(0, length)}`;
      if (length >= id.length || !this.#byName.has(deletedName)) return deletedName;
    }
  }

  #inState(name: string, states: readonly enums.NamespaceState[]): Namespace | Rejection {
    if (name === "") return new Rejection("INVALID_ARGUMENT", "Namespace is empty.");
    const namespace = this.#byName.get(name);
    if (namespace === undefined) return namespaceNotFound(name);
    if (states.includes(namespace.state)) return namespace;
    return new Rejection(
      "FAILED_PRECONDITION",
      `Namespace has invalid state: ${stateName(namespace.state)}. Must be ${states.map(stateName).join(" or ")}.`,
      detail(errordetails.NamespaceInvalidStateFailure, {
        namespace: name,
        state: namespace.state,
        allowedStates: states,
      }),
    );
  }

  /** N2, N3. */
  #change<T>(run: () => Promise<T>): Promise<T> {
    const change = this.#lastChange.then(async () => {
      if (this.#isStale) await this.#read();
      return run();
    });
    this.#lastChange = change.catch(() => {});
    return change;
  }

  async #write(namespace: Namespace): Promise<void> {
    const { id, name, deleteAtMs } = namespace;
    const writes: Write[] = [{ table: "namespace", id, name, bytes: encode(namespace) }];
    if (deleteAtMs !== undefined)
      writes.push({ table: "setting", name: deletionPrefix + id, bytes: encoder.encode(String(deleteAtMs)) });
    this.#isStale = true;
    const readCount = this.#readCount;
    await this.#store.commit(null, writes);
    // Somebody has read in the meantime, and another node may have changed what we have written.
    if (this.#readCount !== readCount) return this.#read();
    this.#isStale = false;
    const before = this.#byId.get(id);
    if (before !== undefined && before.name !== name) this.#byName.delete(before.name);
    this.#keep(namespace); // N1
  }

  async #read(): Promise<void> {
    const [rows, deletions] = await Promise.all([this.#store.namespaces(), this.#store.settings(deletionPrefix)]);
    const deleteAtMs = new Map(
      deletions.map(({ name, bytes }) => [name.slice(deletionPrefix.length), Number(decoder.decode(bytes))]),
    );
    this.#readCount += 1;
    this.#byName.clear();
    this.#byId.clear();
    for (const { id, name, bytes } of rows) this.#keep({ ...decode(id, name, bytes), deleteAtMs: deleteAtMs.get(id) });
    this.#isStale = false;
  }

  #keep(namespace: Namespace): void {
    this.#byName.set(namespace.name, namespace);
    this.#byId.set(namespace.id, namespace);
  }
}

export function namespaceNotFound(namespace: string): Rejection {
  const details = detail(errordetails.NamespaceNotFoundFailure, { namespace });
  return new Rejection("NOT_FOUND", `Namespace ${namespace} is not found.`, details);
}

function namespaceExists(name: string): Rejection {
  const details = detail(errordetails.NamespaceAlreadyExistsFailure, {});
  return new Rejection("ALREADY_EXISTS", `Namespace "${name}" already exists`, details);
}

function stateName(state: enums.NamespaceState): string {
  return state === REGISTERED
    ? "Registered"
    : state === DEPRECATED
      ? "Deprecated"
      : state === DELETED
        ? "Deleted"
        : "Unspecified";
}

/** Kept as the API's own messages, so that a field that a later version adds is simply absent in what this one wrote. */
function encode({ state, description, ownerEmail, data, ...namespace }: Namespace): Uint8Array {
  return workflowservice.DescribeNamespaceResponse.encode({
    namespaceInfo: { state, description, ownerEmail, data },
    config: configOf(namespace),
  });
}

function decode(id: string, name: string, bytes: Uint8Array): Namespace {
  const { namespaceInfo, config } = workflowservice.DescribeNamespaceResponse.decode(bytes);
  return {
    id,
    name,
    state: namespaceInfo?.state ?? REGISTERED,
    description: namespaceInfo?.description ?? "",
    ownerEmail: namespaceInfo?.ownerEmail ?? "",
    data: namespaceInfo?.data ?? {},
    retentionMs: durationMs(config?.workflowExecutionRetentionTtl),
    badBinaries: config?.badBinaries ?? { binaries: {} },
  };
}

export function configOf(namespace: Pick<Namespace, "retentionMs" | "badBinaries">): Init<messages.NamespaceConfig> {
  return {
    workflowExecutionRetentionTtl: toDuration(namespace.retentionMs),
    badBinaries: namespace.badBinaries,
    historyArchivalState: enums.ArchivalState.DISABLED,
    visibilityArchivalState: enums.ArchivalState.DISABLED,
  };
}
