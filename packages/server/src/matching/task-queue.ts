/**
 * One queue: polls that wait for tasks, or tasks that wait for polls.
 *
 *   Q1. A poll waits only while nothing waits for it, except tasks that the rate limit holds back; then a wake is set for the next token.
 *   Q2. What is put in leaves exactly once: to one poll, to the queue's successor (`drain`), or because its caller withdrew it.
 *   Q3. A reserved poll is in no line and still known here, so that the queue cannot be forgotten under it.
 *   Q4. Handed out first: what has been handed out before and came back; then queries, whose callers wait; then tasks by priority, time and arrival.
 */
import assert from "node:assert/strict";
import type { Cancel, Clock } from "../clock.ts";
import { matchingLimits } from "../limits.ts";
import { TokenBucket } from "../token-bucket.ts";
import { Backlog } from "./backlog.ts";
import type { QueueDescription } from "./description.ts";
import { Fairness } from "./fairness.ts";
import type { LentPoll, Match, PartLoad, PollRequest, Question, QueueConfig, Reservation, Task } from "./match.ts";
import { Line, Poll } from "./poller.ts";
import { PollerHistory } from "./poller-history.ts";
import { PollerScaling } from "./poller-scaling.ts";

/** Finds another place for a task whose reserved poller has gone. */
export type HandOn<Started> = (match: Match<Started>) => void;

export interface TaskQueueParts<Started> {
  readonly clock: Clock;
  readonly handOn: HandOn<Started>;
  readonly config?: QueueConfig | undefined;
  /** How much of the whole queue this is, and so of its rates. Default 1. */
  readonly share?: number | undefined;
  /** Told when polls or tasks may have come or gone. */
  readonly onUse?: (() => void) | undefined;
}

export class TaskQueue<Started> {
  readonly sticky: boolean;
  readonly #clock: Clock;
  readonly #handOn: HandOn<Started>;
  readonly #onUse: (() => void) | undefined;
  readonly #line = new Line<Started>();
  readonly #reserved = new Set<Poll<Started>>();
  #returned: Match<Started>[] = [];
  readonly #queries = new Map<string, Question>();
  readonly #fairness = new Fairness();
  readonly #backlog = new Backlog(this.#fairness);
  readonly #pollers = new PollerHistory();
  readonly #scaling = new PollerScaling();
  #config: QueueConfig | undefined;
  /** What its workers set last. */
  #workerRate: number | undefined;
  #bucket: TokenBucket | undefined;
  #cancelTokenWake: Cancel | undefined;
  #polledAtMs: number;
  #handedAtMs = Number.NEGATIVE_INFINITY;
  #usedAtMs: number;
  #share: number;
  #handedOut = 0;

  constructor(sticky: boolean, { clock, handOn, config, share = 1, onUse }: TaskQueueParts<Started>) {
    this.sticky = sticky;
    this.#clock = clock;
    this.#handOn = handOn;
    this.#share = share;
    this.#onUse = onUse;
    this.#polledAtMs = Number.NEGATIVE_INFINITY;
    this.#usedAtMs = clock.nowMs();
    if (config !== undefined) this.configure(config);
  }

  /** Takes effect at once, for what waits already, too. */
  configure(config: QueueConfig | undefined): void {
    this.#config = config;
    const keyRate = config?.maxKeyTasksPerSecond;
    this.#fairness.configure(
      config && { ...config, maxKeyTasksPerSecond: keyRate === undefined ? undefined : keyRate * this.#share },
    );
    this.#backlog.reconsider();
    this.#setRate(this.#clock.nowMs());
  }

