/**
 * What the task queues of a deployment report of its versions, whichever nodes those queues are on. A change of the registry is synchronous, so whatever it
 * depends on is asked for beforehand.
 */
import { limits } from "../../limits.ts";
import type { QueueKind } from "../../matching/match.ts";
import type { Queues } from "../queues.ts";
import type { Deployment, Version } from "./deployment.ts";

interface Asking {
  readonly matching: Pick<Queues, "survey">;
}

/** Build ids of those versions whose workers have not polled lately. Throws `Unavailable` when a queue is not found. */
export async function pollerless(
  { matching }: Asking,
  namespaceId: string,
  deploymentName: string,
  versions: readonly Version[],
): Promise<ReadonlySet<string>> {
  const found = versions.map(async ({ buildId, queues }) => {
    const version = { deploymentName, buildId };
    const asked = queues.map(({ kind, name }) => ({ kind, taskQueue: name, version }));
    const described = await matching.survey(namespaceId, asked);
    return described.some(({ pollers }) => pollers.length > 0) ? [] : [buildId];
  });
  return new Set((await Promise.all(found)).flat());
}

/** Of a deployment that is full, those without pollers: they may go to make room. Of any other none, and nobody is asked. */
export function disposable(
  asking: Asking,
  namespaceId: string,
  found: Deployment | undefined,
): Promise<ReadonlySet<string>> {
  const isFull = found !== undefined && found.versions.length >= limits.deploymentVersionsMax;
  return pollerless(asking, namespaceId, found?.name ?? "", isFull ? found.versions : []);
}

/** Those queues, as `kind/name`, to which tasks come or in which some wait. Throws `Unavailable` when one is not found. */
export async function activeQueues(
  { matching }: Asking,
  namespaceId: string,
  queues: readonly { readonly kind: QueueKind; readonly name: string }[],
): Promise<ReadonlySet<string>> {
  const described = await matching.survey(
    namespaceId,
    queues.map(({ kind, name }) => ({ kind, taskQueue: name })),
  );
  const active = queues.filter((_, at) => described[at]!.backlogCount > 0 || described[at]!.addRate > 0);
  return new Set(active.map(({ kind, name }) => `${kind}/${name}`));
}
