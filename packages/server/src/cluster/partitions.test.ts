/** Task queues that are divided among several nodes: their tasks and workers find each other, whichever node either comes to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import type { Match, PollRequest, QueryTask, Routing, Task } from "../matching/match.ts";
import type { Matching } from "../matching/matching.ts";
import { namespaceId, settle } from "../matching/rig.ts";
import type { Started } from "../shard/dispatcher.ts";
import type { Balancing } from "./balance.ts";
import { ownerOf, type Place } from "./placement.ts";
import { ClusterQueues, type QueuesNode } from "./queues.ts";
import { decode, encode } from "./wire.ts";

const unrouted: Routing = { target: () => ({ version: null }), has: () => false };
const taskQueue = "orders";

interface Polled {
  answer: Match<Started> | null | undefined;
  readonly end: () => void;
}

/** Nodes without a network between them but this one, on one clock. */
class Nodes {
  readonly clock = new ManualClock();
  readonly count: { value: number };
  readonly queues = new Map<string, ClusterQueues>();
  readonly matchings = new Map<string, Matching<Started>>();
  /** Those that things are placed on. */
  up: string[] = [];
  /** What goes wrong with the next messages, first ones first; nothing once it is empty. */
  troubles: ("request" | "answer")[] = [];
  balancing = 0;
  #polls = 0;

  constructor(count: number, ids: readonly string[]) {
    this.count = { value: count };
    for (const id of ids) this.join(id);
  }

