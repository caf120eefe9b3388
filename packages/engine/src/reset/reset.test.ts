import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, history, update } from "@pawl/protocol";
import fc from "fast-check";
import { rebuild } from "../rebuild/rebuild.ts";
import { Rejection } from "../rejection.ts";
import type { Delivery } from "../state/message.ts";
import {
  applicationFailure,
  CachedWorkflow,
  type CommandInit,
  commands,
  payloads,
  resetRequest,
  ScriptedWorkflow,
  startRequest,
} from "../workflow/scripted-workflow.ts";
import { BaseReading } from "./reset-reading.ts";

const { CommandType, ResetReapplyExcludeType: Exclude, UpdateWorkflowExecutionLifecycleStage: Stage } = enums;

function begun(workflow = new ScriptedWorkflow()): ScriptedWorkflow {
  workflow.start();
  workflow.complete(workflow.pollTask(), [commands.timer("t", 60_000)]);
  workflow.signal("one", "request-one");
  workflow.complete(workflow.pollTask());
  return workflow;
}

test("a run that comes of a reset has the first events of its base byte by byte, and then the failure that says so (X1)", () => {
  const workflow = begun();
  const base = workflow.currentRunId!;
  const next = workflow.reset(9);
  const bytes = (runId: string) =>
    workflow
      .events(runId)
      .slice(0, 8)
      .map((event) => Buffer.from(history.HistoryEvent.encode(event)).toString("hex"));
  assert.deepEqual(bytes(next), bytes(base));
  assert.deepEqual(workflow.eventTypes(next).slice(8), ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]);
  const { baseRunId, newRunId, cause } = workflow.events(next)[8]!.workflowTaskFailedEventAttributes!;
  assert.deepEqual([baseRunId, newRunId, cause], [base, next, enums.WorkflowTaskFailedCause.RESET_WORKFLOW]);
  assert.equal(workflow.eventTypes(base).at(-1), "WORKFLOW_EXECUTION_TERMINATED");
  assert.equal(workflow.run(base).resetRunId, next);
  assert.equal(workflow.currentRunId, next);
});

test("the new run's timers fire at their old times, and its own time begins anew", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ workflowRunTimeout: { seconds: 100, nanos: 0 } });
  workflow.complete(workflow.pollTask(), [commands.timer("t", 60_000)]);
  workflow.signal("one");
  workflow.complete(workflow.pollTask());
  workflow.advance(50_000);
  workflow.reset(9);
  const { start, timers } = workflow.run();
  assert.equal(start.runExpiresAtMs, workflow.nowMs + 100_000);
  assert.equal(start.reset?.originalStartedAtMs, 1_000);
  assert.equal(timers.get("t")?.fireAtMs, 61_000);
  workflow.complete(workflow.pollTask());
  workflow.advance(10_000);
  assert(workflow.eventTypes().includes("TIMER_FIRED"));
});

test("a reset that is repeated finds the run that it began", () => {
  const workflow = begun();
  const base = workflow.currentRunId!;
  const next = workflow.reset(4, { requestId: "same" });
  assert.equal(workflow.reset(4, { requestId: "same", runId: base }), next);
  assert.equal(workflow.currentRunId, next);
});

test("a signal that was given to the run before, and is repeated, is still known", () => {
  const workflow = begun();
  workflow.reset(4);
  const before = workflow.events().length;
  workflow.signal("one", "request-one");
  assert.equal(workflow.events().length, before);
});

test("signals of one request id, which two runs of a chain were given, are both taken over", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const base = workflow.currentRunId!;
  workflow.signal("one", "same");
  workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
  workflow.signal("two", "same");
  const next = workflow.reset(4, { runId: base });
  const signals = workflow.events(next).flatMap(({ workflowExecutionSignaledEventAttributes: each }) => each ?? []);
  assert.deepEqual(
    signals.map(({ signalName, requestId }) => [signalName, requestId]),
    [
      ["one", "same"],
      ["two", "same"],
    ],
  );
});

test("an older run can be reset when the newest one has been deleted", () => {
  const workflow = begun();
  const base = workflow.currentRunId!;
  workflow.signal("two");
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  workflow.start();
  workflow.do({ type: "delete", runId: "" });
  assert.equal(workflow.currentRunId, null);
  const next = workflow.reset(4, { runId: base });
  assert.equal(workflow.currentRunId, next);
  assert.deepEqual(signalsOf(workflow), ["one", "two"]);
});

