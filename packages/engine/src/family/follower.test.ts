import assert from "node:assert/strict";
import { test } from "node:test";
import { common, enums, failure, type Init, workflowservice } from "@pawl/protocol";
import { receiverOf } from "../outbox.ts";
import type { Follower, Message } from "../state/message.ts";
import { applicationFailure, commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";

const { WorkflowExecutionStatus, WorkflowIdConflictPolicy } = enums;
const follower: Follower = { kind: "schedule", businessId: "nightly", runId: "schedule-run", requestId: "nightly-1" };

function start(
  workflow: ScriptedWorkflow,
  request: Init<workflowservice.StartWorkflowExecutionRequest> = {},
  by: Follower = follower,
) {
  const message: Message = {
    type: "startWorkflow",
    workflowId: workflow.workflowId,
    request: workflowservice.StartWorkflowExecutionRequest.encode({
      namespace: "default",
      workflowId: workflow.workflowId,
      workflowType: { name: "T" },
      taskQueue: { name: "q" },
      requestId: by.requestId,
      ...request,
    }),
    follower: by,
  };
  return workflow.do({ type: "receive", message });
}

function news(workflow: ScriptedWorkflow) {
  return workflow.messages.map(({ message }) => {
    assert(message.type === "workflowClosed");
    return message;
  });
}

test("who had a workflow started hears how it ended", () => {
  const workflow = new ScriptedWorkflow();
  const delivery = start(workflow);
  assert.deepEqual(delivery, { type: "taken", runId: workflow.currentRunId });
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow(payloads(5))]);
  const [closed, ...more] = news(workflow);
  assert.deepEqual(more, []);
  assert.deepEqual(receiverOf(closed!), { kind: "schedule", businessId: "nightly" });
  assert.deepEqual(
    [closed?.to, closed?.status, closed?.firstRunId, closed?.lastRunId],
    [follower, WorkflowExecutionStatus.COMPLETED, workflow.currentRunId, workflow.currentRunId],
  );
  assert.deepEqual(closed?.result, common.Payloads.encode(payloads(5)));
});

test("a failure is told with its cause", () => {
  const workflow = new ScriptedWorkflow();
  start(workflow);
  workflow.complete(workflow.pollTask(), [commands.failWorkflow(applicationFailure("no"))]);
  const [closed] = news(workflow);
  assert.equal(closed?.status, WorkflowExecutionStatus.FAILED);
  assert.equal(failure.Failure.decode(closed!.failure!).message, "no");
  assert.equal(closed?.result, undefined);
});

test("the end of a run that goes on as new is not the end, and the message that comes again is known in the next run", () => {
  const workflow = new ScriptedWorkflow();
  const first = start(workflow);
  workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
  assert.deepEqual(news(workflow), []);
  assert.deepEqual(start(workflow), first);
  workflow.advance(2_000);
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  const [closed, ...more] = news(workflow);
  assert.equal(more.length, 0);
  assert.equal(closed?.firstRunId, first.type === "taken" && first.runId);
  assert.equal(closed?.lastRunId, workflow.currentRunId);
  assert.notEqual(closed?.lastRunId, closed?.firstRunId);
  assert.deepEqual(start(workflow), first);
  assert.equal(workflow.messages.length, 1);
});

test("a start that the id's policies refuse is answered with the reason", () => {
  const workflow = new ScriptedWorkflow();
  const { runId } = workflow.start();
  const refused = start(workflow);
  assert.equal(refused.type === "refused" && refused.rejection.code, "ALREADY_EXISTS");
  // With the other policy the sender follows the run that is there.
  const taken = start(workflow, { workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING });
  assert.deepEqual(taken, { type: "taken", runId });
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  assert.equal(news(workflow).length, 1);
});

test("the chain that was started can be ended, and no other", () => {
  const workflow = new ScriptedWorkflow();
  const end = (firstRunId: string, how: "terminate" | "requestCancel") =>
    workflow.do({
      type: "receive",
      message: {
        type: "endWorkflow",
        workflowId: "wf",
        firstRunId,
        how,
        reason: "overlap",
        identity: "scheduler",
        requestId: "r",
      },
    });
  const delivery = start(workflow);
  assert(delivery.type === "taken");
  assert.equal(end("another", "terminate").type, "taken");
  assert.equal(workflow.run().status.type, "open");
  end(delivery.runId, "requestCancel");
  assert.equal(workflow.eventTypes().at(-1), "WORKFLOW_EXECUTION_CANCEL_REQUESTED");
  end(delivery.runId, "terminate");
  assert.equal(news(workflow)[0]?.status, WorkflowExecutionStatus.TERMINATED);
  assert.equal(end(delivery.runId, "terminate").type, "taken");
});
