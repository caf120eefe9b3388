import assert from "node:assert/strict";
import { test } from "node:test";
import { activityKey, type Command, Rejection, workflowKey } from "@pawl/engine";
import { enums, type Init, workflowservice } from "@pawl/protocol";
import { MemoryStore } from "@pawl/store";
import { shardLimits } from "../limits.ts";
import { gatedStore, namespaceId, poller, Rig, timer } from "./rig.ts";
import { shardOf } from "./ring.ts";
import { Unavailable } from "./unavailable.ts";

test("nothing is answered or dispatched before its commit", async () => {
  const { store, gates, shut } = gatedStore();
  const rig = await new Rig(store).open();
  shut();
  let answered = false;
  const start = rig.start().then(() => {
    answered = true;
  });
  await rig.settle();
  assert.deepEqual([answered, rig.offered.length, gates.length], [false, 0, 1]);
  gates[0]!();
  await start;
  assert.equal(rig.offered.length, 1);
});

test("a task is scheduled and started in one commit when a worker waits for it", async () => {
  const rig = await new Rig().open();
  rig.waiting = 1;
  await rig.start();
  assert.deepEqual([rig.delivered.length, rig.offered.length], [1, 0]);
  const [started] = rig.delivered;
  assert(started?.kind === "workflow");
  assert.deepEqual([started.task.fromEventId, started.task.toEventId], [1, 3]);
  assert(started.task.events && started.task.events.length > 0);
});

test("commands on one workflow in one batch see each other", async () => {
  const rig = await new Rig().open();
  const [start, signal, again] = await Promise.all([rig.start("wf", "same"), rig.signal("a"), rig.start("wf", "same")]);
  assert(!(start instanceof Rejection) && !(signal instanceof Rejection) && !(again instanceof Rejection));
  assert.equal(again.runId, start.runId);
  assert.equal(await rig.events(), 3);
});

for (const fault of ["unknown-applied", "unknown-lost", "full"] as const) {
  test(`after a failed commit (${fault}) the caller may repeat its request and finds it done once`, async () => {
    const rig = await new Rig().open();
    rig.waiting = 1;
    rig.store.failNextCommit(fault);
    await assert.rejects(
      rig.start("wf", "once"),
      (error) => error instanceof Unavailable && error.reason === (fault === "full" ? "full" : "unknown"),
    );
    assert.equal(rig.delivered.length, 0);
    const reply = await rig.start("wf", "once");
    assert(!(reply instanceof Rejection) && reply.started);
    rig.clock.advance(2_000);
    await rig.settle();
    assert((await rig.events()) >= 2);
    // The worker that was to get the first task gets it if the commit happened; otherwise it is free again and the task was offered anew.
    assert.deepEqual([rig.delivered.length > 0, rig.released], fault === "unknown-applied" ? [true, 0] : [false, 1]);
    assert.equal(rig.offered.length > 0, fault !== "unknown-applied");
  });
}

test("after a commit of unknown outcome, the first task of a run that it began is dispatched", async () => {
  const rig = await new Rig().open();
  rig.waiting = 1;
  await rig.start();
  // The next run begins at once only when this one has lasted a while.
  rig.clock.advance(2_000);
  rig.store.failNextCommit("unknown-applied");
  const next = { commandType: enums.CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION };
  const attributes = {
    continueAsNewWorkflowExecutionCommandAttributes: { backoffStartInterval: { seconds: 0, nanos: 0 } },
  };
  await assert.rejects(rig.complete(rig.delivered[0]!, [{ ...next, ...attributes }]), Unavailable);
  assert.equal(rig.offered.length, 0);
  // However the clock is set until then.
  rig.clock.step(-3_600_000);
  rig.clock.advance(1_000);
  await rig.settle();
  assert.equal(rig.offered.length, 1);
});

test("a shard whose lease was taken over stops, and its successor goes on", async () => {
  const store = new MemoryStore();
  const first = await new Rig(store).open();
  await first.start();
  const second = await new Rig(store).open();
  await assert.rejects(first.signal("lost"), (error) => error instanceof Unavailable && error.reason === "closed");
  assert(!((await second.signal("kept")) instanceof Rejection));
  assert.equal(await second.events(), 3);
});

