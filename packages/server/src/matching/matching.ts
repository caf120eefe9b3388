/**
 * Brings tasks and pollers together, in memory: what is lost with the process is offered again by the shards when they are opened.
 *
 *   M1. A task, started or not, is at any moment with one poller, or in one queue, or reserved for one poller: never nowhere while the process lives.
 *   M2. A poll is answered once: with one match, or with null when its time is up, its caller gone or its worker shut down.
 *   M3. Nothing here is durable and nothing here is believed: starting a task is a command of the engine, which refuses a stale one.
 *   M4. A task waits only for workers of the version that it belongs to, and moves when that changes (`reroute`).
 *   M5. One of several nodes keeps only the queues that are its own; what comes back for another's is handed over, as is all that waits when a queue is
 *       given up (`release`).
 */
import type { Cancel, Clock } from "../clock.ts";
import { matchingLimits } from "../limits.ts";
import { type QueueDescription, together } from "./description.ts";
import { joined, type Listing } from "./listing.ts";
import type {
  AskedQueue,
  DeploymentVersion,
  LentPoll,
  Match,
  PartLoad,
  PollRequest,
  Question,
  QueueConfig,
  QueueKind,
  QueueName,
  QueuePart,
  QueuePartition,
  Reservation,
  Routing,
  Task,
} from "./match.ts";
import { Line, Poll } from "./poller.ts";
import { QueueVersions } from "./queue-versions.ts";
import { Goodbyes, StickyQueues } from "./sticky.ts";
import { TaskQueue } from "./task-queue.ts";

/** Which queues are this node's, or a part of them, when there are several nodes. */
export interface Ownership<Started> {
  /** With `stickyQueue`: whether that one of its workers is. */
  isMine(namespaceId: string, taskQueue: string, stickyQueue?: string): boolean;
  /** How much of the queue is this node's: 1 when all of it is. */
  share(namespaceId: string, taskQueue: string): number;
  /** Polls or tasks may have come to a part or gone from it. */
  touched(part: QueuePart): void;
  /** Takes what belongs to a queue of another node. */
  handOver(match: Match<Started>): void;
}

/** `Started` is what a started task carries to its poller: matching does not look into it. */
export class Matching<Started> {
  readonly #clock: Clock;
  readonly #routing: Routing;
  /** Of workers without a version. */
  readonly #queues = new Map<string, TaskQueue<Started>>();
  readonly #versions = new QueueVersions<Started>();
  readonly #sticky: StickyQueues<Started>;
  /** By the address of the queue, whether it is in use or not. */
  readonly #configs = new Map<string, QueueConfig>();
  /** Queries from their offer to their withdrawal, with the queue that had them last. */
  readonly #queries = new Map<string, TaskQueue<Started>>();
  /** Worker processes that said goodbye. */
  readonly #goodbyes = new Goodbyes();
  readonly #ownership: Ownership<Started> | undefined;
  #cancelSweep: Cancel | undefined;
  /** The number of queues that sets off a sweep before its time. */
  #crowdedAt: number = matchingLimits.crowd;
  #closed = false;

  constructor(clock: Clock, routing: Routing = unrouted, ownership?: Ownership<Started>) {
    this.#clock = clock;
    this.#routing = routing;
    this.#ownership = ownership;
    this.#sticky = new StickyQueues(() => new TaskQueue(true, { clock, handOn: (match) => this.#handOn(match) }));
  }

