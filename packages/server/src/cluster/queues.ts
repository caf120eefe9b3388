/**
 * The task queues of the cluster, as shards and handlers of one node use them: those that are this node's are here, the others a call away.
 *
 *   Q1. What is offered to another node's queue is sent until that node, or the one that has the queue by then, has taken it.
 *   Q2. A task that was taken may still be lost with its node: then the shard that made it offers it again (H3 of `holdings.ts`). So one may be there twice, and
 *       the engine refuses the second start.
 *   Q3. A question is sent again when its queue moves, until it is withdrawn.
 */
import type { Clock } from "../clock.ts";
import type { Queues } from "../frontend/parts.ts";
import { clusterLimits } from "../limits.ts";
import { joined, type Listing } from "../matching/listing.ts";
import type { AskedQueue, Match, Question, QueueDescription, Reservation, Routing, Task } from "../matching/match.ts";
import { Matching } from "../matching/matching.ts";
import type { Started } from "../shard/dispatcher.ts";
import { type ClusterNode, notThere } from "./node.ts";
import type { Place } from "./placement.ts";

type Waiting = Match<Started>;
type Goodbye = Parameters<Queues["shutdownWorker"]>[0];

interface Asked {
  readonly question: Question;
  /** The node that has been sent it last. */
  owner: string | undefined;
}

export class ClusterQueues {
  readonly #node: ClusterNode;
  readonly #clock: Clock;
  /** By the node that they are for. */
  readonly #outboxes = new Map<string, Waiting[]>();
  readonly #questions = new Map<string, Asked>();
  #own: Matching<Started> | undefined;
  #isClosed = false;

