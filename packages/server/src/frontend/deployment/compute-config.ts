/**
 * Compute configuration: how a server is to start the workers of a deployment version by itself. Pawl starts no workers, so it answers like a reference server
 * with no compute provider enabled: it refuses every configuration, after the same checks of its form and with the same texts.
 */
import { Rejection } from "@pawl/engine";
import { type compute, enums } from "@pawl/protocol";
import { invalid, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { versionOf } from "./deployment.ts";
import { unknownVersion, versionPartProblem } from "./deployment-rules.ts";

type Groups = Readonly<Record<string, compute.ComputeConfigScalingGroup>>;

/** What a reference server can have switched on. */
const providerTypes: readonly string[] = [
  "aws-agentcore",
  "aws-ecs",
  "aws-lambda",
  "gcp-cloud-run",
  "k8s",
  "subprocess",
  "test-invoke",
  "test-worker-set",
];
const scalerTypes: readonly string[] = ["no-sync", "rate-based"];

const nothingKept =
  "No prior compute config found, which means nothing can be removed and something needs to be added to be valid";

const taskTypeNames: Readonly<Record<number, string>> = {
  [enums.TaskQueueType.WORKFLOW]: "Workflow",
  [enums.TaskQueueType.ACTIVITY]: "Activity",
  [enums.TaskQueueType.NEXUS]: "Nexus",
};

/** Why workers cannot be started so; undefined when there are no groups. */
export function scalingGroupsProblem(groups: Groups): Rejection | undefined {
  const named = Object.entries(groups).sort(([one], [other]) => (one < other ? -1 : 1));
  if (named.length === 0) return undefined;
  const taken = new Set<number>();
  for (const [name, group] of named) {
    const problem = name === "" ? "scaling groups without an ID are not supported" : entryProblem(group, taken);
    if (problem !== undefined) return invalid(name === "" ? problem : `entry ${name}: ${problem}`);
  }
  const [name, group] = named[0]!;
  return invalid(`${name}: Could not instantiate compute provider with type '${providerTypeOf(group)}'`);
}

/** In `taken` for the one group that may leave its kinds of tasks to be guessed. */
const rest = -1;

/** Each kind of task is one group's: `taken` has those of the groups before. */
function entryProblem(group: compute.ComputeConfigScalingGroup, taken: Set<number>): string | undefined {
  if (isOpen(group) && taken.has(rest)) return "only one scaling group can have no task types defined";
  if (isOpen(group)) taken.add(rest);
  for (const type of group.taskQueueTypes) {
    const shown = taskTypeNames[type];
    if (shown === undefined) return "task type undefined not allowed in compute spec";
    if (taken.has(type)) return `task type ${shown} appears in more than one entry`;
    taken.add(type);
  }
  const provider = providerTypeOf(group);
  if (!providerTypes.includes(provider)) return `invalid compute provider type '${provider}'`;
  if (group.scaler && !scalerTypes.includes(group.scaler.type))
    return `invalid scaling algorithm type '${group.scaler.type}'`;
  return undefined;
}

function isOpen({ taskQueueTypes }: compute.ComputeConfigScalingGroup): boolean {
  return taskQueueTypes.length === 0;
}

function providerTypeOf({ provider }: compute.ComputeConfigScalingGroup): string {
  return provider?.type ?? "";
}

export function computeConfigHandlers({ namespaces, deployments }: Parts) {
  return {
    UpdateWorkerDeploymentVersionComputeConfig: ({
      namespace: in_,
      deploymentVersion,
      identity,
      requestId,
      ...changes
    }) => {
      const namespace = namespaces.byName(in_);
      if (namespace instanceof Rejection) return namespace;
      const missing = versionPartProblem(deploymentVersion);
      if (missing) return missing;
      const { deploymentName, buildId } = deploymentVersion!;
      const problem = lengthProblem("Identity", identity) ?? lengthProblem("RequestId", requestId);
      if (problem) return problem;
      const deployment = deployments.find(namespace.id, deploymentName);
      if (!deployment || !versionOf(deployment, buildId)) return unknownVersion({ deploymentName, buildId });
      if (changes.removeComputeConfigScalingGroups.length === 0 && isEmpty(changes)) return invalid(nothingKept);
      // No version has a group, so there is none to take away either.
      return scalingGroupsProblem(groupsOf(changes)) ?? {};
    },

    ValidateWorkerDeploymentVersionComputeConfig: ({ namespace: in_, identity, ...changes }) => {
      const namespace = namespaces.byName(in_);
      if (namespace instanceof Rejection) return namespace;
      return (
        lengthProblem("Identity", identity) ??
        (isEmpty(changes) ? invalid(nothingKept) : (scalingGroupsProblem(groupsOf(changes)) ?? {}))
      );
    },
  } satisfies Handlers;
}

interface Changes {
  readonly computeConfigScalingGroups: Readonly<Record<string, compute.ComputeConfigScalingGroupUpdate>>;
}

function isEmpty({ computeConfigScalingGroups }: Changes): boolean {
  return Object.keys(computeConfigScalingGroups).length === 0;
}

/** As they would be after the change. No version has one before, so a mask has nothing to keep. */
function groupsOf({ computeConfigScalingGroups }: Changes): Groups {
  const none: compute.ComputeConfigScalingGroup = { taskQueueTypes: [], provider: undefined, scaler: undefined };
  return Object.fromEntries(
    Object.entries(computeConfigScalingGroups).map(([name, { scalingGroup = none }]) => [name, scalingGroup]),
  );
}
