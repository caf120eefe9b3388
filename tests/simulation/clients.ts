/** Clients that start workflows, ask things of them and wait for their ends, repeating every request until they hear yes or no. */
import { enums, history } from "@pawl/protocol";
import { text } from "../stories/requests.ts";
import type { AnswerCheck } from "./answer-check.ts";
import { taskQueue } from "./decision.ts";
import type { Network } from "./network.ts";
import { drawProgram } from "./program.ts";
import type { World } from "./world.ts";

const { EventType, UpdateWorkflowExecutionLifecycleStage: Stage } = enums;
const workflowType = { name: "T" };

/** One client and the workflow that is its own. */
export class Client {
  readonly #world: World;
  readonly #network: Network;
  readonly #check: AnswerCheck;
  readonly workflowId: string;
  #underWay = 0;
  #numbers = 0;
  #isClosed = false;
  hasEnded = false;

  constructor({
    world,
    network,
    check,
    workflowId,
  }: { world: World; network: Network; check: AnswerCheck; workflowId: string }) {
    this.#world = world;
    this.#network = network;
    this.#check = check;
    this.workflowId = workflowId;
  }

  get isDone(): boolean {
    return this.hasEnded && this.#underWay === 0;
  }

  start(workflowIds: readonly string[]): void {
    this.#spawn("client", async () => {
      const { chance } = this.#world;
      for (let lives = chance.between(1, 2); lives > 0; lives--) {
        await this.#world.sleep(chance.between(0, 20_000));
        this.#isClosed = false;
        if (!(await this.#begin(workflowIds))) return;
        this.#spawn("nudge", () => this.#nudge());
        for (let number = chance.between(0, 6); number > 0; number--) this.#spawn("ask", () => this.#ask());
        await this.#awaitEnd();
        this.#isClosed = true;
      }
      this.hasEnded = true;
    });
  }

