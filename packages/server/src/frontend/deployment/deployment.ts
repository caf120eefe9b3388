/**
 * What is kept of a worker deployment, and how it changes: pure, each change gives the deployment as it is after, or refuses.
 *
 *   D1. At most one version is current and one is ramping, never the same one.
 *   D2. A version that stops being either, or to which somebody pins a run although it is neither, is draining, until no open run is pinned to it any more.
 */
import { Rejection } from "@pawl/engine";
import { limits } from "../../limits.ts";
import type { QueueKind } from "../../matching/match.ts";

export interface VersionQueue {
  readonly name: string;
  readonly kind: QueueKind;
}

/** All times in milliseconds; null = never, or not now. */
export interface Version {
  readonly buildId: string;
  readonly createdAtMs: number;
  /** "" when a worker's poll made it. */
  readonly createRequestId: string;
  /** Who last changed its metadata; "" = nobody. */
  readonly modifier: string;
  /** That its workers have polled. None has yet: it was made by a call. */
  readonly queues: readonly VersionQueue[];
  readonly routingChangedAtMs: number | null;
  readonly currentSinceMs: number | null;
  readonly rampingSinceMs: number | null;
  readonly firstActivatedAtMs: number | null;
  readonly lastCurrentAtMs: number | null;
  readonly deactivatedAtMs: number | null;
  readonly drainage: {
    readonly drained: boolean;
    readonly changedAtMs: number;
    readonly checkedAtMs: number;
  } | null;
  /** Payloads, encoded, in base64. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Deployment {
  readonly name: string;
  readonly createdAtMs: number;
  readonly createRequestId: string;
  readonly lastModifier: string;
  /** The one client that may change it; "" = anyone. */
  readonly manager: string;
  /** Grows with every change by a caller. */
  readonly changes: number;
  /** Grows with every change of routing. */
  readonly revision: number;
  /** Build id; null = workers without a version. */
  readonly current: string | null;
  readonly currentChangedAtMs: number | null;
  readonly ramping: { readonly buildId: string | null; readonly percentage: number } | null;
  readonly rampingChangedAtMs: number | null;
  readonly percentageChangedAtMs: number | null;
  /** Oldest first. */
  readonly versions: readonly Version[];
}

export function newDeployment(name: string, { nowMs, requestId = "", identity = "" }: Creation): Deployment {
  return {
    name,
    createdAtMs: nowMs,
    createRequestId: requestId,
    lastModifier: identity,
    manager: "",
    changes: 0,
    revision: 0,
    current: null,
    currentChangedAtMs: null,
    ramping: null,
    rampingChangedAtMs: null,
    percentageChangedAtMs: null,
    versions: [],
  };
}

/** In place of the id of a request that has none: what it made was made by a caller, not by a worker's poll. */
export const unnamedRequest = "unnamed";

interface Creation {
  readonly nowMs: number;
  readonly requestId?: string;
  readonly identity?: string;
}

export function versionOf(deployment: Deployment, buildId: string): Version | undefined {
  return deployment.versions.find((version) => version.buildId === buildId);
}

/** Adds a version. When there are as many as may be, the oldest that is of no use any more (`isDisposable`) goes. */
export function withVersion(
  deployment: Deployment,
  buildId: string,
  { nowMs, requestId = "", identity = "" }: Creation,
  disposable: ReadonlySet<string>,
): Deployment | Rejection {
  const version: Version = {
    buildId,
    createdAtMs: nowMs,
    createRequestId: requestId,
    modifier: identity,
    queues: [],
    routingChangedAtMs: null,
    currentSinceMs: null,
    rampingSinceMs: null,
    firstActivatedAtMs: null,
    lastCurrentAtMs: null,
    deactivatedAtMs: null,
    drainage: null,
    metadata: {},
  };
  const { versions } = deployment;
  if (versions.length < limits.deploymentVersionsMax) return { ...deployment, versions: [...versions, version] };
  const old = versions.find((one) => isIdle(one) && disposable.has(one.buildId));
  if (old) return { ...deployment, versions: [...versions.filter((one) => one !== old), version] };
  return new Rejection(
    "RESOURCE_EXHAUSTED",
    `cannot add version ${deployment.name}:${buildId} since maximum number of versions (${limits.deploymentVersionsMax}) have been registered in the deployment`,
  );
}