test("a restart dispatches what waited for a worker, and fires what fell due", async () => {
  const store = new MemoryStore();
  const before = await new Rig(store).open();
  before.waiting = 1;
  await before.start();
  await before.complete(before.delivered[0]!, [timer(5)]);
  await before.start("queued");
  const queued = before.offered.at(-1)!;
  store.crash();

  const after = new Rig(store);
  after.clock.advance(10_000);
  await after.open();
  await after.settle();
  assert.deepEqual(
    after.offered.find(({ workflowId }) => workflowId === "queued"),
    queued,
  );
  after.clock.advance(1);
  await after.settle();
  assert(
    after.offered.some(({ workflowId }) => workflowId === "wf"),
    "the timer has fired and its task is dispatched",
  );
});

test("what waits for a worker is dispatched after a restart although the store cannot be read for a while", async () => {
  /** Each fails once. */
  const failing = new Set<string>();
  class Unsteady extends MemoryStore {
    override async undispatchedRuns(...asked: Parameters<MemoryStore["undispatchedRuns"]>) {
      if (failing.delete("list")) throw new Error("not now");
      return super.undispatchedRuns(...asked);
    }
    override async loadCurrent(...asked: Parameters<MemoryStore["loadCurrent"]>) {
      if (failing.delete("one")) throw new Error("not now");
      return super.loadCurrent(...asked);
    }
  }
  const store = new Unsteady();
  const before = await new Rig(store).open();
  await before.start("queued");
  store.crash();

  const after = new Rig(store);
  for (const read of ["list", "one"]) failing.add(read);
  await after.open();
  for (let turn = 0; turn < 2; turn++) {
    await after.settle();
    assert.deepEqual(after.offered, []);
    after.clock.advance(shardLimits.retryMs);
  }
  await after.settle();
  assert.deepEqual(
    after.offered.map(({ workflowId }) => workflowId),
    ["queued"],
  );
  assert.deepEqual(after.faults, ["read waiting tasks", "read executions"]);
});

test("a timer does not fire early, also when the clock was set back", async () => {
  const rig = await new Rig().open();
  rig.waiting = 1;
  await rig.start();
  await rig.complete(rig.delivered[0]!, [timer(60)]);
  rig.clock.step(-30_000);
  rig.clock.advance(89_999);
  await rig.settle();
  assert.equal(await rig.events(), 5);
  rig.clock.advance(1);
  await rig.settle();
  assert.equal(await rig.events(), 7);
});

test("a timer beyond what memory looks ahead fires in its time", async () => {
  const rig = await new Rig().open();
  rig.waiting = 1;
  await rig.start();
  await rig.complete(rig.delivered[0]!, [timer(3_600)]);
  for (let minutes = 0; minutes < 60; minutes++) {
    assert.equal(await rig.events(), 5, `after ${minutes} minutes`);
    rig.clock.advance(60_000);
    await rig.settle();
  }
  assert.equal(await rig.events(), 7);
});

test("what a command did in memory does not hide when later commands of its batch made the run due", async () => {
  const rig = await new Rig().open();
  await rig.start();
  const [task] = rig.offered;
  const { runId, stamp } = task!;
  const codec = workflowservice.UpdateWorkflowExecutionRequest;
  const meta = { updateId: "u", identity: "caller" };
  const request = codec.decode(codec.encode({ request: { meta, input: { name: "add" } } }));
  const [admitted, started] = await Promise.all([
    rig.submit({ type: "update", request }),
    rig.submit({ type: "startWorkflowTask", runId, stamp, poller, sticky: false }),
  ]);
  assert(!(admitted instanceof Rejection) && started && !(started instanceof Rejection));
  rig.clock.advance(10_000);
  await rig.settle();
  assert.equal(rig.offered.length, 2, "the task's timeout fires in its time");
});

