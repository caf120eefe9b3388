/**
 * The worker deployments of all namespaces, and how task queues route by them. Kept in the store; in memory too, because every task asks.
 *
 *   R1. Routing follows a change at once, and after it tasks that wait elsewhere are told to move (`onRouting`).
 *   R2. A deployment and a version are there from the first poll of a worker that says it belongs to them.
 */
import { type DeploymentVersion, Rejection, type RoutedQueue, type Routing, type RoutingTarget } from "@pawl/engine";
import type { Store } from "@pawl/store";
import { limits } from "../../limits.ts";
import type { QueueKind } from "../../matching/match.ts";
import { fingerprint32 } from "../fingerprint.ts";
import { StoredMap } from "../stored-map.ts";
import {
  type Deployment,
  newDeployment,
  type Version,
  type VersionQueue,
  versionOf,
  withPinned,
  withQueue,
  withVersion,
} from "./deployment.ts";

const json = {
  encode: (deployment: Deployment) => new TextEncoder().encode(JSON.stringify(deployment)),
  decode: (bytes: Uint8Array): Deployment => JSON.parse(new TextDecoder().decode(bytes)),
};

/** How one task queue routes. */
export interface QueueRouting {
  readonly current: RoutingTarget;
  readonly currentChangedAtMs: number;
  /** `target.version` null: to workers without a version. */
  readonly ramping: {
    readonly target: RoutingTarget;
    readonly percentage: number;
    readonly changedAtMs: number;
  } | null;
}

interface NamespaceIndex {
  /** By name. */
  readonly deployments: Map<string, Deployment>;
  /** By kind and name of the queue; filled as they are asked for, null for a queue that no deployment has to do with. */
  readonly routes: Map<string, QueueRouting | null>;
}

const unversioned: RoutingTarget = { version: null, revision: 0 };

/** Told after a change which queues of the namespace may route differently now. */
export type OnRouting = (namespaceId: string, taskQueues: ReadonlySet<string>) => void;

export class DeploymentRegistry implements Routing {
  /** By namespace id and name. */
  readonly #stored: StoredMap<Deployment>;
  readonly #index = new Map<string, NamespaceIndex>();
  /** Registrations under way, so that all pollers of a worker that starts make one change. */
  readonly #registering = new Map<string, Promise<Rejection | undefined>>();
  #onRouting: OnRouting = () => {};

  private constructor(stored: StoredMap<Deployment>) {
    this.#stored = stored;
    this.#reindex();
  }

  static async load(store: Store): Promise<DeploymentRegistry> {
    return new DeploymentRegistry(await StoredMap.load(store, "deployment", json));
  }