test("what happened after the histories were read is taken over from memory, or the reset is not done (X2)", () => {
  for (const [workflow, expected] of [
    [begun(new CachedWorkflow()), "reset"],
    [begun(), "stale"],
  ] as const) {
    const runId = workflow.currentRunId!;
    const read = workflow.read(runId, 4);
    workflow.signal("late");
    const before = workflow.events(runId).length;
    const reply = workflow.do({ type: "reset", request: resetRequest(runId, 4), read });
    assert.equal(reply.type, expected);
    if (reply.type === "stale") assert.equal(workflow.events(runId).length, before);
    else assert.deepEqual(signalsOf(workflow), ["one", "late"]);
  }
});

test("what was read serves again when the command is done once more, as after others of its batch have failed", () => {
  const workflow = begun();
  const runId = workflow.currentRunId!;
  const read = workflow.read(runId, 4);
  const before = JSON.stringify(read.base.folded?.workflowTask);
  workflow.do({ type: "reset", request: resetRequest(runId, 4), read });
  assert.equal(JSON.stringify(read.base.folded?.workflowTask), before);
  assert.equal(read.base.folded?.status.type, "open");
});

test("a long history is folded some events at a time, and the same comes of it", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const timers = Array.from({ length: 1_800 }, (_, index) => commands.timer(`t${index}`, 60_000));
  workflow.complete(workflow.pollTask(), timers, { forceCreateNewWorkflowTask: true });
  workflow.pollTask();
  const target = { namespaceId: "ns", workflowId: "wf", namespace: "default", requestId: "", runId: "new" };
  const reading = new BaseReading(1_807, target);
  const turns = workflow.batches().map((batch) => [...reading.take(batch)].length);
  assert.deepEqual(turns, [0, 0, 3, 0]);
  const { folded, prefix, since } = reading.read;
  assert.deepEqual(folded, rebuild(workflow.events(), target));
  assert.deepEqual([prefix.length, since.length], [4, 0]);
});

test("another run that became the current one in the meantime makes what was read stale", () => {
  const workflow = begun(new CachedWorkflow());
  const runId = workflow.currentRunId!;
  const read = workflow.read(runId, 4);
  workflow.do({ type: "terminate", request: { ...terminateRequest } });
  workflow.do({ type: "startWorkflow", request: startRequest({ requestId: "other" }) });
  assert.deepEqual(workflow.do({ type: "reset", request: resetRequest(runId, 4), read }), { type: "stale" });
});

const terminateRequest = {
  namespace: "default",
  workflowExecution: { workflowId: "wf", runId: "" },
  reason: "",
  details: undefined,
  identity: "",
  firstExecutionRunId: "",
  links: [],
};

function signalsOf(workflow: ScriptedWorkflow): string[] {
  return workflow
    .events()
    .flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => signaled?.signalName ?? []);
}

test("what is excluded is not taken over, and nothing at all when everything is", () => {
  const types: [enums.ResetReapplyExcludeType[], string[]][] = [
    [[], ["one"]],
    [[Exclude.UPDATE], ["one"]],
    [[Exclude.SIGNAL], []],
    [[Exclude.SIGNAL, Exclude.UPDATE, Exclude.NEXUS, Exclude.CANCEL_REQUEST], []],
  ];
  for (const [resetReapplyExcludeTypes, expected] of types) {
    const workflow = begun();
    workflow.reset(4, { resetReapplyExcludeTypes });
    assert.deepEqual(signalsOf(workflow), expected);
  }
});

const startChild = (workflowId: string): CommandInit => ({
  commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
  startChildWorkflowExecutionCommandAttributes: { workflowId, workflowType: { name: "Child" } },
});

/** Carries everything that is under way between the workflows. */
function settle(...workflows: readonly ScriptedWorkflow[]): void {
  for (let rounds = 0; workflows.some(({ messages }) => messages.length > 0); rounds++) {
    assert(rounds < 20, "messages do not come to an end");
    for (const sender of workflows) {
      const message = sender.messages.shift();
      if (!message || !("workflowId" in message.message)) continue;
      const { workflowId } = message.message;
      const receiver = workflows.find((workflow) => workflow.workflowId === workflowId);
      const delivery: Delivery = receiver!.do({ type: "receive", message: message.message });
      sender.do({ type: "delivered", runId: message.from.runId, messageId: message.id, delivery });
    }
  }
}