/** Whether nothing is sent to it, and no run needs it. */
function isIdle({ currentSinceMs, rampingSinceMs, drainage }: Version): boolean {
  return currentSinceMs === null && rampingSinceMs === null && (drainage === null || drainage.drained);
}

export function withQueue(deployment: Deployment, buildId: string, queue: VersionQueue): Deployment | Rejection {
  const { queues } = versionOf(deployment, buildId)!;
  if (queues.some(({ name, kind }) => name === queue.name && kind === queue.kind)) return deployment;
  const names = new Set(queues.map(({ name }) => name)).add(queue.name);
  if (names.size > limits.deploymentQueuesMax)
    return new Rejection(
      "RESOURCE_EXHAUSTED",
      `cannot add task queue ${queue.name} since maximum number of task queues (${limits.deploymentQueuesMax}) have been registered in deployment`,
    );
  return changeVersion(deployment, buildId, (version) => ({ ...version, queues: [...version.queues, queue] }));
}

export function changeVersion(
  deployment: Deployment,
  buildId: string | null | undefined,
  change: (version: Version) => Version,
): Deployment {
  const versions = deployment.versions.map((version) => (version.buildId === buildId ? change(version) : version));
  return { ...deployment, versions };
}

/** Who changes the routing, and what of the deployment the caller has seen. */
export interface Change {
  readonly nowMs: number;
  readonly identity: string;
  /** Empty = whatever is there. */
  readonly conflictToken: Uint8Array;
}

export function conflictTokenOf({ createdAtMs, changes }: Deployment): Uint8Array {
  return new TextEncoder().encode(`${createdAtMs}/${changes}`);
}

function conflictProblem(deployment: Deployment, { conflictToken }: Change): Rejection | undefined {
  if (conflictToken.length === 0 || Buffer.from(conflictToken).equals(conflictTokenOf(deployment))) return undefined;
  return new Rejection("FAILED_PRECONDITION", "conflict token mismatch");
}

function managerProblem({ manager }: Deployment, identity: string): Rejection | undefined {
  if (manager === "" || manager === identity) return undefined;
  return new Rejection(
    "FAILED_PRECONDITION",
    `ManagerIdentity '${manager}' is set and does not match user identity '${identity}'; to proceed, set your own identity as the ManagerIdentity, remove the ManagerIdentity, or wait for the other client to do so`,
  );
}

function versionProblem(deployment: Deployment, buildId: string | null): Rejection | undefined {
  if (buildId === null || versionOf(deployment, buildId)) return undefined;
  return new Rejection("NOT_FOUND", `build ID '${buildId}' not found in Worker Deployment '${deployment.name}'`);
}

/** The same deployment when nothing is different. */
export function setCurrent(deployment: Deployment, buildId: string | null, change: Change): Deployment | Rejection {
  const { nowMs, identity } = change;
  const refused = managerProblem(deployment, identity);
  if (refused) return refused;
  const isSame = deployment.current === buildId;
  // Before a first change there is nobody to tell apart.
  if (isSame && (deployment.lastModifier === identity || deployment.revision === 0)) return deployment;
  const problem = conflictProblem(deployment, change) ?? versionProblem(deployment, buildId);
  if (problem) return problem;
  const changed = { ...deployment, lastModifier: identity, changes: deployment.changes + 1 };
  if (isSame) return changed;
  const { ramping } = deployment;
  const endsRamp = ramping !== null && ramping.buildId === buildId;
  const routed = {
    ...changed,
    revision: deployment.revision + 1,
    current: buildId,
    currentChangedAtMs: nowMs,
    ...(endsRamp && { ramping: null, rampingChangedAtMs: nowMs, percentageChangedAtMs: nowMs }),
  };
  return changeVersion(
    changeVersion(routed, deployment.current, (version) => deactivated(version, nowMs)),
    buildId,
    (version) => ({
      ...activated(version, nowMs),
      currentSinceMs: nowMs,
      rampingSinceMs: null,
      lastCurrentAtMs: nowMs,
    }),
  );
}