  /** Reads what other nodes have changed. */
  async refresh(): Promise<void> {
    const before = new Map(this.#stored.entries());
    const changed = await this.#stored.refresh();
    if (changed.size === 0) return;
    this.#reindex();
    for (const key of changed)
      this.#onRouting(namespaceOf(key), new Set([before.get(key), this.#stored.get(key)].flatMap(queuesOf))); // R1
  }

  /** `listener` replaces the one before. */
  watch(listener: OnRouting): void {
    this.#onRouting = listener;
  }

  find(namespaceId: string, name: string): Deployment | undefined {
    return this.#index.get(namespaceId)?.deployments.get(name);
  }

  /** Newest first. */
  list(namespaceId: string): Deployment[] {
    const all = [...(this.#index.get(namespaceId)?.deployments.values() ?? [])];
    return all.sort((a, b) => b.createdAtMs - a.createdAtMs || (a.name < b.name ? 1 : -1));
  }

  target(task: RoutedQueue & { readonly workflowId: string }, toRamping: boolean): RoutingTarget {
    const index = this.#index.get(task.namespaceId);
    if (index === undefined) return unversioned;
    const route = this.#route(index, task.kind, task.taskQueue);
    if (route === null) return unversioned;
    const { current, ramping } = route;
    if (ramping === null) return current;
    if (toRamping || ramping.percentage >= 100) return ramping.target;
    if (ramping.percentage <= 0) return current;
    return thresholdOf(task.workflowId) <= ramping.percentage ? ramping.target : current;
  }

  has({ namespaceId, kind, taskQueue }: RoutedQueue, { deploymentName, buildId }: DeploymentVersion): boolean {
    const deployment = this.find(namespaceId, deploymentName);
    const version = deployment && versionOf(deployment, buildId);
    return version !== undefined && hasQueue(version, kind, taskQueue);
  }

  /** Undefined for a queue that no deployment has to do with. */
  routing({ namespaceId, kind, taskQueue }: RoutedQueue): QueueRouting | undefined {
    const index = this.#index.get(namespaceId);
    return index && (this.#route(index, kind, taskQueue) ?? undefined);
  }

  /** A worker of the version polls the queue (R2). `disposable`: build ids of versions that may go to make room. */
  async register(
    namespaceId: string,
    version: DeploymentVersion,
    queue: VersionQueue,
    { nowMs, disposable }: { readonly nowMs: number; readonly disposable: ReadonlySet<string> },
  ): Promise<Rejection | undefined> {
    const { deploymentName, buildId } = version;
    if (this.has({ namespaceId, kind: queue.kind, taskQueue: queue.name }, version)) return undefined;
    const id = JSON.stringify([namespaceId, deploymentName, buildId, queue.kind, queue.name]);
    const known = this.#registering.get(id);
    if (known !== undefined) return known;
    const registering = this.change(namespaceId, deploymentName, (before) => {
      const deployment = before ?? this.#create(namespaceId, deploymentName, nowMs);
      if (deployment instanceof Rejection) return deployment;
      const grown = versionOf(deployment, buildId)
        ? deployment
        : withVersion(deployment, buildId, { nowMs }, disposable);
      return grown instanceof Rejection ? grown : withQueue(grown, buildId, queue);
    }).then((after) => (after instanceof Rejection ? after : undefined));
    this.#registering.set(id, registering);
    try {
      return await registering;
    } finally {
      this.#registering.delete(id);
    }
  }

  /** A run was pinned to the version from outside. */
  async pin(
    namespaceId: string,
    { deploymentName, buildId }: DeploymentVersion,
    { nowMs }: { readonly nowMs: number },
  ): Promise<void> {
    const found = this.find(namespaceId, deploymentName);
    // As a rule it makes no difference: then nothing waits for the store.
    if (!found || withPinned(found, buildId, nowMs) === found) return;
    await this.change(namespaceId, deploymentName, (before) => before && withPinned(before, buildId, nowMs));
  }

  #create(namespaceId: string, name: string, nowMs: number): Deployment | Rejection {
    return deploymentsProblem(this.list(namespaceId).length) ?? newDeployment(name, { nowMs });
  }

  /** `decide` says what becomes of the deployment (undefined: it goes), or refuses. One that it leaves as it is, is not written. */
  async change<D extends Deployment | undefined>(
    namespaceId: string,
    name: string,
    decide: (before: Deployment | undefined) => D | Rejection,
  ): Promise<D | Rejection> {
    let before: Deployment | undefined;
    const after = await this.#stored.change(keyOf(namespaceId, name), (found) => {
      before = found;
      return decide(found);
    });
    if (after instanceof Rejection || (after as Deployment | undefined) === before) return after;
    this.#reindex();
    this.#onRouting(namespaceId, new Set([before, after].flatMap(queuesOf))); // R1
    return after;
  }

  /** All deployments of the namespace. */
  async forget(namespaceId: string): Promise<void> {
    for (const { name } of this.list(namespaceId)) await this.change(namespaceId, name, () => undefined);
  }

  #reindex(): void {
    this.#index.clear();
    for (const [key, deployment] of this.#stored.entries()) {
      const namespaceId = namespaceOf(key);
      const index = this.#index.get(namespaceId) ?? { deployments: new Map(), routes: new Map() };
      this.#index.set(namespaceId, index);
      index.deployments.set(deployment.name, deployment);
    }
  }

