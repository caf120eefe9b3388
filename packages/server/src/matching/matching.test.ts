import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { matchingLimits } from "../limits.ts";
import type { Task } from "./match.ts";
import { Matching } from "./matching.ts";
import { namespaceId, priority, Rig, settle, told } from "./rig.ts";

describe("polls and tasks", () => {
  test("a task goes to the poll that has waited longest, and only to that one", async () => {
    const rig = new Rig();
    const [first, second] = [rig.poll(), rig.poll()];
    rig.matching.offer(rig.task("1"));
    await settle();
    assert.equal(told(first.answer), "task 1");
    assert.equal(second.answer, undefined);
  });

  test("a task that came before any poll waits for one", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("1"));
    rig.clock.advance(86_400_000);
    assert.equal(await rig.next(), "task 1");
    assert.equal(await rig.next(), null);
  });

  test("queues differ by namespace, kind and name", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("1"));
    assert.equal(await rig.next({ namespaceId: "another" }), null);
    assert.equal(await rig.next({ kind: "activity" }), null);
    assert.equal(await rig.next({ taskQueue: "Orders" }), null);
    assert.equal(await rig.next(), "task 1");
  });

  test("tasks leave by priority key, then by scheduled time, then by arrival; no key counts as 3 and one above 5 as 5", async () => {
    const rig = new Rig();
    const nowMs = rig.clock.nowMs();
    //  run   scheduled  priority
    for (const [runId, inMs, key] of [
      ["last", -9, 5],
      ["after last", 0, 9],
      ["normal", 0, 0],
      ["normal too", 0, 3],
      ["earlier", -5, 3],
      ["urgent", 7, 1],
      ["less urgent", 0, 2],
    ] as const) {
      rig.matching.offer(rig.task(runId, { scheduledAtMs: nowMs + inMs, ...(key === 0 ? {} : priority(key)) }));
    }
    const order: (string | null)[] = [];
    for (let next = await rig.next(); next !== null; next = await rig.next()) order.push(next);
    assert.deepEqual(
      order.map((next) => next?.slice("task ".length)),
      ["urgent", "less urgent", "earlier", "normal", "normal too", "last", "after last"],
    );
  });

  test("a poll ends with null at its time, not before and not after", async () => {
    const rig = new Rig();
    const asked = rig.poll();
    rig.clock.advance(59_999);
    await settle();
    assert.equal(asked.answer, undefined);
    rig.clock.advance(1);
    await settle();
    assert.equal(asked.answer, null);
  });

  test("a poll that ended takes no task with it", async () => {
    const rig = new Rig();
    const [cancelled, timedOut] = [rig.poll(), rig.poll({ untilMs: rig.clock.nowMs() + 10 })];
    cancelled.cancel();
    rig.clock.advance(10);
    rig.matching.offer(rig.task("1"));
    await settle();
    assert.deepEqual([cancelled.answer, timedOut.answer], [null, null]);
    assert.equal(await rig.next(), "task 1");
  });

  test("a poll whose caller has gone already, or whose time has passed, gets null although a task waits", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("1"));
    const gone = { signal: AbortSignal.abort(), untilMs: rig.clock.nowMs() + 60_000 };
    const late = { signal: new AbortController().signal, untilMs: rig.clock.nowMs() };
    for (const rest of [gone, late]) {
      const poller = { identity: "w", requestId: "r" };
      const match = await rig.matching.poll({ namespaceId, kind: "workflow", taskQueue: "orders", poller, ...rest });
      assert.equal(match, null);
    }
    assert.equal(await rig.next(), "task 1");
  });

  test("a match tells how many tasks are still waiting", async () => {
    const rig = new Rig();
    for (const runId of ["1", "2", "3"]) rig.matching.offer(rig.task(runId));
    const asked = rig.poll();
    await settle();
    assert.equal(asked.answer?.backlogCount, 2);
  });

  test("a task given back is handed out before all others, with nothing said of where it was", async () => {
    const rig = new Rig();
    for (const runId of ["1", "2"]) rig.matching.offer(rig.task(runId));
    const asked = rig.poll();
    await settle();
    rig.matching.offer(rig.task("urgent", priority(1)));
    rig.matching.giveBack(asked.answer!);
    assert.equal(await rig.next(), "task 1");
    assert.equal(await rig.next(), "task urgent");
    assert.equal(await rig.next(), "task 2");
    assert.equal(await rig.next(), null);
  });

  test("a task given back while another poll waits goes to it at once", async () => {
    const rig = new Rig();
    const [first, second] = [rig.poll(), rig.poll()];
    rig.matching.offer(rig.task("1"));
    await settle();
    rig.matching.giveBack(first.answer!);
    await settle();
    assert.equal(told(second.answer), "task 1");
  });

  test("after close every poll ends with null, also one that comes later, and nothing is left sleeping", async () => {
    const rig = new Rig();
    rig.matching.shutdownWorker({ namespaceId, stickyQueue: "shut" });
    const limited = { kind: "activity", maxTasksPerSecond: 1, taskQueue: "limited" } as const;
    const served = rig.poll(limited);
    const polls = [rig.poll(), rig.pollSticky(), rig.pollSticky({ taskQueue: "shut" }), rig.poll(limited)];
    for (const runId of ["1", "2"]) rig.matching.offer(rig.task(runId, { kind: "activity", taskQueue: "limited" }));
    await settle();
    assert.equal(told(served.answer), "task 1");
    rig.matching.close();
    polls.push(rig.poll());
    await settle();
    assert.deepEqual(
      polls.map(({ answer }) => answer),
      [null, null, null, null, null],
    );
    rig.matching.offer(rig.task("1"));
    rig.matching.shutdownWorker({ namespaceId, stickyQueue: "s", workerInstanceKey: "k" });
    assert.equal(rig.clock.sleeperCount, 0);
  });

  test("100,000 waiting tasks, ids included, cost at most 25 MB", async () => {
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const rig = new Rig();
    collect();
    const before = process.memoryUsage().heapUsed;
    // As they come from a worker's request: each id a string of its own, in one piece.
    const own = (id: string): string => Buffer.from(id).toString("latin1");
    for (let i = 0; i < 100_000; i++) {
      const runId = own(`0b8e4d2a-3c3f-4f6e-9a57-${String(i).padStart(12, "0")}`);
      rig.matching.offer(rig.task(runId, { workflowId: own(`order-${i}`), scheduledAtMs: rig.clock.nowMs() + i }));
    }
    collect();
    const megabytes = (process.memoryUsage().heapUsed - before) / 1e6;
    assert.ok(megabytes > 5 && megabytes <= 25, `${megabytes.toFixed(1)} MB`);
    assert.equal(rig.matching.describe(namespaceId, "workflow", "orders").backlogCount, 100_000);
  });
});

