import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, type history, toDuration, workflow } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import type { Delivery } from "../state/message.ts";
import type { Routing } from "../versioning/versioning.ts";
import {
  applicationFailure,
  type CommandInit,
  commands,
  payloads,
  ScriptedWorkflow,
} from "../workflow/scripted-workflow.ts";

const { CommandType, ParentClosePolicy } = enums;

/** Carries everything that is under way between the two, as the shards would, until nothing is. `twice`: each message arrives again. */
function settle(workflows: readonly ScriptedWorkflow[], { twice = false } = {}): void {
  for (let rounds = 0; workflows.some(({ messages }) => messages.length > 0); rounds++) {
    assert(rounds < 20, "messages do not come to an end");
    for (const sender of workflows) {
      const message = sender.messages.shift();
      if (!message) continue;
      const receiver =
        workflows.find(({ workflowId }) => workflowId === message.message.workflowId) ??
        new ScriptedWorkflow(message.message.workflowId);
      let delivery: Delivery = receiver.do({ type: "receive", message: message.message });
      if (twice) delivery = receiver.do({ type: "receive", message: message.message });
      for (let times = twice ? 2 : 1; times > 0; times--)
        sender.do({ type: "delivered", runId: message.from.runId, messageId: message.id, delivery });
    }
  }
}

function startChild(
  workflowId: string,
  more: Partial<NonNullable<CommandInit["startChildWorkflowExecutionCommandAttributes"]>> = {},
): CommandInit {
  return {
    commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: { workflowId, workflowType: { name: "Child" }, ...more },
  };
}
const signalChild = (workflowId: string, runId = "", childWorkflowOnly = false): CommandInit => ({
  commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
  signalExternalWorkflowExecutionCommandAttributes: {
    execution: { workflowId, runId },
    signalName: "hello",
    childWorkflowOnly,
  },
});
const cancelExternal = (workflowId: string): CommandInit => ({
  commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
  requestCancelExternalWorkflowExecutionCommandAttributes: { workflowId },
});

function family(more: Parameters<typeof startChild>[1] = {}): { parent: ScriptedWorkflow; child: ScriptedWorkflow } {
  const [parent, child] = [new ScriptedWorkflow("parent"), new ScriptedWorkflow("kid")];
  parent.start();
  parent.complete(parent.pollTask(), [startChild("kid", more)]);
  return { parent, child };
}

