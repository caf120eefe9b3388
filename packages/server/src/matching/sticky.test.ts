import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { matchingLimits } from "../limits.ts";
import { type Asked, namespaceId, Rig, settle, told } from "./rig.ts";

const sticky = { stickyQueue: "sticky-w" };
const pollingSticky = { taskQueue: "sticky-w", stickyOf: "orders" };

describe("where a task for a sticky queue goes", () => {
  test("to the worker that waits there, although others waited longer at the normal queue", async () => {
    const rig = new Rig();
    const [normal, own] = [rig.poll(), rig.pollSticky()];
    rig.matching.offer(rig.task("1", sticky));
    await settle();
    assert.equal(normal.answer, undefined);
    assert.equal(told(own.answer), "task 1 sticky");
  });

  test("to the sticky queue while its worker was seen within ten seconds, although somebody waits at the normal queue", async () => {
    const rig = new Rig();
    assert.equal(await rig.next(pollingSticky), null);
    const normal = rig.poll();
    rig.clock.advance(9_999);
    rig.matching.offer(rig.task("1", sticky));
    await settle();
    assert.equal(normal.answer, undefined);
    assert.equal(await rig.next(pollingSticky), "task 1 sticky");
  });

  test("straight to the normal queue when its worker was not seen for ten seconds, or never", async () => {
    const rig = new Rig();
    rig.matching.offer(rig.task("never", sticky));
    assert.equal(await rig.next(), "task never");
    assert.equal(await rig.next(pollingSticky), null);
    rig.clock.advance(10_000);
    rig.matching.offer(rig.task("gone", sticky));
    assert.equal(await rig.next(), "task gone");
  });

  test("a worker that took a task counts as seen then, also when its poll began long before", async () => {
    const rig = new Rig();
    rig.pollSticky();
    rig.clock.advance(50_000);
    rig.matching.offer(rig.task("1", sticky));
    rig.clock.advance(5_000);
    rig.matching.offer(rig.task("2", sticky));
    assert.equal(await rig.next(), null);
    assert.equal(await rig.next(pollingSticky), "task 2 sticky");
  });

  test("a worker whose last poll was cut off is gone, however lately that poll began, until it polls again", async () => {
    const rig = new Rig();
    const asked = [rig.pollSticky(), rig.pollSticky()];
    asked[0]!.cancel();
    rig.matching.offer(rig.task("another poll waits", sticky));
    await settle();
    assert.equal(told(asked[1]!.answer), "task another poll waits sticky");

    const last = rig.pollSticky();
    last.cancel();
    rig.matching.offer(rig.task("killed", sticky));
    assert.equal(await rig.next(), "task killed");

    assert.equal(await rig.next(pollingSticky), null);
    rig.matching.offer(rig.task("back", sticky));
    assert.equal(await rig.next(pollingSticky), "task back sticky");
  });

  test("a reservation follows the same rule: sticky poll, nobody while its worker is near, else a normal poll", () => {
    const rig = new Rig();
    rig.poll({ identity: "another" });
    rig.pollSticky({ identity: "own" });
    const reservation = rig.matching.reserve(rig.task("1", sticky));
    assert.deepEqual([reservation?.poller.identity, reservation?.sticky], ["own", true]);
    reservation?.deliver("started");
    assert.equal(rig.matching.reserve(rig.task("2", sticky)), null);
    rig.clock.advance(10_000);
    const fallen = rig.matching.reserve(rig.task("2", sticky));
    assert.deepEqual([fallen?.poller.identity, fallen?.sticky], ["another", false]);
  });

  test("a worker whose only poll is reserved is there, however long the commit takes", async () => {
    const rig = new Rig();
    rig.pollSticky();
    const reservation = rig.matching.reserve(rig.task("1", sticky));
    rig.clock.advance(30_000);
    rig.matching.offer(rig.task("2", sticky));
    reservation?.deliver("started");
    assert.equal(await rig.next(), null);
    assert.equal(await rig.next(pollingSticky), "task 2 sticky");
  });

  test("a query follows the same rule", async () => {
    const rig = new Rig();
    rig.matching.offerQuery(rig.query("q1", sticky));
    assert.equal(await rig.next(), "query q1");
    const own = rig.pollSticky();
    rig.matching.offerQuery(rig.query("q2", sticky));
    await settle();
    assert.equal(told(own.answer), "query q2 sticky");
  });

  test("a sticky queue is not a normal queue of the same name", async () => {
    const rig = new Rig();
    const own = rig.pollSticky();
    rig.matching.offer(rig.task("1", { taskQueue: "sticky-w" }));
    await settle();
    assert.equal(own.answer, undefined);
    assert.equal(await rig.next({ taskQueue: "sticky-w" }), "task 1");
  });

  test("setting the clock back by an hour does not make a dead worker count as there for an hour", async () => {
    const rig = new Rig();
    assert.equal(await rig.next(pollingSticky), null);
    rig.clock.step(-3_600_000);
    rig.matching.offer(rig.task("1", sticky));
    rig.clock.advance(10_000);
    rig.matching.offer(rig.task("2", sticky));
    assert.equal(await rig.next(), "task 2");
  });
});

