/**
 * Looks over the workflows of a running server by what it tells: its lists, its descriptions and its histories, whatever store it has. While it is
 * looked at, a workflow goes on; what two answers say of it is compared only when nothing happened between them.
 */
import { currentViolations, RunHistory, Violation } from "@pawl/engine/invariant";
import type { Init } from "@pawl/protocol";
import { enums, history, type MethodName, type RequestOf, type ResponseOf, timestampMs } from "@pawl/protocol";
import { type Finding, findingOf, type Looked, type Watching } from "./finding.ts";

const pageRows = 200;
/** Of a page whose rows are only counted. */
const countedRows = 1_000;
/** How often a workflow that goes on is looked at again. */
const looksMax = 5;
/** The server's clock may be so much ahead of this process's. */
const clockSkewMs = 5 * 60_000;

/** Undefined: there is no such thing, or not any more. Throws whatever another refusal is to its maker. */
export type Find = <N extends MethodName>(name: N, request: Init<RequestOf<N>>) => Promise<ResponseOf<N> | undefined>;

export interface ServerCheckOptions extends Watching {
  readonly find: Find;
  readonly nowMs: () => number;
  /** Undefined: all. */
  readonly namespace: string | undefined;
}

type Description = ResponseOf<"DescribeWorkflowExecution">;
interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

/** Looks over a running server by calls of the API: `findings` once, from beginning to end; `looked` tells how far it is. */
export class ServerCheck {
  readonly #options: ServerCheckOptions;
  #runs = 0;
  #events = 0;

  constructor(options: ServerCheckOptions) {
    this.#options = options;
  }

  get looked(): Looked {
    return { runs: this.#runs, events: this.#events };
  }

  async *findings(): AsyncGenerator<Finding> {
    const { find, namespace } = this.#options;
    const namespaces = namespace === undefined ? await this.#namespaces() : [namespace];
    let total = 0;
    for (const each of namespaces) total += (await find("CountWorkflowExecutions", { namespace: each }))?.count ?? 0;
    for (const each of namespaces) yield* this.#checkNamespace(each, total);
  }

  async #namespaces(): Promise<string[]> {
    const names: string[] = [];
    let nextPageToken: Uint8Array = new Uint8Array();
    do {
      const page = await this.#options.find("ListNamespaces", { pageSize: pageRows, nextPageToken });
      names.push(...(page?.namespaces ?? []).flatMap(({ namespaceInfo }) => namespaceInfo?.name ?? []));
      nextPageToken = page?.nextPageToken ?? new Uint8Array();
    } while (nextPageToken.length > 0);
    return names;
  }

  async *#checkNamespace(namespace: string, total: number): AsyncGenerator<Finding> {
    const open = new Map<string, Set<string>>();
    let nextPageToken: Uint8Array = new Uint8Array();
    do {
      const request = { namespace, pageSize: pageRows, nextPageToken };
      const page = await this.#options.find("ListWorkflowExecutions", request);
      for (const { execution, status } of page?.executions ?? []) {
        const { workflowId = "", runId = "" } = execution ?? {};
        const about = { kind: "workflow", namespace, id: workflowId, runId };
        for (const violation of await this.#violationsOf(namespace, { workflowId, runId }))
          yield findingOf(violation, about);
        if (status === enums.WorkflowExecutionStatus.RUNNING)
          open.set(workflowId, (open.get(workflowId) ?? new Set()).add(runId));
        this.#options.progress(++this.#runs, total);
      }
      nextPageToken = page?.nextPageToken ?? new Uint8Array();
    } while (nextPageToken.length > 0);
    yield* this.#checkOpen(namespace, open);
    yield* this.#checkCount(namespace);
  }

