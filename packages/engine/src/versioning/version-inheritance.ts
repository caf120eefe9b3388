/** What a run passes on to those that it starts: its children, and the next of its chain. */
import { enums, type history, type Init } from "@pawl/protocol";
import type { Run } from "../state/run.ts";
import type { Heirloom, Versioning } from "../state/versioning.ts";
import { overrideOf, wireOverride } from "./version-override.ts";
import { effectiveBehavior, effectiveVersion, isVersionPinned, type Routing, unversionedRun } from "./versioning.ts";

const { ContinueAsNewVersioningBehavior, VersioningBehavior } = enums;

export const nothing: Heirloom = { inherited: null, override: null, declined: null };

/** How a run begins; null when no deployment has to do with it yet. */
export function initialVersioning({ override, inherited, declined }: Heirloom): Versioning | null {
  if (!override && !inherited) return null;
  const deploymentName =
    (override && "version" in override ? override.version : inherited?.version)?.deploymentName ?? "";
  const begun = { ...unversionedRun, override, declined, deploymentName };
  if (!inherited) return begun;
  if (inherited.type === "pinned") return { ...begun, behavior: VersioningBehavior.PINNED, version: inherited.version };
  const { version, revision, initialBehavior } = inherited;
  return { ...begun, behavior: VersioningBehavior.AUTO_UPGRADE, version, revision, initialBehavior };
}

/** What a run that this one starts on `taskQueue` (a child, or the next of its chain) begins with: nothing where its version has no workers there. */
export function inheritedFrom(
  run: Run,
  routing: Routing,
  taskQueue: string,
  initialBehavior: enums.ContinueAsNewVersioningBehavior = ContinueAsNewVersioningBehavior.UNSPECIFIED,
): Heirloom {
  const { versioning, namespaceId } = run;
  const version = effectiveVersion(versioning);
  if (!versioning || !version) return nothing;
  if (taskQueue !== run.start.taskQueue && !routing.has({ namespaceId, kind: "workflow", taskQueue }, version))
    return nothing;
  const override = versioning.override?.type === "pinned" ? versioning.override : null;
  const staysPinned = isVersionPinned(versioning) && initialBehavior === ContinueAsNewVersioningBehavior.UNSPECIFIED;
  return {
    override,
    inherited: staysPinned
      ? { type: "pinned", version }
      : { type: "autoUpgrade", version, revision: versioning.revision, initialBehavior },
    declined: staysPinned ? (versioning.notified ?? versioning.declined) : null,
  };
}

/** A child has its parent's override for one task, too: its own first task is that one. */
export function inheritedByChild(run: Run, routing: Routing, taskQueue: string): Heirloom {
  const heirloom = inheritedFrom(run, routing, taskQueue);
  const override = run.versioning?.override;
  return heirloom.inherited && override?.type === "oneTime" ? { ...heirloom, override } : heirloom;
}

/** A retry repeats what its run had inherited itself if that is still so, and goes where its queue leads otherwise. A cron run inherits no more than an override. */
export function inheritedByRetry(run: Run, started: history.WorkflowExecutionStartedEventAttributes): Heirloom {
  const { versioning } = run;
  if (!versioning) return nothing;
  const override = versioning.override?.type === "pinned" ? versioning.override : null;
  const { version, revision } = versioning;
  if (isVersionPinned(versioning)) {
    const pinned = started.inheritedPinnedVersion;
    if (!pinned) return { ...nothing, override };
    return {
      override,
      inherited: { type: "pinned", version: pinned },
      declined: versioning.notified ?? versioning.declined,
    };
  }
  if (effectiveBehavior(versioning) !== VersioningBehavior.AUTO_UPGRADE || !version) return { ...nothing, override };
  const initialBehavior =
    started.inheritedAutoUpgradeInfo?.continueAsNewInitialVersioningBehavior ??
    ContinueAsNewVersioningBehavior.UNSPECIFIED;
  return { override, inherited: { type: "autoUpgrade", version, revision, initialBehavior }, declined: null };
}

export function inheritedByCron({ versioning }: Run): Heirloom {
  return { ...nothing, override: versioning?.override?.type === "pinned" ? versioning.override : null };
}

/** What the fields of the first event say. */
export function startedHeirloom(started: history.WorkflowExecutionStartedEventAttributes): Heirloom {
  const { inheritedPinnedVersion: pinned, inheritedAutoUpgradeInfo: upgrade, declinedTargetVersionUpgrade } = started;
  const source = upgrade?.sourceDeploymentVersion;
  return {
    override: overrideOf(started.versioningOverride),
    inherited: pinned
      ? { type: "pinned", version: pinned }
      : upgrade && source
        ? {
            type: "autoUpgrade",
            version: source,
            revision: upgrade.sourceDeploymentRevisionNumber,
            initialBehavior: upgrade.continueAsNewInitialVersioningBehavior,
          }
        : null,
    declined: declinedTargetVersionUpgrade
      ? {
          version: declinedTargetVersionUpgrade.deploymentVersion ?? null,
          revision: declinedTargetVersionUpgrade.revisionNumber,
        }
      : null,
  };
}

/** The fields of the first event. */
export function startedFields({
  inherited,
  override,
  declined,
}: Heirloom): Init<history.WorkflowExecutionStartedEventAttributes> {
  return {
    ...(override && { versioningOverride: wireOverride(override) }),
    ...(inherited?.type === "pinned" && { inheritedPinnedVersion: inherited.version }),
    ...(inherited?.type === "autoUpgrade" && {
      inheritedAutoUpgradeInfo: {
        sourceDeploymentVersion: inherited.version,
        sourceDeploymentRevisionNumber: inherited.revision,
        continueAsNewInitialVersioningBehavior: inherited.initialBehavior,
      },
    }),
    ...(declined && {
      declinedTargetVersionUpgrade: {
        ...(declined.version && { deploymentVersion: declined.version }),
        revisionNumber: declined.revision,
      },
    }),
  };
}
