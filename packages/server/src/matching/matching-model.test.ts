/**
 * Random lives of a few queues. After every step the promises of `matching.ts` are checked from outside: what each poll was answered, and in the
 * end, by polling everything empty, what was still waiting.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchingLimits } from "../limits.ts";
import { type LentPoll, type Match, priorityKeyOf, type Reservation, type Task } from "./match.ts";
import { type Asked, namespaceId, Rig, settle } from "./rig.ts";

const normalQueues = ["a", "b"] as const;
const stickyQueues = ["s1", "s2"] as const;
const workers = ["k1", "k2"] as const;

const place = fc.record({
  queue: fc.constantFrom(...normalQueues),
  sticky: fc.option(fc.constantFrom(...stickyQueues), { nil: undefined }),
});
const pick = fc.nat(1_000);
const fairnessKey = fc.constantFrom("", "x", "y");
const move = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("offer" as const),
      place,
      key: fc.integer({ min: 1, max: 5 }),
      fairnessKey,
      ageMs: fc.nat(3),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("poll" as const),
      place,
      worker: fc.constantFrom(...workers),
      forMs: fc.integer({ min: 1, max: 40_000 }),
      rate: fc.constantFrom(undefined, undefined, 0, 1, 3),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("reserve" as const),
      place,
      key: fc.integer({ min: 1, max: 5 }),
      fairnessKey,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deliver" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("lend" as const), place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("repay" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bringBack" as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cancel" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("giveBack" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("query" as const), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("requery" as const), pick, place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("withdraw" as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("shutSticky" as const), sticky: fc.constantFrom(...stickyQueues) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("shutWorker" as const), worker: fc.constantFrom(...workers) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("configure" as const),
      queue: fc.constantFrom(...normalQueues),
      rate: fc.constantFrom(undefined, undefined, 0, 2),
      keyRate: fc.constantFrom(undefined, 0, 0.1, 1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      ms: fc.constantFrom(0, 1, 500, 9_999, 10_000, 60_000, 400_000),
    }),
  },
);
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

/** One poll as the model sees it; judged = its answer has been looked at. */
interface PollSeen {
  readonly asked: Asked;
  readonly queue: string;
  readonly worker: string;
  readonly startedAtMs: number;
  readonly untilMs: number;
  cancelled: boolean;
  judged: boolean;
}

/** How often each interesting thing happened in all runs: a model that never meets them proves nothing. */
const met = {
  task: 0,
  started: 0,
  query: 0,
  sticky: 0,
  givenBack: 0,
  released: 0,
  repaid: 0,
  repaidLate: 0,
  timedOut: 0,
  goodbye: 0,
  limited: 0,
  stopped: 0,
  keyed: 0,
  left: 0,
  ordered: 0,
};

/** Also after the poll is back something may have been started for it. */
interface Loan {
  readonly poll: LentPoll<string>;
  readonly task: Task;
  isOut: boolean;
}

class Life {
  readonly rig = new Rig();
  readonly #polls: PollSeen[] = [];
  readonly #held: Match<string>[] = [];
  /** Came back at least once, so that their place in the order is the head of the queue. */
  readonly #returned = new Set<string>();
  readonly #goodbyeAtMs = new Map<string, number>();
  readonly #reservations: { readonly task: Task; readonly reservation: Reservation<string> }[] = [];
  readonly #loans: Loan[] = [];
  /** Ids of the tasks and queries that are in matching's hands. */
  readonly #inside = new Set<string>();
  readonly #openQueries = new Set<string>();
  #made = 0;

  async step(action: Move): Promise<void> {
    this.#do(action);
    await settle();
    this.#judge();
  }