test("a child whose start was under way is not started twice, and reports to the new run, through any number of resets (X3)", () => {
  const [parent, child] = [new ScriptedWorkflow("parent"), new ScriptedWorkflow("kid")];
  parent.start();
  const first = parent.pollTask();
  parent.signal("wakes the next task");
  parent.complete(first, [startChild("kid")]);
  parent.complete(parent.pollTask());
  // The child was asked for before the point, and its start is not known to the parent yet.
  const [asked] = parent.messages;
  child.do({ type: "receive", message: asked!.message });
  parent.messages = [];
  parent.reset(9);
  settle(parent, child);
  const kid = child.currentRunId!;
  assert.equal(parent.run().children.get(5)?.status.type, "started");
  parent.complete(parent.pollTask());
  parent.reset(
    parent.events().findIndex(({ workflowTaskCompletedEventAttributes: done }) => done && done.startedEventId > 9) + 1,
  );
  child.complete(child.pollTask(), [commands.completeWorkflow()]);
  settle(parent, child);
  assert.equal(child.currentRunId, kid, "the child is the same run");
  assert.equal(parent.eventTypes().filter((type) => type === "CHILD_WORKFLOW_EXECUTION_COMPLETED").length, 1);
  assert.equal(parent.run().children.size, 0);
});

test("a reset of an older run leaves the children of the run that it ends by their policy, for the new run does not know them (X3)", () => {
  const [parent, child] = [new ScriptedWorkflow("parent"), new ScriptedWorkflow("kid")];
  parent.start();
  const base = parent.currentRunId!;
  parent.complete(parent.pollTask(), [commands.continueAsNew()]);
  parent.advance(1_000);
  parent.complete(parent.pollTask(), [startChild("kid")]);
  settle(parent, child);
  parent.reset(4, { runId: base });
  settle(parent, child);
  assert.equal(child.eventTypes().at(-1), "WORKFLOW_EXECUTION_TERMINATED");
});

test("an update after the point is asked of the new run's worker anew, survives a restart, and is answered there", () => {
  const workflow = new CachedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask());
  const request = update.Request.create({
    meta: { updateId: "u", identity: "caller" },
    input: { header: undefined, name: "add", args: payloads(1) },
  });
  workflow.do({
    type: "update",
    request: {
      namespace: "default",
      workflowExecution: undefined,
      firstExecutionRunId: "",
      waitPolicy: undefined,
      request,
    },
  });
  accept(workflow, request);
  workflow.reset(4);
  assert.equal(workflow.eventTypes().at(-2), "WORKFLOW_EXECUTION_UPDATE_ADMITTED");
  const updates = () => workflow.run().updates.get("u")?.status;
  assert.equal(updates(), "reapplied", "as it is read after a restart");
  assert.equal(workflow.do({ type: "pollUpdate", runId: "", updateId: "u" }).stage, Stage.ADMITTED);
  accept(workflow, request);
  assert.equal(updates(), "completed");
  const accepted = workflow.events().find((event) => event.workflowExecutionUpdateAcceptedEventAttributes);
  assert.equal(accepted?.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest, undefined);
  assert.equal(workflow.do({ type: "pollUpdate", runId: "", updateId: "u" }).stage, Stage.COMPLETED);
});

function accept(workflow: ScriptedWorkflow, acceptedRequest: update.Request): void {
  const body = (name: string, value: Uint8Array) => ({ type_url: `type.googleapis.com/${name}`, value });
  const { Acceptance, Response } = update;
  const acceptance = Acceptance.encode({
    acceptedRequestMessageId: "u/request",
    acceptedRequestSequencingEventId: 5,
    acceptedRequest,
  });
  const response = Response.encode({ meta: { updateId: "u" }, outcome: { success: payloads("done") } });
  workflow.complete(workflow.pollTask(), [], {
    messages: [
      { id: "u/accept", protocolInstanceId: "u", body: body(Acceptance.typeName, acceptance) },
      { id: "u/complete", protocolInstanceId: "u", body: body(Response.typeName, response) },
    ],
  });
}

