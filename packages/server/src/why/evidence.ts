/** Gathers what an explanation needs by calls of the API, whoever makes them: the command line over gRPC, the HTTP route within the server. */
import {
  enums,
  history,
  type Init,
  type MethodName,
  type RequestOf,
  type ResponseOf,
  timestampMs,
} from "@pawl/protocol";
import { explanationLimits } from "../limits.ts";
import { type Evidence, type Explanation, explain, type Poller, queueKey, queuesOf } from "./explanation.ts";

/** Throws whatever a refusal is to its maker. */
export type Ask = <N extends MethodName>(name: N, request: Init<RequestOf<N>>) => Promise<ResponseOf<N>>;

/** The workflow that is asked about. */
export interface Subject {
  readonly namespace: string;
  readonly workflowId: string;
  /** "" is the current run. */
  readonly runId: string;
}

export interface Surroundings {
  readonly ask: Ask;
  readonly nowMs: () => number;
}

/** Why a workflow does not go on. Rejects as `ask` does when the workflow is not there. */
export function whyWaiting(subject: Subject, surroundings: Surroundings): Promise<Explanation> {
  return new Investigation(surroundings).look(subject, 0);
}

class Investigation {
  readonly #surroundings: Surroundings;
  #workflowsLeft: number = explanationLimits.workflowsMax;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  async look({ namespace, workflowId, runId }: Subject, depth: number): Promise<Explanation> {
    this.#workflowsLeft--;
    const { ask, nowMs } = this.#surroundings;
    const description = await ask("DescribeWorkflowExecution", { namespace, execution: { workflowId, runId } });
    const execution = description.workflowExecutionInfo?.execution ?? { workflowId, runId };
    const tail = await newestEvents(ask, namespace, execution);
    const pollers = await pollersOf(ask, namespace, description);
    const children = new Map<string, Explanation>();
    for (const child of depth < explanationLimits.depthMax ? description.pendingChildren : []) {
      if (child.runId === "" || this.#workflowsLeft <= 0) continue;
      // One that has gone meanwhile says nothing.
      const within = await this.look({ ...child, namespace }, depth + 1).catch(() => undefined);
      if (within) children.set(child.runId, within);
    }
    const evidence: Evidence = { namespace, nowMs: nowMs(), description, ...tail, pollers, children };
    return explain(evidence);
  }
}

async function newestEvents(ask: Ask, namespace: string, execution: { workflowId: string; runId: string }) {
  const events: history.HistoryEvent[] = [];
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await ask("GetWorkflowExecutionHistoryReverse", { namespace, execution, nextPageToken });
    events.push(...history.History.decode(page.history ?? new Uint8Array()).events);
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0 && events.length < explanationLimits.eventsMax);
  return { events, isWhole: nextPageToken.length === 0 };
}

async function pollersOf(
  ask: Ask,
  namespace: string,
  description: ResponseOf<"DescribeWorkflowExecution">,
): Promise<Map<string, readonly Poller[]>> {
  const found = new Map<string, readonly Poller[]>();
  for (const { type, name } of queuesOf(description)) {
    const taskQueueType = type === "workflow" ? enums.TaskQueueType.WORKFLOW : enums.TaskQueueType.ACTIVITY;
    const { pollers } = await ask("DescribeTaskQueue", { namespace, taskQueue: { name }, taskQueueType });
    found.set(
      queueKey(type, name),
      pollers.map(({ identity, lastAccessTime }) => ({ identity, lastPollMs: timestampMs(lastAccessTime) })),
    );
  }
  return found;
}
