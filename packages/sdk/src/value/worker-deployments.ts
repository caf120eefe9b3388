/** Versions of workers, and which of them a workflow stays with. */
import type { enums, Init, workflow } from "@pawl/protocol";

/** A version of the workers of a deployment: what was built, and for what. */
export interface WorkerDeploymentVersion {
  readonly buildId: string;
  readonly deploymentName: string;
}

/** `<deployment name>.<build id>`, as the API writes it. */
export function toCanonicalString({ deploymentName, buildId }: WorkerDeploymentVersion): string {
  return `${deploymentName}.${buildId}`;
}

/** Which version of its deployment's workers a run goes on with. */
export const VersioningBehavior = {
  /** A run stays with the version that it began with. */
  PINNED: "PINNED",
  /** A run moves to the current version at its next task. */
  AUTO_UPGRADE: "AUTO_UPGRADE",
} as const;
export type VersioningBehavior = (typeof VersioningBehavior)[keyof typeof VersioningBehavior];

/** The run stays with this version, whatever its workflow says. */
export interface PinnedVersioningOverride {
  pinnedTo: WorkerDeploymentVersion;
}
/** The run moves with the deployment's current version, whatever its workflow says. */
export type AutoUpgradeVersioningOverride = "AUTO_UPGRADE";
/** What an operator or starter decides in place of the workflow's own behaviour. */
export type VersioningOverride = PinnedVersioningOverride | AutoUpgradeVersioningOverride;

/** Numbers of the API's enums, which are not loaded inside the sandbox. */
const behaviorNumber = { PINNED: 1, AUTO_UPGRADE: 2 } as const satisfies Record<
  VersioningBehavior,
  enums.VersioningBehavior
>;
const pinnedOverride = 1 satisfies workflow.VersioningOverride_PinnedOverrideBehavior;

export function encodeVersioningBehavior(behavior: VersioningBehavior | undefined): enums.VersioningBehavior {
  return behavior === undefined ? 0 : behaviorNumber[behavior];
}

/** Throws `TypeError` for one that is none. */
export function wireVersioningOverride(
  override: VersioningOverride | undefined,
): Init<workflow.VersioningOverride> | undefined {
  if (override === undefined) return undefined;
  if (override === "AUTO_UPGRADE") return { autoUpgrade: true };
  const { pinnedTo } = override;
  if (!pinnedTo?.buildId || !pinnedTo.deploymentName) {
    throw new TypeError(
      "versioningOverride must be AUTO_UPGRADE or pinnedTo a version with deploymentName and buildId",
    );
  }
  return { pinned: { behavior: pinnedOverride, version: { ...pinnedTo } } };
}
