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
import { Backlog } from "./backlog.ts";
import type { Match, PollRequest, QueryTask, QueueDescription, Reservation, Task } from "./match.ts";
import { Line, Poll } from "./poller.ts";
import { PollerHistory } from "./poller-history.ts";
import { TokenBucket } from "./rate-limit.ts";

/** Finds another place for a task whose reserved poller has gone. */
export type HandOn<Started> = (match: Match<Started>) => void;

export class TaskQueue<Started> {
  readonly sticky: boolean;
  readonly #clock: Clock;
  readonly #handOn: HandOn<Started>;
  readonly #line = new Line<Started>();
  readonly #reserved = new Set<Poll<Started>>();
  #returned: Match<Started>[] = [];
  readonly #queries = new Map<string, QueryTask>();
  readonly #backlog = new Backlog();
  readonly #pollers = new PollerHistory();
  #bucket: TokenBucket | undefined;
  #cancelTokenWake: Cancel | undefined;
  #polledAtMs: number;
  #usedAtMs: number;

  constructor(sticky: boolean, clock: Clock, handOn: HandOn<Started>) {
    this.sticky = sticky;
    this.#clock = clock;
    this.#handOn = handOn;
    this.#polledAtMs = Number.NEGATIVE_INFINITY;
    this.#usedAtMs = clock.nowMs();
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
    if (poll !== undefined && this.#backlog.count === 0 && this.#takeToken(nowMs)) {
      this.#backlog.countDispatched(task, nowMs);
      this.#hand(poll, { type: "task", task, sticky: this.sticky, backlogCount: 0 }, nowMs);
      return;
    }
    this.#backlog.push(task, nowMs);
    this.#awaitToken(nowMs);
  }

  offerQuery(query: QueryTask): void {
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
    if (request.maxTasksPerSecond !== undefined) this.#setRate(request.maxTasksPerSecond, nowMs);
    // Behind a line the newcomer waits its turn, also for the token that the line waits for.
    const match = this.#line.first === undefined ? this.#take(nowMs) : undefined;
    if (match !== undefined) return Promise.resolve(match);
    return new Promise((resolve) => {
      new Poll(request, this.#line, this.#clock, resolve);
      this.#awaitToken(nowMs);
    });
  }

  /** Takes the first waiting poll out of the line for this task, unless others are to be served before. */
  reserve(task: Task): Reservation<Started> | null {
    const poll = this.#line.first;
    if (poll === undefined || this.#backlog.count > 0) return null;
    const nowMs = this.#use();
    if (!this.#takeToken(nowMs)) return null;
    poll.reserve();
    this.#reserved.add(poll);
    return {
      poller: poll.poller,
      sticky: this.sticky,
      deliver: (started) => this.#deliver(poll, task, started),
      release: () => this.#release(poll),
    };
  }

  #deliver(poll: Poll<Started>, task: Task, started: Started): void {
    assert(this.#reserved.delete(poll), "a reservation ends once");
    const nowMs = this.#use();
    this.#backlog.countAdded(task, nowMs);
    this.#backlog.countDispatched(task, nowMs);
    const match = { type: "started", task, started, sticky: this.sticky, backlogCount: this.#waitingCount } as const;
    if (poll.state === "over") this.#handOn(match);
    else this.#hand(poll, match, nowMs);
  }

  #release(poll: Poll<Started>): void {
    assert(this.#reserved.delete(poll), "a reservation ends once");
    poll.unreserve();
    this.#bucket?.giveBack();
    this.#match(this.#clock.nowMs());
  }

  /** Answers null to the waiting polls that `which` picks; those reserved keep their task if they get it. */
  endPolls(which: (poll: Poll<Started>) => boolean): void {
    for (const poll of [...this.#line.polls(), ...this.#reserved]) if (which(poll)) poll.end();
  }

  /**
   * Takes out everything that waits, in the order in which it would have been handed out. For sticky queues, which keep nothing that came back:
   * it is put back there only when a poll waits for it.
   */
  drain(): (QueryTask | Task)[] {
    assert(this.#returned.length === 0, "a sticky queue keeps nothing that came back");
    const drained: (QueryTask | Task)[] = [...this.#queries.values()];
    this.#queries.clear();
    for (let task = this.#backlog.takeFirst(); task !== undefined; task = this.#backlog.takeFirst()) drained.push(task);
    this.stopWaking();
    return drained;
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
    const byPriority = this.#backlog.stats(nowMs);
    const levels = [...byPriority.values()];
    const sum = (of: "addRate" | "dispatchRate"): number => levels.reduce((total, level) => total + level[of], 0);
    const returnedAtMs = this.#returned.flatMap((match) => (match.type === "task" ? [match.task.scheduledAtMs] : []));
    const oldest = (ageMs: number, atMs: number): number => Math.max(ageMs, nowMs - atMs);
    const backlogAgeMs = levels.reduce((ageMs, level) => Math.max(ageMs, level.backlogAgeMs), 0);
    return {
      pollers: this.#pollers.list(nowMs),
      backlogCount: this.#backlog.count + returnedAtMs.length,
      backlogAgeMs: returnedAtMs.reduce(oldest, backlogAgeMs),
      addRate: sum("addRate"),
      dispatchRate: sum("dispatchRate"),
      byPriority,
      maxTasksPerSecond: this.#bucket?.rate,
      rateLimited: this.#backlog.count > 0 && this.#bucket !== undefined && this.#bucket.readyAtMs(nowMs) > nowMs,
    };
  }

  get #waitingCount(): number {
    return this.#returned.length + this.#queries.size + this.#backlog.count;
  }

  #use(): number {
    const nowMs = this.#clock.nowMs();
    this.#usedAtMs = nowMs;
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
    poll.answer(match);
  }

  /** Takes out what is to be handed out next (Q4). */
  #take(nowMs: number): Match<Started> | undefined {
    const returned = this.#returned.shift();
    if (returned !== undefined) return { ...returned, sticky: this.sticky, backlogCount: this.#waitingCount };
    for (const query of this.#queries.values()) {
      this.#queries.delete(query.id);
      return { type: "query", query, sticky: this.sticky, backlogCount: this.#waitingCount };
    }
    if (this.#backlog.count === 0 || !this.#takeToken(nowMs)) return undefined;
    const task = this.#backlog.takeFirst()!;
    this.#backlog.countDispatched(task, nowMs);
    return { type: "task", task, sticky: this.sticky, backlogCount: this.#waitingCount };
  }

  #takeToken(nowMs: number): boolean {
    return this.#bucket === undefined || this.#bucket.take(nowMs);
  }

  #setRate(rate: number, nowMs: number): void {
    if (rate === this.#bucket?.rate) return;
    if (this.#bucket === undefined) this.#bucket = new TokenBucket(rate, nowMs);
    else this.#bucket.setRate(rate, nowMs);
    this.#match(nowMs);
  }

  /** Sets a wake for the next token when polls and tasks both wait. */
  #awaitToken(nowMs: number): void {
    this.stopWaking();
    if (this.#bucket === undefined || this.#line.first === undefined || this.#backlog.count === 0) return;
    const readyAtMs = this.#bucket.readyAtMs(nowMs);
    if (readyAtMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTokenWake = this.#clock.wake(readyAtMs, () => this.#match(this.#clock.nowMs()));
  }
}
