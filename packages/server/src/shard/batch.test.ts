import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, Rejection } from "@pawl/engine";
import type { Started } from "./dispatcher.ts";
import { gatedStore, Rig, timer } from "./rig.ts";
import { Unavailable } from "./unavailable.ts";

test("a worker of this process has its task before the commit, and what it makes of it at once joins that commit", async () => {
  const { store, gates, shut } = gatedStore();
  const rig = await new Rig(store).open();
  shut();
  const answers: string[] = [];
  rig.takesEarly = true;
  rig.waiting = 1;
  rig.onEarly = (started) => void rig.complete(started, [timer(60)]).then(() => answers.push("completed"));
  const start = rig.start().then(() => answers.push("started"));
  await rig.settle();
  assert.deepEqual([answers, gates.length, rig.waiting], [[], 1, 0]);
  gates.shift()!();
  await start;
  await rig.settle();
  assert.deepEqual([answers.sort(), gates.length, rig.delivered.length], [["completed", "started"], 0, 0]);
});

for (const fault of ["unknown-applied", "unknown-lost"] as const) {
  test(`a task that was handed out before a commit that failed (${fault}) is nobody's any more`, async () => {
    const rig = await new Rig().open();
    rig.takesEarly = true;
    rig.waiting = 1;
    const early: Started[] = [];
    let completing: Promise<unknown> | undefined;
    rig.onEarly = (started) => {
      early.push(started);
      completing = rig.complete(started).catch((error: unknown) => error);
    };
    rig.store.failNextCommit(fault);
    await assert.rejects(rig.start("wf", "once"), Unavailable);
    assert.ok((await completing) instanceof Unavailable);
    const [started] = early;
    assert(started?.kind === "workflow");
    const confirmed = await rig.submit({ type: "confirmWorkflowTask", task: started.task.task });
    assert(confirmed instanceof Rejection && confirmed.code === "NOT_FOUND");
    rig.clock.advance(2_000);
    await rig.settle();
    assert.deepEqual([rig.released, rig.delivered.length, rig.offered.length], [0, 0, 0]);
    const reply = await rig.start("wf", "once");
    assert(!(reply instanceof Rejection) && reply.started);
  });
}

test("a bug in what a worker of this process makes of its task does not undo what the task came from", async () => {
  const rig = await new Rig().open();
  rig.takesEarly = true;
  rig.waiting = 2;
  const ends: Promise<unknown>[] = [];
  rig.onEarly = (started) => {
    assert(started.kind === "workflow");
    const broken = {
      type: "completeWorkflowTask",
      task: started.task.task,
      get request(): never {
        throw new Error("bug");
      },
    } as unknown as Command;
    ends.push(rig.submit(broken).catch((error: unknown) => error));
  };
  assert(!((await rig.start()) instanceof Rejection));
  assert.equal(ends.length, 1);
  assert.ok((await ends[0]) instanceof Rejection, "its task was of a start that was thrown away");
  assert.deepEqual([rig.delivered.length, await rig.events()], [1, 3]);
});