describe("reservations", () => {
  test("a reserved poll gets what is started for it, and no task that is offered meanwhile", async () => {
    const rig = new Rig();
    const asked = rig.poll({ identity: "w7" });
    const reservation = rig.matching.reserve(rig.task("1"));
    assert.equal(reservation?.poller.identity, "w7");
    assert.equal(reservation?.sticky, false);
    rig.matching.offer(rig.task("2"));
    await settle();
    assert.equal(told(asked.answer), undefined);
    reservation?.deliver("the started 1");
    await settle();
    assert.equal(told(asked.answer), "started 1");
    assert.equal(asked.answer?.type === "started" && asked.answer.started, "the started 1");
    assert.equal(await rig.next(), "task 2");
  });

  test("nobody is reserved where nobody waits, or where all that wait are reserved", () => {
    const rig = new Rig();
    assert.equal(rig.matching.reserve(rig.task("1")), null);
    rig.poll();
    assert.notEqual(rig.matching.reserve(rig.task("1")), null);
    assert.equal(rig.matching.reserve(rig.task("2")), null);
  });

  test("a released poll is the first of the line again", async () => {
    const rig = new Rig();
    const [first, second] = [rig.poll(), rig.poll()];
    rig.matching.reserve(rig.task("1"))?.release();
    rig.matching.offer(rig.task("2"));
    await settle();
    assert.equal(told(first.answer), "task 2");
    assert.equal(second.answer, undefined);
  });

  test("a released poll gets at once what came while it was reserved", async () => {
    const rig = new Rig();
    const asked = rig.poll();
    const reservation = rig.matching.reserve(rig.task("1"));
    rig.matching.offer(rig.task("2"));
    reservation?.release();
    await settle();
    assert.equal(told(asked.answer), "task 2");
  });

  test("what is started for a caller that has gone goes to the next poll that waits", async () => {
    const rig = new Rig();
    const [gone, next] = [rig.poll(), rig.poll()];
    const reservation = rig.matching.reserve(rig.task("1"));
    gone.cancel();
    await settle();
    assert.equal(gone.answer, null);
    reservation?.deliver("started");
    await settle();
    assert.equal(told(next.answer), "started 1");
  });

  test("what is started for a caller that has gone waits at the head of the queue when nobody else waits", async () => {
    const rig = new Rig();
    const gone = rig.poll();
    const reservation = rig.matching.reserve(rig.task("1"));
    rig.matching.offer(rig.task("urgent", priority(1)));
    gone.cancel();
    reservation?.deliver("started");
    assert.equal(await rig.next(), "started 1");
    assert.equal(await rig.next(), "task urgent");
  });

  test("a poll whose time comes while it is reserved waits for the commit: its task if there is one, else null", async () => {
    for (const [end, expected] of [
      ["deliver", "started 1"],
      ["release", null],
    ] as const) {
      const rig = new Rig();
      const asked = rig.poll();
      const reservation = rig.matching.reserve(rig.task("1"));
      rig.clock.advance(60_000);
      await settle();
      assert.equal(asked.answer, undefined);
      reservation?.[end]("started");
      await settle();
      assert.equal(told(asked.answer), expected);
    }
  });

  test("a released poll whose caller has gone is not put back in line", async () => {
    const rig = new Rig();
    const [gone, next] = [rig.poll(), rig.poll()];
    const reservation = rig.matching.reserve(rig.task("1"));
    gone.cancel();
    reservation?.release();
    rig.matching.offer(rig.task("1"));
    await settle();
    assert.equal(gone.answer, null);
    assert.equal(told(next.answer), "task 1");
  });

  test("a reservation that is ended twice is a bug that speaks up", () => {
    const rig = new Rig();
    rig.poll();
    const reservation = rig.matching.reserve(rig.task("1"));
    reservation?.deliver("started");
    assert.throws(() => reservation?.release(), /ends once/);
    assert.throws(() => reservation?.deliver("again"), /ends once/);
  });

  test("a queue is not forgotten under a reservation, however long the commit takes", async () => {
    const rig = new Rig();
    const asked = rig.poll({ untilMs: rig.clock.nowMs() + 86_400_000 });
    const reservation = rig.matching.reserve(rig.task("1"));
    rig.clock.advance(3_600_000);
    reservation?.release();
    rig.matching.offer(rig.task("2"));
    await settle();
    assert.equal(told(asked.answer), "task 2");
  });
});

