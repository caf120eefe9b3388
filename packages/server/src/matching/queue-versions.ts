/** The queues of workers that are versioned: one for each version that polls a task queue, or that tasks wait for. */
import type { DeploymentVersion } from "./match.ts";
import type { TaskQueue } from "./task-queue.ts";

export class QueueVersions<Started> {
  /** By the address of the task queue, then by version. */
  readonly #queues = new Map<string, Map<string, TaskQueue<Started>>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  find(address: string, version: DeploymentVersion): TaskQueue<Started> | undefined {
    return this.#queues.get(address)?.get(nameOf(version));
  }

  add(address: string, version: DeploymentVersion, queue: TaskQueue<Started>): void {
    const versions = this.#queues.get(address) ?? new Map<string, TaskQueue<Started>>();
    this.#queues.set(address, versions);
    versions.set(nameOf(version), queue);
    this.#count++;
  }

  /** Those of one task queue. */
  of(address: string): TaskQueue<Started>[] {
    return [...(this.#queues.get(address)?.values() ?? [])];
  }

  versionsOf(address: string): DeploymentVersion[] {
    return [...(this.#queues.get(address)?.keys() ?? [])].map(versionOf);
  }

  /** Of the task queues that have any. */
  addresses(): Iterable<string> {
    return this.#queues.keys();
  }

  *all(): Generator<TaskQueue<Started>> {
    for (const versions of this.#queues.values()) yield* versions.values();
  }

  /** Takes out the queues of the addresses that `which` picks. */
  forget(which: (address: string) => boolean): TaskQueue<Started>[] {
    const forgotten: TaskQueue<Started>[] = [];
    for (const [address, versions] of this.#queues) {
      if (!which(address)) continue;
      forgotten.push(...versions.values());
      this.#count -= versions.size;
      this.#queues.delete(address);
    }
    return forgotten;
  }

  /** Forgets those that are idle, and what is not seen any more of the others. */
  sweep(nowMs: number, idleMs: number): void {
    for (const [address, versions] of this.#queues) {
      for (const [name, queue] of versions) {
        queue.forgetPollers(nowMs);
        if (!queue.isIdle(nowMs, idleMs)) continue;
        versions.delete(name);
        this.#count--;
      }
      if (versions.size === 0) this.#queues.delete(address);
    }
  }
}

function versionOf(name: string): DeploymentVersion {
  const at = name.indexOf(":");
  return { deploymentName: name.slice(0, at), buildId: name.slice(at + 1) };
}

/** A deployment's name has no colon. */
function nameOf({ deploymentName, buildId }: DeploymentVersion): string {
  return `${deploymentName}:${buildId}`;
}