  /**
   * I26: of what has ended before some moment there can only become less, so two counts that are equal are what a list between them must come to.
   */
  async *#checkCount(namespace: string): AsyncGenerator<Finding> {
    const { find } = this.#options;
    const newest = await find("ListWorkflowExecutions", { namespace, pageSize: 1, query: "CloseTime IS NOT NULL" });
    const closeTime = newest?.executions[0]?.closeTime;
    if (!closeTime) return;
    const query = `CloseTime < '${new Date(timestampMs(closeTime)).toISOString()}'`;
    const count = async () => (await find("CountWorkflowExecutions", { namespace, query }))?.count;
    for (let look = 1; look <= looksMax; look++) {
      const counted = await count();
      let listed = 0;
      let nextPageToken: Uint8Array = new Uint8Array();
      do {
        const page = await find("ListWorkflowExecutions", { namespace, query, pageSize: countedRows, nextPageToken });
        listed += page?.executions.length ?? 0;
        nextPageToken = page?.nextPageToken ?? new Uint8Array();
      } while (nextPageToken.length > 0);
      if (counted === undefined || counted !== (await count())) continue;
      if (counted === listed) return;
      const what = `${counted} closed workflows are counted and ${listed} listed`;
      return yield findingOf({ invariant: "I26", what }, { kind: "workflow", namespace });
    }
  }

  async #violationsOf(namespace: string, execution: Execution): Promise<Violation[]> {
    for (let look = 1; ; look++) {
      const before = await this.#describe(namespace, execution);
      if (!before) return [];
      const { told, broken } = await this.#history(namespace, execution);
      const listed = await this.#listedStatus(namespace, execution);
      const after = await this.#describe(namespace, execution);
      if (!after) return [];
      const isStill = transitionsOf(before) === transitionsOf(after);
      if (!isStill && look < looksMax) continue;
      this.#events += told.lastEventId;
      const found = broken ? [broken] : isStill ? [...describedViolations(after, told)] : [];
      if (isStill) found.push(...listedViolations(after, listed));
      if (!told.isOpen && !broken) found.push(...(await this.#reversed(namespace, execution, told)));
      return found;
    }
  }

  #describe(namespace: string, execution: Execution): Promise<Description | undefined> {
    return this.#options.find("DescribeWorkflowExecution", { namespace, execution });
  }

  async #history(namespace: string, execution: Execution) {
    const told = new RunHistory({ nowMs: () => this.#options.nowMs() + clockSkewMs });
    let nextPageToken: Uint8Array = new Uint8Array();
    try {
      do {
        const request = { namespace, execution, nextPageToken };
        const page = await this.#options.find("GetWorkflowExecutionHistory", request);
        if (!page) break;
        const bytes = page.history ?? new Uint8Array();
        const { events } = history.History.decode(bytes);
        if (events.length > 0) told.append(events[0]!.eventId, events.at(-1)!.eventId, bytes);
        nextPageToken = page.nextPageToken;
      } while (nextPageToken.length > 0);
    } catch (error) {
      if (error instanceof Violation) return { told, broken: error };
      throw error;
    }
    return { told, broken: undefined };
  }

  /** I7: read from its end, a history that has ended is the same. */
  async #reversed(namespace: string, execution: Execution, told: RunHistory): Promise<Violation[]> {
    let expected = told.lastEventId;
    let nextPageToken: Uint8Array = new Uint8Array();
    do {
      const request = { namespace, execution, nextPageToken };
      const page = await this.#options.find("GetWorkflowExecutionHistoryReverse", request);
      if (!page) return [];
      for (const event of history.History.decode(page.history ?? new Uint8Array()).events) {
        const first = told.events[event.eventId - 1];
        const isSame = event.eventId === expected && first !== undefined && isEqual(encoded(event), encoded(first));
        if (!isSame)
          return [new Violation("I7", `event ${event.eventId} is another when the history is read from its end`)];
        expected -= 1;
      }
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.length > 0);
    return expected === 0
      ? []
      : [new Violation("I7", `read from its end, the history begins with event ${expected + 1}`)];
  }

  /** Undefined: it is in no list. */
  async #listedStatus(namespace: string, { workflowId, runId }: Execution): Promise<number | undefined> {
    const query = `WorkflowId = '${quoted(workflowId)}' AND RunId = '${quoted(runId)}'`;
    const page = await this.#options.find("ListWorkflowExecutions", { namespace, pageSize: 1, query });
    return page?.executions[0]?.status;
  }

  /** I4. One run of a chain may have ended, and the next begun, while the list was read. */
  async *#checkOpen(namespace: string, open: ReadonlyMap<string, ReadonlySet<string>>): AsyncGenerator<Finding> {
    for (const [workflowId, runIds] of open) {
      if (runIds.size < 2) continue;
      const runs: { readonly runId: string; readonly isOpen: boolean }[] = [];
      for (const runId of runIds) {
        const description = await this.#describe(namespace, { workflowId, runId });
        if (description) runs.push({ runId, isOpen: isRunning(description) });
      }
      const current = await this.#describe(namespace, { workflowId, runId: "" });
      const currentRunId = current?.workflowExecutionInfo?.execution?.runId ?? null;
      for (const violation of currentViolations({ name: `workflow ${workflowId}`, currentRunId, runs }))
        if (violation.invariant === "I4") yield findingOf(violation, { kind: "workflow", namespace, id: workflowId });
    }
  }
}

const taskEvents: readonly number[] = [enums.EventType.WORKFLOW_TASK_SCHEDULED, enums.EventType.WORKFLOW_TASK_STARTED];

/** I2, I5, I10: what is described is what history comes to. */
function* describedViolations(description: Description, told: RunHistory): Generator<Violation> {
  const { workflowExecutionInfo: info, pendingActivities, pendingChildren, pendingNexusOperations } = description;
  const { historyLength = 0 } = info ?? {};
  // A workflow task that is tried again is shown at the end of the history, and gets its place there when it completes.
  const isShown = told.events.slice(historyLength).every(({ eventType }) => taskEvents.includes(eventType));
  if (historyLength > told.lastEventId || !isShown)
    yield new Violation("I2", `the history has ${told.lastEventId} events, its description says ${historyLength}`);
  if (isRunning(description) !== told.isOpen)
    yield new Violation(
      "I5",
      `it is described as ${isRunning(description) ? "open" : "closed"}, its history says otherwise`,
    );
  // What ends while a worker has the workflow task is written into history when that one ends.
  const isAhead = description.pendingWorkflowTask?.state === enums.PendingWorkflowTaskState.STARTED;
  const pending = [
    ["activities", pendingActivities.length, told.activities.size],
    ["children", pendingChildren.length, told.children.size],
    ["Nexus operations", pendingNexusOperations.length, told.nexusOperations.size],
  ] as const;
  for (const [what, described, inHistory] of told.isOpen ? pending : [])
    if (isAhead ? described > inHistory : described !== inHistory)
      yield new Violation("I10", `${described} ${what} are described as pending, history has ${inHistory}`);
}

/** I26. */
function* listedViolations(description: Description, listed: number | undefined): Generator<Violation> {
  const status = description.workflowExecutionInfo?.status;
  if (listed === undefined) yield new Violation("I26", "it can be described and is in no list");
  else if (listed !== status) yield new Violation("I26", `it has status ${status}, the list says ${listed}`);
}

function isRunning({ workflowExecutionInfo }: Description): boolean {
  return workflowExecutionInfo?.closeTime === undefined;
}

/** Grows with each change of the run. */
function transitionsOf({ workflowExecutionInfo }: Description): number {
  return workflowExecutionInfo?.stateTransitionCount ?? 0;
}

function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}

function encoded(event: history.HistoryEvent): Uint8Array {
  return history.HistoryEvent.encode(event);
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