  #do(action: Move): void {
    const { matching, clock } = this.rig;
    switch (action.do) {
      case "offer":
        return this.#offer(this.#task(action, action.ageMs));
      case "poll":
        return this.#poll(action);
      case "reserve":
        return this.#reserve(this.#task(action, 0));
      case "deliver": {
        const [entry] = take(this.#reservations, action.pick);
        if (entry === undefined) return;
        this.#inside.add(entry.task.runId);
        return entry.reservation.deliver(entry.task.runId);
      }
      case "release": {
        const [entry] = take(this.#reservations, action.pick);
        if (entry === undefined) return;
        met.released++;
        return entry.reservation.release();
      }
      case "lend":
        return this.#lend(action.place);
      case "repay": {
        const [loan] = take(this.#loans, action.pick);
        if (loan === undefined) return;
        met[loan.isOut ? "repaid" : "repaidLate"]++;
        this.#inside.add(loan.task.runId);
        return loan.poll.deliver(loan.task, loan.task.runId);
      }
      case "bringBack": {
        const loan = this.#loans[action.pick % Math.max(1, this.#loans.length)];
        if (loan === undefined) return;
        loan.isOut = false;
        return loan.poll.release();
      }
      case "cancel": {
        const open = this.#polls.filter(({ judged }) => !judged);
        const poll = open[action.pick % Math.max(1, open.length)];
        if (poll === undefined) return;
        poll.cancelled = true;
        return poll.asked.cancel();
      }
      case "giveBack": {
        const [held] = take(this.#held, action.pick);
        if (held === undefined) return;
        const id = idOf(held);
        // A query that was withdrawn meanwhile stays out.
        if (held.type !== "query" || this.#openQueries.has(id)) this.#inside.add(id);
        this.#returned.add(id);
        met.givenBack++;
        return matching.giveBack(held);
      }
      case "query": {
        const id = `q${this.#made++}`;
        this.#openQueries.add(id);
        this.#inside.add(id);
        return matching.offerQuery(this.#query(id, action.place));
      }
      case "requery": {
        // Only one that no poller holds: the frontend asks again when nobody took it.
        const waiting = [...this.#openQueries].filter((id) => this.#inside.has(id));
        const id = waiting[action.pick % Math.max(1, waiting.length)];
        if (id === undefined) return;
        this.#inside.add(id);
        return matching.offerQuery(this.#query(id, { queue: action.place.queue }));
      }
      case "withdraw": {
        const id = [...this.#openQueries][action.pick % Math.max(1, this.#openQueries.size)];
        if (id === undefined) return;
        this.#openQueries.delete(id);
        this.#inside.delete(id);
        return matching.withdrawQuery(id);
      }
      case "shutSticky":
        this.#goodbyeAtMs.set(action.sticky, clock.nowMs());
        matching.shutdownWorker({ namespaceId, stickyQueue: action.sticky });
        return;
      case "shutWorker":
        this.#goodbyeAtMs.set(action.worker, clock.nowMs());
        matching.shutdownWorker({ namespaceId, workerInstanceKey: action.worker });
        return;
      case "configure":
        return this.#configure(action.queue, action);
      case "advance":
        return clock.advance(action.ms);
    }
  }

  #configure(taskQueue: string, { rate, keyRate }: { rate: number | undefined; keyRate: number | undefined }): void {
    const config = { maxTasksPerSecond: rate, maxKeyTasksPerSecond: keyRate, weights: new Map([["x", 4]]) };
    this.rig.matching.configure(namespaceId, { kind: "workflow", taskQueue }, config);
  }

  #task(
    { place, key, fairnessKey }: Pick<Extract<Move, { do: "reserve" }>, "place" | "key" | "fairnessKey">,
    ageMs: number,
  ): Task {
    const scheduledAtMs = this.rig.clock.nowMs() - ageMs;
    return this.rig.task(`t${this.#made++}`, {
      taskQueue: place.queue,
      stickyQueue: place.sticky,
      scheduledAtMs,
      priority: { priorityKey: key, fairnessKey, fairnessWeight: 0 },
    });
  }

  #query(id: string, { queue, sticky }: { queue: string; sticky?: string | undefined }) {
    return this.rig.query(id, { taskQueue: queue, stickyQueue: sticky });
  }

  #offer(task: Task): void {
    this.#inside.add(task.runId);
    this.rig.matching.offer(task);
  }

  #reserve(task: Task): void {
    const reservation = this.rig.matching.reserve(task);
    // Like the shard: started now and delivered later, or offered after the commit.
    if (reservation === null) this.#offer(task);
    else this.#reservations.push({ task, reservation });
  }

  #lend(place: Extract<Move, { do: "lend" }>["place"]): void {
    const { queue: taskQueue, sticky: stickyQueue } = place;
    const poll = this.rig.matching.lend({ namespaceId, taskQueue, ...(stickyQueue && { stickyQueue }) });
    if (poll) this.#loans.push({ poll, task: this.#task({ place, key: 3, fairnessKey: "" }, 0), isOut: true });
  }

  #poll({ place: { queue, sticky }, worker, forMs, rate }: Extract<Move, { do: "poll" }>): void {
    const startedAtMs = this.rig.clock.nowMs();
    const where = sticky === undefined ? { taskQueue: queue } : { taskQueue: sticky, stickyOf: queue };
    const asked = this.rig.poll({
      ...where,
      untilMs: startedAtMs + forMs,
      workerInstanceKey: worker,
      identity: worker,
      // One of the queues has a rate limit, set anew by many polls.
      maxTasksPerSecond: queue === "b" && sticky === undefined ? rate : undefined,
    });
    const untilMs = startedAtMs + forMs;
    this.#polls.push({ asked, queue: sticky ?? queue, worker, startedAtMs, untilMs, cancelled: false, judged: false });
  }

  /** Looks at what every step brought. */
  #judge(): void {
    for (const poll of this.#polls) {
      if (poll.judged) continue;
      const { answer } = poll.asked;
      if (answer === undefined) continue;
      poll.judged = true;
      if (answer === null) this.#judgeNull(poll);
      else this.#judgeMatch(poll, answer);
    }
    const open = this.#polls.filter(({ judged }) => !judged);
    assert.ok(!open.some(({ cancelled }) => cancelled), "a cancelled poll is answered at once");
    const nowMs = this.rig.clock.nowMs();
    const overdue = open.filter((poll) => Math.min(poll.untilMs, this.#leavesAtMs(poll)) <= nowMs);
    const awayCount = this.#reservations.length + this.#loans.filter(({ isOut }) => isOut).length;
    assert.ok(overdue.length <= awayCount, "a poll outlives its time only while it is reserved or lent");
    for (const queue of normalQueues) this.#judgeQueue(queue, open);
  }

  /** When it is told that nothing comes, because its worker has said goodbye. */
  #leavesAtMs({ worker, startedAtMs }: PollSeen): number {
    const saidAtMs = this.#goodbyeAtMs.get(worker) ?? Number.NEGATIVE_INFINITY;
    return saidAtMs > startedAtMs - 60_000 ? saidAtMs + matchingLimits.partingMs : Number.POSITIVE_INFINITY;
  }

  #judgeNull(poll: PollSeen): void {
    const saidAtMs = Math.max(...[poll.worker, poll.queue].map((name) => this.#goodbyeAtMs.get(name) ?? 0));
    if (poll.cancelled) return;
    if (this.rig.clock.nowMs() >= poll.untilMs) met.timedOut++;
    else if (saidAtMs > poll.startedAtMs - 60_000) met.goodbye++;
    else assert.fail("null before its time");
  }

  /** A match takes its subject out of matching's hands, and is one that this poll asked for. */
  #judgeMatch(poll: PollSeen, match: Match<string>): void {
    assert.ok(!poll.cancelled, "nothing is handed to a caller that has gone");
    const id = idOf(match);
    assert.ok(this.#inside.delete(id), `${id} was handed out twice or was not there`);
    const { taskQueue, stickyQueue } = subjectOf(match);
    assert.equal(poll.queue, match.sticky ? stickyQueue : taskQueue);
    if (match.type === "started") assert.equal(match.started, id);
    if (match.sticky) met.sticky++;
    met[match.type]++;
    this.#held.push(match);
  }

  /** No lost wake-up: polls and tasks of a normal queue wait together only for the rate limit. */
  #judgeQueue(queue: string, open: readonly PollSeen[]): void {
    const described = this.rig.matching.describe(namespaceId, "workflow", queue);
    if (described.backlogCount === 0) return;
    const waiting = open.filter(
      (poll) => poll.queue === queue && this.#leavesAtMs(poll) === Number.POSITIVE_INFINITY,
    ).length;
    const reserved = this.#reservations.filter(
      ({ task, reservation }) => !reservation.sticky && task.taskQueue === queue,
    );
    const lent = this.#loans.filter(({ isOut, task }) => isOut && !task.stickyQueue && task.taskQueue === queue);
    const awayCount = reserved.length + lent.length;
    if (described.rateLimited && waiting > awayCount) met[described.maxTasksPerSecond === 0 ? "stopped" : "limited"]++;
    else assert.ok(waiting <= awayCount, `${waiting} polls and ${described.backlogCount} tasks wait at ${queue}`);
  }