  /** See `TaskQueueParts`. */
  setShare(share: number): void {
    if (share === this.#share) return;
    this.#share = share;
    this.configure(this.#config);
  }

  get hasWaitingPoll(): boolean {
    return this.#line.first !== undefined;
  }

  /** Whether a worker is there: a poll waits, or did lately. */
  isPolled(nowMs: number): boolean {
    if (this.#line.first !== undefined || this.#reserved.size > 0) return true;
    // After the clock was set back, the last poll was just now: otherwise a worker that died would count as there for as long as the step.
    if (this.#polledAtMs > nowMs) this.#polledAtMs = nowMs;
    return nowMs - this.#polledAtMs < matchingLimits.stickySeenMs;
  }

  /** Whether nobody used it for so long. A sticky queue may have tasks then: nobody is going to poll for them. */
  isIdle(nowMs: number, idleMs: number): boolean {
    if (this.#line.first !== undefined || this.#reserved.size > 0) return false;
    if (this.#usedAtMs > nowMs) this.#usedAtMs = nowMs;
    if (this.#polledAtMs > nowMs) this.#polledAtMs = nowMs;
    if (this.sticky) return nowMs - this.#polledAtMs >= idleMs;
    return this.#waitingCount === 0 && nowMs - this.#usedAtMs >= idleMs;
  }

  offer(task: Task): void {
    const nowMs = this.#use();
    this.#backlog.countAdded(task, nowMs);
    const poll = this.#line.first;
    if (poll !== undefined && this.#backlog.count === 0 && this.#takeTokens(task, nowMs)) {
      this.#backlog.countDispatched(task, nowMs);
      this.#hand(poll, { type: "task", task, sticky: this.sticky, backlogCount: 0 }, nowMs);
      return;
    }
    this.#backlog.push(task, nowMs);
    // What waits before it may be held back by rates that are not this task's.
    this.#match(nowMs);
  }

  offerQuery(query: Question): void {
    this.#queries.set(query.id, query);
    this.#match(this.#use());
  }

  withdrawQuery(id: string): void {
    if (this.#queries.delete(id)) return;
    this.#returned = this.#returned.filter((match) => match.type !== "query" || match.query.id !== id);
  }

  /** To the head of the queue: it has been handed out before. */
  putBack(match: Match<Started>): void {
    this.#returned.push(match);
    this.#match(this.#use());
  }

  poll(request: PollRequest): Promise<Match<Started> | null> {
    const nowMs = this.#use();
    this.#polledAtMs = nowMs;
    this.#pollers.record(request, nowMs);
    if (request.maxTasksPerSecond !== undefined && request.maxTasksPerSecond !== this.#workerRate) {
      this.#workerRate = request.maxTasksPerSecond;
      this.#setRate(nowMs);
    }
    // Behind a line the newcomer waits its turn, also for the token that the line waits for.
    const match = this.#line.first === undefined ? this.#take(nowMs) : undefined;
    if (match !== undefined) return Promise.resolve(this.#advised(match, 0, nowMs));
    return new Promise((resolve) => {
      const ended = (answer: Match<Started> | null) => {
        resolve(answer);
        if (answer === null) this.#onUse?.();
      };
      new Poll(request, this.#line, this.#clock, { resolve: ended, onGone: () => this.#callerGone() });
      this.#awaitToken(nowMs);
    });
  }

  /**
   * A worker does not hang up on its own sticky queue: it has died, or its connection broke, and then it polls again soon. Until then its tasks go
   * to the normal queue, where the reference server would let them wait for up to ten seconds.
   */
  #callerGone(): void {
    if (this.sticky && !this.hasWaitingPoll && this.#reserved.size === 0) this.#polledAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Takes the first waiting poll out of the line for this task, unless others are to be served before. */
  reserve(task: Task): Reservation<Started> | null {
    const poll = this.#line.first;
    if (poll === undefined || this.#backlog.count > 0) return null;
    const nowMs = this.#use();
    if (!this.#takeTokens(task, nowMs)) return null;
    poll.reserve();
    this.#reserved.add(poll);
    return {
      poller: poll.poller,
      sticky: this.sticky,
      deliver: (started) => this.#deliver(poll, task, started, false),
      deliverEarly: (started) => {
        const isReady = poll.takesEarly && poll.state !== "over";
        if (isReady) this.#deliver(poll, task, started, true);
        return isReady;
      },
      release: () => this.#release(poll, task),
    };
  }

  /** Takes the first waiting poll out of the line for a task that is not known yet, unless rates would have to be asked whether it may have it. */
  lend(): LentPoll<Started> | null {
    const poll = this.#line.first;
    if (poll === undefined || this.#waitingCount > 0 || this.#bucket || this.#config) return null;
    this.#use();
    poll.reserve();
    this.#reserved.add(poll);
    let isLent = true;
    /** Whether this is the end of the loan. */
    const end = () => {
      const wasLent = isLent;
      isLent = false;
      return wasLent;
    };
    return {
      poller: poll.poller,
      deliver: (task, started) => {
        if (end()) this.#deliver(poll, task, started, false);
        else this.#handOn(this.#startedMatch(poll, task, started, false));
      },
      release: () => {
        if (end()) this.#unreserve(poll);
      },
    };
  }

  #deliver(poll: Poll<Started>, task: Task, started: Started, isEarly: boolean): void {
    assert(this.#reserved.delete(poll), "a reservation ends once");
    const nowMs = this.#use();
    this.#backlog.countAdded(task, nowMs);
    this.#backlog.countDispatched(task, nowMs);
    const match = this.#startedMatch(poll, task, started, isEarly);
    if (poll.state === "over") this.#handOn(match);
    else this.#hand(poll, match, nowMs);
  }

  #startedMatch({ poller }: Poll<Started>, task: Task, started: Started, isEarly: boolean): Match<Started> {
    const version = poller.deploymentVersion ?? null;
    return { type: "started", task, started, version, isEarly, sticky: this.sticky, backlogCount: this.#waitingCount };
  }

  #release(poll: Poll<Started>, task: Task): void {
    this.#bucket?.giveBack();
    this.#fairness.giveBack(task);
    this.#backlog.reconsider();
    this.#unreserve(poll);
  }

  #unreserve(poll: Poll<Started>): void {
    assert(this.#reserved.delete(poll), "a reservation ends once");
    poll.unreserve();
    this.#match(this.#clock.nowMs());
  }

  /** Whether a poll of it may have a task that is on its way: one that is not answered yet, or whose answer has not arrived. */
  isBusy(nowMs: number): boolean {
    return this.#reserved.size > 0 || Math.abs(nowMs - this.#handedAtMs) < matchingLimits.partingMs;
  }

  hasPoll(which: (poll: Poll<Started>) => boolean): boolean {
    return this.#line.polls().some(which) || [...this.#reserved].some(which);
  }

  /** The waiting polls that `which` picks get no task any more, and their answer at `atMs`; those reserved keep their task if they get it. */
  dismiss(which: (poll: Poll<Started>) => boolean, atMs: number): void {
    for (const poll of [...this.#line.polls(), ...this.#reserved]) if (which(poll)) poll.leave(atMs);
  }

  /** Answers null to the waiting polls that `which` picks; those reserved keep their task if they get it. */
  endPolls(which: (poll: Poll<Started>) => boolean): void {
    for (const poll of [...this.#line.polls(), ...this.#reserved]) if (which(poll)) poll.end();
  }

  /**
   * Takes out everything that waits, in the order in which it would have been handed out. For sticky queues, which keep nothing that came back:
   * it is put back there only when a poll waits for it.
   */
  drain(): (Question | Task)[] {
    assert(this.#returned.length === 0, "a sticky queue keeps nothing that came back");
    const drained: (Question | Task)[] = [...this.#queries.values()];
    this.#queries.clear();
    const nowMs = this.#clock.nowMs();
    for (let task = this.#backlog.takeFirst(nowMs); task !== undefined; task = this.#backlog.takeFirst(nowMs))
      drained.push(task);
    this.stopWaking();
    return drained;
  }

  /** Takes out what waits here and belongs elsewhere now. What was started already stays. */
  takeStrays(isStray: (task: Question | Task) => boolean): (Question | Task)[] {
    const strays: (Question | Task)[] = [...this.#queries.values()].filter(isStray);
    for (const { id } of strays as Question[]) this.#queries.delete(id);
    const returned = this.#returned;
    this.#returned = [];
    for (const match of returned) {
      const task = match.type === "query" ? match.query : match.task;
      if (match.type !== "started" && isStray(task)) strays.push(task);
      else this.#returned.push(match);
    }
    strays.push(...this.#backlog.takeWhere(isStray));
    return strays;
  }

  /** What waits on either side, for the nodes that hold the other parts of the queue. */
  partLoad(nowMs: number): PartLoad {
    const waitingPolls = this.#line.count;
    const load = { waitingPolls, handedOut: this.#handedOut };
    if (this.#waitingCount === 0) return { ...load, oldestAtMs: undefined, readyAtMs: undefined };
    if (this.#queries.size > 0 || this.#returned.some(({ type }) => type === "query"))
      return { ...load, oldestAtMs: 0, readyAtMs: nowMs };
    const ofReturned = this.#returned.map((match) => (match.type === "query" ? 0 : match.task.scheduledAtMs));
    const readyAtMs = ofReturned.length > 0 ? nowMs : this.#readyAtMs(nowMs);
    const oldestAtMs = Math.min(this.#backlog.oldestAtMs ?? Number.POSITIVE_INFINITY, ...ofReturned);
    return {
      ...load,
      oldestAtMs: readyAtMs <= nowMs ? oldestAtMs : undefined,
      readyAtMs: readyAtMs === Number.POSITIVE_INFINITY ? undefined : readyAtMs,
    };
  }

  /** The next that would be handed out, for a poller of another part of the queue, which puts it back there; undefined while polls wait here. */
  takeForOther(): Match<Started> | undefined {
    return this.#line.first === undefined ? this.#take(this.#use()) : undefined;
  }

  /** Sets no more wakes off for the rate limit, until the next task or poll. */
  stopWaking(): void {
    this.#cancelTokenWake?.();
    this.#cancelTokenWake = undefined;
  }

  forgetPollers(nowMs: number): void {
    this.#pollers.forget(nowMs);
  }

  describe(nowMs: number): QueueDescription {
    return {
      ...this.#load(nowMs),
      pollers: this.#pollers.list(nowMs),
      maxTasksPerSecond: this.#bucket && this.#wholeRate,
      rateSource: this.#bucket && (this.#config?.maxTasksPerSecond === undefined ? "worker" : "config"),
    };
  }

  #load(nowMs: number): Omit<QueueDescription, "pollers" | "maxTasksPerSecond" | "rateSource"> {
    const byPriority = this.#backlog.stats(nowMs);
    const levels = [...byPriority.values()];
    const sum = (of: "addRate" | "dispatchRate"): number => levels.reduce((total, level) => total + level[of], 0);
    const returnedAtMs = this.#returned.flatMap((match) => (match.type === "task" ? [match.task.scheduledAtMs] : []));
    const oldest = (ageMs: number, atMs: number): number => Math.max(ageMs, nowMs - atMs);
    const backlogAgeMs = levels.reduce((ageMs, level) => Math.max(ageMs, level.backlogAgeMs), 0);
    return {
      backlogCount: this.#backlog.count + returnedAtMs.length,
      backlogAgeMs: returnedAtMs.reduce(oldest, backlogAgeMs),
      addRate: sum("addRate"),
      dispatchRate: sum("dispatchRate"),
      byPriority,
      rateLimited: this.#backlog.count > 0 && this.#readyAtMs(nowMs) > nowMs,
    };
  }

  get #waitingCount(): number {
    return this.#returned.length + this.#queries.size + this.#backlog.count;
  }

  #use(): number {
    const nowMs = this.#clock.nowMs();
    this.#usedAtMs = nowMs;
    this.#onUse?.();
    return nowMs;
  }

  /** Brings waiting polls and what waits together, as far as the rate limit lets (Q1). */
  #match(nowMs: number): void {
    for (let poll = this.#line.first; poll !== undefined; poll = this.#line.first) {
      const match = this.#take(nowMs);
      if (match === undefined) break;
      this.#hand(poll, match, nowMs);
    }
    this.#awaitToken(nowMs);
  }

  #hand(poll: Poll<Started>, match: Match<Started>, nowMs: number): void {
    this.#polledAtMs = nowMs;
    poll.answer(this.#advised(match, nowMs - poll.sinceMs, nowMs));
  }

  /** With what this poller may do about the number of pollers. */
  #advised(match: Match<Started>, waitedMs: number, nowMs: number): Match<Started> {
    this.#handedOut++;
    this.#handedAtMs = nowMs;
    const pollerDelta = this.#scaling.decide(waitedMs, {
      pollerCount: this.#pollers.size,
      backlogCount: this.#backlog.count,
      load: () => this.#load(nowMs),
      nowMs,
    });
    // Advice that another poller was given is not passed on.
    return pollerDelta === match.pollerDelta ? match : { ...match, pollerDelta };
  }

  /** Takes out what is to be handed out next (Q4). */
  #take(nowMs: number): Match<Started> | undefined {
    const returned = this.#returned.shift();
    if (returned !== undefined) return { ...returned, sticky: this.sticky, backlogCount: this.#waitingCount };
    for (const query of this.#queries.values()) {
      this.#queries.delete(query.id);
      return { type: "query", query, sticky: this.sticky, backlogCount: this.#waitingCount };
    }
    if (this.#bucket?.isReady(nowMs) === false) return undefined;
    const task = this.#backlog.takeFirst(nowMs);
    if (task === undefined) return undefined;
    this.#bucket?.take(nowMs);
    this.#backlog.countDispatched(task, nowMs);
    return { type: "task", task, sticky: this.sticky, backlogCount: this.#waitingCount };
  }

  /** Of the queue and of the task's fairness key: both, or none. */
  #takeTokens(task: Task, nowMs: number): boolean {
    if (this.#bucket?.isReady(nowMs) === false) return false;
    if (!this.#fairness.takeToken(task, nowMs)) return false;
    this.#bucket?.take(nowMs);
    return true;
  }

  /** What operators have set goes before what workers ask for. */
  #setRate(nowMs: number): void {
    const whole = this.#wholeRate;
    const rate = whole === undefined ? undefined : whole * this.#share;
    if (rate === undefined || rate === Number.POSITIVE_INFINITY) this.#bucket = undefined;
    else if (this.#bucket === undefined) this.#bucket = new TokenBucket(rate, nowMs);
    else if (rate !== this.#bucket.rate) this.#bucket.setRate(rate, nowMs);
    this.#match(nowMs);
  }

  get #wholeRate(): number | undefined {
    return this.#config?.maxTasksPerSecond ?? this.#workerRate;
  }

  /** When rates let the next task of the backlog go. */
  #readyAtMs(nowMs: number): number {
    return Math.max(this.#bucket?.readyAtMs(nowMs) ?? nowMs, this.#backlog.readyAtMs(nowMs));
  }

  /** Sets a wake for the next token when polls and tasks both wait. */
  #awaitToken(nowMs: number): void {
    this.stopWaking();
    if (this.#line.first === undefined || this.#backlog.count === 0) return;
    const readyAtMs = this.#readyAtMs(nowMs);
    if (readyAtMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTokenWake = this.#clock.wake(readyAtMs, () => this.#match(this.#clock.nowMs()));
  }
}