  #spawn(name: string, run: () => Promise<void>): void {
    this.#underWay += 1;
    this.#world.spawn(`${name} of ${this.workflowId}`, async () => {
      await run();
      this.#underWay -= 1;
    });
  }

  #name(what: string): string {
    return `${this.workflowId} ${what} ${++this.#numbers}`;
  }

  async #begin(workflowIds: readonly string[]): Promise<boolean> {
    const { chance } = this.#world;
    const bounds = { workflowIds, depth: 2, waitsForSignals: true, calls: this.#world.cast.handlers };
    const timeoutSeconds = chance.hits(0.15) ? chance.between(20, 200) : 0;
    const request = {
      workflowId: this.workflowId,
      workflowType,
      taskQueue: { name: taskQueue },
      input: text(drawProgram(chance, bounds)),
      requestId: chance.uuid(),
      identity: "client",
      workflowRunTimeout: { seconds: timeoutSeconds, nanos: 0 },
      ...(chance.hits(0.15) && { retryPolicy: { initialInterval: { seconds: 1, nanos: 0 }, maximumAttempts: 3 } }),
    };
    const answer = chance.hits(0.8)
      ? await this.#network.insist("StartWorkflowExecution", request, { about: this.workflowId })
      : await this.#network.insist("SignalWithStartWorkflowExecution", {
          ...request,
          signalName: this.#name("with start"),
        });
    return answer !== undefined;
  }

  /** For programs that wait for signals. */
  async #nudge(): Promise<void> {
    while (this.#waitsForSignals && !this.#world.isOver) {
      await this.#world.sleep(this.#world.chance.between(5_000, 40_000));
      if (this.#waitsForSignals) await this.#signal();
    }
  }

  get #waitsForSignals(): boolean {
    return !this.#isClosed || this.#world.safety.history(this.#latestRunId ?? "")?.isOpen === true;
  }

  async #signal(): Promise<void> {
    await this.#network.insist("SignalWorkflowExecution", {
      workflowExecution: { workflowId: this.workflowId },
      signalName: this.#name("signal"),
      requestId: this.#world.chance.uuid(),
    });
  }

  async #ask(): Promise<void> {
    const { chance } = this.#world;
    await this.#world.sleep(chance.skewed(0, 60_000));
    const workflowExecution = { workflowId: this.workflowId };
    const kind = chance.between(0, 23);
    if (kind < 7) return this.#signal();
    if (kind < 13) return this.#update();
    if (kind < 14) return this.#cancel();
    if (kind < 15) return this.#terminate();
    if (kind < 16) return this.#reset();
    if (kind < 20) return this.#query();
    if (kind < 22) await this.#network.insist("DescribeWorkflowExecution", { execution: workflowExecution });
    else if (kind < 23) await this.#network.insist("ListWorkflowExecutions", {});
    else await this.#network.insist("CountWorkflowExecutions", { query: "ExecutionStatus = 'Running'" });
  }

  /** Asked again under its id until there is an outcome. */
  async #update(): Promise<void> {
    const updateId = this.#name("update");
    const request = {
      workflowExecution: { workflowId: this.workflowId },
      waitPolicy: { lifecycleStage: Stage.COMPLETED },
      request: { meta: { updateId, identity: "client" }, input: { name: "change", args: text(updateId) } },
    };
    while (!this.#world.isOver && !this.#isClosed) {
      const answer = await this.#network.insist("UpdateWorkflowExecution", request, { timeoutMs: 20_000 });
      if (answer?.type !== "ok" || answer.response.outcome) return;
    }
  }

  /** Linearizable: what was on the disk when the question was asked is in the answer. */
  async #query(): Promise<void> {
    const runId = this.#latestRunId;
    if (runId === undefined) return;
    const known = new Set(this.#world.safety.history(runId)?.signals);
    const request = {
      execution: { workflowId: this.workflowId, runId },
      query: { queryType: "signals" },
    };
    const answer = await this.#network.insist("QueryWorkflow", request, { timeoutMs: 20_000 });
    if (answer?.type !== "ok") return;
    const data = answer.response.queryResult?.payloads[0]?.data;
    const told = new Set(JSON.parse(new TextDecoder().decode(data)) as string[]);
    const missing = [...known].filter((name) => !told.has(name));
    if (missing.length > 0)
      this.#world.violate(
        `a query of run ${runId} does not know of signals that came before it: ${missing.join(", ")}`,
      );
  }

  get #latestRunId(): string | undefined {
    return this.#world.safety.chain(this.workflowId).at(-1);
  }

  /** Back to the end of one of the workflow tasks of the latest run, be that open or not. */
  async #reset(): Promise<void> {
    const { chance, safety } = this.#world;
    const runId = this.#latestRunId;
    if (runId === undefined) return;
    // A child that outlived its parent has told nobody how it ended; a run that begins before that end waits for it for ever, here as at the reference.
    const { status, children, nexusOperations } = safety.run(runId)!;
    if (status.type === "closed" && children.size + nexusOperations.size > 0) return;
    const ends = safety
      .history(runId)!
      .events.filter(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED);
    if (ends.length === 0) return;
    const wasClosed = this.#isClosed;
    await this.#network.insist("ResetWorkflowExecution", {
      workflowExecution: { workflowId: this.workflowId, runId },
      workflowTaskFinishEventId: chance.pick(ends).eventId,
      requestId: chance.uuid(),
      reason: "again",
    });
    if (wasClosed) await this.#nudge();
  }

  async #cancel(): Promise<void> {
    const workflowExecution = { workflowId: this.workflowId };
    const request = { workflowExecution, requestId: this.#world.chance.uuid(), reason: "enough" };
    await this.#network.insist("RequestCancelWorkflowExecution", request);
  }

  async #terminate(): Promise<void> {
    const runId = this.#latestRunId;
    if (runId === undefined) return;
    const request = { workflowExecution: { workflowId: this.workflowId, runId }, reason: "enough" };
    const answer = await this.#network.insist("TerminateWorkflowExecution", request);
    if (answer?.type === "ok") this.#check.terminated.add(runId);
  }

  /** Follows the chain of runs to its end, as SDKs do for a result. */
  async #awaitEnd(): Promise<void> {
    let runId = "";
    while (!this.#world.isOver) {
      const execution = { workflowId: this.workflowId, runId };
      const filter = { historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT };
      const request = { execution, waitNewEvent: true, ...filter };
      const answer = await this.#network.insist("GetWorkflowExecutionHistory", request, { timeoutMs: 30_000 });
      if (answer?.type !== "ok" || !answer.response.history) return;
      const [event] = history.History.decode(answer.response.history).events;
      if (!event || event.eventType === EventType.WORKFLOW_EXECUTION_STARTED) continue;
      const next =
        event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ??
        event.workflowExecutionCompletedEventAttributes?.newExecutionRunId ??
        event.workflowExecutionFailedEventAttributes?.newExecutionRunId ??
        event.workflowExecutionTimedOutEventAttributes?.newExecutionRunId;
      // A reset may have begun another run, of which the one that it ended says nothing.
      const latest = this.#latestRunId ?? "";
      if (next) runId = next;
      else if (this.#world.safety.history(latest)?.isOpen) runId = latest;
      else return;
    }
  }
}