describe("a worker that is gone", () => {
  test("its sticky queue, once shut, hands its tasks, started tasks and queries to the normal queue at once", async () => {
    const rig = new Rig();
    const polls = [rig.pollSticky(), rig.pollSticky()];
    const reservation = rig.matching.reserve(rig.task("started", sticky));
    for (const asked of polls) asked.cancel();
    rig.matching.offer(rig.task("waiting", sticky));
    rig.matching.offerQuery(rig.query("q", sticky));
    assert.equal(await rig.next(), null);
    rig.matching.shutdownWorker({ namespaceId, ...sticky });
    reservation?.deliver("partial history");
    const order = [await rig.next(), await rig.next(), await rig.next(), await rig.next()];
    assert.deepEqual(order, ["started started", "query q", "task waiting", null]);
  });

  test("after the goodbye tasks go straight to the normal queue, although the worker polled a moment ago", async () => {
    const rig = new Rig();
    rig.pollSticky();
    rig.matching.shutdownWorker({ namespaceId, ...sticky });
    rig.matching.offer(rig.task("1", sticky));
    assert.equal(await rig.next(), "task 1");
  });

  test("its sticky polls end with null at once; one that comes late waits for nothing and revives nothing", async () => {
    const rig = new Rig();
    const waiting = rig.pollSticky();
    rig.matching.shutdownWorker({ namespaceId, ...sticky });
    await settle();
    assert.equal(waiting.answer, null);
    const late = rig.pollSticky();
    rig.matching.offer(rig.task("1", sticky));
    await settle();
    assert.equal(late.answer, undefined);
    assert.equal(await rig.next(), "task 1");
    rig.clock.advance(60_000);
    await settle();
    assert.equal(late.answer, null);
  });

  test("a sticky name is free again a minute after its goodbye", async () => {
    const rig = new Rig();
    rig.matching.shutdownWorker({ namespaceId, ...sticky });
    rig.clock.advance(60_000);
    const own = rig.pollSticky();
    rig.matching.offer(rig.task("1", sticky));
    await settle();
    assert.equal(told(own.answer), "task 1 sticky");
  });

  test("polls of its instance key end with null at once on every queue, later ones in a moment, and no others", async () => {
    const rig = new Rig();
    const own = { workerInstanceKey: "k1" };
    const polls = [rig.poll(own), rig.pollSticky(own), rig.poll({ kind: "activity", ...own })];
    const others = [rig.poll(), rig.poll({ workerInstanceKey: "k2" }), rig.poll({ ...own, namespaceId: "another" })];
    rig.matching.shutdownWorker({ namespaceId, ...own });
    const late = rig.poll(own);
    await settle();
    assert.deepEqual(
      polls.map(({ answer }) => answer),
      [null, null, null],
    );
    rig.clock.advance(matchingLimits.partingMs);
    await settle();
    assert.equal(late.answer, null);
    assert.deepEqual(
      others.map(({ answer }) => answer),
      [undefined, undefined, undefined],
    );
  });

  test("a poll that waits in vain at a shut sticky queue ends when its worker's instance key says goodbye, too", async () => {
    const rig = new Rig();
    rig.matching.shutdownWorker({ namespaceId, ...sticky });
    const late = rig.pollSticky({ workerInstanceKey: "k" });
    rig.matching.shutdownWorker({ namespaceId, workerInstanceKey: "k" });
    await settle();
    assert.equal(late.answer, null);
  });

  describe("SDKs drop what comes after the first answer without a task", () => {
    const answers = (polls: readonly Asked[]) => polls.map(({ answer }) => answer);
    const key = { workerInstanceKey: "k" };
    const waits = [undefined, undefined, undefined];

    test("polls of a worker that was given a task just before its goodbye end after the answer with it", async () => {
      const rig = new Rig();
      const served = rig.pollSticky(key);
      rig.matching.offer(rig.task("1", sticky));
      const polls = [rig.pollSticky(key), rig.poll(key)];
      await settle();
      assert.equal(told(served.answer), "task 1 sticky");
      const partsInMs = rig.matching.shutdownWorker({ namespaceId, ...sticky, ...key });
      assert.equal(partsInMs, matchingLimits.partingMs);
      polls.push(rig.poll(key));
      rig.matching.offer(rig.task("2"));
      rig.clock.advance(matchingLimits.partingMs - 1);
      await settle();
      assert.deepEqual(answers(polls), waits);
      rig.clock.advance(1);
      await settle();
      assert.deepEqual(answers(polls), [null, null, null]);
      assert.equal(await rig.next(), "task 2");
    });

    test("so do those of one whose task is not started yet, for as long as the start may take", async () => {
      const rig = new Rig();
      const polls = [rig.poll(key), rig.poll(key), rig.poll({ kind: "activity", ...key })];
      const reservation = rig.matching.reserve(rig.task("1"));
      rig.clock.advance(1_000);
      rig.matching.shutdownWorker({ namespaceId, ...key });
      await settle();
      assert.deepEqual(answers(polls), waits);
      reservation!.deliver("started");
      rig.clock.advance(matchingLimits.partingMs);
      await settle();
      assert.deepEqual(
        polls.map(({ answer }) => told(answer)),
        ["started 1", null, null],
      );
    });

    test("a caller that goes meanwhile, or whose time is up, does not wait for that", async () => {
      const rig = new Rig();
      rig.poll(key);
      rig.matching.offer(rig.task("1"));
      const [gone, short] = [rig.poll(key), rig.poll({ ...key, untilMs: rig.clock.nowMs() + 10 })];
      rig.matching.shutdownWorker({ namespaceId, ...key });
      gone.cancel();
      rig.clock.advance(10);
      await settle();
      assert.deepEqual(answers([gone, short]), [null, null]);
      assert.equal(await rig.next(), null);
    });

    test("a worker of which no poll waits, because all had tasks, is answered when these have arrived", async () => {
      const rig = new Rig();
      const polls = [rig.poll({ kind: "activity", ...key }), rig.poll({ kind: "activity", ...key })];
      for (const runId of ["1", "2"]) rig.matching.offer(rig.task(runId, { kind: "activity" }));
      const goodbye = { namespaceId, taskQueue: rig.task("1").taskQueue, ...key };
      assert.equal(rig.matching.shutdownWorker(goodbye), matchingLimits.partingMs);
      await settle();
      assert.deepEqual(
        polls.map(({ answer }) => told(answer)),
        ["task 1", "task 2"],
      );
    });

    test("a worker that had nothing lately goes at once", async () => {
      const rig = new Rig();
      rig.poll(key);
      rig.matching.offer(rig.task("1"));
      rig.clock.advance(matchingLimits.partingMs);
      const poll = rig.poll(key);
      assert.equal(rig.matching.shutdownWorker({ namespaceId, ...key }), 0);
      await settle();
      assert.equal(poll.answer, null);
    });
  });

  test("a poll that is reserved when its worker says goodbye still gets that task, and nothing else", async () => {
    for (const [end, expected] of [
      ["deliver", "started 1"],
      ["release", null],
    ] as const) {
      const rig = new Rig();
      const asked = rig.poll({ workerInstanceKey: "k" });
      const reservation = rig.matching.reserve(rig.task("1"));
      rig.matching.shutdownWorker({ namespaceId, workerInstanceKey: "k" });
      rig.matching.offer(rig.task("2"));
      reservation?.[end]("started");
      await settle();
      assert.equal(told(asked.answer), expected);
      assert.equal(await rig.next(), "task 2");
    }
  });

  test("a goodbye without names ends nothing", async () => {
    const rig = new Rig();
    const asked = rig.poll({ workerInstanceKey: "" });
    rig.matching.shutdownWorker({ namespaceId, stickyQueue: "", workerInstanceKey: "" });
    await settle();
    assert.equal(asked.answer, undefined);
  });

  test("without a goodbye its sticky queue is given up after five minutes, and what waited there moves", async () => {
    const rig = new Rig();
    assert.equal(await rig.next(pollingSticky), null);
    rig.matching.offer(rig.task("1", sticky));
    rig.clock.advance(299_998);
    assert.equal(await rig.next(), null);
    rig.clock.advance(60_002);
    assert.equal(await rig.next(), "task 1");
  });

  test("a match given back after its sticky worker went is for the normal queue, and for its next sticky poll if one waits", async () => {
    const rig = new Rig();
    const [first, second] = [rig.pollSticky(), rig.pollSticky()];
    rig.matching.offer(rig.task("1", sticky));
    await settle();
    rig.matching.giveBack(first.answer!);
    await settle();
    assert.equal(told(second.answer), "task 1 sticky");
    rig.matching.giveBack(second.answer!);
    assert.equal(await rig.next(), "task 1");
  });

  test("what was started for a sticky poll whose caller has gone goes to the normal queue, and says so", async () => {
    const rig = new Rig();
    const asked = rig.pollSticky();
    const reservation = rig.matching.reserve(rig.task("1", sticky));
    asked.cancel();
    reservation?.deliver("partial history");
    assert.equal(await rig.next(), "started 1");
  });

  test("a sticky queue can be described like any other", async () => {
    const rig = new Rig();
    assert.equal(await rig.next({ ...pollingSticky, identity: "w9" }), null);
    rig.matching.offer(rig.task("1", sticky));
    const described = rig.matching.describe(namespaceId, "workflow", "sticky-w");
    assert.deepEqual([described.backlogCount, described.pollers[0]?.identity], [1, "w9"]);
  });
});
