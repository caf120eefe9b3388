/**
 * Which version of a worker deployment a run belongs to, and where its tasks go.
 *
 *   V1. A pinned run's tasks go to its version alone. All others follow their task queue: to the version that is current or ramping there, or to
 *       workers without a version.
 *   V2. An unpinned run moves to the version that takes its workflow task. From then until that task completes it is in transition, and its
 *       activities start no attempts: their code would not know what the workflow's new code expects. A speculative task moves it only when it
 *       completes, unless all that it brought is rejected: then nothing has happened.
 *   V3. An override from outside wins over what the worker says of its code.
 */
import { type workflow as api, enums, type Init } from "@pawl/protocol";
import type { Run } from "../state/run.ts";
import type { DeploymentVersion, Override, RoutingTarget, Versioning } from "../state/versioning.ts";
import { olderOverride, olderVersionName, unversionedName, versionName, wireOverride } from "./version-override.ts";

const { ContinueAsNewVersioningBehavior, VersioningBehavior } = enums;

/** A task queue of one kind, as routing knows it. */
export interface RoutedQueue {
  readonly namespaceId: string;
  readonly kind: "workflow" | "activity" | "nexus";
  readonly taskQueue: string;
}

/** How task queues route at this moment: an argument of each step, like the time. */
export interface Routing {
  /** For `toRamping`, to the ramping version, if there is one, whatever its share. */
  target(task: RoutedQueue & { readonly workflowId: string }, toRamping: boolean): RoutingTarget;
  /** Whether workers of the version have polled the queue. */
  has(queue: RoutedQueue, version: DeploymentVersion): boolean;
}

const unversioned: RoutingTarget = { version: null, revision: 0 };

/** Where there are no deployments. */
export const noRouting: Routing = { target: () => unversioned, has: () => false };

export const unversionedRun: Versioning = {
  behavior: VersioningBehavior.UNSPECIFIED,
  version: null,
  override: null,
  transition: null,
  revision: 0,
  initialBehavior: ContinueAsNewVersioningBehavior.UNSPECIFIED,
  deploymentName: "",
  used: [],
  notified: null,
  declined: null,
};

/** What counts, all things considered (V3). */
export function effectiveBehavior(versioning: Versioning | null): enums.VersioningBehavior {
  if (!versioning) return VersioningBehavior.UNSPECIFIED;
  if (!versioning.override) return versioning.behavior;
  return versioning.override.type === "autoUpgrade" ? VersioningBehavior.AUTO_UPGRADE : VersioningBehavior.PINNED;
}

/** The version that the run's tasks belong to; null = none. */
export function effectiveVersion(versioning: Versioning | null): DeploymentVersion | null {
  if (!versioning) return null;
  const { transition, override, behavior, version } = versioning;
  if (transition) return transition.version;
  if (override && "version" in override) return override.version;
  return behavior === VersioningBehavior.UNSPECIFIED ? null : version;
}

export function isVersionPinned(versioning: Versioning | null): boolean {
  return effectiveBehavior(versioning) === VersioningBehavior.PINNED;
}

export function isSameVersion(a: DeploymentVersion | null, b: DeploymentVersion | null): boolean {
  return a === b || (a?.deploymentName === b?.deploymentName && a?.buildId === b?.buildId);
}

/** Whether tasks of a run go to the same workers as before. */
export function isRoutedAlike(before: Versioning | null, after: Versioning | null): boolean {
  return (
    effectiveBehavior(before) === effectiveBehavior(after) &&
    isSameVersion(effectiveVersion(before), effectiveVersion(after))
  );
}

/** What a task queue must know to route a task of the run; undefined for a run that no deployment has to do with. */
export interface TaskVersioning {
  readonly pinned: boolean;
  /** The version that the run belongs to now. */
  readonly version: DeploymentVersion | null;
  /** Goes to the ramping version whatever the ramp's share. */
  readonly toRamping: boolean;
}

export function taskVersioning(run: Run): { readonly versioning?: TaskVersioning } {
  const { versioning } = run;
  if (!versioning) return {};
  return {
    versioning: {
      pinned: isVersionPinned(versioning),
      version: effectiveVersion(versioning),
      toRamping: goesToRamping(run),
    },
  };
}

