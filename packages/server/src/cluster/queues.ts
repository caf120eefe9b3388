/**
 * The task queues of the cluster, as shards and handlers of one node use them: what this node has of them is here, the rest a call away. Which nodes have a
 * queue is `partitions.ts`; when several do, `balance.ts` brings tasks and workers together.
 *
 *   Q1. What is offered to another node's queue is sent until that node, or the one that has the queue by then, has taken it.
 *   Q2. A task that was taken may still be lost with its node: then the shard that made it offers it again (H3 of `holdings.ts`). So one may be there twice, and
 *       the engine refuses the second start.
 *   Q3. A question is sent again when its queue moves, until it is withdrawn.
 *
 * A task that a poll has come for along with a command goes back with the answer, and comes by no queue (`loans.ts`).
 */
import type { Clock } from "../clock.ts";
import type { Queues } from "../frontend/queues.ts";
import { clusterLimits, matchingLimits } from "../limits.ts";
import { type QueueDescription, together } from "../matching/description.ts";
import { joined, type Listing } from "../matching/listing.ts";
import type { AskedQueue, Match, Question, QueuePartition, Reservation, Routing, Task } from "../matching/match.ts";
import { Matching } from "../matching/matching.ts";
import type { Started } from "../shard/dispatcher.ts";
import { Balance, type Balancing } from "./balance.ts";
import { Borrowings, isSticky, Lender } from "./loans.ts";
import { type ClusterNode, notThere } from "./node.ts";
import { Partitions } from "./partitions.ts";
import type { Queue } from "./placement.ts";

type Waiting = Match<Started>;
type Goodbye = Parameters<Queues["shutdownWorker"]>[0];

interface Asked {
  readonly question: Question;
  /** The node that has been sent it last. */
  owner: string | undefined;
}

/** What this needs of its node. */
export type QueuesNode = Pick<ClusterNode, "id" | "others" | "ownerOf" | "isAlive" | "ask" | "route"> & {
  readonly homes: Pick<ClusterNode["homes"], "refused" | "tell">;
};

export class ClusterQueues {
  /** Of polls of this node to others, and of theirs to this one (`loans.ts`). */
  readonly lender: Lender;
  readonly borrowings: Borrowings;
  readonly #node: QueuesNode;
  readonly #clock: Clock;
  readonly #partitions: Partitions;
  readonly #balance: Balance<Started>;
  /** By the node that they are for. */
  readonly #outboxes = new Map<string, Waiting[]>();
  readonly #questions = new Map<string, Asked>();
  /** Questions that went on to another part of their queue, by their ids: they are withdrawn there, too, and asked here again when that node dies. */
  readonly #passedOn = new Map<string, { readonly question: Question; readonly to: string }>();
  #own: Matching<Started> | undefined;
  #isClosed = false;

  constructor(node: QueuesNode, clock: Clock, partitionCount: { readonly value: number }) {
    this.#node = node;
    this.#clock = clock;
    this.#partitions = new Partitions(node, partitionCount);
    this.#balance = new Balance({
      clock,
      peers: (part) => (this.#partitions.count === 1 ? [] : this.#holdersBeside(part)),
      load: (part) => this.#matching.partLoad(part),
      takeForOther: (part) => this.#matching.takeForOther(part),
      send: (nodeId, message) => this.#passOn(nodeId, message),
      takeBack: (match) => this.#arrive(match),
    });
    this.lender = new Lender({ clock, lend: (queue) => (this.#isMine(queue) ? this.#matching.lend(queue) : null) });
    this.borrowings = new Borrowings({
      isFor: (task, version) => this.#matching.isFor(task, version),
      sendLate: (loan, { task, started }) => {
        const version = loan.poller.deploymentVersion ?? null;
        this.handOver({ type: "started", task, started, version, sticky: isSticky(loan), backlogCount: 0 });
      },
    });
  }

  /** Where a call that waits at a queue is to be done. */
  get places(): Pick<Partitions, "placeOf"> {
    return this.#partitions;
  }

  /** Makes the queues that are this node's own. Call it first, and once. */
  own(routing: Routing): Matching<Started> {
    this.#own = new Matching<Started>(this.#clock, routing, {
      isMine: (namespaceId, taskQueue, stickyQueue) => this.#isMine({ namespaceId, taskQueue, stickyQueue }),
      share: (namespaceId, taskQueue) => this.#partitions.share({ namespaceId, taskQueue }),
      touched: (part) => {
        if (this.#partitions.count > 1) this.#balance.touched(part);
      },
      handOver: (match) => this.handOver(match),
    });
    return this.#own;
  }

  get #matching(): Matching<Started> {
    return this.#own!;
  }