test("a parent sees its child start and end, and the child knows its parent", () => {
  const { parent, child } = family({ input: payloads(5) });
  settle([parent, child]);
  assert.deepEqual(parent.eventTypes().slice(4), [
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
    "CHILD_WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  const started = child.events()[0]!.workflowExecutionStartedEventAttributes!;
  assert.deepEqual(
    [
      started.parentWorkflowExecution?.workflowId,
      started.parentInitiatedEventId,
      started.rootWorkflowExecution?.workflowId,
      started.input?.payloads.length,
    ],
    ["parent", 5, "parent", 1],
  );
  child.complete(child.pollTask(), [commands.completeWorkflow()]);
  parent.complete(parent.pollTask());
  settle([parent, child]);
  const end = parent.events().find((event) => event.childWorkflowExecutionCompletedEventAttributes)!
    .childWorkflowExecutionCompletedEventAttributes!;
  assert.deepEqual(
    [end.initiatedEventId, end.startedEventId, end.workflowExecution?.runId],
    [5, 6, child.currentRunId],
  );
  assert.equal(parent.run().children.size, 0);
  assert.equal(parent.run().outbox.size + child.run().outbox.size, 0);
});

test("messages that arrive twice change nothing the second time", () => {
  const { parent, child } = family();
  settle([parent, child], { twice: true });
  child.complete(child.pollTask(), [commands.failWorkflow(applicationFailure("no"))]);
  settle([parent, child], { twice: true });
  assert.deepEqual(
    parent.eventTypes().filter((type) => type.startsWith("CHILD")),
    ["CHILD_WORKFLOW_EXECUTION_STARTED", "CHILD_WORKFLOW_EXECUTION_FAILED"],
  );
});

test("a child that ends before its start was answered is still seen to start first", () => {
  const { parent, child } = family();
  const start = parent.messages.shift()!;
  child.do({ type: "receive", message: start.message });
  child.complete(child.pollTask(), [commands.completeWorkflow()]);
  settle([parent, child]);
  parent.do({
    type: "delivered",
    runId: start.from.runId,
    messageId: start.id,
    delivery: { type: "taken", runId: child.currentRunId! },
  });
  assert.deepEqual(parent.eventTypes().slice(5), [
    "CHILD_WORKFLOW_EXECUTION_STARTED",
    "CHILD_WORKFLOW_EXECUTION_COMPLETED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
});

test("start and end of a child that both arrive during a workflow task name each other", () => {
  const { parent, child } = family();
  parent.signal("go");
  const task = parent.pollTask();
  settle([parent, child]);
  child.complete(child.pollTask(), [commands.completeWorkflow()]);
  settle([parent, child]);
  parent.complete(task);
  const types = parent.eventTypes();
  const end =
    parent.events()[types.indexOf("CHILD_WORKFLOW_EXECUTION_COMPLETED")]!
      .childWorkflowExecutionCompletedEventAttributes!;
  assert.equal(types[end.startedEventId - 1], "CHILD_WORKFLOW_EXECUTION_STARTED");
});

test("a child whose id is taken fails to start", () => {
  const { parent, child } = family();
  child.start();
  settle([parent, child]);
  const failed = parent.events().find((event) => event.startChildWorkflowExecutionFailedEventAttributes)!
    .startChildWorkflowExecutionFailedEventAttributes!;
  assert.equal(failed.cause, enums.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_EXISTS);
  assert.equal(parent.run().children.size, 0);
});

for (const [policy, expected] of [
  [ParentClosePolicy.UNSPECIFIED, "WORKFLOW_EXECUTION_TERMINATED"],
  [ParentClosePolicy.TERMINATE, "WORKFLOW_EXECUTION_TERMINATED"],
  [ParentClosePolicy.REQUEST_CANCEL, "WORKFLOW_EXECUTION_CANCEL_REQUESTED"],
  [ParentClosePolicy.ABANDON, "WORKFLOW_TASK_SCHEDULED"],
] as const) {
  test(`a closing parent leaves its child with policy ${policy} at ${expected}`, () => {
    const { parent, child } = family({ parentClosePolicy: policy });
    settle([parent, child]);
    parent.complete(parent.pollTask(), [commands.completeWorkflow()]);
    settle([parent, child]);
    assert.equal(child.eventTypes().at(-1), expected);
  });
}

test("a child whose id is taken ends what runs there when it is to, and is another run", () => {
  const { parent, child } = family({ workflowIdReusePolicy: enums.WorkflowIdReusePolicy.TERMINATE_IF_RUNNING });
  const { runId } = child.start();
  settle([parent, child]);
  assert.equal(child.eventTypes(runId).at(-1), "WORKFLOW_EXECUTION_TERMINATED");
  const started = parent.events().find((event) => event.childWorkflowExecutionStartedEventAttributes);
  const { workflowExecution } = started!.childWorkflowExecutionStartedEventAttributes!;
  assert.equal(workflowExecution?.runId, child.currentRunId);
  assert.notEqual(child.currentRunId, runId);
});

test("a parent that closes while its child's start is under way still applies the policy", () => {
  const { parent, child } = family();
  parent.signal("go");
  parent.complete(parent.pollTask(), [commands.completeWorkflow()]);
  assert.deepEqual(
    parent.messages.map(({ message }) => message.type),
    ["startChild", "parentClosed"],
  );
  settle([parent, child]);
  assert.equal(child.eventTypes().at(-1), "WORKFLOW_EXECUTION_TERMINATED");
});

test("a start that arrives again once the child has gone on to its next run is known", () => {
  const { parent, child } = family();
  const [asked] = parent.messages;
  const receive = () => child.do({ type: "receive", message: asked!.message });
  const first = receive();
  child.complete(child.pollTask(), [commands.continueAsNew()]);
  assert.deepEqual(receive(), first, "while it runs");
  child.advance(1_000);
  child.complete(child.pollTask(), [commands.completeWorkflow()]);
  assert.deepEqual(receive(), first, "and once it has ended");
});

test("the parent hears of the last run of the child's chain only", () => {
  const { parent, child } = family({ retryPolicy: { initialInterval: toDuration(1_000), maximumAttempts: 2 } });
  settle([parent, child]);
  child.complete(child.pollTask(), [commands.failWorkflow(applicationFailure("one"))]);
  settle([parent, child]);
  assert(!parent.eventTypes().includes("CHILD_WORKFLOW_EXECUTION_FAILED"));
  child.advance(1_000);
  child.complete(child.pollTask(), [commands.failWorkflow(applicationFailure("two"))]);
  settle([parent, child]);
  const failed = parent.events().find((event) => event.childWorkflowExecutionFailedEventAttributes)!
    .childWorkflowExecutionFailedEventAttributes!;
  assert.deepEqual(
    [failed.failure?.message, failed.workflowExecution?.runId, failed.retryState],
    ["two", child.currentRunId, enums.RetryState.MAXIMUM_ATTEMPTS_REACHED],
  );
});

function two(
  command: CommandInit,
  { targetRuns = true } = {},
): { sender: ScriptedWorkflow; target: ScriptedWorkflow; result: history.HistoryEvent } {
  const [sender, target] = [new ScriptedWorkflow("sender"), new ScriptedWorkflow("target")];
  if (targetRuns) target.start();
  sender.start();
  sender.complete(sender.pollTask(), [command]);
  settle([sender, target]);
  return { sender, target, result: sender.events()[5]! };
}

test("a signal to another workflow arrives with its sender, and the sender learns of it", () => {
  const { sender, target, result } = two(signalChild("target"));
  assert.equal(result.externalWorkflowExecutionSignaledEventAttributes?.initiatedEventId, 5);
  const signaled = target.events().at(-1)!.workflowExecutionSignaledEventAttributes!;
  assert.deepEqual([signaled.signalName, signaled.externalWorkflowExecution?.runId], ["hello", sender.currentRunId]);
});

test("a signal or cancellation that reaches nobody comes back as failed", () => {
  for (const command of [signalChild("target"), cancelExternal("target")]) {
    const { result } = two(command, { targetRuns: false });
    const failed =
      result.signalExternalWorkflowExecutionFailedEventAttributes ??
      result.requestCancelExternalWorkflowExecutionFailedEventAttributes;
    assert.equal(failed?.cause, 1);
  }
  const { result } = two(signalChild("target", "", true));
  assert(
    result.signalExternalWorkflowExecutionFailedEventAttributes,
    "a workflow that is not its child is not reached by childWorkflowOnly",
  );
});

test("a cancellation asked for by another workflow names it", () => {
  const { target, result } = two(cancelExternal("target"));
  assert(result.externalWorkflowExecutionCancelRequestedEventAttributes);
  assert.equal(target.events().at(-1)!.workflowExecutionCancelRequestedEventAttributes?.externalInitiatedEventId, 5);
});

test("a child that is pinned by its own start inherits nothing else, and is not there when its version does not poll its queue", () => {
  const version = (buildId: string) => ({ deploymentName: "d", buildId });
  const [parent, child] = [new ScriptedWorkflow("parent"), new ScriptedWorkflow("kid")];
  const routing: Routing = {
    target: () => ({ version: version("1"), revision: 1 }),
    has: (_, { buildId }) => buildId !== "9",
  };
  parent.routing = child.routing = routing;
  parent.start();
  for (const buildId of ["9", "2"]) {
    const pinned = { behavior: workflow.VersioningOverride_PinnedOverrideBehavior.PINNED, version: version(buildId) };
    parent.complete(
      parent.pollTask({ version: version("1") }),
      [startChild("kid", { versioningOverride: { pinned } })],
      {
        versioningBehavior: enums.VersioningBehavior.PINNED,
        deploymentOptions: { ...version("1"), workerVersioningMode: enums.WorkerVersioningMode.VERSIONED },
      },
    );
    settle([parent, child]);
  }
  const failed = parent.events().flatMap((event) => event.startChildWorkflowExecutionFailedEventAttributes ?? []);
  assert.deepEqual(
    failed.map(({ cause }) => cause),
    [enums.StartChildWorkflowExecutionFailedCause.INVALID_VERSIONING_OVERRIDE],
  );
  const started = child.events()[0]!.workflowExecutionStartedEventAttributes!;
  assert.equal(started.versioningOverride?.pinned?.version?.buildId, "2");
  assert.equal(started.inheritedPinnedVersion, undefined);
});

test("a child of another namespace fails the workflow task", () => {
  const parent = new ScriptedWorkflow("parent");
  parent.start();
  const reply = parent.complete(parent.pollTask(), [startChild("kid", { namespace: "elsewhere" })]);
  assert(!(reply instanceof Rejection) && reply.refused);
  assert.equal(
    parent.events().at(-1)!.workflowTaskFailedEventAttributes!.cause,
    enums.WorkflowTaskFailedCause.BAD_START_CHILD_EXECUTION_ATTRIBUTES,
  );
});