/** The token of a speculative task is all that tells it from one that takes its place within the same millisecond. */
for (const forgottenBy of ["a failed commit", "a crash"] as const)
  test(`what is said of a speculative task that was forgotten by ${forgottenBy} is not taken for the next one`, async () => {
    const store = new MemoryStore();
    let rig = await new Rig(store).open();
    rig.waiting = 1;
    await rig.start();
    await rig.complete(rig.delivered[0]!, [timer(60)]);
    const codec = workflowservice.UpdateWorkflowExecutionRequest;
    const meta = { updateId: "u", identity: "caller" };
    const request = codec.decode(codec.encode({ request: { meta, input: { name: "add" } } }));
    const speculative = async () => {
      rig.waiting = 1;
      const admitted = await rig.submit({ type: "update", request });
      assert(!(admitted instanceof Rejection));
      return rig.delivered.at(-1)!;
    };
    const forgotten = await speculative();
    if (forgottenBy === "a failed commit") {
      store.failNextCommit("full");
      await assert.rejects(rig.signal("s"), Unavailable);
    } else {
      store.crash();
      rig = await new Rig(store).open();
    }
    const next = await speculative();
    assert(forgotten.kind === "workflow" && next.kind === "workflow");
    assert.equal(
      next.task.task.startedEventId,
      forgotten.task.task.startedEventId,
      "they have the same place in history",
    );
    const late = await rig.complete(forgotten);
    assert(late instanceof Rejection && late.code === "NOT_FOUND");
  });

test("what falls due is read again soon when a start could not read it", async () => {
  let isReadable = true;
  class Unsteady extends MemoryStore {
    override async wakingRuns(...asked: Parameters<MemoryStore["wakingRuns"]>) {
      if (!isReadable) throw new Error("not now");
      return super.wakingRuns(...asked);
    }
  }
  const store = new Unsteady();
  const before = await new Rig(store).open();
  before.waiting = 1;
  await before.start();
  await before.complete(before.delivered[0]!, [timer(5)]);
  store.crash();

  isReadable = false;
  const after = await new Rig(store).open();
  isReadable = true;
  after.clock.advance(shardLimits.retryMs);
  await after.settle();
  after.clock.advance(5_000 - shardLimits.retryMs);
  await after.settle();
  assert.equal(await after.events(), 7);
  assert.deepEqual(after.faults, ["read due runs"]);
});

test("a bug in one command does not take its neighbours with it", async () => {
  const rig = await new Rig().open();
  const broken = {
    type: "startWorkflow",
    get request(): never {
      throw new Error("bug");
    },
  } as unknown as Command;
  const [good, bad, after] = await Promise.allSettled([
    rig.start("good"),
    rig.submit(broken, "bad"),
    rig.start("other"),
  ]);
  assert.equal(good.status, "fulfilled");
  assert(bad.status === "rejected" && !(bad.reason instanceof Unavailable));
  assert.equal(after.status, "fulfilled");
  assert.equal(await rig.events("good"), 2);
});

test("who watches a run is told of its next change", async () => {
  const rig = await new Rig().open();
  const reply = await rig.start();
  assert(!(reply instanceof Rejection));
  const controller = new AbortController();
  const changed = rig.ring.changed(reply.runId, controller.signal);
  await rig.signal("x");
  await changed;
  const idle = rig.ring.changed(reply.runId, controller.signal);
  controller.abort();
  await idle;
});

test("workflows spread over the shards, and a child may live on another one than its parent", async () => {
  const counts = new Map<number, number>();
  for (let index = 0; index < 4_000; index++) {
    const shardId = shardOf(workflowKey(namespaceId, `order-${index}`), 4);
    counts.set(shardId, (counts.get(shardId) ?? 0) + 1);
  }
  for (const count of counts.values()) assert(count > 800 && count < 1_200, `${[...counts.values()]}`);

  const rig = await new Rig().open(4);
  rig.waiting = 1;
  await rig.start("parent");
  const child = {
    commandType: enums.CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: {
      workflowId: "kid-1",
      workflowType: { name: "K" },
      taskQueue: { name: "q" },
    },
  };
  await rig.complete(rig.delivered[0]!, [child]);
  await rig.settle();
  assert.equal(await rig.events("kid-1"), 2);
  assert.equal(await rig.events("parent"), 7);
});

function startActivity(rig: Rig, activityId: string, more: Init<workflowservice.StartActivityExecutionRequest> = {}) {
  const codec = workflowservice.StartActivityExecutionRequest;
  const given = {
    namespace: "default",
    activityId,
    activityType: { name: "A" },
    taskQueue: { name: "q" },
    startToCloseTimeout: { seconds: 10, nanos: 0 },
    requestId: activityId,
  };
  const request = codec.decode(codec.encode({ ...given, ...more }));
  return rig.ring.submit(activityKey(namespaceId, activityId), { type: "startActivity", request });
}

