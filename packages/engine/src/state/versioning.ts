/** To which version of the workers a run belongs. The rules are in `versioning/`. */
import type { enums } from "@pawl/protocol";

export interface DeploymentVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

/** What is kept of a run that a deployment has to do with. */
export interface Versioning {
  /** As the worker said that completed the last workflow task, or as inherited. */
  readonly behavior: enums.VersioningBehavior;
  readonly version: DeploymentVersion | null;
  readonly override: Override | null;
  /** Where the run is moving to (V2). */
  readonly transition: { readonly version: DeploymentVersion | null } | null;
  readonly revision: number;
  /** What the run before asked for when it continued as new: for the first workflow task alone. */
  readonly initialBehavior: enums.ContinueAsNewVersioningBehavior;
  /** Of the worker that completed the last workflow task, whether or not it is versioned; "" = none was given. */
  readonly deploymentName: string;
  /** Versions whose workers have completed workflow tasks. */
  readonly used: readonly string[];
  /** The target that the worker was last told of as differing from its own, and the one that the run before was told of and did not follow. */
  readonly notified: RoutingTarget | null;
  readonly declined: RoutingTarget | null;
}

/** Where unpinned tasks go: to a version, or (null) to workers without one. */
export interface RoutingTarget {
  readonly version: DeploymentVersion | null;
  /** Grows with every change of the deployment's routing; 0 = no deployment has a say. */
  readonly revision: number;
}

export type Override =
  | { readonly type: "pinned"; readonly version: DeploymentVersion }
  /** Until a workflow task has completed there. */
  | { readonly type: "oneTime"; readonly version: DeploymentVersion }
  | { readonly type: "autoUpgrade" };

export interface Heirloom {
  readonly inherited: Inheritance | null;
  readonly override: Override | null;
  readonly declined: RoutingTarget | null;
}

/** What a run's first event says that it begins with, because another run started it. */
export type Inheritance =
  | { readonly type: "pinned"; readonly version: DeploymentVersion }
  | {
      readonly type: "autoUpgrade";
      readonly version: DeploymentVersion;
      readonly revision: number;
      readonly initialBehavior: enums.ContinueAsNewVersioningBehavior;
    };
