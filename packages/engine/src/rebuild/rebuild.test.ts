import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, history } from "@pawl/protocol";
import { applicationFailure, commands, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";
import { rebuild } from "./rebuild.ts";

// That the rebuilt state is the live one is checked by `ScriptedWorkflow` after every command of every test of the engine (R1).

const target = { namespaceId: "ns", workflowId: "wf", runId: "run", namespace: "default", requestId: "start" };

function event(init: Partial<history.HistoryEvent>): history.HistoryEvent {
  return history.HistoryEvent.create(init);
}

test("a history without its start cannot be rebuilt", () => {
  assert.throws(() => rebuild([], target), /does not begin with the start/);
  const fired = event({ eventId: 1, eventType: enums.EventType.TIMER_FIRED });
  assert.throws(() => rebuild([fired], target), /does not begin with the start/);
});

test("an event of an unknown type is not passed over", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const unknown = event({ eventId: 3, eventType: 9_999 as enums.EventType });
  assert.throws(() => rebuild([...workflow.events(), unknown], target), /event 3 has a type .* 9999/);
});

test("an id that is given anew, while the end of what had it before waits for the workflow task in flight, stays with what is new", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [commands.timer("t", 1_000), commands.activity("a")]);
  workflow.signal("go");
  const task = workflow.pollTask();
  workflow.completeActivity(workflow.pollActivity());
  workflow.advance(1_000);
  workflow.complete(task, [commands.timer("t", 2_000), commands.activity("a")]);
  const { timers, activityIds } = rebuild(workflow.events(), target);
  const live = workflow.run();
  assert.deepEqual([[...timers.keys()], [...activityIds.keys()]], [["t"], ["a"]]);
  assert.deepEqual([timers, activityIds], [live.timers, live.activityIds]);
  workflow.advance(2_000);
  assert.equal(workflow.eventTypes().filter((type) => type === "TIMER_FIRED").length, 2);
});

test("what other workflows were asked and have not answered lies in the outbox of the rebuilt run, under its own id", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [
    {
      commandType: enums.CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
      signalExternalWorkflowExecutionCommandAttributes: { execution: { workflowId: "other" }, signalName: "s" },
    },
    {
      commandType: enums.CommandType.START_CHILD_WORKFLOW_EXECUTION,
      startChildWorkflowExecutionCommandAttributes: { workflowId: "child", workflowType: { name: "Child" } },
    },
  ]);
  const { outbox } = rebuild(workflow.events(), target);
  const [signal, child] = [...outbox.values()].map(({ message }) => message);
  assert(signal?.type === "signalExternal" && child?.type === "startChild");
  assert.deepEqual([signal.sender.runId, child.parent.runId], ["run", "run"]);
});

test("the first completed workflow task of each build is a point to reset to, and finds the run by its build", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ retryPolicy: { maximumAttempts: 2 } });
  for (const binaryChecksum of ["one", "one", "two"]) {
    workflow.complete(workflow.pollTask(), [], { binaryChecksum });
    workflow.signal("next");
  }
  const [firstRunId] = [workflow.currentRunId!];
  const points = () => workflow.run().resetPoints.map((point) => `${point.binaryChecksum} ${point.completedEventId}`);
  assert.deepEqual(points(), ["one 4", "two 12"]);
  const { BuildIds, BinaryChecksums } = workflow.run().searchAttributes!.indexedFields;
  assert.deepEqual(
    [BuildIds, BinaryChecksums].map((payload) => new TextDecoder().decode(payload!.data)),
    ['["unversioned"]', '["one","two"]'],
  );
  workflow.complete(workflow.pollTask(), [commands.failWorkflow(applicationFailure("again"))], {
    binaryChecksum: "two",
  });
  assert.notEqual(workflow.currentRunId, firstRunId);
  assert.deepEqual(points(), ["one 4", "two 12"], "the next run can be reset to where the one before was");
  assert(workflow.run().resetPoints.every(({ expiresAtMs }) => expiresAtMs > workflow.nowMs));
});