  /** Ends the reservations and the polls, says goodbye for every sticky queue so that all comes to the normal ones, and polls these empty. */
  async end(): Promise<void> {
    for (const { task, reservation } of this.#reservations.splice(0)) {
      this.#inside.add(task.runId);
      reservation.deliver(task.runId);
    }
    for (const { poll } of this.#loans.splice(0)) poll.release();
    await settle();
    this.#judge();
    for (const poll of this.#polls) {
      if (poll.judged) continue;
      poll.cancelled = true;
      poll.asked.cancel();
    }
    await settle();
    this.#judge();
    for (const stickyQueue of stickyQueues) this.rig.matching.shutdownWorker({ namespaceId, stickyQueue });
    met.left += this.#inside.size;
    for (const queue of normalQueues) {
      this.#configure(queue, { rate: undefined, keyRate: undefined });
      await this.#empty(queue);
    }
    assert.deepEqual([...this.#inside], [], "lost");
    for (const id of this.#openQueries) this.rig.matching.withdrawQuery(id);
    this.rig.clock.advance(3_600_000);
    assert.equal(this.rig.clock.sleeperCount, 0, "empty queues are forgotten");
  }

  async #empty(queue: string): Promise<void> {
    /** By fairness key. */
    const lasts = new Map<string, Task>();
    let priority = 0;
    for (;;) {
      const asked = this.rig.poll({ taskQueue: queue, maxTasksPerSecond: 100 });
      this.rig.clock.advance(1_000); // for the rate limit
      await settle();
      asked.cancel();
      const match = asked.answer ?? null;
      if (match === null) return;
      assert.ok(this.#inside.delete(idOf(match)), `${idOf(match)} was handed out twice`);
      assert.equal(subjectOf(match).taskQueue, queue);
      if (match.type !== "task" || this.#returned.has(match.task.runId)) continue;
      assert.ok(priorityKeyOf(match.task) >= priority, `${match.task.runId} came after tasks of less priority`);
      priority = priorityKeyOf(match.task);
      const key = match.task.priority!.fairnessKey;
      const last = lasts.get(key);
      if (last !== undefined) {
        assert.ok(isInOrder(last, match.task), `${last.runId} came before ${match.task.runId}`);
        met.ordered++;
      }
      if (key !== "") met.keyed++;
      lasts.set(key, match.task);
    }
  }
}

function subjectOf(match: Match<string>): { readonly taskQueue: string; readonly stickyQueue?: string | undefined } {
  return match.type === "query" ? match.query : match.task;
}

function take<T>(list: T[], at: number): T[] {
  return list.length === 0 ? [] : list.splice(at % list.length, 1);
}

function idOf(match: Match<string>): string {
  return match.type === "query" ? match.query.id : match.task.runId;
}

function isInOrder(a: Task, b: Task): boolean {
  const [keyA, keyB] = [priorityKeyOf(a), priorityKeyOf(b)];
  return keyA !== keyB ? keyA < keyB : a.scheduledAtMs <= b.scheduledAtMs;
}

test("every task is handed to one poll or still waits, in order, and nobody waits in vain, whatever happens in whatever order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { size: "max", maxLength: 60 }), async (moves) => {
      const life = new Life();
      for (const one of moves) await life.step(one);
      await life.end();
    }),
    {
      numRuns: Number(process.env["RUNS"] ?? 300),
      ...(process.env["SEED"] ? { seed: Number(process.env["SEED"]) } : {}),
    },
  );
  for (const [what, times] of Object.entries(met)) assert.ok(times > 0, `no run ever met "${what}"`);
});
