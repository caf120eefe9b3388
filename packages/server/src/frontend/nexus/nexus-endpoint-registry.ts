/** The Nexus endpoints of the cluster: names under which workflows of any namespace call operations, and where those are served. */
import { Rejection } from "@pawl/engine";
import { nexus, timestampMs, toTimestamp } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import type { Clock } from "../../clock.ts";
import { limits } from "../../limits.ts";
import type { Random } from "../../random.ts";
import { StoredMap } from "../stored-map.ts";

/** Where requests to an endpoint go. A namespace may get another name, so it is kept by its id. */
export type NexusTarget =
  | { readonly type: "worker"; readonly namespaceId: string; readonly taskQueue: string }
  | { readonly type: "external"; readonly url: string };

export interface NexusEndpointSpec {
  readonly name: string;
  readonly description: nexus.EndpointSpec["description"];
  readonly target: NexusTarget;
}

export interface NexusEndpoint extends NexusEndpointSpec {
  /** A UUID. */
  readonly id: string;
  /** 1 at first; grows with each change. */
  readonly version: number;
  readonly createdAtMs: number;
  /** null = never changed. */
  readonly changedAtMs: number | null;
}

interface EndpointParts {
  readonly store: Store;
  readonly random: Random;
  readonly clock: Clock;
}

export class NexusEndpointRegistry {
  readonly #parts: EndpointParts;
  /** By id. */
  readonly #endpoints: StoredMap<NexusEndpoint>;

  private constructor(parts: EndpointParts, endpoints: StoredMap<NexusEndpoint>) {
    this.#parts = parts;
    this.#endpoints = endpoints;
  }

  static async load(parts: EndpointParts): Promise<NexusEndpointRegistry> {
    return new NexusEndpointRegistry(parts, await StoredMap.load(parts.store, "nexus-endpoint", { encode, decode }));
  }

  /** Reads what other nodes have changed. */
  async refresh(): Promise<void> {
    await this.#endpoints.refresh();
  }

  byId(id: string): NexusEndpoint | undefined {
    return this.#endpoints.get(id);
  }

  byName(name: string): NexusEndpoint | undefined {
    return this.#find((endpoint) => endpoint.name === name);
  }

  /** One whose requests go to workers of the namespace: while there is any, the namespace is needed. */
  targeting(namespaceId: string): NexusEndpoint | undefined {
    return this.#find(({ target }) => target.type === "worker" && target.namespaceId === namespaceId);
  }

  /** By id. */
  all(): NexusEndpoint[] {
    return [...this.#endpoints.entries()]
      .map(([, endpoint]) => endpoint)
      .sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** Throws `StoreError` when it may not have been written; so do `update` and `remove`. */
  create(spec: NexusEndpointSpec): Promise<NexusEndpoint | Rejection> {
    const id = this.#parts.random.uuid();
    return this.#endpoints.change(id, () => {
      if (this.byName(spec.name)) return nameTaken("creating", spec.name);
      if (this.#endpoints.size >= limits.nexusEndpointsMax)
        return new Rejection(
          "RESOURCE_EXHAUSTED",
          `There are ${limits.nexusEndpointsMax} Nexus endpoints, which is the most.`,
        );
      return { ...spec, id, version: 1, createdAtMs: this.#parts.clock.nowMs(), changedAtMs: null };
    });
  }

  /** Only of the version that the caller has seen. */
  update(id: string, version: number, spec: NexusEndpointSpec): Promise<NexusEndpoint | Rejection> {
    return this.#endpoints.change(id, (before) => {
      if (!before) return new Rejection("NOT_FOUND", `error updating Nexus endpoint. endpoint ID ${id} not found`);
      if (before.version !== version) return versionMismatch(version, before.version);
      const namesake = this.byName(spec.name);
      if (namesake && namesake.id !== id) return nameTaken("updating", spec.name);
      const { createdAtMs } = before;
      return { ...spec, id, version: version + 1, createdAtMs, changedAtMs: this.#parts.clock.nowMs() };
    });
  }

  remove(id: string, version: number): Promise<undefined | Rejection> {
    return this.#endpoints.change(id, (before) => {
      if (!before) return new Rejection("NOT_FOUND", `error deleting nexus endpoint with ID: ${id}`);
      return before.version === version ? undefined : versionMismatch(version, before.version);
    });
  }

  #find(wanted: (endpoint: NexusEndpoint) => boolean): NexusEndpoint | undefined {
    for (const [, endpoint] of this.#endpoints.entries()) if (wanted(endpoint)) return endpoint;
    return undefined;
  }
}

function nameTaken(doing: string, name: string): Rejection {
  return new Rejection(
    "ALREADY_EXISTS",
    `error ${doing} Nexus endpoint. Endpoint with name ${name} already registered`,
  );
}

function versionMismatch(received: number, expected: number): Rejection {
  return new Rejection(
    "FAILED_PRECONDITION",
    `nexus endpoint version mismatch. received: ${received} expected ${expected}`,
  );
}

/** Kept as the API's own message; only its target's `namespace` is the id instead of the name. */
function encode({ id, version, name, description, target, createdAtMs, changedAtMs }: NexusEndpoint): Uint8Array {
  return nexus.Endpoint.encode({
    id,
    version,
    createdTime: toTimestamp(createdAtMs),
    ...(changedAtMs !== null && { lastModifiedTime: toTimestamp(changedAtMs) }),
    spec: {
      name,
      description,
      target:
        target.type === "worker"
          ? { worker: { namespace: target.namespaceId, taskQueue: target.taskQueue } }
          : { external: { url: target.url } },
    },
  });
}

function decode(bytes: Uint8Array): NexusEndpoint {
  const { id, version, spec, createdTime, lastModifiedTime } = nexus.Endpoint.decode(bytes);
  const { worker, external } = spec?.target ?? {};
  return {
    id,
    version,
    name: spec?.name ?? "",
    description: spec?.description,
    target: worker
      ? { type: "worker", namespaceId: worker.namespace, taskQueue: worker.taskQueue }
      : { type: "external", url: external?.url ?? "" },
    createdAtMs: timestampMs(createdTime),
    changedAtMs: lastModifiedTime ? timestampMs(lastModifiedTime) : null,
  };
}