describe("queries", () => {
  test("a query is handed out before tasks, to a poll of the workflow queue", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("1"));
    rig.matching.offerQuery(rig.query("q"));
    assert.equal(await rig.next({ kind: "activity" }), null);
    assert.equal(await rig.next(), "query q");
    assert.equal(await rig.next(), "task 1");
  });

  test("a withdrawn query is handed to nobody, wherever it waited", async () => {
    const rig = new Rig();
    rig.pollSticky().cancel();
    rig.matching.offerQuery(rig.query("waiting"));
    rig.matching.offerQuery(rig.query("sticky", { stickyQueue: "sticky-w" }));
    rig.matching.offerQuery(rig.query("returned"));
    const asked = rig.poll();
    await settle();
    assert.equal(told(asked.answer), "query waiting");
    rig.matching.giveBack(asked.answer!);
    for (const id of ["waiting", "sticky", "returned"]) rig.matching.withdrawQuery(id);
    assert.equal(await rig.next(), null);
    assert.equal(await rig.next({ taskQueue: "sticky-w", stickyOf: "orders" }), null);
  });

  test("a query that was withdrawn while a poller had it is not queued again when it is given back", async () => {
    const rig = new Rig();
    const asked = rig.poll();
    rig.matching.offerQuery(rig.query("q"));
    await settle();
    rig.matching.withdrawQuery("q");
    rig.matching.giveBack(asked.answer!);
    assert.equal(await rig.next(), null);
  });

  test("a query offered again without its sticky queue leaves that one for the normal queue", async () => {
    const rig = new Rig();
    assert.equal(await rig.next({ taskQueue: "sticky-w", stickyOf: "orders" }), null);
    rig.matching.offerQuery(rig.query("q", { stickyQueue: "sticky-w" }));
    assert.equal(await rig.next(), null);
    rig.matching.offerQuery(rig.query("q"));
    assert.equal(await rig.next({ taskQueue: "sticky-w", stickyOf: "orders" }), null);
    assert.equal(await rig.next(), "query q");
  });
});