test("an activity that waits at the point waits anew, and an answer to the old one is too late", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [
    commands.activity("a", { scheduleToCloseTimeout: { seconds: 20, nanos: 0 } }),
  ]);
  const old = workflow.pollActivity();
  workflow.signal("one");
  workflow.complete(workflow.pollTask());
  workflow.advance(5_000);
  workflow.reset(9);
  assert.equal(
    workflow.try({
      type: "completeActivity",
      activity: { by: "token", ...old.activity },
      result: undefined,
      identity: "",
    }) instanceof Rejection,
    true,
  );
  assert.equal(workflow.run().activities.get(5)?.scheduledAtMs, workflow.nowMs);
  workflow.complete(workflow.pollTask());
  workflow.completeActivity(workflow.pollActivity());
  assert(workflow.eventTypes().includes("ACTIVITY_TASK_COMPLETED"));
});

// The driver checks histories and rebuilds every run that a command has changed.
test("a run can be reset wherever a workflow task ended, whatever has happened, and goes on", () => {
  const action = fc.record({
    kind: fc.constantFrom(
      "step",
      "step",
      "signal",
      "activity",
      "answer",
      "fail",
      "continue",
      "advance",
      "reset",
      "reset",
    ),
    pick: fc.nat(7),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const workflow = new ScriptedWorkflow();
      workflow.start({ retryPolicy: { maximumAttempts: 2 } });
      let ids = 0;
      for (const { kind, pick } of actions) {
        const has = (task: "workflow" | "activity") =>
          workflow.tasks.some((one) => one.kind === task && one.runId === workflow.currentRunId);
        workflow.tasks = workflow.tasks.filter(({ runId }) => runId === workflow.currentRunId);
        if (kind === "signal" && workflow.run().status.type === "open") workflow.signal("s", pick === 0 ? "same" : "");
        else if (kind === "step" && has("workflow"))
          workflow.complete(workflow.pollTask(), [commands.timer(`t${++ids}`, 5_000 * pick)]);
        else if (kind === "activity" && has("workflow"))
          workflow.complete(workflow.pollTask(), [commands.activity(`a${++ids}`)]);
        else if (kind === "continue" && has("workflow"))
          workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
        else if (kind === "fail" && has("workflow"))
          if (pick < 5) workflow.failTask(workflow.pollTask());
          else workflow.complete(workflow.pollTask(), [commands.failWorkflow(applicationFailure("x"))]);
        else if (kind === "answer" && has("activity")) workflow.completeActivity(workflow.pollActivity());
        else if (kind === "advance") workflow.advance(3_000 * pick);
        else if (kind === "reset") resetSomewhere(workflow, pick);
      }
    }),
    { numRuns: 200 },
  );
});

/** At the `pick`th end of a workflow task of the current run, if there is one. */
function resetSomewhere(workflow: ScriptedWorkflow, pick: number): void {
  const ends = workflow
    .events()
    .flatMap(({ eventId, ...event }) =>
      (event.workflowTaskCompletedEventAttributes ?? event.workflowTaskFailedEventAttributes) ? [eventId] : [],
    );
  const end = ends[pick % Math.max(1, ends.length)];
  if (end === undefined) return;
  const request = resetRequest(workflow.currentRunId!, end, {
    requestId: `reset-at-${end}-${workflow.events().length}`,
  });
  const reply = workflow.try({ type: "reset", request, read: workflow.read(workflow.currentRunId!, end) });
  if (reply instanceof Rejection) assert.match(reply.message, /at the boundary|in range/);
  else if (reply.type === "reset") assert.equal(workflow.run().status.type, "open");
  else assert.fail("everything was read");
}

test("a reset is refused where no workflow task could have ended, or what was read is not all that there is", () => {
  const workflow = begun();
  const runId = workflow.currentRunId!;
  const asked = (eventId: number, read = workflow.read(runId, eventId)) =>
    workflow.try({ type: "reset", request: resetRequest(runId, eventId), read });
  for (const [eventId, told] of [
    [1, /must be > 1/],
    [1_000, /must be > 1/],
    [2, /must be at the boundary/],
    [6, /range \[WorkflowTaskScheduled/],
  ] as const) {
    const reply = asked(eventId);
    assert(reply instanceof Rejection && reply.code === "INVALID_ARGUMENT");
    assert.match(reply.message, told);
  }
  const before = workflow.read(runId, 9);
  assert.deepEqual(asked(9, { ...before, currentRunId: "another" }), { type: "stale" });
  const reply = asked(9, before);
  assert(!(reply instanceof Rejection) && reply.type === "reset");
  assert.deepEqual(asked(9, before), reply, "the same request is known again");
});