/** `ramp`: null ends the ramp. The same deployment when nothing is different. */
export function setRamping(
  deployment: Deployment,
  ramp: Deployment["ramping"],
  change: Change,
): Deployment | Rejection {
  const { nowMs, identity } = change;
  const refused = managerProblem(deployment, identity);
  if (refused) return refused;
  const { ramping } = deployment;
  const isSameVersion = ramp?.buildId === ramping?.buildId;
  const isSame = isSameVersion && ramp?.percentage === ramping?.percentage;
  if (isSame && (deployment.lastModifier === identity || ramp === null)) return deployment;
  const conflict = conflictProblem(deployment, change);
  if (conflict) return conflict;
  if (ramp && ramp.buildId === deployment.current)
    return new Rejection(
      "FAILED_PRECONDITION",
      `requested ramping version ${ramp.buildId === null ? "__unversioned__" : `${deployment.name}.${ramp.buildId}`} is already current`,
    );
  const problem = ramp && versionProblem(deployment, ramp.buildId);
  if (problem) return problem;
  const changed = { ...deployment, lastModifier: identity, changes: deployment.changes + 1 };
  if (isSame) return changed;
  const routed = {
    ...changed,
    revision: deployment.revision + 1,
    ramping: ramp,
    percentageChangedAtMs: nowMs,
    ...(!isSameVersion && { rampingChangedAtMs: nowMs }),
  };
  if (isSameVersion)
    return changeVersion(routed, ramp?.buildId, (version) => ({ ...version, routingChangedAtMs: nowMs }));
  return changeVersion(
    changeVersion(routed, ramping?.buildId, (version) => deactivated(version, nowMs)),
    ramp?.buildId,
    (version) => ({ ...activated(version, nowMs), rampingSinceMs: nowMs }),
  );
}

function activated(version: Version, nowMs: number): Version {
  return {
    ...version,
    routingChangedAtMs: nowMs,
    firstActivatedAtMs: version.firstActivatedAtMs ?? nowMs,
    deactivatedAtMs: null,
    drainage: null,
  };
}

/** D2. */
function deactivated(version: Version, nowMs: number): Version {
  return {
    ...version,
    routingChangedAtMs: nowMs,
    currentSinceMs: null,
    rampingSinceMs: null,
    deactivatedAtMs: nowMs,
    drainage: { drained: false, changedAtMs: nowMs, checkedAtMs: nowMs },
  };
}

export function setManager(deployment: Deployment, manager: string, change: Change): Deployment | Rejection {
  if (manager === deployment.manager) return deployment;
  return (
    conflictProblem(deployment, change) ?? {
      ...deployment,
      manager,
      lastModifier: change.identity,
      changes: deployment.changes + 1,
    }
  );
}

/** Of a version that was asked whether open runs are pinned to it. */
export function withDrainage(deployment: Deployment, buildId: string, drained: boolean, nowMs: number): Deployment {
  return changeVersion(deployment, buildId, (version) => {
    const { drainage } = version;
    if (!drainage) return version;
    const changedAtMs = drainage.drained === drained ? drainage.changedAtMs : nowMs;
    return { ...version, drainage: { drained, changedAtMs, checkedAtMs: nowMs } };
  });
}

/** D2: a run was pinned to the version from outside. The same deployment where that makes no difference. */
export function withPinned(deployment: Deployment, buildId: string, nowMs: number): Deployment {
  const version = versionOf(deployment, buildId);
  if (!version || !isIdle(version)) return deployment;
  const drainage = { drained: false, changedAtMs: nowMs, checkedAtMs: nowMs };
  return changeVersion(deployment, buildId, (before) => ({ ...before, drainage }));
}

export interface Deletion {
  readonly identity: string;
  readonly skipDrainage: boolean;
  readonly hasPollers: boolean;
}

export function withoutVersion(
  deployment: Deployment,
  buildId: string,
  { identity, skipDrainage, hasPollers }: Deletion,
): Deployment | Rejection {
  const version = versionOf(deployment, buildId);
  if (!version) return deployment;
  const refuse = (why: string) =>
    new Rejection("FAILED_PRECONDITION", `version '${deployment.name}:${buildId}' cannot be deleted since it ${why}`);
  if (version.currentSinceMs !== null || version.rampingSinceMs !== null) return refuse("is current or ramping");
  const unmanaged = managerProblem(deployment, identity);
  if (unmanaged) return unmanaged;
  if (version.drainage && !version.drainage.drained && !skipDrainage) return refuse("is draining");
  if (hasPollers) return refuse("has active pollers");
  const versions = deployment.versions.filter((one) => one !== version);
  return { ...deployment, lastModifier: identity, versions };
}
