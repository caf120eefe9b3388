import assert from "node:assert/strict";
import { test } from "node:test";
import { common } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { commands, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";
import { Oversized } from "./run-size.ts";

const markers = (count: number) => Array.from({ length: count }, () => commands.marker("m"));

/** A workflow whose history has so many events, the last of them that of a waiting workflow task. */
function filled(eventCount: number): ScriptedWorkflow {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  for (let events = 2; events < eventCount; ) {
    const added = Math.min(20_000, eventCount - events - 3);
    workflow.complete(workflow.pollTask(), markers(added), { forceCreateNewWorkflowTask: true });
    events += added + 3;
  }
  return workflow;
}

/** What is to be done instead of the command, and was done. */
function endedFor(workflow: ScriptedWorkflow, act: () => void): string {
  let ended = "";
  assert.throws(act, (error) => {
    assert(error instanceof Oversized);
    ended = error.instead.reason;
    assert.equal(error.rejection.message, ended);
    workflow.do(error.instead);
    return true;
  });
  assert.equal(workflow.run().status.type, "closed");
  return ended;
}

test("commands that make too many events are thrown away, unless they close the workflow", () => {
  const long = filled(limits.historyEventsMax - 3);
  const task = long.pollTask();
  const reason = endedFor(long, () => long.complete(task, markers(5)));
  assert.equal(reason, "Workflow history count exceeds limit.");
  assert.deepEqual(long.eventTypes().slice(-2), ["WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_TERMINATED"]);

  const closing = filled(limits.historyEventsMax - 3);
  closing.complete(closing.pollTask(), [...markers(5), commands.completeWorkflow()]);
  assert.equal(closing.eventTypes().at(-1), "WORKFLOW_EXECUTION_COMPLETED");
});

test("what merely arrives is let in once more, and a poll is not", () => {
  const workflow = filled(limits.historyEventsMax);
  endedFor(workflow, () => workflow.pollTask());
  const signalled = filled(limits.historyEventsMax);
  signalled.signal("last");
  endedFor(signalled, () => signalled.signal("none"));
  assert.deepEqual(signalled.eventTypes().slice(-2), ["WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_EXECUTION_TERMINATED"]);
});

const payloads = (bytes: number) =>
  common.Payloads.create({ payloads: [common.Payload.create({ data: new Uint8Array(bytes) })] });
const partBytes = 2 * 1024 * 1024 - 1_000;

test("more than may be kept beside the history ends the run, and a mark on the way is told once", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const ids = ["1", "2", "3", "4", "5"];
  workflow.complete(
    workflow.pollTask(),
    ids.map((activityId) => commands.activity(activityId)),
  );
  const beat = (details: common.Payloads) => {
    const { activity } = workflow.pollActivity();
    workflow.do({ type: "heartbeatActivity", activity: { by: "token", ...activity }, details, identity: "worker" });
  };
  for (const _ of ids.slice(0, 4)) beat(payloads(partBytes));
  assert.deepEqual(
    workflow.warnings.map(({ what }) => what),
    ["mutable state size"],
  );
  assert.equal(
    endedFor(workflow, () => beat(payloads(partBytes))),
    "Workflow mutable state size exceeds limit.",
  );
  assert.ok(workflow.run().stateBytes < 10_000);
});
