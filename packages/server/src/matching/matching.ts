/**
 * Brings tasks and pollers together, in memory: what is lost with the process is offered again by the shards when they are opened.
 *
 *   M1. A task, started or not, is at any moment with one poller, or in one queue, or reserved for one poller: never nowhere while the process lives.
 *   M2. A poll is answered once: with one match, or with null when its time is up, its caller gone or its worker shut down.
 *   M3. Nothing here is durable and nothing here is believed: starting a task is a command of the engine, which refuses a stale one.
 */
import type { Cancel, Clock } from "../clock.ts";
import { matchingLimits } from "../limits.ts";
import type {
  Match,
  PollRequest,
  Question,
  QueueConfig,
  QueueDescription,
  QueueKind,
  Reservation,
  Task,
} from "./match.ts";
import { Goodbyes, StickyQueues } from "./sticky.ts";
import { TaskQueue } from "./task-queue.ts";

export type {
  Match,
  NexusTask,
  PollerSeen,
  PollRequest,
  QueryTask,
  Question,
  QueueConfig,
  QueueDescription,
  QueueKind,
  QueueStats,
  Reservation,
  Task,
  Waiting,
} from "./match.ts";

/** `Started` is what a started task carries to its poller: matching does not look into it. */
export class Matching<Started> {
  readonly #clock: Clock;
  readonly #queues = new Map<string, TaskQueue<Started>>();
  readonly #sticky: StickyQueues<Started>;
  /** By the address of the queue, whether it is in use or not. */
  readonly #configs = new Map<string, QueueConfig>();
  /** Queries from their offer to their withdrawal, with the queue that had them last. */
  readonly #queries = new Map<string, TaskQueue<Started>>();
  /** Worker processes that said goodbye. */
  readonly #goodbyes = new Goodbyes();
  #cancelSweep: Cancel | undefined;
  /** The number of queues that sets off a sweep before its time. */
  #crowdedAt: number = matchingLimits.crowd;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sticky = new StickyQueues(() => new TaskQueue(true, { clock, handOn: (match) => this.#handOn(match) }));
  }

  /** Sets what operators want of a queue, whether it is in use or not; undefined takes it back. */
  configure(namespaceId: string, queue: { kind: QueueKind; taskQueue: string }, config: QueueConfig | undefined): void {
    const address = addressOf({ namespaceId, ...queue });
    if (config === undefined) this.#configs.delete(address);
    else this.#configs.set(address, config);
    this.#queues.get(address)?.configure(config);
  }

  /** A namespace has gone, and with it all that waited in it. Its polls end. */
  forget(namespaceId: string): void {
    const ofNamespace = (address: string): boolean => namespaceOf(address) === namespaceId;
    for (const [address, queue] of this.#queues) {
      if (!ofNamespace(address)) continue;
      queue.endPolls(() => true);
      queue.stopWaking();
      this.#queues.delete(address);
    }
    for (const queue of this.#sticky.forgetNamespace(namespaceId)) {
      queue.endPolls(() => true);
      queue.stopWaking();
    }
  }

  /** A committed task that waits to be started: to a poller at once if one waits, else to its backlog. */
  offer(task: Task): void {
    this.#queueFor(task).offer(task);
  }

  /** Puts a query before its workers, or before others when it was offered already. `withdrawQuery` ends it, answered or not: always call it. */
  offerQuery(query: Question): void {
    this.#queries.get(query.id)?.withdrawQuery(query.id);
    const queue = this.#queueFor(query);
    this.#queries.set(query.id, queue);
    queue.offerQuery(query);
  }

  withdrawQuery(id: string): void {
    this.#queries.get(id)?.withdrawQuery(id);
    this.#queries.delete(id);
  }

  /** Takes the poller that would get this task out of its line, so that the task can be started in the commit that makes it; null when none waits. */
  reserve(task: Task): Reservation<Started> | null {
    const sticky = this.#sticky.live(task.namespaceId, task.stickyQueue, this.#clock.nowMs());
    return (sticky ?? this.#queues.get(addressOf(task)))?.reserve(task) ?? null;
  }

  /**
   * The next task of the queue. Null when `untilMs` has come, the signal aborts, the worker was shut down or matching is closed.
   * Whoever cannot pass a match on (its call has gone, the start failed without an answer) must give it back.
   */
  poll(request: PollRequest): Promise<Match<Started> | null> {
    const nowMs = this.#clock.nowMs();
    if (this.#closed || request.signal.aborted || nowMs >= request.untilMs) return Promise.resolve(null);
    if (
      request.workerInstanceKey &&
      this.#goodbyes.said(workerOf(request.namespaceId, request.workerInstanceKey), nowMs)
    ) {
      return Promise.resolve(null);
    }
    if (this.#queues.size + this.#sticky.count >= this.#crowdedAt) this.#sweep();
    this.#keepSweeping();
    const queue =
      request.stickyOf === undefined
        ? this.#queue(request)
        : this.#sticky.forPoll(request.namespaceId, request.taskQueue, nowMs);
    return queue.poll(request);
  }

  /** Takes a match back that could not be handed over: the next poller gets it before all others. A withdrawn query is dropped. */
  giveBack(match: Match<Started>): void {
    this.#handOn(match);
  }

  /** Of a queue that nobody used lately: empty. Also describes sticky queues. */
  describe(namespaceId: string, kind: QueueKind, taskQueue: string): QueueDescription {
    const nowMs = this.#clock.nowMs();
    const address = addressOf({ namespaceId, kind, taskQueue });
    const sticky = () => (kind === "workflow" ? this.#sticky.find(namespaceId, taskQueue) : undefined);
    return (this.#queues.get(address) ?? sticky() ?? this.#newQueue(address)).describe(nowMs);
  }

  /**
   * A worker says goodbye. Polls of its instance key end with null, now and for the next minute; its sticky queue is given up: tasks of its cached
   * runs go to their normal queues from now on, those that wait there at once. Empty names are passed over.
   */
  shutdownWorker(worker: {
    readonly namespaceId: string;
    readonly stickyQueue?: string | undefined;
    readonly workerInstanceKey?: string | undefined;
  }): void {
    const nowMs = this.#clock.nowMs();
    this.#keepSweeping();
    if (worker.workerInstanceKey) {
      this.#goodbyes.say(workerOf(worker.namespaceId, worker.workerInstanceKey), nowMs);
      for (const queue of [...this.#queues.values(), ...this.#sticky.all()]) {
        queue.endPolls(
          (poll) => poll.namespaceId === worker.namespaceId && poll.workerInstanceKey === worker.workerInstanceKey,
        );
      }
    }
    if (worker.stickyQueue) {
      const queue = this.#sticky.shut(worker.namespaceId, worker.stickyQueue, nowMs);
      if (queue !== undefined) this.#unload(queue);
    }
  }

  /** Ends all polls with null, also later ones; reserved ones first get the task they are reserved for. Sets no more wakes. */
  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const queue of [...this.#queues.values(), ...this.#sticky.all()]) {
      queue.endPolls(() => true);
      queue.stopWaking();
    }
  }

  /** Where a task or query goes now: to the worker that has the run cached while it is there, else to the normal queue. */
  #queueFor(task: Task | Question): TaskQueue<Started> {
    return this.#sticky.live(task.namespaceId, task.stickyQueue, this.#clock.nowMs()) ?? this.#queue(task);
  }

  #handOn(match: Match<Started>): void {
    const task = match.type === "query" ? match.query : match.task;
    // Its worker may be the one that has just gone: only a poll that waits proves that the sticky queue has one.
    const sticky = match.sticky
      ? this.#sticky.live(task.namespaceId, task.stickyQueue, this.#clock.nowMs())
      : undefined;
    const queue = sticky?.hasWaitingPoll ? sticky : this.#queue(task);
    if (match.type === "query") {
      if (!this.#queries.has(match.query.id)) return;
      this.#queries.set(match.query.id, queue);
    }
    queue.putBack(match);
  }

  /** Moves what waits in a sticky queue that is none any more. */
  #unload(queue: TaskQueue<Started>): void {
    queue.endPolls(() => true);
    for (const task of queue.drain()) {
      if (task.kind === "query" || task.kind === "nexus") this.offerQuery(task);
      else this.offer(task);
    }
  }

  #queue(address: Task | Question | PollRequest): TaskQueue<Started> {
    const key = addressOf(address);
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const made = this.#newQueue(key);
    this.#queues.set(key, made);
    this.#keepSweeping();
    return made;
  }

  #newQueue(address: string): TaskQueue<Started> {
    const config = this.#configs.get(address);
    return new TaskQueue(false, { clock: this.#clock, handOn: (match) => this.#handOn(match), config });
  }

  #keepSweeping(): void {
    if (this.#closed || this.#cancelSweep !== undefined) return;
    this.#cancelSweep = this.#clock.wake(this.#clock.nowMs() + matchingLimits.sweepMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    const nowMs = this.#clock.nowMs();
    const crowded = this.#queues.size + this.#sticky.count >= matchingLimits.crowd;
    const idleMs = crowded ? matchingLimits.stickySeenMs : matchingLimits.idleMs;
    this.#goodbyes.forget(nowMs);
    for (const queue of this.#sticky.forget(nowMs, idleMs)) this.#unload(queue);
    for (const [key, queue] of this.#queues) {
      queue.forgetPollers(nowMs);
      if (queue.isIdle(nowMs, idleMs)) this.#queues.delete(key);
    }
    const count = this.#queues.size + this.#sticky.count;
    // When most of a crowd stays, the next sweep before its time is due only when it has doubled, so that sweeping stays cheap.
    this.#crowdedAt = Math.max(matchingLimits.crowd, 2 * count);
    if (count + this.#sticky.goodbyeCount + this.#goodbyes.count > 0) this.#keepSweeping();
  }
}

const addresses = { workflow: "w", query: "w", activity: "a", nexus: "n" } as const satisfies Record<
  QueueKind | "query",
  string
>;

/** Queries wait with the workflow tasks. Namespace ids are UUIDs, so two addresses are never equal by accident. */
function addressOf(queue: { kind: QueueKind | "query"; namespaceId: string; taskQueue: string }): string {
  return `${addresses[queue.kind]}/${queue.namespaceId}/${queue.taskQueue}`;
}

function namespaceOf(address: string): string | undefined {
  return address.split("/", 2)[1];
}

function workerOf(namespaceId: string, workerInstanceKey: string): string {
  return `${namespaceId}/${workerInstanceKey}`;
}
