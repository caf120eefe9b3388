import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, toDuration } from "@pawl/protocol";
import { commands, ScriptedWorkflow } from "./scripted-workflow.ts";

const { WorkflowExecutionStatus: Status } = enums;

function operate(workflow: ScriptedWorkflow, type: "pause" | "unpause", requestId = "request"): void {
  workflow.do({ type, runId: "", identity: "operator", reason: "story", requestId });
}

function statusOf(workflow: ScriptedWorkflow): number {
  return workflow.do({ type: "describe", runId: "" }).workflowExecutionInfo?.status ?? 0;
}

test("a workflow that is paused before its first task is due gets it when it goes on, however late", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ workflowStartDelay: toDuration(5_000) });
  operate(workflow, "pause");
  workflow.advance(10_000);
  assert.deepEqual([workflow.tasks.length, statusOf(workflow)], [0, Status.PAUSED]);
  operate(workflow, "unpause");
  assert.equal(statusOf(workflow), Status.RUNNING);
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
});

test("a workflow that goes on before its first task is due gets it when it is", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ workflowStartDelay: toDuration(5_000) });
  operate(workflow, "pause");
  operate(workflow, "unpause");
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(5_000);
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
});

test("what lay in a queue when the workflow was paused is given to nobody, before and after the pause (P2)", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [commands.activity("a")]);
  const [queued] = workflow.tasks;
  const take = () => {
    const { runId, scheduledEventId, stamp } = queued!;
    const poller = { identity: "worker", requestId: "poll" };
    return workflow.refused({ type: "startActivityTask", runId, scheduledEventId, stamp, poller });
  };
  operate(workflow, "pause");
  assert.equal(take().code, "NOT_FOUND");
  operate(workflow, "unpause");
  assert.equal(take().code, "NOT_FOUND");
  workflow.tasks.shift();
  workflow.completeActivity(workflow.pollActivity());
});

test("a failed workflow task is not tried again while its workflow is paused, and then as the first attempt", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.failTask(workflow.pollTask());
  const second = workflow.pollTask();
  assert.equal(second.task.attempt, 2);
  operate(workflow, "pause");
  workflow.failTask(second);
  assert.equal(workflow.tasks.length, 0);
  operate(workflow, "unpause");
  assert.equal(workflow.pollTask().task.attempt, 1);
});

test("a workflow task in flight when its workflow is paused may run out of time, and is not tried again before the end of the pause", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.pollTask();
  operate(workflow, "pause");
  workflow.advance(10_000);
  assert.deepEqual(workflow.eventTypes().slice(-2), ["WORKFLOW_TASK_TIMED_OUT", "WORKFLOW_EXECUTION_PAUSED"]);
  assert.equal(workflow.tasks.length, 0);
  operate(workflow, "unpause");
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
});

test("a repeated pause is known by its request id, another one is refused, and only a paused workflow can go on", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const unpause = { type: "unpause", runId: "", identity: "", reason: "", requestId: "" } as const;
  assert.equal(workflow.refused(unpause).code, "FAILED_PRECONDITION");
  operate(workflow, "pause");
  const before = workflow.events().length;
  operate(workflow, "pause");
  assert.equal(workflow.events().length, before);
  assert.equal(workflow.refused({ ...unpause, type: "pause", requestId: "other" }).code, "FAILED_PRECONDITION");
});
