/** Overrides of a run's versioning, and the names of versions, in the API's newer and older forms. */
import { type workflow as api, type deployment, enums, type Init, workflow } from "@pawl/protocol";
import type { DeploymentVersion, Override } from "../state/versioning.ts";

const { VersioningBehavior } = enums;
const { PINNED, UNSPECIFIED } = workflow.VersioningOverride_PinnedOverrideBehavior;

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

/** What is wrong with the form of an override, in the reference server's words. */
export function overrideFormProblem(given: api.VersioningOverride | undefined): string | undefined {
  if (!given || given.autoUpgrade) return undefined;
  const { pinned, oneTime } = given;
  if (oneTime)
    return oneTime.targetDeploymentVersion ? undefined : "must provide target version if override is one-time.";
  if (!pinned) return olderFormProblem(given);
  if (!pinned.version) return "must provide version if override is pinned.";
  return pinned.behavior === UNSPECIFIED ? "must specify pinned override behavior if override is pinned." : undefined;
}

/** In the fields that came before. */
function olderFormProblem({ behavior, deployment, pinnedVersion }: api.VersioningOverride): string | undefined {
  switch (behavior) {
    case VersioningBehavior.UNSPECIFIED:
      return "override behavior is required";
    case VersioningBehavior.AUTO_UPGRADE:
      if (deployment) return "only provide deployment if behavior is 'PINNED'";
      return pinnedVersion === "" ? undefined : "only provide pinned version if behavior is 'PINNED'";
    case VersioningBehavior.PINNED:
      if (deployment) {
        if (deployment.seriesName === "") return "deployment name cannot be empty";
        return deployment.buildId === "" ? "deployment build ID cannot be empty" : undefined;
      }
      if (pinnedVersion === "") return "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'";
      return versionOfText(pinnedVersion)
        ? undefined
        : `invalid version string ${JSON.stringify(pinnedVersion)}, expected format is "<deployment_name>.<build_id>"`;
    default:
      return `override behavior ${behavior} not recognized`;
  }
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
