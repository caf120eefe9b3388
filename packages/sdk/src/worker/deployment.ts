/** The version of a worker deployment that a worker is. */
import { type deployment, enums } from "@pawl/protocol";
import {
  encodeVersioningBehavior,
  VersioningBehavior,
  type WorkerDeploymentVersion,
} from "../value/worker-deployments.ts";

/** Which version of a worker deployment the worker is, and whether the server routes by it. */
export type WorkerDeploymentOptions = {
  version: WorkerDeploymentVersion;
} & (
  | {
      /** Workflow tasks are routed by version. */
      useWorkerVersioning: true;
      /** For workflows that say nothing themselves. */
      defaultVersioningBehavior: VersioningBehavior;
    }
  | { useWorkerVersioning: false; defaultVersioningBehavior?: never }
);

export interface CompiledDeployment {
  readonly version: WorkerDeploymentVersion;
  readonly wire: deployment.WorkerDeploymentOptions;
  readonly isVersioned: boolean;
  readonly defaultBehavior: VersioningBehavior | undefined;
}

/** Throws `TypeError` naming the option at fault. */
export function compileDeployment(options: WorkerDeploymentOptions | undefined): CompiledDeployment | undefined {
  if (!options) return undefined;
  const { version, useWorkerVersioning: isVersioned, defaultVersioningBehavior } = options;
  for (const name of ["deploymentName", "buildId"] as const) {
    if (typeof version?.[name] !== "string" || version[name] === "") {
      throw new TypeError(`WorkerOptions.workerDeploymentOptions.version.${name} is missing`);
    }
  }
  if (isVersioned && !(defaultVersioningBehavior && Object.hasOwn(VersioningBehavior, defaultVersioningBehavior))) {
    throw new TypeError(
      "WorkerOptions.workerDeploymentOptions.defaultVersioningBehavior must be PINNED or AUTO_UPGRADE when useWorkerVersioning is true",
    );
  }
  const { VERSIONED, UNVERSIONED } = enums.WorkerVersioningMode;
  return {
    version,
    wire: { ...version, workerVersioningMode: isVersioned ? VERSIONED : UNVERSIONED },
    isVersioned,
    defaultBehavior: defaultVersioningBehavior,
  };
}

/** How a run is to be versioned: by its workflow's own word, else by the deployment's. */
export function versioningBehaviorOf(
  deployed: CompiledDeployment | undefined,
  own: VersioningBehavior | undefined,
): enums.VersioningBehavior {
  return encodeVersioningBehavior(deployed?.isVersioned ? (own ?? deployed.defaultBehavior) : undefined);
}