  join(id: string): void {
    this.up.push(id);
    const queues = new ClusterQueues(this.#nodeOf(id), this.clock, this.count);
    this.matchings.set(id, queues.own(unrouted));
    this.queues.set(id, queues);
    this.follow();
  }

  /** In an orderly way: it still hears and speaks, but nothing is placed on it any more. */
  leave(id: string): void {
    this.up = this.up.filter((each) => each !== id);
    this.follow();
  }

  follow(): void {
    for (const queues of this.queues.values()) queues.follow();
  }

  at(id: string): ClusterQueues {
    return this.queues.get(id)!;
  }

  /** A worker calls node `id`. */
  poll(id: string, changes: Partial<PollRequest> = {}): Polled {
    const gone = new AbortController();
    const polled: Polled = { answer: undefined, end: () => gone.abort() };
    const request: PollRequest = {
      ...{ namespaceId, kind: "workflow", taskQueue, untilMs: this.clock.nowMs() + 3_600_000 },
      poller: { identity: `worker at ${id}`, requestId: `poll-${this.#polls++}` },
      ...changes,
      signal: gone.signal,
    };
    const { stickyOf } = request;
    const named = stickyOf ? { taskQueue: stickyOf, stickyQueue: request.taskQueue } : { taskQueue: request.taskQueue };
    const owner = ownerOf(this.up, this.at(id).places.placeOf({ namespaceId, ...named }))!;
    void this.at(owner)
      .poll(request)
      .then((answer) => {
        polled.answer = answer;
      });
    return polled;
  }

  task(runId: string, changes: Partial<Task> = {}): Task {
    return {
      ...{
        kind: "workflow",
        namespaceId,
        workflowId: `order-${runId}`,
        runId,
        taskQueue,
        scheduledEventId: 2,
        stamp: 1,
      },
      scheduledAtMs: this.clock.nowMs(),
      ...changes,
    };
  }

  query(home: string, id: string): QueryTask {
    return { kind: "query", namespaceId, workflowId: "order-1", runId: "1", taskQueue, id: `${home}/${id}` };
  }

  /** Lets `ms` go by in steps of a look. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += clusterLimits.balanceMs) {
      this.clock.advance(clusterLimits.balanceMs);
      await settle();
    }
  }

  #nodeOf(id: string): QueuesNode {
    const others = () => [...this.queues.keys()].filter((each) => each !== id);
    const node: QueuesNode = {
      id,
      homes: { refused() {}, tell() {} },
      get others() {
        return others().map((each) => ({ id: each, name: `name of ${each}`, address: "", state: "up" as const }));
      },
      ownerOf: (place: Place) => ownerOf(this.up, place),
      isAlive: (nodeId) => this.queues.has(nodeId),
      ask: (nodeId, method, value) => this.#ask(id, nodeId, method, value),
      route: async (place, { here, there }) => {
        const owner = ownerOf(this.up, place)!;
        return (await (owner === id ? here() : there(owner))) as never;
      },
    };
    return node;
  }

  async #ask(from: string, to: string, method: string, value: unknown): Promise<{ value: unknown } | undefined> {
    await null;
    const trouble = method === "Balance" || method === "Deliver" ? this.troubles.shift() : undefined;
    if (trouble === "request") return undefined;
    const answer = await this.#answer(from, this.at(to), method, decode(encode(value)) as never);
    return trouble === "answer" ? undefined : { value: decode(encode(answer)) };
  }

  async #answer(from: string, queues: ClusterQueues, method: string, value: never): Promise<unknown> {
    switch (method) {
      case "Balance":
        this.balancing++;
        return queues.balance(from, value as Balancing<Started>);
      case "Deliver":
        return queues.take(value, from);
      case "Withdraw":
        return queues.withdrawHere(value);
      case "Queues": {
        const asked: { namespaceId: string; countMax: number } = value;
        return queues.listHere(asked.namespaceId, asked.countMax);
      }
      case "DescribeQueue": {
        const { queue }: { queue: { kind: "workflow"; taskQueue: string } } = value;
        return [queues.describe(namespaceId, queue.kind, queue.taskQueue)];
      }
      default:
        throw new Error(`nobody asks for ${method}`);
    }
  }
}

function runOf(answer: Match<Started> | null | undefined): string | null | undefined {
  if (!answer) return answer;
  return answer.type === "query" ? answer.query.id : answer.task.runId;
}

const ids = ["node-a", "node-b", "node-c"];

test("a task reaches the worker that waits at another node, and a worker the task that waits there", async () => {
  for (const [worker, maker] of [
    ["node-a", "node-b"],
    ["node-b", "node-c"],
    ["node-c", "node-a"],
  ] as const) {
    const nodes = new Nodes(16, ids);
    const first = nodes.poll(worker);
    await nodes.pass(50);
    nodes.at(maker).offer(nodes.task("made while a worker waits"));
    await nodes.pass(50);
    assert.equal(runOf(first.answer), "made while a worker waits");
    nodes.at(maker).offer(nodes.task("made while none waits"));
    await nodes.pass(50);
    const second = nodes.poll(worker);
    await nodes.pass(50);
    assert.equal(runOf(second.answer), "made while none waits");
  }
});

test("every node has a part of a queue with partitions enough, and what comes in there stays there", async () => {
  const nodes = new Nodes(16, ids);
  for (const id of ids) {
    const polled = nodes.poll(id);
    nodes.at(id).offer(nodes.task(`of ${id}`));
    await settle();
    assert.equal(runOf(polled.answer), `of ${id}`);
  }
});

test("a queue of one partition is one node's, and nobody is told of it", async () => {
  const nodes = new Nodes(1, ids);
  const polled = nodes.poll("node-a");
  nodes.at("node-b").offer(nodes.task("1"));
  await nodes.pass(100);
  assert.equal(runOf(polled.answer), "1");
  assert.equal(nodes.balancing, 0);
  assert.deepEqual(
    ids.map((id) => nodes.at(id).partitions(namespaceId, taskQueue).length),
    [1, 1, 1],
  );
});

test("workers that are never idle do what has waited longest, wherever it does", async () => {
  const nodes = new Nodes(16, ids);
  // Nobody calls these two.
  for (let i = 0; i < 20; i++) nodes.at(i % 2 === 0 ? "node-b" : "node-c").offer(nodes.task(`old ${i}`));
  const order: string[] = [];
  for (let i = 0; i < 400; i++) {
    // More than its workers can do comes to this one.
    for (let j = 0; j < 2; j++) nodes.at("node-a").offer(nodes.task(`new ${i} ${j}`));
    const polled = nodes.poll("node-a");
    await nodes.pass(clusterLimits.balanceMs);
    order.push(String(runOf(polled.answer)));
  }
  const done = order.filter((run) => run.startsWith("old")).length;
  assert.equal(done, 20);
  const last = order.findLastIndex((run) => run.startsWith("old"));
  assert.ok(last < 100, `the last of 20 old tasks was number ${last}`);
});

test("a rate of the queue is that of all its parts together", async () => {
  const nodes = new Nodes(16, ids);
  const kind = "activity" as const;
  const config = { maxTasksPerSecond: 8, maxKeyTasksPerSecond: undefined, weights: new Map<string, number>() };
  for (const matching of nodes.matchings.values()) matching.configure(namespaceId, { kind, taskQueue }, config);
  for (let i = 0; i < 300; i++) nodes.at(ids[i % 3]!).offer(nodes.task(String(i), { kind }));
  const polls = Array.from({ length: 300 }, () => nodes.poll("node-a", { kind }));
  await nodes.pass(10_000);
  const done = polls.filter(({ answer }) => answer).length;
  // A second's worth may be saved up, at least one task in each part.
  assert.ok(done >= 60 && done <= 8 * 11 + 3, `${done} tasks in ten seconds`);
  const [described] = await nodes.at("node-b").survey(namespaceId, [{ kind, taskQueue }]);
  assert.equal(described?.maxTasksPerSecond, 8);
  assert.equal(described?.backlogCount, 300 - done);
});

test("a description, a list and the names of partitions are of the whole queue", async () => {
  const nodes = new Nodes(16, ids);
  for (let i = 0; i < 9; i++) nodes.at(ids[i % 3]!).offer(nodes.task(String(i)));
  for (const id of ids) {
    const [described] = await nodes.at(id).survey(namespaceId, [{ kind: "workflow", taskQueue }]);
    assert.equal(described?.backlogCount, 9);
    const { queues, isCut } = await nodes.at(id).list(namespaceId, 10);
    assert.deepEqual([queues.map((queue) => [queue.taskQueue, queue.backlogCount]), isCut], [[["orders", 9]], false]);
    const owners = nodes.at(id).partitions(namespaceId, taskQueue);
    assert.equal(owners.length, 16);
    assert.deepEqual(
      new Set(owners.map(({ ownerName }) => ownerName)),
      new Set(ids.map((other) => (other === id ? undefined : `name of ${other}`))),
    );
  }
  const same = { identity: "one worker", requestId: "" };
  for (const id of ids) nodes.poll(id, { poller: same });
  await settle();
  const [described] = await nodes.at("node-a").survey(namespaceId, [{ kind: "workflow", taskQueue }]);
  assert.deepEqual(
    described?.pollers.map(({ identity }) => identity),
    ["one worker"],
  );
});

test("a sticky queue is at one node, whichever its worker and its tasks come to", async () => {
  const nodes = new Nodes(16, ids);
  for (const [i, id] of ids.entries()) {
    const stickyQueue = `sticky-${i}`;
    const polled = nodes.poll(id, { taskQueue: stickyQueue, stickyOf: taskQueue });
    await settle();
    const maker = ids[(i + 1) % 3]!;
    nodes.at(maker).offer(nodes.task(`for ${stickyQueue}`, { stickyQueue }));
    await nodes.pass(50);
    assert.equal(runOf(polled.answer), `for ${stickyQueue}`);
    // Its worker has gone: the next one reaches any worker.
    nodes.clock.advance(60_000);
    nodes.at(maker).offer(nodes.task(`after ${stickyQueue}`, { stickyQueue }));
    const other = nodes.poll(ids[(i + 2) % 3]!);
    await nodes.pass(50);
    assert.equal(runOf(other.answer), `after ${stickyQueue}`);
  }
});

test("a question that went on to another node is withdrawn there, and asked again when that node has died", async () => {
  const nodes = new Nodes(16, ["node-a", "node-b"]);
  const waiting = nodes.poll("node-b");
  await nodes.pass(50);
  // The worker goes without a word, and before anybody hears of it a question is passed on to where it was.
  waiting.end();
  nodes.at("node-a").offerQuery(nodes.query("node-a", "1"));
  nodes.at("node-a").offerQuery(nodes.query("node-a", "2"));
  await nodes.pass(50);
  nodes.at("node-a").withdrawQuery("node-a/1");
  await nodes.pass(50);
  nodes.queues.delete("node-b");
  nodes.leave("node-b");
  const [one, two] = [nodes.poll("node-a"), nodes.poll("node-a")];
  await nodes.pass(50);
  assert.deepEqual([runOf(one.answer), runOf(two.answer)], ["node-a/2", undefined]);
});

const pick = fc.nat(1_000);
const move = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const), at: pick }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("poll" as const), at: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("query" as const), at: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("withdraw" as const), at: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("hangUp" as const), at: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), at: fc.constantFrom(10, 20, 50, 1_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("count" as const), at: fc.constantFrom(1, 2, 4, 16) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("move" as const), at: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trouble" as const), at: pick }) },
);
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

/** What happened in all lives: if some of it never does, they prove nothing. */
const met = { tasks: 0, queries: 0, twice: 0, balanced: 0 };

class Life {
  readonly nodes = new Nodes(4, ids);
  readonly #polls: Polled[] = [];
  readonly #offered = new Set<string>();
  readonly #asked = new Map<string, string>();
  #made = 0;
  #hadAnswerLost = false;

  async step({ do: what, at }: Move): Promise<void> {
    const { nodes } = this;
    const id = ids[at % ids.length]!;
    switch (what) {
      case "offer": {
        const run = `run ${this.#made++}`;
        this.#offered.add(run);
        return nodes.at(id).offer(nodes.task(run));
      }
      case "poll":
        return void this.#polls.push(nodes.poll(id));
      case "query": {
        const query = nodes.query(id, String(this.#made++));
        this.#asked.set(query.id, id);
        return nodes.at(id).offerQuery(query);
      }
      case "withdraw": {
        const [query, home] = [...this.#asked][at % Math.max(1, this.#asked.size)] ?? [];
        if (query === undefined) return;
        this.#asked.delete(query);
        return nodes.at(home!).withdrawQuery(query);
      }
      case "hangUp":
        return this.#polls[at % Math.max(1, this.#polls.length)]?.end();
      case "pass":
        return nodes.pass(at);
      case "count":
        nodes.count.value = at;
        return nodes.follow();
      case "move":
        if (!nodes.up.includes(id)) nodes.up.push(id);
        else if (nodes.up.length > 1) nodes.up = nodes.up.filter((each) => each !== id);
        return nodes.follow();
      case "trouble":
        nodes.troubles.push(at % 2 === 0 ? "request" : "answer");
        this.#hadAnswerLost ||= at % 2 === 1;
        return;
      default:
        return what satisfies never;
    }
  }

  /** A worker comes to each node in turn until nothing waits any more. */
  async end(): Promise<void> {
    const { nodes } = this;
    nodes.troubles = [];
    await nodes.pass(3_000);
    this.#mustBeEven();
    for (let idle = 0; idle < nodes.up.length; ) {
      const polled = nodes.poll(nodes.up[idle]!);
      await nodes.pass(200);
      if (polled.answer === undefined) idle++;
      else this.#polls.push(polled);
    }
    const handedOut = this.#polls.map(({ answer }) => runOf(answer)).filter((run) => typeof run === "string");
    const distinct = new Set(handedOut);
    for (const run of this.#offered) assert.ok(distinct.has(run), `${run} is lost`);
    for (const query of this.#asked.keys()) assert.ok(distinct.has(query), `${query} is lost`);
    // A question is asked again when its queue moves, as long as it is not withdrawn.
    const tasks = handedOut.filter((run) => this.#offered.has(run));
    if (!this.#hadAnswerLost) assert.equal(tasks.length, this.#offered.size, "a task was handed out twice");
    met.tasks += this.#offered.size;
    met.queries += this.#asked.size;
    met.twice += handedOut.length - distinct.size;
    met.balanced += nodes.balancing;
  }

  /** No poll waits anywhere while anything waits. */
  #mustBeEven(): void {
    const { nodes } = this;
    const part = { namespaceId, kind: "workflow", taskQueue } as const;
    const loads = [...nodes.queues.values()].map((queues) => queues.describe(namespaceId, part.kind, taskQueue));
    const backlog = loads.reduce((sum, { backlogCount }) => sum + backlogCount, 0);
    const waiting = this.#polls.filter(({ answer }) => answer === undefined).length;
    assert.ok(backlog === 0 || waiting === 0, `${backlog} tasks and ${waiting} polls wait`);
  }
}

test("whatever nodes, networks, workers and callers do: nothing waits while a worker does, and nothing is lost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 60 }), async (moves) => {
      const life = new Life();
      for (const each of moves) await life.step(each);
      await life.end();
    }),
    { numRuns: Number(process.env["PAWL_MODEL_RUNS"] ?? 60) },
  );
  for (const [what, count] of Object.entries(met)) assert.ok(what === "twice" || count > 0, `${what} never happened`);
});
