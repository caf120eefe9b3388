import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, errordetails, type Init, type protocol, update, workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import type { Replies, StartedWorkflowTask, UpdateProgress } from "../vocabulary.ts";
import {
  applicationFailure,
  CachedWorkflow,
  commands,
  payloads,
  ScriptedWorkflow,
  startRequest,
} from "../workflow/scripted-workflow.ts";
import { continueAsNewReasons } from "../workflow-task/workflow-task.ts";

const { UpdateWorkflowExecutionLifecycleStage: Stage } = enums;

// Updates live in memory until they are accepted.
function running(): CachedWorkflow {
  const workflow = new CachedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask());
  return workflow;
}

function ask(workflow: ScriptedWorkflow, updateId: string): UpdateProgress | Rejection {
  const codec = workflowservice.UpdateWorkflowExecutionRequest;
  const request = codec.decode(
    codec.encode({ request: { meta: { updateId, identity: "caller" }, input: { name: "add", args: payloads(1) } } }),
  );
  return workflow.try({ type: "update", request });
}

function stage(workflow: ScriptedWorkflow, updateId: string): enums.UpdateWorkflowExecutionLifecycleStage {
  return workflow.do({ type: "pollUpdate", runId: "", updateId }).stage;
}

/** Update, admission and reason of each that has ended. */
function told(workflow: ScriptedWorkflow): string[] {
  return workflow.ended.map(
    ({ updateId, admission, verdict }) =>
      `${updateId} ${admission} ${"failure" in verdict ? verdict.failure.message : verdict.message}`,
  );
}

function message<T>(
  codec: { typeName: string; encode(value: Init<T>): Uint8Array },
  updateId: string,
  body: Init<T>,
): Init<protocol.Message> {
  return {
    id: `${updateId}/${codec.typeName}`,
    protocolInstanceId: updateId,
    body: { type_url: `type.googleapis.com/${codec.typeName}`, value: codec.encode(body) },
  };
}
const acceptance = (updateId: string) =>
  message(update.Acceptance, updateId, {
    acceptedRequestMessageId: `${updateId}/request`,
    acceptedRequestSequencingEventId: 2,
  });
const response = (updateId: string) =>
  message(update.Response, updateId, { meta: { updateId }, outcome: { success: payloads("done") } });
const rejection = (updateId: string) =>
  message(update.Rejection, updateId, {
    rejectedRequestMessageId: `${updateId}/request`,
    failure: applicationFailure("no"),
  });

function answer(
  workflow: ScriptedWorkflow,
  task: StartedWorkflowTask,
  messages: readonly Init<protocol.Message>[],
  more = {},
): Replies["completeWorkflowTask"] {
  const reply = workflow.complete(task, [], { messages, ...more });
  assert(!(reply instanceof Rejection));
  return reply;
}

test("an update that is accepted and answered at once is two events behind its workflow task", () => {
  const workflow = running();
  assert(!(ask(workflow, "u1") instanceof Rejection));
  const task = workflow.pollTask();
  assert.deepEqual(
    task.messages.map(({ id, eventId }) => [id, eventId]),
    [["u1/request", 5]],
  );
  assert.equal(workflow.eventTypes().length, 4, "a speculative task is not written");
  answer(workflow, task, [acceptance("u1"), response("u1")]);
  assert.deepEqual(workflow.eventTypes().slice(4), [
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
    "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
  ]);
  const known = workflow.do({ type: "pollUpdate", runId: "", updateId: "u1" });
  assert.deepEqual([known.stage, known.outcome?.success?.payloads?.length], [Stage.COMPLETED, 1]);
});

test("an update that a worker of another version takes moves its run there when it is accepted, and leaves no trace when it is rejected", () => {
  const version = (buildId: string) => ({ deploymentName: "d", buildId });
  const worker = (buildId: string) => ({
    versioningBehavior: enums.VersioningBehavior.AUTO_UPGRADE,
    deploymentOptions: { ...version(buildId), workerVersioningMode: enums.WorkerVersioningMode.VERSIONED },
  });
  const workflow = new CachedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask({ version: version("1") }), [], worker("1"));
  const where = () => [workflow.run().versioning?.version?.buildId, workflow.run().versioning?.transition];
  for (const [messages, moved, written] of [
    [[rejection("u1")], "1", 0],
    [[acceptance("u2"), response("u2")], "2", 5],
  ] as const) {
    ask(workflow, written === 0 ? "u1" : "u2");
    const task = workflow.pollTask({ version: version("2") });
    assert.deepEqual(where(), ["1", null]);
    answer(workflow, task, messages, worker("2"));
    assert.deepEqual(where(), [moved, null]);
    assert.equal(workflow.eventTypes().length, 4 + written);
  }
});