describe("rate limit", () => {
  const activity = (rig: Rig, runId: string): Task => rig.task(runId, { kind: "activity" });

  test("a queue hands out no more than its rate, and waiting polls get the next token in their order", async () => {
    const rig = new Rig();
    const polls = Array.from({ length: 5 }, () => rig.poll({ kind: "activity", maxTasksPerSecond: 2 }));
    for (let i = 0; i < 5; i++) rig.matching.offer(activity(rig, String(i)));
    const served: number[] = [];
    for (const advanceMs of [0, 499, 1, 499, 1, 500]) {
      rig.clock.advance(advanceMs);
      await settle();
      served.push(polls.filter(({ answer }) => answer !== undefined).length);
    }
    assert.deepEqual(served, [2, 2, 3, 3, 4, 5]);
    assert.deepEqual(
      polls.map(({ answer }) => told(answer)),
      ["task 0", "task 1", "task 2", "task 3", "task 4"],
    );
  });

  test("rate 0 stops the queue, reservations too, until a poll says otherwise", async () => {
    const rig = new Rig();
    const blocked = rig.poll({ kind: "activity", maxTasksPerSecond: 0 });
    assert.equal(rig.matching.reserve(activity(rig, "1")), null);
    rig.matching.offer(activity(rig, "1"));
    rig.clock.advance(30_000);
    await settle();
    assert.equal(blocked.answer, undefined);
    assert.equal(rig.matching.describe(namespaceId, "activity", "orders").rateLimited, true);
    rig.poll({ kind: "activity", maxTasksPerSecond: 1_000 });
    rig.clock.advance(1);
    await settle();
    assert.equal(told(blocked.answer), "task 1");
  });

  test("a poll that comes while others wait for a token does not overtake them", async () => {
    const rig = new Rig();
    const patient = rig.poll({ kind: "activity", maxTasksPerSecond: 1 });
    const second = rig.poll({ kind: "activity" });
    rig.matching.offer(activity(rig, "1"));
    rig.matching.offer(activity(rig, "2"));
    rig.clock.step(1_000); // the token is there, its wake has not run yet
    const newcomer = rig.poll({ kind: "activity" });
    rig.clock.advance(0);
    await settle();
    assert.equal(told(patient.answer), "task 1");
    assert.equal(told(second.answer), "task 2");
    assert.equal(newcomer.answer, undefined);
  });

  test("a new task overtakes no waiting one when a token has come and its wake has not run yet", async () => {
    const rig = new Rig();
    const polls = Array.from({ length: 3 }, () => rig.poll({ kind: "activity", maxTasksPerSecond: 1 }));
    rig.matching.offer(activity(rig, "1"));
    rig.matching.offer(activity(rig, "2"));
    rig.clock.step(1_000);
    assert.equal(rig.matching.reserve(activity(rig, "3")), null);
    rig.matching.offer(activity(rig, "3"));
    rig.clock.advance(1_000);
    await settle();
    assert.deepEqual(
      polls.map(({ answer }) => told(answer)),
      ["task 1", "task 2", "task 3"],
    );
  });

  test("a released reservation costs no token, a started task that comes back costs none again", async () => {
    const rig = new Rig();
    const asked = rig.poll({ kind: "activity", maxTasksPerSecond: 1 });
    rig.matching.reserve(activity(rig, "1"))?.release();
    const reservation = rig.matching.reserve(activity(rig, "1"));
    assert.notEqual(reservation, null);
    asked.cancel();
    reservation?.deliver("started");
    assert.equal(await rig.next({ kind: "activity" }), "started 1");
  });
});

