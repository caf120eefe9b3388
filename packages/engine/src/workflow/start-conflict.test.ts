/** A start that finds the workflow there already, and requests that name the chain of runs that they mean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import { ScriptedWorkflow, startRequest } from "./scripted-workflow.ts";

const { USE_EXISTING } = enums.WorkflowIdConflictPolicy;
const callback = (url: string) => ({ nexus: { url } });

test("a start that is content with the run that is there attaches what it asks for, once", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const runId = workflow.currentRunId!;
  const join = (requestId: string, more: Parameters<typeof startRequest>[0] = {}) =>
    workflow.try({
      type: "startWorkflow",
      request: startRequest({ requestId, workflowIdConflictPolicy: USE_EXISTING, ...more }),
    });
  const attached = (reply: ReturnType<typeof join>) => !(reply instanceof Rejection) && [reply.runId, reply.attached];
  assert.deepEqual(attached(join("plain")), [runId, undefined]);
  assert.deepEqual(workflow.eventTypes(), ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]);
  const all = { attachRequestId: true, attachLinks: true, attachCompletionCallbacks: true };
  const whole = { onConflictOptions: all, completionCallbacks: [callback("http://there/1")] };
  assert.deepEqual(attached(join("known", whole)), [runId, true]);
  assert.deepEqual(attached(join("known", whole)), [runId, true]);
  assert.equal(workflow.eventTypes().length, 3);
  assert.equal(workflow.run().callbacks.size, 1);
  assert.deepEqual(attached(join("unknown", { onConflictOptions: { attachLinks: true } })), [runId, false]);
  const many = Array.from({ length: limits.callbacksMax }, (_, index) => callback(`http://there/${index}`));
  const refused = join("too many", { onConflictOptions: all, completionCallbacks: many });
  assert(refused instanceof Rejection);
  assert.match(
    refused.message,
    /cannot attach more than 2000 callbacks to a workflow \(1 callbacks already attached\)/,
  );
});

test("what names another chain of runs finds no workflow, and leaves the one that is there alone", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const firstExecutionRunId = "11111111-1111-4111-8111-111111111111";
  const { RequestCancelWorkflowExecutionRequest, TerminateWorkflowExecutionRequest, UpdateWorkflowExecutionRequest } =
    workflowservice;
  for (const command of [
    { type: "requestCancel", request: RequestCancelWorkflowExecutionRequest.create({ firstExecutionRunId }) },
    { type: "terminate", request: TerminateWorkflowExecutionRequest.create({ firstExecutionRunId }) },
    { type: "update", request: UpdateWorkflowExecutionRequest.create({ firstExecutionRunId }) },
  ] as const)
    assert.equal(workflow.refused(command).message, "workflow execution not found");
  const own = { firstExecutionRunId: workflow.currentRunId! };
  workflow.do({ type: "terminate", request: TerminateWorkflowExecutionRequest.create(own) });
  assert.equal(workflow.run().status.type, "closed");
  const again = TerminateWorkflowExecutionRequest.create(own);
  assert.equal(workflow.refused({ type: "terminate", request: again }).message, "workflow execution already completed");
});

test("of a priority, single fields are replaced, or all of it", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ priority: { priorityKey: 1, fairnessKey: "f", fairnessWeight: 2 } });
  const change = (paths: readonly string[], priority?: { priorityKey?: number; fairnessKey?: string }) => {
    const codec = workflowservice.UpdateWorkflowExecutionOptionsRequest;
    const asked = { workflowExecutionOptions: priority ? { priority } : {}, updateMask: { paths } };
    const reply = workflow.try({ type: "updateOptions", request: codec.decode(codec.encode(asked)) });
    assert(!(reply instanceof Rejection));
    const { priorityKey = 0, fairnessKey = "", fairnessWeight = 0 } = reply.options.priority ?? {};
    return [priorityKey, fairnessKey, fairnessWeight];
  };
  assert.deepEqual(change(["priority.priority_key"], { priorityKey: 3, fairnessKey: "g" }), [3, "f", 2]);
  assert.deepEqual(change(["priority.fairness_key"], { fairnessKey: "g" }), [3, "g", 2]);
  assert.deepEqual(change(["priority.fairness_weight"]), [3, "g", 0]);
  assert.deepEqual(change(["priority.priority_key", "priority.fairness_key"]), [0, "", 0]);
  assert.deepEqual(change(["priority"], { priorityKey: 5 }), [5, "", 0]);
  const before = workflow.eventTypes().length;
  assert.deepEqual(change(["priority"], { priorityKey: 5 }), [5, "", 0]);
  assert.equal(workflow.eventTypes().length, before, "what changes nothing is not recorded");
});
