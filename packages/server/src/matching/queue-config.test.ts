/** What operators set for a queue, as the polls and tasks of a queue in use feel it; and the advice that polls get. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { QueueConfig, Task } from "./match.ts";
import { namespaceId, Rig, settle, told } from "./rig.ts";

function configure(rig: Rig, config: Partial<QueueConfig> | undefined): void {
  const none = { maxTasksPerSecond: undefined, maxKeyTasksPerSecond: undefined, weights: new Map<string, number>() };
  rig.matching.configure(namespaceId, { kind: "workflow", taskQueue: "orders" }, config && { ...none, ...config });
}

function keyed(fairnessKey: string, fairnessWeight = 0): Pick<Task, "priority"> {
  return { priority: { priorityKey: 3, fairnessKey, fairnessWeight } };
}

/** Polls until nothing comes, and tells what came. */
async function drained(rig: Rig): Promise<string[]> {
  const told: string[] = [];
  for (let next = await rig.next(); next !== null; next = await rig.next()) told.push(next);
  return told;
}

describe("what operators set", () => {
  test("holds for a queue that nobody has used yet, and for one in use at once", async () => {
    const rig = new Rig();
    configure(rig, { maxTasksPerSecond: 1 });
    for (const id of ["1", "2", "3"]) rig.matching.offer(rig.task(id));
    assert.deepEqual(await drained(rig), ["task 1"]);
    const waiting = rig.poll();
    await settle();
    assert.equal(waiting.answer, undefined);
    configure(rig, undefined);
    await settle();
    assert.equal(told(waiting.answer), "task 2");
    assert.equal(await rig.next(), "task 3");
  });

  test("stays with a queue that was forgotten for want of use", async () => {
    const rig = new Rig();
    configure(rig, { maxTasksPerSecond: 1 });
    assert.equal(await rig.next(), null);
    rig.clock.advance(3_600_000);
    for (const id of ["1", "2"]) rig.matching.offer(rig.task(id));
    assert.deepEqual(await drained(rig), ["task 1"]);
  });

  test("lets a key wait for its rate while others pass it, and wakes its poll when it may go on", async () => {
    const rig = new Rig();
    configure(rig, { maxKeyTasksPerSecond: 1 });
    for (const id of ["1", "2", "3"]) rig.matching.offer(rig.task(id, keyed("a")));
    assert.deepEqual(await drained(rig), ["task 1"]);
    const polls = [rig.poll(), rig.poll()];
    rig.matching.offer(rig.task("4", keyed("b")));
    await settle();
    assert.deepEqual(
      polls.map(({ answer }) => told(answer)),
      ["task 4", undefined],
    );
    rig.clock.advance(999);
    await settle();
    assert.equal(told(polls[1]?.answer), undefined);
    rig.clock.advance(1);
    await settle();
    assert.equal(told(polls[1]?.answer), "task 2");
    assert.equal(rig.matching.describe(namespaceId, "workflow", "orders").rateLimited, true);
  });

  test("counts tasks that never waited, and gives back what a reservation did not use", async () => {
    const rig = new Rig();
    configure(rig, { maxKeyTasksPerSecond: 1 });
    const [first, second] = [rig.poll(), rig.poll()];
    const reservation = rig.matching.reserve(rig.task("1", keyed("a")));
    assert.equal(rig.matching.reserve(rig.task("2", keyed("a"))), null);
    reservation?.release();
    rig.matching.offer(rig.task("2", keyed("a")));
    rig.matching.offer(rig.task("3", keyed("a")));
    await settle();
    assert.deepEqual(
      [first, second].map(({ answer }) => told(answer)),
      ["task 2", undefined],
    );
    rig.clock.advance(1_000);
    await settle();
    assert.equal(told(second.answer), "task 3");
  });

  test("decides how keys share the queue, priorities first", async () => {
    const rig = new Rig();
    configure(rig, { weights: new Map([["b", 2]]) });
    for (const id of ["1", "2", "3", "4"])
      for (const key of ["a", "b"]) rig.matching.offer(rig.task(key + id, keyed(key)));
    rig.matching.offer(rig.task("urgent", { priority: { priorityKey: 1, fairnessKey: "a", fairnessWeight: 0 } }));
    assert.deepEqual(await drained(rig), [
      ...["task urgent", "task b1", "task a1", "task b2", "task b3", "task a2", "task b4", "task a3", "task a4"],
    ]);
  });
});

describe("a poll is told", () => {
  const deltaOf = async (rig: Rig, ask = rig.poll()) => {
    await settle();
    return ask.answer?.pollerDelta;
  };

  test("that one less would do, when it waited a second for its task", async () => {
    const rig = new Rig();
    const ask = rig.poll();
    rig.clock.advance(1_000);
    rig.matching.offer(rig.task("1"));
    assert.equal(await deltaOf(rig, ask), -1);
    const soon = rig.poll();
    rig.clock.advance(999);
    rig.matching.offer(rig.task("2"));
    assert.equal(await deltaOf(rig, soon), undefined);
  });

  test("that one more would help, when tasks wait too long; ten times a second for each poller", async () => {
    const rig = new Rig();
    for (let i = 0; i < 40; i++) rig.matching.offer(rig.task(`${i}`));
    assert.equal(await deltaOf(rig), 1, "tasks come and none goes");
    rig.clock.advance(201);
    const deltas: unknown[] = [];
    for (let i = 0; i < 15; i++) deltas.push(await deltaOf(rig));
    assert.deepEqual(deltas.filter((delta) => delta === 1).length, 10);
    rig.clock.advance(100);
    assert.equal(await deltaOf(rig), 1);
  });

  test("nothing when more pollers would only wait for the rate, too", async () => {
    const rig = new Rig();
    configure(rig, { maxTasksPerSecond: 1 });
    for (let i = 0; i < 10; i++) rig.matching.offer(rig.task(`${i}`));
    const ask = rig.poll();
    await settle();
    rig.clock.advance(2_000);
    const [second, third] = [rig.poll(), rig.poll()];
    rig.clock.advance(2_000);
    assert.deepEqual(
      [await deltaOf(rig, second), await deltaOf(rig, third), told(ask.answer)],
      [undefined, undefined, "task 0"],
    );
  });

  test("nothing of what the one before it was told about the same task", async () => {
    const rig = new Rig();
    const ask = rig.poll();
    rig.clock.advance(5_000);
    rig.matching.offer(rig.task("1"));
    assert.equal(await deltaOf(rig, ask), -1);
    rig.matching.giveBack(ask.answer!);
    assert.equal(await deltaOf(rig), undefined);
  });
});
