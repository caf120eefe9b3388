/** Versions of workers, and which of them a workflow stays with. */
import type { enums, Init, workflow } from "@pawl/protocol";

export interface WorkerDeploymentVersion {
  readonly buildId: string;
  readonly deploymentName: string;
}

/** `<deployment name>.<build id>`, as the API writes it. */
export function toCanonicalString({ deploymentName, buildId }: WorkerDeploymentVersion): string {
  return `${deploymentName}.${buildId}`;
}

export const VersioningBehavior = {
  /** A run stays with the version that it began with. */
  PINNED: "PINNED",
  /** A run moves to the current version at its next task. */
  AUTO_UPGRADE: "AUTO_UPGRADE",
} as const;
export type VersioningBehavior = (typeof VersioningBehavior)[keyof typeof VersioningBehavior];

export interface PinnedVersioningOverride {
  pinnedTo: WorkerDeploymentVersion;
}
export type AutoUpgradeVersioningOverride = "AUTO_UPGRADE";
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
