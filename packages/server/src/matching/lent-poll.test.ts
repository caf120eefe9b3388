/** A poll that is lent to another node is nobody else's meanwhile, and gets what was started for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LentPoll } from "./match.ts";
import { namespaceId, Rig, settle, told } from "./rig.ts";

function lend(rig: Rig, stickyQueue?: string): LentPoll<string> {
  const lent = rig.matching.lend({ namespaceId, taskQueue: "orders", ...(stickyQueue && { stickyQueue }) });
  assert(lent, "no poll was lent");
  return lent;
}

test("a lent poll is answered with what was started for it, and with no other task", async () => {
  const rig = new Rig();
  const poll = rig.poll({ identity: "lent" });
  const lent = lend(rig);
  assert.equal(lent.poller.identity, "lent");
  assert.equal(rig.matching.reserve(rig.task("1")), null);
  rig.matching.offer(rig.task("1"));
  lent.deliver(rig.task("2"), "of 2");
  await settle();
  assert.equal(told(poll.answer), "started 2");
  assert.equal(await rig.next(), "task 1");
});

test("a poll that comes back takes what waits, or waits before those that came after it", async () => {
  const rig = new Rig();
  const first = rig.poll();
  const lent = lend(rig);
  rig.matching.offer(rig.task("1"));
  lent.release();
  await settle();
  assert.equal(told(first.answer), "task 1");
  const second = rig.poll();
  const again = lend(rig);
  const third = rig.poll();
  again.release();
  rig.matching.offer(rig.task("2"));
  await settle();
  assert.deepEqual([told(second.answer), told(third.answer)], ["task 2", undefined]);
});

test("what is started for a poll that is back goes to the next one, whatever that poll does now", async () => {
  const rig = new Rig();
  const poll = rig.poll();
  const lent = lend(rig);
  lent.release();
  const reserved = rig.matching.reserve(rig.task("1"))!;
  lent.deliver(rig.task("2"), "of 2");
  lent.release();
  reserved.deliver("of 1");
  await settle();
  assert.equal(told(poll.answer), "started 1");
  assert.equal(await rig.next(), "started 2");
});

test("of a sticky queue a poll is lent while its worker is there", async () => {
  const rig = new Rig();
  const asked = { namespaceId, taskQueue: "orders", stickyQueue: "sticky-w" };
  assert.equal(rig.matching.lend(asked), null);
  const poll = rig.pollSticky();
  const lent = lend(rig, "sticky-w");
  assert.equal(rig.matching.lend(asked), null);
  lent.deliver(rig.task("1", { stickyQueue: "sticky-w" }), "of 1");
  await settle();
  assert.equal(told(poll.answer), "started 1 sticky");
});

test("no poll is lent whose queue has rates that each task must be measured by", () => {
  const rig = new Rig();
  rig.poll();
  rig.matching.configure(
    namespaceId,
    { kind: "workflow", taskQueue: "orders" },
    { maxTasksPerSecond: 1_000, maxKeyTasksPerSecond: undefined, weights: new Map() },
  );
  assert.equal(rig.matching.lend({ namespaceId, taskQueue: "orders" }), null);
});

test("a lent poll whose caller has gone leaves its task to the next, and its time may end while it is away", async () => {
  const rig = new Rig();
  const gone = rig.poll();
  const lent = lend(rig);
  gone.cancel();
  lent.deliver(rig.task("1"), "of 1");
  assert.equal(await rig.next(), "started 1");
  const late = rig.poll();
  const another = lend(rig);
  rig.clock.advance(60_000);
  await settle();
  assert.equal(late.answer, undefined);
  another.release();
  await settle();
  assert.equal(late.answer, null);
});
