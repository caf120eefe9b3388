/** Which version of a worker deployment is current and which is ramping, and who may change that. */
import { Rejection } from "@pawl/engine";
import { invalid, lengthProblem } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import {
  type Change,
  conflictTokenOf,
  type Deployment,
  newDeployment,
  setCurrent,
  setManager,
  setRamping,
  unnamedRequest,
  type Version,
  versionOf,
  withVersion,
} from "./deployment.ts";
import { activeQueues, disposable } from "./deployment-queues.ts";
import { deploymentsProblem, unknownDeployment } from "./deployment-registry.ts";
import { buildIdOfRequest, nameProblem } from "./deployment-rules.ts";
import { textOf } from "./deployment-view.ts";

export function deploymentRoutingHandlers(parts: Parts) {
  const { namespaces, deployments, clock } = parts;
  return {
    SetWorkerDeploymentCurrentVersion: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const buildId = routedProblem(request) ?? buildIdOfRequest(request);
      if (buildId instanceof Rejection) return buildId;
      const change = { ...request, nowMs: clock.nowMs() };
      const set = (deployment: Deployment) => setCurrent(deployment, buildId, change);
      const changed = await changeRole(parts, namespace, request, { role: "current", buildId, set });
      if (changed instanceof Rejection) return changed;
      const { before, after } = changed;
      return { conflictToken: conflictTokenOf(after), ...previous(before.name, before.current) };
    },

    SetWorkerDeploymentRampingVersion: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const buildId = routedProblem(request) ?? percentageProblem(request) ?? buildIdOfRequest(request);
      if (buildId instanceof Rejection) return buildId;
      const { percentage } = request;
      const ramp = buildId === null && percentage === 0 ? null : { buildId, percentage };
      const change = { ...request, nowMs: clock.nowMs() };
      const set = (deployment: Deployment) => setRamping(deployment, ramp, change);
      const changed = await changeRole(parts, namespace, request, { role: "ramping", buildId, set });
      if (changed instanceof Rejection) return changed;
      const { name, ramping } = changed.before;
      return {
        conflictToken: conflictTokenOf(changed.after),
        ...(ramping && { ...previous(name, ramping.buildId), previousPercentage: ramping.percentage }),
      };
    },

    SetWorkerDeploymentManager: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const { deploymentName: name, identity, managerIdentity = "", self } = request;
      const problem = routedProblem(request) ?? lengthProblem("ManagerIdentity", managerIdentity);
      if (problem) return problem;
      const change = { ...request, nowMs: clock.nowMs() };
      let before: Deployment | undefined;
      const after = await deployments.change(namespace.id, name, (found) => {
        before = found;
        return found ? setManager(found, self ? identity : managerIdentity, change) : unknownDeployment(name);
      });
      if (after instanceof Rejection) return after;
      return { conflictToken: conflictTokenOf(after), previousManagerIdentity: before!.manager };
    },
  } satisfies Handlers;
}

export function routedProblem(request: { deploymentName: string } & Pick<Change, "identity">): Rejection | undefined {
  return nameProblem(request.deploymentName) ?? lengthProblem("Identity", request.identity);
}

function percentageProblem({ percentage }: { percentage: number }): Rejection | undefined {
  // Written so that NaN is refused too.
  return percentage >= 0 && percentage <= 100 ? undefined : invalid("Percentage must be between 0 and 100 (inclusive)");
}

type Role = "current" | "ramping";

interface RoleRequest {
  readonly deploymentName: string;
  readonly allowNoPollers: boolean;
  readonly ignoreMissingTaskQueues: boolean;
}

interface RoleChange {
  readonly role: Role;
  /** null: workers without a version. */
  readonly buildId: string | null;
  readonly set: (deployment: Deployment) => Deployment | Rejection;
}