  /** Only a poller of this node's own queue can be told to wait for a commit, and one that has come along with a command. */
  reserve(task: Task): Reservation<Started> | null {
    return this.#isMine(task) ? this.#matching.reserve(task) : this.borrowings.reserve(task);
  }

  offer(task: Task): void {
    this.handOver({ type: "task", task, sticky: false, backlogCount: 0 });
  }

  /** To the queue that it belongs to, wherever that is. */
  handOver(match: Waiting): void {
    const owner = this.#node.ownerOf(this.#partitions.placeOf(namedIn(match)));
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
  take(matches: readonly Waiting[], from: string): number[] {
    const refused: number[] = [];
    for (const [at, match] of matches.entries()) {
      if (this.#isMine(namedIn(match))) this.#takeHere(match);
      else {
        refused.push(at);
        this.#node.homes.tell(from, this.#partitions.placeOf(namedIn(match)));
      }
    }
    return refused;
  }

  offerQuery(question: Question): void {
    this.#questions.set(question.id, { question, owner: undefined });
    this.handOver(asMatch(question));
  }

  withdrawQuery(id: string): void {
    const asked = this.#questions.get(id);
    this.#questions.delete(id);
    this.withdrawHere(id);
    if (asked?.owner !== undefined && asked.owner !== this.#node.id) void this.#node.ask(asked.owner, "Withdraw", id);
  }

  /** null also when the queue has moved since the call came here: the worker asks again. */
  async poll(request: Parameters<Queues["poll"]>[0]): ReturnType<Queues["poll"]> {
    const { namespaceId, taskQueue, stickyOf } = request;
    return this.#isMine({
      namespaceId,
      ...(stickyOf ? { taskQueue: stickyOf, stickyQueue: taskQueue } : { taskQueue }),
    })
      ? this.#matching.poll(request)
      : null;
  }

  giveBack(match: Waiting): void {
    this.#matching.giveBack(match);
  }

  /** Of what this node has of it. */
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

  /** All parts of it together. */
  async #describe(namespaceId: string, queue: AskedQueue): Promise<QueueDescription> {
    const { kind, taskQueue, version } = queue;
    const holders = this.#partitions.holders({ namespaceId, taskQueue });
    const places = holders.size > 0 ? [...holders.values()] : [this.#partitions.placeOf({ namespaceId, taskQueue })];
    const parts = places.map((place) =>
      this.#node.route<QueueDescription>(place, {
        here: async () => this.#matching.describe(namespaceId, kind, taskQueue, version),
        there: async (nodeId) => {
          const answer = await this.#node.ask(nodeId, "DescribeQueue", { place, queue });
          return answer ? (answer.value as [QueueDescription])[0] : notThere;
        },
      }),
    );
    const described = await Promise.all(parts);
    if (described.length === 1) return described[0]!;
    const whole = together(described);
    const seen = new Set<string>();
    // A worker may have called several nodes. Its last poll comes first.
    const pollers = whole.pollers.filter(({ identity }) => !seen.has(identity) && seen.add(identity));
    return { ...whole, pollers };
  }

  partitions(namespaceId: string, taskQueue: string): readonly QueuePartition[] {
    const names = new Map(this.#node.others.map(({ id, name }) => [id, name]));
    const owners = this.#partitions.owners({ namespaceId, taskQueue });
    return owners.map((owner) => ({ ownerName: owner === undefined ? "" : names.get(owner) }));
  }

  /** A worker polls queues of several nodes, and of the others it is not known whether they gave it a task just now. */
  shutdownWorker(worker: Goodbye): number {
    const partsInMs = this.#matching.shutdownWorker(worker);
    for (const { id } of this.#node.others) void this.#node.ask(id, "Goodbye", worker);
    return this.#node.others.length > 0 ? matchingLimits.partingMs : partsInMs;
  }

  shutdownWorkerHere(worker: Goodbye): void {
    this.#matching.shutdownWorker(worker);
  }

  withdrawHere(id: string): void {
    this.#matching.withdrawQuery(id);
    const passed = this.#passedOn.get(id);
    if (!passed) return;
    this.#passedOn.delete(id);
    void this.#node.ask(passed.to, "Withdraw", id);
  }

  /** What another node that holds a part of a queue says and passes on: the places of what is not for this node. */
  balance(from: string, message: Balancing<Started>): number[] {
    const refused: number[] = [];
    for (const [at, { match }] of message.passed.entries()) {
      const { namespaceId, taskQueue } = match.type === "query" ? match.query : match.task;
      if (this.#isMine({ namespaceId, taskQueue })) this.#arrive(match);
      else refused.push(at);
    }
    this.#balance.heard(from, message);
    return refused;
  }

  /** Nodes have come or gone: queues that are another's now go there with what waits in them (M5 of `matching.ts`), and questions after their queues (Q3). */
  follow(): void {
    this.#matching.release();
    this.#balance.follow();
    for (const { question, owner } of this.#questions.values())
      if (owner !== undefined && !this.#canHave(owner, question)) this.handOver(asMatch(question));
    for (const [id, { question, to }] of this.#passedOn) {
      if (this.#node.isAlive(to)) continue;
      this.#passedOn.delete(id);
      this.handOver(asMatch(question));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#balance.close();
  }

  #isMine({ namespaceId, taskQueue, stickyQueue }: Queue): boolean {
    return this.#partitions.isMine({ namespaceId, taskQueue, stickyQueue });
  }

  #canHave(owner: string, question: Question): boolean {
    if (question.stickyQueue) return this.#node.ownerOf(this.#partitions.placeOf(question)) === owner;
    return this.#partitions.holders(question).has(owner);
  }

  #holdersBeside(queue: Queue): string[] {
    return [...this.#partitions.holders(queue).keys()].filter((id) => id !== this.#node.id);
  }

  /** Of another part of its queue: it goes before what waits here. */
  #arrive(match: Waiting): void {
    if (match.type !== "query") return this.#matching.giveBack(match);
    const { namespaceId, taskQueue } = match.query;
    if (!this.#isWanted(match)) return;
    // Its sticky queue, which may be elsewhere, has been tried before.
    if (this.#isMine({ namespaceId, taskQueue })) this.#matching.offerQuery(match.query);
    else this.handOver(match);
  }

  async #passOn(nodeId: string, message: Balancing<Started>): Promise<readonly number[] | undefined> {
    for (const { match } of message.passed)
      if (match.type === "query") this.#passedOn.set(match.query.id, { question: match.query, to: nodeId });
    const answer = await this.#node.ask(nodeId, "Balance", message);
    const refused = answer?.value as readonly number[] | undefined;
    for (const [at, { match }] of message.passed.entries())
      if (match.type === "query" && refused?.includes(at) !== false) this.#passedOn.delete(match.query.id);
    return refused;
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
      if (refused) for (const match of left) this.#node.homes.refused(this.#partitions.placeOf(namedIn(match)), owner);
      // All that is for a node that cannot be reached: it may have another owner by then.
      if (left.length > 0) this.#later(refused ? left : [...left, ...outbox.splice(0)]);
    }
    this.#outboxes.delete(owner);
  }

  #isWanted(match: Waiting): boolean {
    return match.type !== "query" || this.#questions.has(match.query.id) || !match.query.id.startsWith(this.#node.id);
  }

  #later(matches: readonly Waiting[]): void {
    this.#clock.after(clusterLimits.deliverRetryMs, () => {
      if (!this.#isClosed) for (const match of matches) if (this.#isWanted(match)) this.handOver(match);
    });
  }
}

/** What names its queue. */
function namedIn(match: Waiting): Queue {
  return match.type === "query" ? match.query : match.task;
}

function asMatch(question: Question): Waiting {
  return { type: "query", query: question, sticky: false, backlogCount: 0 };
}