function goesToRamping({ versioning, lastCompletedStartedEventId }: Run): boolean {
  const { USE_RAMPING_VERSION } = ContinueAsNewVersioningBehavior;
  return lastCompletedStartedEventId === 0 && versioning?.initialBehavior === USE_RAMPING_VERSION;
}

/** Where the run's workflow tasks would go if it were not pinned. */
export function targetOf(run: Run, routing: Routing): RoutingTarget {
  const { namespaceId, workflowId, start } = run;
  const { taskQueue } = start;
  return routing.target({ namespaceId, kind: "workflow", taskQueue, workflowId }, goesToRamping(run));
}

/** The run sets out to the version whose worker has taken its task (V2). */
export function beginTransition(run: Run, routing: Routing, version: DeploymentVersion | null): void {
  const target = targetOf(run, routing);
  const before = run.versioning ?? unversionedRun;
  const revision = isSameVersion(target.version, version) ? target.revision : before.revision;
  run.versioning = { ...before, transition: { version }, revision };
  run.changes.core = true;
}

/** Whether a pinned run's worker is to be told that newer code than its own is the target now; remembers that it was. */
export function noticeTarget(run: Run, routing: Routing): boolean {
  const { versioning } = run;
  if (!versioning) return false;
  const target = targetOf(run, routing);
  const isThere = versioning.override !== null || isSameVersion(target.version, versioning.version);
  // What was declined before is news again afterwards.
  if (isThere && (versioning.notified || versioning.declined))
    run.versioning = { ...versioning, notified: null, declined: null };
  if (isThere || versioning.behavior !== VersioningBehavior.PINNED) return false;
  const { declined } = versioning;
  if (declined && (isSameVersion(declined.version, target.version) || target.revision <= declined.revision))
    return false;
  run.versioning = { ...versioning, notified: target };
  return true;
}

/** What a worker says of itself with a completed workflow task. */
export interface Completer {
  /** Set by a versioned worker. */
  readonly version: DeploymentVersion | null;
  readonly deploymentName: string;
  readonly behavior: enums.VersioningBehavior;
}

/** Where a run stands after a workflow task was completed by this worker. `startedBy`: the version that had taken the task. */
export function completed(
  versioning: Versioning | null,
  { version, deploymentName, behavior }: Completer,
  startedBy: DeploymentVersion | null,
): Versioning | null {
  if (!versioning && !version && deploymentName === "") return null;
  const before = versioning ?? unversionedRun;
  const { transition, override, used } = before;
  const name = version && versionName(version);
  return {
    ...before,
    behavior,
    version: behavior === VersioningBehavior.UNSPECIFIED ? null : version,
    // One that began while another version had the task is still to come.
    transition: transition && !isSameVersion(transition.version, startedBy) ? transition : null,
    override: override?.type === "oneTime" && isSameVersion(override.version, version) ? null : override,
    deploymentName: deploymentName || before.deploymentName,
    used: name && !used.includes(name) ? [...used, name] : used,
  };
}

/** With another override, or none. A pinned run does not move. */
export function overridden(versioning: Versioning | null, override: Override | null): Versioning {
  const after = { ...(versioning ?? unversionedRun), override };
  const deploymentName = override && "version" in override ? override.version.deploymentName : after.deploymentName;
  return { ...after, deploymentName, transition: isVersionPinned(after) ? null : after.transition };
}

/** What Describe says. */
export function versioningInfo(versioning: Versioning | null): Init<api.WorkflowExecutionVersioningInfo> | undefined {
  if (!versioning) return undefined;
  const { behavior, version, override, transition, revision, initialBehavior } = versioning;
  if (!behavior && !version && !override && !transition && revision === 0) return undefined;
  return {
    behavior,
    ...(version && { version: olderVersionName(version), deploymentVersion: version }),
    ...(override && { versioningOverride: { ...wireOverride(override), ...olderOverride(override) } }),
    ...(transition && {
      versionTransition: {
        version: transition.version ? olderVersionName(transition.version) : unversionedName,
        ...(transition.version && { deploymentVersion: transition.version }),
      },
    }),
    revisionNumber: revision,
    continueAsNewInitialVersioningBehavior: initialBehavior,
  };
}