describe("describe", () => {
  test("a queue that nobody ever used is described as empty", () => {
    const rig = new Rig();
    const described = rig.matching.describe(namespaceId, "activity", "nobody's");
    assert.deepEqual(
      [described.pollers, described.backlogCount, described.backlogAgeMs, described.byPriority.size],
      [[], 0, 0, 0],
    );
  });

  test("backlog, age, rates and pollers are told, by priority too", async () => {
    const rig = new Rig();
    rig.poll({ identity: "w1", maxTasksPerSecond: 1_000, kind: "activity" }).cancel();
    const task = (runId: string, key: number): Task => rig.task(runId, { kind: "activity", ...priority(key) });
    for (let second = 0; second < 60; second++) {
      rig.matching.offer(task(`a${second}`, 1));
      rig.matching.offer(task(`b${second}`, 4));
      assert.equal(await rig.next({ kind: "activity", identity: "w2" }), `task a${second}`);
      rig.clock.advance(1_000);
    }
    const described = rig.matching.describe(namespaceId, "activity", "orders");
    assert.deepEqual(
      described.pollers.map(({ identity, maxTasksPerSecond }) => [identity, maxTasksPerSecond]),
      [
        ["w2", undefined],
        ["w1", 1_000],
      ],
    );
    assert.equal(described.backlogCount, 60);
    assert.equal(described.backlogAgeMs, 60_000);
    assert.ok(Math.abs(described.addRate - 2) < 0.1 && Math.abs(described.dispatchRate - 1) < 0.1);
    const [urgent, late] = [described.byPriority.get(1), described.byPriority.get(4)];
    assert.deepEqual(
      [urgent?.backlogCount, urgent?.backlogAgeMs, late?.backlogCount, late?.backlogAgeMs],
      [0, 0, 60, 60_000],
    );
    assert.ok(Math.abs((urgent?.dispatchRate ?? 0) - 1) < 0.1);
    assert.equal(late?.dispatchRate, 0);
    assert.equal(described.rateLimited, false);
  });

  test("pollers are forgotten after five minutes, and a queue with nothing in it after as long", async () => {
    const rig = new Rig();
    assert.equal(await rig.next(), null);
    rig.clock.advance(299_000);
    assert.equal(rig.matching.describe(namespaceId, "workflow", "orders").pollers.length, 1);
    rig.clock.advance(1_000);
    assert.equal(rig.matching.describe(namespaceId, "workflow", "orders").pollers.length, 0);
    rig.clock.advance(60_000);
    assert.equal(rig.clock.sleeperCount, 0, "an empty house is not swept");
  });

  test("made-up queue names cannot fill memory: in a crowd, empty queues are dropped ten seconds after their last use", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("1"));
    const patient = rig.poll({ taskQueue: "patient" });
    const known = (name: string) => rig.matching.describe(namespaceId, "workflow", name).pollers.length > 0;
    for (let i = 0; i < matchingLimits.crowd + 10; i++) {
      rig.poll({ taskQueue: `made-up-${i}` }).cancel();
      if (i === 100) rig.clock.advance(10_000);
    }
    assert.deepEqual([known("made-up-0"), known("made-up-99"), known("made-up-101")], [false, false, true]);
    rig.matching.offer(rig.task("2", { taskQueue: "patient" }));
    await settle();
    assert.equal(told(patient.answer), "task 2");
    assert.equal(await rig.next(), "task 1");
  });

  test("a queue with a waiting task is never forgotten", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("1"));
    for (let hour = 0; hour < 24; hour++) rig.clock.advance(3_600_000);
    assert.equal(await rig.next(), "task 1");
  });
});

test("matching does not look into what is started", async () => {
  const rig = new Rig();
  const matching = new Matching<{ bytes: Uint8Array }>(rig.clock);
  const started = { bytes: new Uint8Array([1]) };
  const poll = matching.poll({
    namespaceId,
    kind: "workflow",
    taskQueue: "orders",
    poller: { identity: "w", requestId: "r" },
    signal: new AbortController().signal,
    untilMs: rig.clock.nowMs() + 1,
  });
  matching.reserve(rig.task("1"))?.deliver(started);
  const match = await poll;
  assert.ok(match?.type === "started" && match.started === started);
});
