/** What an override of a run's versioning must keep to: its form, and that workers of the version it pins to have polled the run's queue. */
import {
  type DeploymentVersion,
  overrideFormProblem,
  overrideOf,
  Rejection,
  type RoutedQueue,
  type Routing,
} from "@pawl/engine";
import type { workflow, workflowservice } from "@pawl/protocol";
import { invalid } from "../field-rules.ts";
import type { Parts } from "../parts.ts";

type Given = workflow.VersioningOverride | undefined;

/** Why an override is not one, to the caller who gave it. */
export function overrideProblem(given: Given): Rejection | undefined {
  const problem = overrideFormProblem(given);
  return problem === undefined ? undefined : invalid(problem);
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
