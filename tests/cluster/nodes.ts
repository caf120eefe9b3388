/** Several nodes of Pawl as processes on one database, what they own, and a load of workflows whose end can be told. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { enums, history } from "@pawl/protocol";
import { CallError, call } from "../rig/call.ts";
import type { Postgres } from "../rig/postgres.ts";
import { type NodeOptions, type RunningServer, startNode } from "../rig/server.ts";

export const namespace = "default";
const patienceMs = 120_000;

/** Waits until `isSo`; throws with `what` when it never is. */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  withinMs = patienceMs,
): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAtMs) assert.fail(`never ${what}`);
    await delay(20);
  }
}

export class Nodes {
  readonly postgres: Postgres;
  readonly url: string;
  readonly #all: RunningServer[] = [];

  private constructor(postgres: Postgres, url: string) {
    this.postgres = postgres;
    this.url = url;
  }

  static async on(postgres: Postgres): Promise<Nodes> {
    return new Nodes(postgres, await postgres.newSchema());
  }

  /** `url`: another way to the same database. */
  async start(options: NodeOptions, url = this.url): Promise<RunningServer> {
    const node = await startNode(url, options);
    this.#all.push(node);
    return node;
  }

  /** Kills what still runs. */
  async end(): Promise<void> {
    await Promise.all(this.#all.map((node) => node.kill9()));
  }

  /** How many shards each node owns, by its name; "" of nobody. */
  async shards(): Promise<Map<string, number>> {
    const rows = await this.postgres.run(
      "SELECT coalesce(n.name, s.owner) AS name, count(*)::int AS count FROM shard s LEFT JOIN node n ON n.node_id = s.owner GROUP BY 1",
      this.url,
    );
    return new Map(rows.map(({ name, count }) => [String(name), Number(count)]));
  }

  /** Waits until these nodes own all shards, and each has some. */
  async settled(...names: readonly string[]): Promise<void> {
    await until(`${names.join(" and ")} own all shards`, async () => {
      const shards = await this.shards();
      return names.length === shards.size && names.every((name) => (shards.get(name) ?? 0) > 0);
    });
  }
}

/** Tries again what may be tried again, as every SDK does. `further`: statuses that end by themselves here. */
export async function insist<T>(
  attempt: () => Promise<T>,
  withinMs = patienceMs,
  further: readonly number[] = [],
): Promise<T> {
  const giveUpAtMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isFinal = error instanceof CallError && ![4, 8, 14, ...further].includes(error.status);
      if (isFinal || performance.now() > giveUpAtMs) throw error;
      await delay(50);
    }
  }
}

const { CommandType, EventType } = enums;

export function eventsOf(bytes: Uint8Array | undefined): readonly history.HistoryEvent[] {
  return history.History.decode(bytes ?? new Uint8Array()).events;
}

/** Workers and clients that go from node to node: every workflow of theirs completes in one task. */
export class Load {
  readonly #nodes: () => readonly RunningServer[];
  readonly #taskQueue: string;
  /** Acknowledged starts: run id by workflow id. */
  readonly started = new Map<string, string>();
  /** Acknowledged signals: how many by workflow id. */
  readonly #signalled = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  #turn = 0;

  /** `nodes`: those that may be called now. */
  constructor(taskQueue: string, nodes: () => readonly RunningServer[]) {
    this.#taskQueue = taskQueue;
    this.#nodes = nodes;
  }

  get #address(): string {
    const nodes = this.#nodes();
    this.#turn += 1;
    return nodes[this.#turn % nodes.length]!.address;
  }

  begin({ starters = 3, workers = 4 } = {}): void {
    for (let i = 0; i < starters; i++) this.#running.push(this.#startOn(`${this.#taskQueue}-${i}`));
    for (let i = 0; i < workers; i++) this.#running.push(this.#work(`worker-${i}`));
  }

  /** Waits until so many more workflows were started and acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.started.size + count;
    await until(`${count} more workflows are started`, () => this.started.size >= wanted);
  }

  /**
   * Ends the starts, and waits until every workflow that was acknowledged has completed: once, with a whole history, and with every signal that was
   * acknowledged, once.
   */
  async checked(): Promise<void> {
    this.#stop.abort();
    const left = new Map(this.started);
    await until("all acknowledged workflows are complete", async () => {
      for (const [workflowId, runId] of left) {
        const execution = { workflowId, runId };
        const answer = await insist(() => call(this.#address, "GetWorkflowExecutionHistory", { namespace, execution }));
        const events = eventsOf(answer.history);
        if (events.at(-1)?.eventType !== EventType.WORKFLOW_EXECUTION_COMPLETED) return false;
        assert.deepEqual(
          events.map(({ eventId }) => eventId),
          events.map((_, at) => at + 1),
        );
        const signals = events.filter(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_SIGNALED);
        const names = signals.map(({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName);
        assert.equal(new Set(names).size, names.length, `${workflowId} has a signal twice: ${names}`);
        const acked = this.#signalled.get(workflowId) ?? 0;
        assert.ok(names.length >= acked, `${workflowId} has ${names.length} of ${acked} acknowledged signals`);
        const starts = events.filter(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_STARTED);
        assert.equal(starts.length, 1);
        left.delete(workflowId);
      }
      return true;
    });
    this.#running.splice(0);
  }

  async #startOn(name: string): Promise<void> {
    for (let i = 0; !this.#stop.signal.aborted; i++) {
      const workflowId = `${name}-${i}`;
      const request = { namespace, workflowId, requestId: workflowId, taskQueue: { name: this.#taskQueue } };
      const { runId } = await insist(() =>
        call(this.#address, "StartWorkflowExecution", { ...request, workflowType: { name: "T" } }),
      );
      this.started.set(workflowId, runId);
      for (const signalName of ["one", "two"]) {
        const signal = {
          signalName,
          requestId: `${workflowId}/${signalName}`,
          workflowExecution: { workflowId, runId },
        };
        const isAcked = await insist(() =>
          call(this.#address, "SignalWorkflowExecution", { namespace, ...signal }),
        ).then(
          () => true,
          // It has completed already.
          (error: unknown) => !(error instanceof CallError && error.status === 5),
        );
        if (isAcked) this.#signalled.set(workflowId, (this.#signalled.get(workflowId) ?? 0) + 1);
      }
      await delay(5);
    }
  }

  async #work(identity: string): Promise<void> {
    for (;;) {
      if (this.#running.length === 0) return;
      await this.#task(identity).catch((error: unknown) => {
        if (!(error instanceof Error)) throw error;
      });
      await delay(1);
    }
  }

  async #task(identity: string): Promise<void> {
    const taskQueue = { name: this.#taskQueue };
    const { taskToken } = await call(
      this.#address,
      "PollWorkflowTaskQueue",
      { namespace, taskQueue, identity },
      { timeoutMs: 3_000 },
    );
    if (taskToken.length === 0) return;
    const commandType = CommandType.COMPLETE_WORKFLOW_EXECUTION;
    const commands = [{ commandType, completeWorkflowExecutionCommandAttributes: {} }];
    await call(this.#address, "RespondWorkflowTaskCompleted", { taskToken, commands });
  }
}
