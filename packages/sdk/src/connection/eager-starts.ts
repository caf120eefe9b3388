/** Workers of this process that would take a workflow's first task right from the answer to its start, without a poll. */
import type { deployment, Init, workflowservice } from "@pawl/protocol";

export type EagerTask = workflowservice.PollWorkflowTaskQueueResponse;

export interface EagerOffer {
  /** Of the worker: which version the task would go to. */
  readonly deploymentOptions: Init<deployment.WorkerDeploymentOptions> | undefined;
  /** With the task that came, or without one. */
  end(task: EagerTask | undefined): void;
}

/** Holds a slot for a task until the offer's end; `undefined` when there is none free. */
export type OfferEagerStart = () => EagerOffer | undefined;

export class EagerStarts {
  readonly #workers = new Map<string, Set<OfferEagerStart>>();

  /** The function that is returned takes the worker away. */
  register(namespace: string, taskQueue: string, offer: OfferEagerStart): () => void {
    const key = JSON.stringify([namespace, taskQueue]);
    const workers = this.#workers.get(key) ?? new Set();
    this.#workers.set(key, workers.add(offer));
    return () => {
      workers.delete(offer);
      if (workers.size === 0) this.#workers.delete(key);
    };
  }

  offer(namespace: string, taskQueue: string): EagerOffer | undefined {
    for (const offer of this.#workers.get(JSON.stringify([namespace, taskQueue])) ?? []) {
      const held = offer();
      if (held) return held;
    }
    return undefined;
  }
}