test("a workflow and an activity may share an id, in one batch", async () => {
  const rig = await new Rig().open();
  const [workflow, activity] = await Promise.all([rig.start("same"), startActivity(rig, "same")]);
  assert(!(workflow instanceof Rejection) && !(activity instanceof Rejection));
  assert.notEqual(workflow.runId, activity.runId);
  const keys = [workflowKey(namespaceId, "same"), activityKey(namespaceId, "same")];
  assert.deepEqual(await rig.store.loadCurrent(keys), [workflow.runId, activity.runId]);
  // A run of another kind is as unknown as one that never was.
  const foreign = await rig.ring.submit(workflowKey(namespaceId, "same"), { type: "locate", runId: activity.runId });
  assert(foreign instanceof Rejection && foreign.code === "NOT_FOUND");
  const counts = (["workflow", "activity", "schedule"] as const).map((kind) =>
    rig.store.countVisibility({ kind, namespaceId }),
  );
  assert.deepEqual(
    (await Promise.all(counts)).map(([total]) => total?.count),
    [1, 1, 0],
  );
});

test("a restart dispatches activities that waited for a worker, and fires their timeouts and backoffs", async () => {
  const store = new MemoryStore();
  const before = await new Rig(store).open();
  const fast = { startToCloseTimeout: { seconds: 2, nanos: 0 }, retryPolicy: { maximumAttempts: 2 } };
  before.waiting = 1;
  await startActivity(before, "running", fast);
  assert.equal(before.delivered[0]?.kind, "activity");
  await startActivity(before, "waiting");
  await startActivity(before, "delayed", { startDelay: { seconds: 5, nanos: 0 } });
  const waiting = before.offered.at(-1)!;
  store.crash();

  const after = new Rig(store);
  after.clock.advance(3_000);
  await after.open();
  await after.settle();
  assert.deepEqual(after.offered, [waiting]);
  // The running attempt timed out while nobody was there; its next one is due a second later.
  for (const [ms, activityId] of [
    [1, undefined],
    [1_000, "running"],
    [2_000, "delayed"],
  ] as const) {
    after.clock.advance(ms);
    await after.settle();
    if (activityId) assert.equal(after.offered.at(-1)?.activityId, activityId);
  }
});

test("a closed activity is deleted when its retention is over, also after a restart", async () => {
  const store = new MemoryStore();
  const rig = await new Rig(store).open();
  rig.retentionMs = 60_000;
  rig.waiting = 1;
  await startActivity(rig, "a");
  const byId = { by: "id", runId: "", activityId: "a" } as const;
  const done = { type: "completeActivity", activity: byId, result: undefined, identity: "w" } as const;
  await rig.ring.submit(activityKey(namespaceId, "a"), done);
  const nowMs = rig.clock.nowMs();
  store.crash();

  const after = new Rig(store);
  after.retentionMs = 60_000;
  after.clock.advance(nowMs - after.clock.nowMs());
  await after.open();
  const count = async () => (await store.countVisibility({ kind: "activity", namespaceId }))[0]?.count;
  after.clock.advance(59_999);
  await after.settle();
  assert.equal(await count(), 1);
  after.clock.advance(1);
  await after.settle();
  assert.equal(await count(), 0);
  assert.deepEqual(await store.loadCurrent([activityKey(namespaceId, "a")]), [null]);
});

test("a run that would become too large is ended, and who asked is told why", async () => {
  const rig = await new Rig().open();
  rig.waiting = 1;
  await rig.start();
  const markers = Array.from({ length: 51_200 }, () => ({
    commandType: enums.CommandType.RECORD_MARKER,
    recordMarkerCommandAttributes: { markerName: "m" },
  }));
  // Nobody else is hurt by it: both commands are in one batch.
  const [refused, other] = await Promise.all([
    rig.complete(rig.delivered[0]!, [timer(1), ...markers]),
    rig.start("other"),
  ]);
  assert(refused instanceof Rejection);
  assert.equal(`${refused.code} ${refused.message}`, "INVALID_ARGUMENT Workflow history count exceeds limit.");
  assert(!(other instanceof Rejection));
  const described = await rig.submit({ type: "describe", runId: "" });
  assert(!(described instanceof Rejection));
  assert.equal(described.workflowExecutionInfo?.status, enums.WorkflowExecutionStatus.TERMINATED);
  assert.deepEqual(rig.large, [{ what: "history count", value: 51_205, above: 51_200, ended: true }]);
  assert.deepEqual(rig.faults, []);
});
