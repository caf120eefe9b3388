/** What an override of a run's versioning must keep to: its form, and that workers of the version it pins to have polled the run's queue. */
import {
  type DeploymentVersion,
  overrideOf,
  Rejection,
  type RoutedQueue,
  type Routing,
  versionOfText,
} from "@pawl/engine";
import { enums, workflow, type workflowservice } from "@pawl/protocol";
import { invalid } from "../field-rules.ts";
import type { Parts } from "../parts.ts";

const { VersioningBehavior } = enums;
const { VersioningOverride_PinnedOverrideBehavior: PinnedOverrideBehavior } = workflow;

type Given = workflow.VersioningOverride | undefined;

export function overrideProblem(given: Given): Rejection | undefined {
  if (!given || given.autoUpgrade) return undefined;
  const { pinned, oneTime } = given;
  if (oneTime)
    return oneTime.targetDeploymentVersion
      ? undefined
      : invalid("must provide target version if override is one-time.");
  if (!pinned) return olderProblem(given);
  if (!pinned.version) return invalid("must provide version if override is pinned.");
  return pinned.behavior === PinnedOverrideBehavior.UNSPECIFIED
    ? invalid("must specify pinned override behavior if override is pinned.")
    : undefined;
}

/** In the fields that came before. */
function olderProblem({ behavior, deployment, pinnedVersion }: NonNullable<Given>): Rejection | undefined {
  switch (behavior) {
    case VersioningBehavior.UNSPECIFIED:
      return invalid("override behavior is required");
    case VersioningBehavior.AUTO_UPGRADE:
      if (deployment) return invalid("only provide deployment if behavior is 'PINNED'");
      return pinnedVersion === "" ? undefined : invalid("only provide pinned version if behavior is 'PINNED'");
    case VersioningBehavior.PINNED:
      if (deployment) {
        if (deployment.seriesName === "") return invalid("deployment name cannot be empty");
        return deployment.buildId === "" ? invalid("deployment build ID cannot be empty") : undefined;
      }
      if (pinnedVersion === "")
        return invalid("must provide deployment (deprecated) or pinned version if behavior is 'PINNED'");
      return versionOfText(pinnedVersion)
        ? undefined
        : invalid(
            `invalid version string ${JSON.stringify(pinnedVersion)}, expected format is "<deployment_name>.<build_id>"`,
          );
    default:
      return invalid(`override behavior ${behavior} not recognized`);
  }
}

/** Refused: nobody would take the run's tasks. */
export function placeProblem(
  routing: Pick<Routing, "has">,
  given: Given,
  queue: Omit<RoutedQueue, "kind">,
): Rejection | undefined {
  const override = overrideOf(given);
  if (!override || !("version" in override)) return undefined;
  const { version } = override;
  return routing.has({ ...queue, kind: "workflow" }, version) ? undefined : notPresent(version, queue.taskQueue);
}

/** A run that is pinned from its start needs workers that are there. */
export function startPlaceProblem(
  { deployments }: { readonly deployments: Pick<Routing, "has"> },
  { id: namespaceId }: { readonly id: string },
  {
    versioningOverride,
    taskQueue,
  }: Pick<workflowservice.StartWorkflowExecutionRequest, "versioningOverride" | "taskQueue">,
): Rejection | undefined {
  return placeProblem(deployments, versioningOverride, { namespaceId, taskQueue: taskQueue?.name ?? "" });
}

/** Tells the deployment of the version to which a run has been pinned: it must not go now. */
export async function notePinned(
  { deployments, clock }: Pick<Parts, "deployments" | "clock">,
  { id }: { readonly id: string },
  given: Given,
): Promise<void> {
  const override = overrideOf(given);
  if (override && "version" in override) await deployments.pin(id, override.version, { nowMs: clock.nowMs() });
}

function notPresent({ deploymentName, buildId }: DeploymentVersion, taskQueue: string): Rejection {
  return new Rejection(
    "FAILED_PRECONDITION",
    `Pinned version '${deploymentName}:${buildId}' is not present in task queue '${taskQueue}' of type 'Workflow'`,
  );
}