/** Gives the version a role, if it polls what the version before it polled. Throws `Unavailable`. */
async function changeRole(
  parts: Parts,
  namespace: Namespace,
  request: RoleRequest,
  { role, buildId, set }: RoleChange,
): Promise<{ readonly before: Deployment; readonly after: Deployment } | Rejection> {
  const { deploymentName: name, ignoreMissingTaskQueues } = request;
  const seen = await seenOf(parts, namespace, name);
  let before: Deployment | undefined;
  const after = await parts.deployments.change(namespace.id, name, (found) => {
    const deployment = toRoute(parts, namespace, found, { ...request, ...seen, buildId });
    if (deployment instanceof Rejection) return deployment;
    before = deployment;
    const changed = set(deployment);
    if (changed instanceof Rejection || holderOf(changed, role) === holderOf(deployment, role)) return changed;
    if (ignoreMissingTaskQueues) return changed;
    return missingQueues(parts, namespace, deployment, { ...seen, buildId, role }) ?? changed;
  });
  return after instanceof Rejection ? after : { before: before!, after };
}

/** undefined: nobody has it. */
function holderOf({ current, ramping }: Deployment, role: Role): string | null | undefined {
  return role === "current" ? current : ramping?.buildId;
}

interface Seen {
  /** Build ids of versions that may go to make room. */
  readonly disposable: ReadonlySet<string>;
  /** Queues of the current version that have something to do, as `kind/name`. */
  readonly active: ReadonlySet<string>;
}

/** Throws `Unavailable`. */
async function seenOf(parts: Parts, { id }: Namespace, name: string): Promise<Seen> {
  const found = parts.deployments.find(id, name);
  const current = found && found.current !== null ? versionOf(found, found.current) : undefined;
  const asked = [disposable(parts, id, found), activeQueues(parts, id, current?.queues ?? [])] as const;
  const [mayGo, active] = await Promise.all(asked);
  return { disposable: mayGo, active };
}

/** The deployment that is to be routed, made first, with its version, where the caller does not mind that no worker has come yet. */
function toRoute(
  parts: Parts,
  { id }: Namespace,
  found: Deployment | undefined,
  request: Pick<Seen, "disposable"> &
    Pick<RoleRequest, "deploymentName" | "allowNoPollers"> & { buildId: string | null },
): Deployment | Rejection {
  const { deploymentName: name, buildId, allowNoPollers } = request;
  const nowMs = parts.clock.nowMs();
  if (!found && (!allowNoPollers || buildId === null)) return unknownDeployment(name);
  const deployment =
    found ??
    deploymentsProblem(parts.deployments.list(id).length) ??
    newDeployment(name, { nowMs, requestId: unnamedRequest });
  if (deployment instanceof Rejection || buildId === null || !allowNoPollers || versionOf(deployment, buildId))
    return deployment;
  return withVersion(deployment, buildId, { nowMs }, request.disposable);
}

/** Refused when tasks come to a queue of the current version that the proposed one does not poll: they would go to workers without a version. */
function missingQueues(
  { deployments }: Pick<Parts, "deployments">,
  { id: namespaceId }: Namespace,
  deployment: Deployment,
  { active, buildId, role }: Pick<Seen, "active"> & { buildId: string | null; role: Role },
): Rejection | undefined {
  const { name, current } = deployment;
  const now = current === null ? undefined : versionOf(deployment, current);
  const proposed = buildId === null ? undefined : versionOf(deployment, buildId);
  if (!now || !proposed) return undefined;
  const isMissing = ({ name: taskQueue, kind }: Version["queues"][number]) => {
    if (proposed.queues.some((queue) => queue.name === taskQueue && queue.kind === kind)) return false;
    // Another deployment may have taken the queue over.
    const { version } = deployments.routing({ namespaceId, kind, taskQueue })?.current ?? { version: null };
    if (version?.deploymentName !== name) return false;
    return active.has(`${kind}/${taskQueue}`);
  };
  if (!now.queues.some(isMissing)) return undefined;
  return new Rejection(
    "FAILED_PRECONDITION",
    `proposed ${role} version '${name}:${buildId}' is missing active task queues from the current version; these would become unversioned if it is set as the ${role} version`,
  );
}

function previous(deploymentName: string, buildId: string | null) {
  const previousDeploymentVersion = buildId === null ? undefined : { deploymentName, buildId };
  return { previousVersion: textOf(deploymentName, buildId), previousDeploymentVersion };
}
