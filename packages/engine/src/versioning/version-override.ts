/** Overrides of a run's versioning, and the names of versions, in the API's newer and older forms. */
import { type workflow as api, type deployment, enums, type Init, workflow } from "@pawl/protocol";
import type { DeploymentVersion, Override } from "../state/versioning.ts";

const { VersioningBehavior } = enums;
const { PINNED } = workflow.VersioningOverride_PinnedOverrideBehavior;

/** As events say it, without the older forms of the same. */
export function wireOverride(override: Override): Init<api.VersioningOverride> {
  switch (override.type) {
    case "pinned":
      return {
        pinned: { behavior: PINNED, version: override.version },
      };
    case "oneTime":
      return { oneTime: { targetDeploymentVersion: override.version } };
    case "autoUpgrade":
      return { autoUpgrade: true };
    default:
      return override satisfies never;
  }
}

/** The newest form wins; undefined when there is none. What is wrong with one is for the caller of the API to hear, before it comes here. */
export function overrideOf(given: Init<api.VersioningOverride> | undefined): Override | null {
  if (!given) return null;
  if (given.autoUpgrade) return { type: "autoUpgrade" };
  const { pinned, oneTime, behavior, pinnedVersion, deployment } = given;
  if (oneTime?.targetDeploymentVersion) return { type: "oneTime", version: plain(oneTime.targetDeploymentVersion) };
  if (pinned?.version) return { type: "pinned", version: plain(pinned.version) };
  if (behavior === VersioningBehavior.AUTO_UPGRADE) return { type: "autoUpgrade" };
  if (behavior !== VersioningBehavior.PINNED) return null;
  const version = deployment
    ? { deploymentName: deployment.seriesName ?? "", buildId: deployment.buildId ?? "" }
    : versionOfText(pinnedVersion ?? "");
  return version && { type: "pinned", version };
}

function plain({ deploymentName = "", buildId = "" }: Init<deployment.WorkerDeploymentVersion>): DeploymentVersion {
  return { deploymentName, buildId };
}

/** The older forms of the same, which Describe says too. */
export function olderOverride(override: Override): Init<api.VersioningOverride> {
  if (override.type === "autoUpgrade") return { behavior: VersioningBehavior.AUTO_UPGRADE };
  if (override.type !== "pinned") return {};
  return { behavior: VersioningBehavior.PINNED, pinnedVersion: olderVersionName(override.version) };
}

/** The name of "no version" in the fields that hold a version as text. */
export const unversionedName = "__unversioned__";

/** As search attributes say it. A deployment's name has no colon. */
export function versionName({ deploymentName, buildId }: DeploymentVersion): string {
  return `${deploymentName}:${buildId}`;
}

/** As the fields say it that hold a version as text. A deployment's name has no dot. */
export function olderVersionName({ deploymentName, buildId }: DeploymentVersion): string {
  return `${deploymentName}.${buildId}`;
}

/** Both forms are understood: what comes before the first dot or colon is the deployment. Null when one part is missing. */
export function versionOfText(text: string): DeploymentVersion | null {
  const at = text.search(/[.:]/);
  if (at <= 0 || at === text.length - 1) return null;
  return { deploymentName: text.slice(0, at), buildId: text.slice(at + 1) };
}