test("a rejected update leaves no trace, and the worker is told to forget its task", () => {
  const workflow = running();
  ask(workflow, "u1");
  const reply = answer(workflow, workflow.pollTask(), [rejection("u1")]);
  assert.equal(reply.resetHistoryEventId, 3);
  assert.equal(workflow.eventTypes().length, 4);
  assert.deepEqual(told(workflow), ["u1 1 no"]);
  workflow.signal("go");
  assert.deepEqual(workflow.eventTypes().slice(4), ["WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"]);
});

test("an event that arrives makes a speculative task a normal one, with the ids that its worker was shown", () => {
  const workflow = running();
  ask(workflow, "u1");
  workflow.signal("go");
  assert.deepEqual(workflow.eventTypes().slice(4), ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_EXECUTION_SIGNALED"]);
  const task = workflow.pollTask();
  assert.deepEqual([task.task.scheduledEventId, task.task.startedEventId, task.messages.length], [5, 7, 1]);
  answer(workflow, task, [rejection("u1")]);
  assert.equal(workflow.eventTypes().at(-1), "WORKFLOW_TASK_COMPLETED");
});

test("a signal during a speculative task is flushed behind it, and the task stays in history", () => {
  const workflow = running();
  ask(workflow, "u1");
  const task = workflow.pollTask();
  workflow.signal("go");
  answer(workflow, task, [rejection("u1")]);
  assert.deepEqual(workflow.eventTypes().slice(4), [
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
});

test("a signal during a speculative task outlives the memory that alone knew of the task", () => {
  const workflow = running();
  ask(workflow, "u1");
  workflow.pollTask();
  workflow.signal("go");
  workflow.loseMemory();
  workflow.advance(10_000);
  const expected = ["WORKFLOW_TASK_TIMED_OUT", "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"];
  assert.deepEqual(workflow.eventTypes().slice(6), expected);
});

test("an update asked for twice under one id is one update", () => {
  const workflow = running();
  ask(workflow, "u1");
  ask(workflow, "u1");
  const task = workflow.pollTask();
  assert.equal(task.messages.length, 1);
  answer(workflow, task, [acceptance("u1"), response("u1")]);
  const again = ask(workflow, "u1");
  assert(!(again instanceof Rejection) && again.stage === Stage.COMPLETED);
  assert.equal(workflow.tasks.length, 0);
});

test("an update that arrives during a workflow task goes with the next one", () => {
  const workflow = running();
  workflow.signal("go");
  const task = workflow.pollTask();
  ask(workflow, "u1");
  const reply = answer(workflow, task, [], { returnNewWorkflowTask: true });
  assert.equal(reply.newTask?.messages.length, 1);
});

test("an update that the worker does not answer is rejected, and one whose task fails is sent again", () => {
  const workflow = running();
  ask(workflow, "u1");
  workflow.failTask(workflow.pollTask());
  const second = workflow.pollTask();
  assert.equal(second.messages.length, 1);
  answer(workflow, second, []);
  const [ended] = workflow.ended;
  assert(ended && "failure" in ended.verdict);
  assert.equal(ended.verdict.failure.applicationFailureInfo?.type, "UnprocessedUpdate");
});

test("an update whose task is answered wrongly is given up, on a later attempt too; one that came since goes with the next", () => {
  const workflow = running();
  const wrongly = (task: StartedWorkflowTask) => answer(workflow, task, [acceptance("other")]).refused?.code;
  ask(workflow, "u1");
  const first = workflow.pollTask();
  ask(workflow, "u2");
  assert.equal(wrongly(first), "INVALID_ARGUMENT");
  const why = "Unable to perform workflow execution update due to unexpected workflow task failure.";
  assert.deepEqual(told(workflow), [`u1 1 ${why}`]);
  const second = workflow.pollTask();
  assert.deepEqual([second.task.attempt, second.messages.map(({ id }) => id)], [2, ["u2/request"]]);
  assert.equal(wrongly(second), "INVALID_ARGUMENT");
  assert.deepEqual(told(workflow).slice(1), [`u2 2 ${why}`]);
  ask(workflow, "u1");
  workflow.advance(10_000);
  assert.deepEqual(
    workflow.pollTask().messages.map(({ id }) => id),
    ["u1/request"],
  );
});

test("a task that keeps a local activity alive brings its worker only the updates that are new to it", () => {
  const workflow = running();
  ask(workflow, "u1");
  const task = workflow.pollTask();
  ask(workflow, "u2");
  const alive = { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true };
  const { newTask } = answer(workflow, task, [], alive);
  assert.deepEqual(
    newTask?.messages.map(({ id }) => id),
    ["u2/request"],
  );
  workflow.advance(10_000);
  const again = workflow.pollTask();
  assert.equal(again.messages.length, 2, "the worker did not answer: another one has neither");
  answer(workflow, again, [rejection("u1"), rejection("u2")]);
  assert.deepEqual(told(workflow), ["u1 1 no", "u2 2 no"]);
});

test("a rejected update is known no more, whether or not the run is in memory; its id may be asked for again", () => {
  const workflow = running();
  ask(workflow, "u1");
  answer(workflow, workflow.pollTask(), [rejection("u1")]);
  const known = () => workflow.refused({ type: "pollUpdate", runId: "", updateId: "u1" }).code;
  assert.equal(known(), "NOT_FOUND");
  const again = ask(workflow, "u1");
  assert(!(again instanceof Rejection) && again.stage === Stage.ADMITTED);
  answer(workflow, workflow.pollTask(), [rejection("u1")]);
  assert.deepEqual(told(workflow), ["u1 1 no", "u1 2 no"]);
  workflow.loseMemory();
  assert.equal(known(), "NOT_FOUND");
});

test("a workflow that closes over an accepted update answers it with a failure; one it has not seen is gone", () => {
  const workflow = running();
  ask(workflow, "accepted");
  answer(workflow, workflow.pollTask(), [acceptance("accepted")]);
  assert.equal(stage(workflow, "accepted"), Stage.ACCEPTED);
  workflow.signal("go");
  const task = workflow.pollTask();
  ask(workflow, "unseen");
  workflow.complete(task, [commands.completeWorkflow()]);
  assert.equal(workflow.eventTypes().at(-1), "WORKFLOW_EXECUTION_COMPLETED");
  assert.equal(
    workflow.do({ type: "pollUpdate", runId: "", updateId: "accepted" }).outcome?.failure?.applicationFailureInfo?.type,
    "AcceptedUpdateCompletedWorkflow",
  );
  assert.equal(workflow.refused({ type: "pollUpdate", runId: "", updateId: "unseen" }).code, "NOT_FOUND");
});

test("a restart keeps what was accepted, forgets what was only asked for, and takes back an acceptance that repeats its request", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask());
  ask(workflow, "u1");
  assert.equal(workflow.refused({ type: "pollUpdate", runId: "", updateId: "u1" }).code, "NOT_FOUND");
  workflow.tasks = [];
  workflow.signal("go");
  const repeated = message(update.Acceptance, "u1", {
    ...{ acceptedRequestMessageId: "u1/request", acceptedRequestSequencingEventId: 5 },
    acceptedRequest: { meta: { updateId: "u1" }, input: { name: "add" } },
  });
  answer(workflow, workflow.pollTask(), [repeated]);
  assert.equal(stage(workflow, "u1"), Stage.ACCEPTED);
});

for (const [what, messages] of [
  ["a response to an update that was not accepted", [response("u1")]],
  [
    "an unknown kind of message",
    [{ id: "m", protocolInstanceId: "u1", body: { type_url: "type.googleapis.com/google.protobuf.Empty" } }],
  ],
  ["an acceptance of an update that nobody asked for", [acceptance("other")]],
  ["two messages of one id", [response("u1"), { ...acceptance("u1"), id: response("u1").id }]],
  [
    "a body that cannot be read",
    [
      {
        id: "m",
        protocolInstanceId: "u1",
        body: { type_url: `type.googleapis.com/${update.Acceptance.typeName}`, value: new Uint8Array([255, 255]) },
      },
    ],
  ],
] as const) {
  test(`${what} fails the workflow task`, () => {
    const workflow = running();
    ask(workflow, "u1");
    const reply = workflow.complete(workflow.pollTask(), [], { messages });
    assert(!(reply instanceof Rejection) && reply.refused?.code === "INVALID_ARGUMENT");
    assert.equal(
      workflow.events().find((event) => event.workflowTaskFailedEventAttributes)?.workflowTaskFailedEventAttributes
        ?.cause,
      enums.WorkflowTaskFailedCause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE,
    );
  });
}

test("more than ten updates at once are too many", () => {
  const workflow = running();
  for (let count = 0; count < 10; count++) assert(!(ask(workflow, `u${count}`) instanceof Rejection));
  const refused = ask(workflow, "one more");
  assert(refused instanceof Rejection && refused.code === "RESOURCE_EXHAUSTED" && refused.detail);
  const { cause } = errordetails.ResourceExhaustedFailure.decode(refused.detail.bytes);
  assert.equal(cause, enums.ResourceExhaustedCause.CONCURRENT_LIMIT);
});

function startWithUpdate(workflow: ScriptedWorkflow, updateId: string, requestId: string, conflict = 0) {
  const codec = workflowservice.UpdateWorkflowExecutionRequest;
  return workflow.do({
    type: "startWithUpdate",
    start: startRequest({ requestId, workflowIdConflictPolicy: conflict as 0 }),
    update: codec.decode(codec.encode({ request: { meta: { updateId }, input: { name: "add" } } })),
  });
}

test("a start with an update that comes late, when its run is over, has its update taken by the run that is there", () => {
  for (const workflow of [new CachedWorkflow(), new ScriptedWorkflow()]) {
    workflow.do({ type: "startWorkflow", request: startRequest({ requestId: "first" }) });
    workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
    workflow.advance(10_000);
    const reply = startWithUpdate(workflow, "u1", "first");
    assert("update" in reply && reply.update.runId === workflow.currentRunId);
    assert.equal(workflow.pollTask().messages.length, workflow instanceof CachedWorkflow ? 1 : 0);
  }
});

test("a start with an update takes it along with the first task, joins what runs, and repeats itself harmlessly", () => {
  const workflow = new CachedWorkflow();
  const both = (updateId: string, requestId: string, conflict = 0) =>
    startWithUpdate(workflow, updateId, requestId, conflict);
  const first = both("u1", "s1");
  assert("start" in first && first.start.started);
  const task = workflow.pollTask();
  assert.equal(task.messages.length, 1);
  assert.deepEqual(workflow.eventTypes(), [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
  ]);
  const refused = both("u2", "s2");
  assert("refused" in refused && refused.refused === "start" && refused.rejection.code === "ALREADY_EXISTS");
  const joined = both("u2", "s3", enums.WorkflowIdConflictPolicy.USE_EXISTING);
  assert("start" in joined && !joined.start.started);
  const again = both("u1", "s4");
  assert("start" in again && again.start.runId === first.start.runId);
});

test("a task that showed events is dropped only for a worker that takes them again, and not too many of them", () => {
  const takesAgain = { capabilities: { discardSpeculativeWorkflowTaskWithEvents: true } };
  const dropped = (timerCount: number, more: object) => {
    const workflow = new CachedWorkflow();
    workflow.start();
    const timers = Array.from({ length: timerCount }, (_, i) => commands.timer(`t${i}`, 60_000));
    workflow.complete(workflow.pollTask(), timers);
    ask(workflow, "u1");
    return answer(workflow, workflow.pollTask(), [rejection("u1")], more).resetHistoryEventId > 0;
  };
  assert.deepEqual(
    [dropped(0, {}), dropped(1, {}), dropped(1, takesAgain), dropped(10, takesAgain), dropped(11, takesAgain)],
    [true, false, true, true, false],
  );
});

test("a run that is terminated leaves the task of an update in history only when a worker has it", () => {
  const kept = ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_FAILED"];
  for (const taken of [false, true]) {
    const workflow = running();
    ask(workflow, "u1");
    if (taken) workflow.pollTask();
    const request = workflowservice.TerminateWorkflowExecutionRequest.decode(new Uint8Array(0));
    workflow.do({ type: "terminate", request });
    assert.deepEqual(workflow.eventTypes().slice(4), [...(taken ? kept : []), "WORKFLOW_EXECUTION_TERMINATED"]);
  }
});

test("an update that is rejected as its workflow completes is rejected all the same", () => {
  const workflow = running();
  ask(workflow, "u1");
  const reply = workflow.complete(workflow.pollTask(), [commands.completeWorkflow()], { messages: [rejection("u1")] });
  assert(!(reply instanceof Rejection));
  assert.deepEqual(told(workflow), ["u1 1 no"]);
});

test("a workflow whose task keeps failing takes no update", () => {
  const workflow = running();
  workflow.signal("go");
  for (let attempt = 1; attempt <= 2; attempt++) workflow.failTask(workflow.pollTask());
  const refused = ask(workflow, "u1");
  assert(refused instanceof Rejection && refused.code === "FAILED_PRECONDITION");
});

test("the worker of a run with many updates is told to let it continue as new", () => {
  const workflow = running();
  const live = workflow.run();
  for (let index = 0; index < limits.suggestContinueAsNewUpdates; index++)
    live.updates.set(`u${index}`, { status: "accepted", acceptedEventId: 1 });
  assert.deepEqual(continueAsNewReasons(live), [enums.SuggestContinueAsNewReason.TOO_MANY_UPDATES]);
  live.updates.delete("u0");
  assert.deepEqual(continueAsNewReasons(live), []);
});