  /** Sets what operators want of a queue, whether it is in use or not; undefined takes it back. */
  configure(namespaceId: string, queue: { kind: QueueKind; taskQueue: string }, config: QueueConfig | undefined): void {
    const address = addressOf({ namespaceId, ...queue });
    if (config === undefined) this.#configs.delete(address);
    else this.#configs.set(address, config);
    for (const one of this.#at(address)) one.configure(config);
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
    for (const queue of [...this.#versions.forget(ofNamespace), ...this.#sticky.forgetNamespace(namespaceId)]) {
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
    const version = this.#versionFor(task);
    const queue = this.#stickyFor(task, version) ?? this.#find(addressOf(task), version);
    return queue?.reserve(task) ?? null;
  }

  /** Takes a poll for workflow tasks out of its line, so that a task can be started for it on another node; null when none waits. Of a normal queue: of a worker without a version. */
  lend({
    namespaceId,
    taskQueue,
    stickyQueue,
  }: Pick<Task, "namespaceId" | "taskQueue" | "stickyQueue">): LentPoll<Started> | null {
    const queue = stickyQueue
      ? this.#sticky.live(namespaceId, stickyQueue, this.#clock.nowMs())
      : this.#find(addressOf({ kind: "workflow", namespaceId, taskQueue }), null);
    return queue?.lend() ?? null;
  }

  /** Whether a task, perhaps of another node's queue, is for workers of this version; in its sticky queue, if it has one. */
  isFor(task: Task, version: DeploymentVersion | null): boolean {
    const wanted = this.#versionFor(task);
    return isSame(wanted, version) && (!task.stickyQueue || isSame(wanted, task.versioning?.version ?? null));
  }

  /**
   * The next task of the queue. Null when `untilMs` has come, the signal aborts, the worker was shut down or matching is closed.
   * Whoever cannot pass a match on (its call has gone, the start failed without an answer) must give it back.
   */
  poll(request: PollRequest): Promise<Match<Started> | null> {
    const nowMs = this.#clock.nowMs();
    if (this.#closed || request.signal.aborted || nowMs >= request.untilMs) return Promise.resolve(null);
    if (request.workerInstanceKey) {
      const saidAtMs = this.#goodbyes.saidAtMs(workerOf(request.namespaceId, request.workerInstanceKey), nowMs);
      if (saidAtMs !== undefined) return this.#turnAway(request, saidAtMs + matchingLimits.partingMs, nowMs);
    }
    if (this.#count >= this.#crowdedAt) this.#sweep();
    this.#keepSweeping();
    const queue =
      request.stickyOf === undefined
        ? this.#queue(request, request.poller.deploymentVersion ?? null)
        : this.#sticky.forPoll(request.namespaceId, request.taskQueue, nowMs, request.stickyOf);
    return queue.poll(request);
  }

  /** Takes a match back that could not be handed over: the next poller gets it before all others. A withdrawn query is dropped. */
  giveBack(match: Match<Started>): void {
    this.#handOn(match);
  }

  /**
   * Of a queue that nobody used lately: empty. Also describes sticky queues. `version`: of its workers of one version alone; null = of those
   * without one; absent = of all.
   */
  describe(
    namespaceId: string,
    kind: QueueKind,
    taskQueue: string,
    version?: DeploymentVersion | null,
  ): QueueDescription {
    const nowMs = this.#clock.nowMs();
    const address = addressOf({ namespaceId, kind, taskQueue });
    if (version !== undefined) return (this.#find(address, version) ?? this.#newQueue(address)).describe(nowMs);
    const sticky = () => (kind === "workflow" ? this.#sticky.find(namespaceId, taskQueue) : undefined);
    const normal = this.#queues.get(address) ?? sticky() ?? this.#newQueue(address);
    const described = [normal, ...this.#versions.of(address)].map((one) => one.describe(nowMs));
    return described.length === 1 ? described[0]! : together(described);
  }

  /** As `describe`, of several queues. */
  async survey(namespaceId: string, asked: readonly AskedQueue[]): Promise<QueueDescription[]> {
    return asked.map(({ kind, taskQueue, version }) => this.describe(namespaceId, kind, taskQueue, version));
  }

  /** Who has the partitions of a queue: there is one, and it is here. */
  partitions(_namespaceId: string, _taskQueue: string): readonly QueuePartition[] {
    return [{ ownerName: undefined }];
  }

  /** The queues of a namespace that were used lately, sticky ones left out. */
  async list(namespaceId: string, countMax: number): Promise<Listing> {
    const addresses = new Set([...this.#queues.keys(), ...this.#versions.addresses()]);
    const names = [...addresses].filter((address) => namespaceOf(address) === namespaceId).map(nameOf);
    const own = names.filter(({ taskQueue }) => this.#ownership?.isMine(namespaceId, taskQueue) !== false);
    const queues = own.map(({ kind, taskQueue }) => {
      const described = this.describe(namespaceId, kind, taskQueue);
      const { backlogCount, backlogAgeMs, addRate, dispatchRate } = described;
      const load = { backlogCount, backlogAgeMs, addRate, dispatchRate };
      return { kind, taskQueue, pollers: described.pollers.length, ...load };
    });
    return joined([{ queues, isCut: false }], countMax);
  }

  /** How many tasks wait, in all queues, and since when the first of them. */
  get backlog(): { readonly count: number; readonly ageMs: number } {
    const nowMs = this.#clock.nowMs();
    const all = this.#all().map((queue) => queue.describe(nowMs));
    return {
      count: all.reduce((total, { backlogCount }) => total + backlogCount, 0),
      ageMs: all.reduce((oldest, { backlogAgeMs }) => Math.max(oldest, backlogAgeMs), 0),
    };
  }

  /** The routing of these queues has changed: what waits for a version that it does not belong to any more moves (M4). */
  reroute(namespaceId: string, taskQueues: Iterable<string>): void {
    for (const taskQueue of taskQueues) {
      for (const kind of queueKinds) this.#reroute(addressOf({ namespaceId, kind, taskQueue }));
    }
  }

  /** Of a part that nobody uses: empty. */
  partLoad(part: QueuePart): PartLoad {
    return this.#find(addressOf(part), part.version)?.partLoad(this.#clock.nowMs()) ?? emptyPart;
  }

  /** As `TaskQueue.takeForOther`. */
  takeForOther(part: QueuePart): Match<Started> | undefined {
    return this.#find(addressOf(part), part.version)?.takeForOther();
  }

  #reroute(address: string): void {
    const strays: (Question | Task)[] = [];
    for (const queue of this.#at(address))
      strays.push(...queue.takeStrays((task) => this.#find(address, this.#versionFor(task)) !== queue));
    for (const task of strays) {
      if ("id" in task) this.offerQuery(task);
      else this.offer(task);
    }
  }

  /**
   * Gives up the queues that are not this node's any more: their polls end, and what waits in them is handed over. What is reserved for a poller still
   * reaches it. The others have their share, and are all `touched`.
   */
  release(): void {
    const { isMine, share, touched, handOver } = this.#ownership!;
    const isGone = (address: string) => !isMine(namespaceOf(address)!, nameOf(address).taskQueue);
    const gone = [
      ...[...this.#queues].filter(([address]) => isGone(address)).map(([, queue]) => queue),
      ...this.#versions.forget(isGone),
      ...this.#sticky.forgetWhere((namespaceId, normalName, name) => !isMine(namespaceId, normalName, name)),
    ];
    for (const address of [...this.#queues.keys()]) if (isGone(address)) this.#queues.delete(address);
    for (const queue of gone) {
      queue.endPolls(() => true);
      queue.stopWaking();
      for (const task of queue.takeStrays(() => true)) handOver(unstarted(task));
    }
    for (const address of new Set([...this.#queues.keys(), ...this.#versions.addresses()])) {
      const namespaceId = namespaceOf(address)!;
      const { kind, taskQueue } = nameOf(address);
      for (const queue of this.#at(address)) queue.setShare(share(namespaceId, taskQueue));
      const versions = [...(this.#queues.has(address) ? [null] : []), ...this.#versions.versionsOf(address)];
      for (const version of versions) touched({ namespaceId, kind, taskQueue, version });
    }
  }

  /** The queues of all versions of one task queue. */
  #at(address: string): TaskQueue<Started>[] {
    const unversioned = this.#queues.get(address);
    return [...(unversioned ? [unversioned] : []), ...this.#versions.of(address)];
  }

  /**
   * A worker says goodbye. Polls of its instance key get no more tasks, now and for the next minute, and end with null: at once, or after those that got a
   * task a moment ago (`partingMs`). Its sticky queue is given up: tasks of its cached runs go to their normal queues from now on, those that wait there at
   * once. Empty names are passed over. Returns in how many milliseconds the goodbye may be answered: the Go SDK drops what arrives after that.
   */
  shutdownWorker(worker: {
    readonly namespaceId: string;
    readonly stickyQueue?: string | undefined;
    /** The normal one, of which all polls may have a task on its way. */
    readonly taskQueue?: string | undefined;
    readonly workerInstanceKey?: string | undefined;
  }): number {
    const nowMs = this.#clock.nowMs();
    let partsInMs = 0;
    this.#keepSweeping();
    if (worker.workerInstanceKey) {
      this.#goodbyes.say(workerOf(worker.namespaceId, worker.workerInstanceKey), nowMs);
      const { namespaceId, workerInstanceKey } = worker;
      const isOurs = (poll: Poll<Started>) =>
        poll.namespaceId === namespaceId && poll.workerInstanceKey === workerInstanceKey;
      const queues = this.#all().filter((queue) => queue.hasPoll(isOurs));
      const sticky = this.#sticky.find(namespaceId, worker.stickyQueue ?? "");
      const named = queueKinds.flatMap((kind) =>
        this.#at(addressOf({ namespaceId, kind, taskQueue: worker.taskQueue ?? "" })),
      );
      const isBusy = [...queues, ...(sticky ? [sticky] : []), ...named].some((queue) => queue.isBusy(nowMs));
      if (isBusy) partsInMs = matchingLimits.partingMs;
      for (const queue of queues) {
        if (isBusy) queue.dismiss(isOurs, nowMs + matchingLimits.partingMs);
        else queue.endPolls(isOurs);
      }
    }
    if (worker.stickyQueue) {
      const queue = this.#sticky.shut(worker.namespaceId, worker.stickyQueue, nowMs);
      if (queue !== undefined) this.#unload(queue);
    }
    return partsInMs;
  }

  /** Ends all polls with null, also later ones; reserved ones first get the task they are reserved for. Sets no more wakes. */
  close(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const queue of this.#all()) {
      queue.endPolls(() => true);
      queue.stopWaking();
    }
  }

  /** Where a task or query goes now: to the worker that has the run cached while it is there, else to the normal queue. */
  #queueFor(task: Task | Question): TaskQueue<Started> {
    const version = this.#versionFor(task);
    return this.#stickyFor(task, version) ?? this.#queue(task, version);
  }

  /** A worker that has the run cached is none for it any more when the run is to move to another version. */
  #stickyFor(task: Task | Question, version: DeploymentVersion | null): TaskQueue<Started> | undefined {
    if (!task.stickyQueue || !isSame(version, task.versioning?.version ?? null)) return undefined;
    return this.#sticky.live(task.namespaceId, task.stickyQueue, this.#clock.nowMs());
  }

  /** Which workers a task is for. */
  #versionFor(task: Task | Question): DeploymentVersion | null {
    // A Nexus request belongs to no workflow: it stands in a ramp where its id does.
    if (task.kind === "nexus") return this.#routing.target({ ...task, workflowId: task.id }, false).version;
    const routed = task.kind === "query" ? ({ ...task, kind: "workflow" } as const) : task;
    const { versioning } = task;
    // An activity on a queue that the pinned version's workers do not poll belongs to a deployment of its own.
    if (versioning?.pinned && versioning.version) {
      if (task.kind !== "activity" || this.#routing.has(task, versioning.version)) return versioning.version;
    }
    return this.#routing.target(routed, versioning?.toRamping ?? false).version;
  }

  #find(address: string, version: DeploymentVersion | null): TaskQueue<Started> | undefined {
    return version === null ? this.#queues.get(address) : this.#versions.find(address, version);
  }

  #all(): TaskQueue<Started>[] {
    return [...this.#queues.values(), ...this.#versions.all(), ...this.#sticky.all()];
  }

  get #count(): number {
    return this.#queues.size + this.#versions.count + this.#sticky.count;
  }

  #handOn(match: Match<Started>): void {
    const task = match.type === "query" ? match.query : match.task;
    if (this.#ownership?.isMine(task.namespaceId, task.taskQueue) === false) {
      this.#queries.delete("id" in task ? task.id : "");
      return this.#ownership.handOver(match); // M5
    }
    // Its worker may be the one that has just gone: only a poll that waits proves that the sticky queue has one.
    const sticky = match.sticky
      ? this.#sticky.live(task.namespaceId, task.stickyQueue, this.#clock.nowMs())
      : undefined;
    const version = match.type === "started" ? match.version : this.#versionFor(task);
    const queue = sticky?.hasWaitingPoll ? sticky : this.#queue(task, version);
    if (match.type === "query") {
      if (!this.#queries.has(match.query.id)) return;
      this.#queries.set(match.query.id, queue);
    }
    queue.putBack(match);
  }

  /** A poll of a worker that has said goodbye: it waits for nothing. */
  #turnAway(request: PollRequest, atMs: number, nowMs: number): Promise<null> {
    if (atMs <= nowMs) return Promise.resolve(null);
    return new Promise((resolve) => {
      const parting = { ...request, untilMs: Math.min(request.untilMs, atMs) };
      new Poll<Started>(parting, new Line(), this.#clock, { resolve: () => resolve(null), onGone: () => {} });
    });
  }

  /** Moves what waits in a sticky queue that is none any more. */
  #unload(queue: TaskQueue<Started>): void {
    queue.endPolls(() => true);
    for (const task of queue.drain()) {
      if (task.kind === "query" || task.kind === "nexus") this.offerQuery(task);
      else this.offer(task);
    }
  }

  #queue(of: Task | Question | PollRequest, version: DeploymentVersion | null): TaskQueue<Started> {
    const address = addressOf(of);
    const known = this.#find(address, version);
    if (known !== undefined) return known;
    const made = this.#newQueue(address, version);
    if (version === null) this.#queues.set(address, made);
    else this.#versions.add(address, version, made);
    this.#keepSweeping();
    return made;
  }

  #newQueue(address: string, version: DeploymentVersion | null = null): TaskQueue<Started> {
    const config = this.#configs.get(address);
    const parts = { clock: this.#clock, handOn: (match: Match<Started>) => this.#handOn(match), config };
    if (this.#ownership === undefined) return new TaskQueue(false, parts);
    const { share, touched } = this.#ownership;
    const part: QueuePart = { ...nameOf(address), namespaceId: namespaceOf(address)!, version };
    const onUse = () => touched(part);
    return new TaskQueue(false, { ...parts, share: share(part.namespaceId, part.taskQueue), onUse });
  }

  #keepSweeping(): void {
    if (this.#closed || this.#cancelSweep !== undefined) return;
    this.#cancelSweep = this.#clock.after(matchingLimits.sweepMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    const nowMs = this.#clock.nowMs();
    const crowded = this.#count >= matchingLimits.crowd;
    const idleMs = crowded ? matchingLimits.stickySeenMs : matchingLimits.idleMs;
    this.#goodbyes.forget(nowMs);
    for (const queue of this.#sticky.forget(nowMs, idleMs)) this.#unload(queue);
    for (const [key, queue] of this.#queues) {
      queue.forgetPollers(nowMs);
      if (queue.isIdle(nowMs, idleMs)) this.#queues.delete(key);
    }
    this.#versions.sweep(nowMs, idleMs);
    const count = this.#count;
    // When most of a crowd stays, the next sweep before its time is due only when it has doubled, so that sweeping stays cheap.
    this.#crowdedAt = Math.max(matchingLimits.crowd, 2 * count);
    if (count + this.#sticky.goodbyeCount + this.#goodbyes.count > 0) this.#keepSweeping();
  }
}

const addresses = { workflow: "w", query: "w", activity: "a", nexus: "n" } as const satisfies Record<
  QueueKind | "query",
  string
>;
const queueKinds = ["workflow", "activity", "nexus"] as const satisfies readonly QueueKind[];
const unrouted: Routing = { target: () => ({ version: null }), has: () => false };

function isSame(a: DeploymentVersion | null, b: DeploymentVersion | null): boolean {
  return a === b || (a?.deploymentName === b?.deploymentName && a?.buildId === b?.buildId);
}

const emptyPart: PartLoad = { waitingPolls: 0, oldestAtMs: undefined, readyAtMs: undefined, handedOut: 0 };

/** Queries wait with the workflow tasks. Namespace ids are UUIDs, so two addresses are never equal by accident. */
function addressOf(queue: { kind: QueueKind | "query"; namespaceId: string; taskQueue: string }): string {
  return `${addresses[queue.kind]}/${queue.namespaceId}/${queue.taskQueue}`;
}

function nameOf(address: string): QueueName {
  const [letter, , ...rest] = address.split("/");
  const kind = queueKinds.find((each) => addresses[each] === letter)!;
  return { kind, taskQueue: rest.join("/") };
}

function namespaceOf(address: string): string | undefined {
  return address.split("/", 2)[1];
}

function unstarted<Started>(task: Question | Task): Match<Started> {
  const rest = { sticky: false, backlogCount: 0 };
  return "id" in task ? { type: "query", query: task, ...rest } : { type: "task", task, ...rest };
}

function workerOf(namespaceId: string, workerInstanceKey: string): string {
  return `${namespaceId}/${workerInstanceKey}`;
}
