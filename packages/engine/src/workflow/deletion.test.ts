import assert from "node:assert/strict";
import { test } from "node:test";
import { commands, ScriptedWorkflow } from "./scripted-workflow.ts";

function closed(): { workflow: ScriptedWorkflow; runId: string } {
  const workflow = new ScriptedWorkflow();
  workflow.retentionMs = 60_000;
  const { runId } = workflow.start();
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  return { workflow, runId };
}

test("a closed run goes when its retention is over, and not before", () => {
  const { workflow, runId } = closed();
  workflow.advance(59_999);
  assert(workflow.has(runId));
  workflow.advance(1);
  assert(!workflow.has(runId));
  assert.equal(workflow.currentRunId, null);
});

test("a retention that was lengthened meanwhile counts", () => {
  const { workflow, runId } = closed();
  workflow.retentionMs = 120_000;
  workflow.advance(60_000);
  assert(workflow.has(runId));
  workflow.advance(60_000);
  assert(!workflow.has(runId));
});

test("the deletion of an old run leaves the current one alone", () => {
  const { workflow, runId: first } = closed();
  workflow.advance(30_000);
  const { runId: second } = workflow.start();
  workflow.advance(30_000);
  assert.deepEqual([workflow.has(first), workflow.currentRunId], [false, second]);
});

test("the deletion of the current run leaves the older ones to be found by their ids, and the workflow's id to nobody", () => {
  const { workflow, runId: first } = closed();
  const { runId: second } = workflow.start();
  workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
  const third = workflow.currentRunId!;
  workflow.do({ type: "delete", runId: "" });
  assert.deepEqual(
    [first, second, third].map((runId) => workflow.has(runId)),
    [true, true, false],
  );
  assert.equal(workflow.refused({ type: "describe", runId: "" }).code, "NOT_FOUND");
  assert.equal(workflow.do({ type: "describe", runId: second }).workflowExecutionInfo?.execution?.runId, second);
  const { runId: fourth } = workflow.start();
  assert.equal(workflow.currentRunId, fourth);
});

test("an open run never goes by itself, and goes when asked, terminated first", () => {
  const workflow = new ScriptedWorkflow();
  workflow.retentionMs = 1_000;
  const { runId } = workflow.start();
  workflow.advance(10_000_000);
  assert(workflow.has(runId));
  workflow.do({ type: "delete", runId: "" });
  assert(!workflow.has(runId));
});

test("a run that still has something to tell another workflow waits until it has", () => {
  const [parent, child] = [new ScriptedWorkflow("parent"), new ScriptedWorkflow("kid")];
  parent.start();
  parent.complete(parent.pollTask(), [
    {
      commandType: 11,
      startChildWorkflowExecutionCommandAttributes: { workflowId: "kid", workflowType: { name: "K" } },
    },
  ]);
  child.do({ type: "receive", message: parent.messages[0]!.message });
  const runId = child.currentRunId!;
  child.do({ type: "delete", runId: "" });
  assert(child.has(runId));
  const [told] = child.messages;
  assert.equal(told?.message.type, "childClosed");
  child.do({ type: "delivered", runId, messageId: told.id, delivery: { type: "taken", runId: parent.currentRunId! } });
  child.advance(2_000);
  assert(!child.has(runId));
});
