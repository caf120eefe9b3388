/** Polls that go along with commands to other nodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandOfKind, workflowKey } from "@pawl/engine";
import { ManualClock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import type { Task } from "../matching/match.ts";
import { Matching } from "../matching/matching.ts";
import { namespaceId } from "../matching/rig.ts";
import type { Started } from "../shard/dispatcher.ts";
import { Borrowings, Lender, type Loan } from "./loans.ts";
import type { Queue } from "./placement.ts";
import type { Repayment } from "./wire.ts";

const key = workflowKey(namespaceId, "order-1");
const orders: Queue = { namespaceId, taskQueue: "orders" };
const sticky: Queue = { ...orders, stickyQueue: "sticky-w" };
const poller = { identity: "w", requestId: "poll-1" };
const started = { kind: "workflow", task: {} } as Started;

const command = (type: string, rest: object = {}) => ({ type, ...rest }) as CommandOfKind<"workflow">;
const start = command("startWorkflow", { request: { taskQueue: { name: "orders" } } });
const signal = command("signal");

const task = (changes: Partial<Task> = {}): Task => ({
  ...{
    kind: "workflow",
    ...orders,
    workflowId: "order-1",
    runId: "1",
    scheduledEventId: 2,
    stamp: 1,
    scheduledAtMs: 0,
  },
  ...changes,
});

function lending() {
  const clock = new ManualClock();
  const asked: Queue[] = [];
  const done: string[] = [];
  const poll = {
    poller,
    deliver: ({ runId }: Task) => void done.push(`task ${runId}`),
    release: () => void done.push("back"),
  };
  const lend = (queue: Queue) => {
    asked.push(queue);
    return poll;
  };
  const lender = new Lender({ clock, lend });
  return { clock, lender, asked, done };
}

function borrowing() {
  const late: Repayment[] = [];
  const borrowings = new Borrowings({
    isFor: (_, version) => version === null,
    sendLate: (_, repayment) => late.push(repayment),
  });
  return { borrowings, late };
}

test("a start takes along a poll of its queue, and what a worker of this node has cached one of that worker's", () => {
  const { lender, asked } = lending();
  assert.equal(lender.lendFor("b", key, signal), undefined);
  lender.lendFor("b", key, start);
  lender.noteSticky(key, sticky);
  for (const type of ["signal", "completeActivity", "failActivity", "cancelActivity"])
    assert.deepEqual(lender.lendFor("b", key, command(type))?.loan, { queue: sticky, poller });
  lender.lendFor("b", key, command("signalWithStart", { request: { taskQueue: { name: "orders" } } }));
  assert.equal(lender.lendFor("b", key, command("terminate")), undefined);
  assert.deepEqual(asked, [orders, sticky, sticky, sticky, sticky, sticky]);
});

test("of no more executions than it may, a node remembers who has them cached", () => {
  const { lender } = lending();
  lender.noteSticky(key, sticky);
  for (let i = 1; i < clusterLimits.stickyNotesMax; i++)
    lender.noteSticky(workflowKey(namespaceId, `other-${i}`), sticky);
  assert(lender.lendFor("b", key, signal));
  lender.noteSticky(workflowKey(namespaceId, "one more"), sticky);
  assert.equal(lender.lendFor("b", key, signal), undefined);
});

test("a poll is back when its command is over, and before that when the other node takes too long, which gets none for a while", () => {
  const { clock, lender, done } = lending();
  {
    using _ = lender.lendFor("b", key, start);
    assert.deepEqual(done, []);
  }
  assert.deepEqual(done.splice(0), ["back"]);
  const lent = lender.lendFor("b", key, start)!;
  clock.advance(clusterLimits.loanMsMax);
  assert.deepEqual(done.splice(0), ["back"]);
  assert.equal(lender.lendFor("b", key, start), undefined);
  assert(lender.lendFor("c", key, start));
  lent.repay({ task: task(), started });
  assert.deepEqual(done, ["task 1"]);
  clock.advance(clusterLimits.loanRefusedMs);
  assert(lender.lendFor("b", key, start));
});

test("a borrowed poll is for one task of its execution, queue and version", () => {
  const { borrowings } = borrowing();
  const reserve = (loan: Loan, changes?: Partial<Task>) => {
    using _ = borrowings.borrow(key, loan);
    return borrowings.reserve(task(changes)) !== null;
  };
  const cached = { stickyQueue: "sticky-w" };
  assert.equal(reserve({ queue: orders, poller }), true);
  assert.equal(reserve({ queue: orders, poller }, { workflowId: "order-2" }), false);
  assert.equal(reserve({ queue: orders, poller }, { taskQueue: "bills" }), false);
  assert.equal(reserve({ queue: orders, poller }, { kind: "activity" }), false);
  assert.equal(reserve({ queue: orders, poller }, cached), false);
  assert.equal(reserve({ queue: sticky, poller }, cached), true);
  assert.equal(reserve({ queue: sticky, poller }), false);
  const deploymentVersion = { deploymentName: "d", buildId: "1" };
  assert.equal(reserve({ queue: orders, poller: { ...poller, deploymentVersion } }), false);
  assert.equal(borrowings.reserve(task()), null);
});

test("what is started for a borrowed poll goes with the answer, and once that is given to the poll's queue", () => {
  const { borrowings, late } = borrowing();
  {
    using borrowed = borrowings.borrow(key, { queue: orders, poller });
    const reservation = borrowings.reserve(task())!;
    assert.equal(reservation.deliverEarly(started), false);
    assert.equal(borrowings.reserve(task({ runId: "2" })), null);
    reservation.release();
    borrowings.reserve(task({ runId: "3" }))!.deliver(started);
    assert.equal(borrowed.take()?.task.runId, "3");
    assert.equal(borrowings.reserve(task({ runId: "4" })), null);
  }
  assert.deepEqual(late, []);
  const borrowed = borrowings.borrow(key, { queue: orders, poller });
  const pending = borrowings.reserve(task({ runId: "5" }))!;
  borrowed[Symbol.dispose]();
  pending.deliver(started);
  {
    using _ = borrowings.borrow(key, { queue: orders, poller });
    borrowings.reserve(task({ runId: "6" }))!.deliver(started);
  }
  assert.deepEqual(
    late.map(({ task: { runId } }) => runId),
    ["5", "6"],
  );
});

test("which workers a task is for is what its node's own queues would say", () => {
  const version = { deploymentName: "d", buildId: "1" };
  const routing = { target: () => ({ version }), has: () => true };
  const matching = new Matching<Started>(new ManualClock(), routing);
  assert.equal(matching.isFor(task(), version), true);
  assert.equal(matching.isFor(task(), null), false);
  // Its worker has it cached, and the run is to move to another version.
  assert.equal(matching.isFor(task({ stickyQueue: "sticky-w" }), version), false);
});