  constructor(node: ClusterNode, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  /** Makes the queues that are this node's own. Call it first, and once. */
  own(routing: Routing): Matching<Started> {
    this.#own = new Matching<Started>(this.#clock, routing, {
      isMine: (namespaceId, taskQueue) => this.#isMine({ namespaceId, taskQueue }),
      handOver: (match) => this.handOver(match),
    });
    return this.#own;
  }

  get #matching(): Matching<Started> {
    return this.#own!;
  }

  /** Only a poller of this node's own queue can be told to wait for a commit. */
  reserve(task: Task): Reservation<Started> | null {
    return this.#isMine(task) ? this.#matching.reserve(task) : null;
  }

  offer(task: Task): void {
    this.handOver({ type: "task", task, sticky: false, backlogCount: 0 });
  }

  /** To the queue that it belongs to, wherever that is. */
  handOver(match: Waiting): void {
    const of = match.type === "query" ? match.query : match.task;
    const owner = this.#node.ownerOf(placeOf(of));
    if (owner === this.#node.id) return this.#takeHere(match);
    if (owner === undefined) return this.#later([match]);
    if (match.type === "query") {
      const asked = this.#questions.get(match.query.id);
      if (asked) asked.owner = owner;
    }
    const outbox = this.#outboxes.get(owner);
    if (outbox) outbox.push(match);
    else {
      this.#outboxes.set(owner, [match]);
      void this.#send(owner);
    }
  }

  /** What another node has sent: the places of those that are not for this node. */
  take(matches: readonly Waiting[]): number[] {
    const refused: number[] = [];
    for (const [at, match] of matches.entries()) {
      if (this.#isMine(match.type === "query" ? match.query : match.task)) this.#takeHere(match);
      else refused.push(at);
    }
    return refused;
  }

  offerQuery(question: Question): void {
    this.#questions.set(question.id, { question, owner: undefined });
    this.handOver({ type: "query", query: question, sticky: false, backlogCount: 0 });
  }

  withdrawQuery(id: string): void {
    const asked = this.#questions.get(id);
    this.#questions.delete(id);
    this.#matching.withdrawQuery(id);
    if (asked?.owner !== undefined && asked.owner !== this.#node.id) void this.#node.ask(asked.owner, "Withdraw", id);
  }

  /** null also when the queue has moved since the call came here: the worker asks again. */
  async poll(request: Parameters<Queues["poll"]>[0]): ReturnType<Queues["poll"]> {
    return this.#isMine({ ...request, taskQueue: request.stickyOf || request.taskQueue })
      ? this.#matching.poll(request)
      : null;
  }

  giveBack(match: Waiting): void {
    this.#matching.giveBack(match);
  }

  /** Of this node's own queues: the call comes to where the queue is. */
  describe(...queue: Parameters<Matching<Started>["describe"]>): ReturnType<Matching<Started>["describe"]> {
    return this.#matching.describe(...queue);
  }

  survey(namespaceId: string, asked: readonly AskedQueue[]): Promise<QueueDescription[]> {
    return Promise.all(asked.map((queue) => this.#describe(namespaceId, queue)));
  }

  /** Of all nodes that answer. */
  async list(namespaceId: string, countMax: number): Promise<Listing> {
    const others = this.#node.others.map(async ({ id }) => {
      const answer = await this.#node.ask(id, "Queues", { namespaceId, countMax });
      return (answer?.value as Listing | undefined) ?? { queues: [], isCut: true };
    });
    return joined(await Promise.all([this.listHere(namespaceId, countMax), ...others]), countMax);
  }

  listHere(namespaceId: string, countMax: number): Promise<Listing> {
    return this.#matching.list(namespaceId, countMax);
  }

  #describe(namespaceId: string, queue: AskedQueue): Promise<QueueDescription> {
    const { kind, taskQueue, version } = queue;
    return this.#node.route<QueueDescription>(placeOf({ namespaceId, taskQueue }), {
      here: async () => this.#matching.describe(namespaceId, kind, taskQueue, version),
      there: async (nodeId) => {
        const answer = await this.#node.ask(nodeId, "DescribeQueue", { namespaceId, queue });
        return answer ? (answer.value as [QueueDescription])[0] : notThere;
      },
    });
  }

  /** A worker polls queues of several nodes. */
  shutdownWorker(worker: Goodbye): void {
    this.#matching.shutdownWorker(worker);
    for (const { id } of this.#node.others) void this.#node.ask(id, "Goodbye", worker);
  }

  shutdownWorkerHere(worker: Goodbye): void {
    this.#matching.shutdownWorker(worker);
  }

  withdrawHere(id: string): void {
    this.#matching.withdrawQuery(id);
  }

  /** Nodes have come or gone: queues that are another's now go there with what waits in them (M5 of `matching.ts`), and questions after their queues (Q3). */
  follow(): void {
    this.#matching.release();
    for (const { question, owner } of this.#questions.values())
      if (owner !== undefined && this.#node.ownerOf(placeOf(question)) !== owner)
        this.handOver({ type: "query", query: question, sticky: false, backlogCount: 0 });
  }

  close(): void {
    this.#isClosed = true;
  }

  #isMine(of: { readonly namespaceId: string; readonly taskQueue: string }): boolean {
    return this.#node.isMine(placeOf(of));
  }

  #takeHere(match: Waiting): void {
    if (match.type === "task") this.#matching.offer(match.task);
    else if (match.type === "query") this.#matching.offerQuery(match.query);
    else this.#matching.giveBack(match);
  }

  /** Q1. One call at a time to each node: what comes meanwhile goes with the next. */
  async #send(owner: string): Promise<void> {
    const outbox = this.#outboxes.get(owner)!;
    // Whatever else arrives in this turn of the loop goes along.
    await null;
    while (outbox.length > 0) {
      const matches = outbox.splice(0, clusterLimits.deliverMax).filter((match) => this.#isWanted(match));
      if (matches.length === 0) continue;
      const answer = await this.#node.ask(owner, "Deliver", matches);
      const refused = answer ? new Set(answer.value as number[]) : undefined;
      const left = refused ? matches.filter((_, at) => refused.has(at)) : matches;
      // All that is for a node that cannot be reached: it may have another owner by then.
      if (left.length > 0) this.#later(refused ? left : [...left, ...outbox.splice(0)]);
    }
    this.#outboxes.delete(owner);
  }

  #isWanted(match: Waiting): boolean {
    return match.type !== "query" || this.#questions.has(match.query.id) || !match.query.id.startsWith(this.#node.id);
  }

  #later(matches: readonly Waiting[]): void {
    const { nowMs, wake } = { nowMs: this.#clock.nowMs(), wake: this.#clock.wake.bind(this.#clock) };
    wake(nowMs + clusterLimits.deliverRetryMs, () => {
      if (!this.#isClosed) for (const match of matches) if (this.#isWanted(match)) this.handOver(match);
    });
  }
}

function placeOf({ namespaceId, taskQueue }: { readonly namespaceId: string; readonly taskQueue: string }): Place {
  return { type: "queue", namespaceId, taskQueue };
}