  #route({ deployments, routes }: NamespaceIndex, kind: QueueKind, taskQueue: string): QueueRouting | null {
    const key = `${kind}/${taskQueue}`;
    const known = routes.get(key);
    if (known !== undefined) return known;
    const route = routeOf([...deployments.values()], kind, taskQueue);
    // A queue's name is a caller's own text: those that no deployment knows must not pile up.
    if (route !== null || routes.size < limits.routesMax) routes.set(key, route);
    return route;
  }
}

export function deploymentsProblem(count: number): Rejection | undefined {
  if (count < limits.deploymentsMax) return undefined;
  return new Rejection("RESOURCE_EXHAUSTED", `reached maximum deployments in namespace (${limits.deploymentsMax})`);
}

export function unknownDeployment(name: string): Rejection {
  return new Rejection(
    "NOT_FOUND",
    `no Worker Deployment found with name '${name}'; does your Worker Deployment have pollers?`,
  );
}

/** Namespace ids are UUIDs: they have no slash. */
function keyOf(namespaceId: string, name: string): string {
  return `${namespaceId}/${name}`;
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

function hasQueue({ queues }: Version, kind: QueueKind, taskQueue: string): boolean {
  return queues.some((queue) => queue.kind === kind && queue.name === taskQueue);
}

function queuesOf(deployment: Deployment | undefined): string[] {
  return deployment?.versions.flatMap(({ queues }) => queues.map(({ name }) => name)) ?? [];
}

/**
 * Of the deployments that know the queue, the one whose choice is the latest counts; a version counts only where its workers poll the queue, and
 * before the choice of none.
 */
function routeOf(deployments: readonly Deployment[], kind: QueueKind, taskQueue: string): QueueRouting | null {
  const involved = deployments.filter(({ versions }) => versions.some((one) => hasQueue(one, kind, taskQueue)));
  if (involved.length === 0) return null;
  const serves = (deployment: Deployment, buildId: string | null) => {
    if (buildId === null) return true;
    const version = versionOf(deployment, buildId);
    return version !== undefined && hasQueue(version, kind, taskQueue);
  };
  const latest = (
    of: readonly Deployment[],
    atMs: (deployment: Deployment) => number,
    isNone: (deployment: Deployment) => boolean,
  ) => [...of].sort((a, b) => Number(isNone(a)) - Number(isNone(b)) || atMs(b) - atMs(a))[0];
  const current = latest(
    involved.filter((deployment) => serves(deployment, deployment.current)),
    (deployment) => deployment.currentChangedAtMs ?? 0,
    (deployment) => deployment.current === null,
  );
  const ramps = involved.filter(({ ramping }) => ramping !== null);
  const ramping = latest(
    ramps.filter((deployment) => serves(deployment, deployment.ramping!.buildId)),
    (deployment) => deployment.percentageChangedAtMs ?? 0,
    (deployment) => deployment.ramping!.buildId === null,
  );
  return {
    current: current ? targetIn(current, current.current) : unversioned,
    currentChangedAtMs: current?.currentChangedAtMs ?? 0,
    ramping: ramping
      ? {
          target: targetIn(ramping, ramping.ramping!.buildId),
          percentage: ramping.ramping!.percentage,
          changedAtMs: ramping.percentageChangedAtMs ?? 0,
        }
      : null,
  };
}

function targetIn({ name, revision }: Deployment, buildId: string | null): RoutingTarget {
  return { version: buildId === null ? null : { deploymentName: name, buildId }, revision };
}

/** Where between 0 and 100 the workflow stands in every ramp. */
function thresholdOf(workflowId: string): number {
  return 100 * (fingerprint32(workflowId) / 2 ** 32);
}
