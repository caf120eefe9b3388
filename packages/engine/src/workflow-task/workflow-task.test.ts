import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, history, workflowservice } from "@pawl/protocol";
import { Rejection } from "../rejection.ts";
import { commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";
import { virtualEvents } from "./workflow-task.ts";

const sticky = {
  stickyAttributes: { workerTaskQueue: { name: "sticky-1" }, scheduleToStartTimeout: { seconds: 5, nanos: 0 } },
};

test("a workflow that completes at once has five events", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  assert.deepEqual(workflow.eventTypes(), [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
  assert.equal(workflow.run().status.type, "closed");
});

test("a signal during a workflow task is written after its commands and brings another task", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const task = workflow.pollTask();
  workflow.signal("one");
  assert.equal(workflow.eventTypes().length, 3);
  workflow.complete(task, [commands.timer("t", 60_000)]);
  assert.deepEqual(workflow.eventTypes().slice(3), [
    "WORKFLOW_TASK_COMPLETED",
    "TIMER_STARTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
});

test("a workflow cannot complete over an event it has not seen", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const task = workflow.pollTask();
  workflow.signal("late");
  const reply = workflow.complete(task, [commands.completeWorkflow()]);
  assert(!(reply instanceof Rejection) && reply.refused);
  assert.equal(reply.refused.code, "INVALID_ARGUMENT");
  assert.deepEqual(workflow.eventTypes().slice(3), [
    "WORKFLOW_TASK_FAILED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
  ]);
  assert.equal(workflow.events().at(-1)!.workflowTaskScheduledEventAttributes!.attempt, 1);
});

test("a workflow whose worker tries again to complete it takes nothing new that would stand in the way, until that task ends", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const task = workflow.pollTask();
  workflow.signal("late", "known");
  workflow.complete(task, [commands.completeWorkflow()]);
  workflow.signal("before the next task starts");
  const again = workflow.pollTask();
  const signal = (requestId: string) =>
    ({
      type: "signal",
      request: workflowservice.SignalWorkflowExecutionRequest.create({ signalName: "s", requestId }),
    }) as const;
  const codec = workflowservice.UpdateWorkflowExecutionRequest;
  const update = codec.decode(codec.encode({ request: { meta: { updateId: "u" } } }));
  const { code, detail } = workflow.refused(signal(""));
  assert.deepEqual([code, detail?.typeName.split(".").at(-1)], ["RESOURCE_EXHAUSTED", "ResourceExhaustedFailure"]);
  assert.equal(workflow.refused({ type: "update", request: update }).code, "RESOURCE_EXHAUSTED");
  workflow.do(signal("known"));
  workflow.failTask(again);
  workflow.pollTask();
  workflow.do(signal(""));
});

test("later attempts of a failing task leave no event until one completes", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.failTask(workflow.pollTask());
  const second = workflow.pollTask();
  assert.deepEqual(workflow.eventTypes().slice(3), ["WORKFLOW_TASK_FAILED"]);
  assert.deepEqual(
    [second.task.attempt, second.task.scheduledEventId, second.task.startedEventId, second.toEventId],
    [2, 5, 6, 4],
  );
  workflow.failTask(second);
  workflow.complete(workflow.pollTask(), [commands.completeWorkflow()]);
  assert.deepEqual(workflow.eventTypes().slice(4), [
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
  assert.equal(workflow.events()[4]!.workflowTaskScheduledEventAttributes!.attempt, 3);
});

test("an event that lands before a transient task starts makes it a first attempt again", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.failTask(workflow.pollTask());
  workflow.signal("new");
  const task = workflow.pollTask();
  assert.equal(task.task.attempt, 1);
  assert.deepEqual(workflow.eventTypes().slice(3), [
    "WORKFLOW_TASK_FAILED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
  ]);
});

test("a transient task that waits is shown behind what has happened since it was scheduled", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.failTask(workflow.pollTask());
  workflow.signal("new");
  const shown = history.History.decode(virtualEvents(workflow.run(), { shown: true })).events;
  assert.deepEqual(
    shown.map(({ eventId, eventType }) => [eventId, eventType]),
    [[workflow.events().length + 1, enums.EventType.WORKFLOW_TASK_SCHEDULED]],
  );
});

test("a task that its worker does not answer times out and is given out again", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const lost = workflow.pollTask();
  workflow.advance(10_000);
  assert.deepEqual(workflow.eventTypes().slice(3), ["WORKFLOW_TASK_TIMED_OUT"]);
  const late = workflow.complete(lost, [commands.completeWorkflow()]);
  assert(late instanceof Rejection && late.code === "NOT_FOUND");
  assert.equal(workflow.pollTask().task.attempt, 2);
});

test("the timeout of a task that keeps failing grows from the fourth attempt on", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const lengthsMs: number[] = [];
  for (let attempt = 1; attempt <= 6; attempt++) {
    workflow.pollTask();
    lengthsMs.push(workflow.wakeAtMs()! - workflow.nowMs);
    workflow.advance(lengthsMs.at(-1)!);
  }
  assert.deepEqual(lengthsMs, [10_000, 10_000, 10_000, 15_000, 20_000, 30_000]);
});

test("a sticky task that nobody takes moves to the normal queue without costing an attempt", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [], sticky);
  workflow.signal("go");
  assert.equal(workflow.tasks[0]!.stickyQueue, "sticky-1");
  workflow.advance(5_000);
  const types = workflow.eventTypes();
  assert.deepEqual(types.slice(-2), ["WORKFLOW_TASK_TIMED_OUT", "WORKFLOW_TASK_SCHEDULED"]);
  assert.equal(
    workflow.events().at(-2)!.workflowTaskTimedOutEventAttributes!.timeoutType,
    enums.TimeoutType.SCHEDULE_TO_START,
  );
  assert.equal(workflow.tasks.at(-1)!.stickyQueue, undefined);
  workflow.tasks.shift();
  assert.equal(workflow.pollTask().task.attempt, 1);
});

test("a failure while sticky ends stickiness and keeps the first attempt, so a second failure is recorded", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [], sticky);
  workflow.signal("go");
  workflow.failTask(workflow.pollTask({ sticky: true }));
  assert.deepEqual(workflow.eventTypes().slice(-2), ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]);
  workflow.failTask(workflow.pollTask());
  assert.equal(workflow.eventTypes().filter((type) => type === "WORKFLOW_TASK_FAILED").length, 2);
});

test("a cached worker is sent what it has not seen, any other worker everything", () => {
  for (const [isSticky, from] of [
    [true, 4],
    [false, 1],
  ] as const) {
    const workflow = new ScriptedWorkflow();
    workflow.start();
    workflow.complete(workflow.pollTask(), [], sticky);
    workflow.signal("go");
    const task = workflow.pollTask({ sticky: isSticky });
    assert.deepEqual([task.fromEventId, task.toEventId, task.previousStartedEventId], [from, 7, 3]);
  }
});

test("the same poll twice is given the same task", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const [task] = workflow.tasks;
  const poll = {
    type: "startWorkflowTask",
    runId: task!.runId,
    stamp: task!.stamp,
    poller: { identity: "w", requestId: "p" },
    sticky: false,
  } as const;
  assert.deepEqual(workflow.do(poll).task, workflow.do(poll).task);
  assert.equal(workflow.refused({ ...poll, poller: { identity: "w2", requestId: "p2" } }).code, "NOT_FOUND");
});

test("a completion can bring the next task along, already started", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const reply = workflow.complete(workflow.pollTask(), [], {
    ...sticky,
    forceCreateNewWorkflowTask: true,
    returnNewWorkflowTask: true,
  });
  assert(!(reply instanceof Rejection) && reply.newTask);
  assert.deepEqual([reply.newTask.fromEventId, reply.newTask.toEventId], [4, 6]);
  assert.equal(workflow.tasks.length, 0);
});

test("a workflow task cannot be kept alive for more than half an hour", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  let task = workflow.pollTask();
  for (let minutes = 0; minutes <= 31; minutes += 0.1) {
    workflow.advance(6_000);
    const reply = workflow.complete(task, [], { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true });
    assert(!(reply instanceof Rejection));
    if (reply.refused) {
      assert.equal(reply.refused.message, "workflow task heartbeat timeout");
      assert(minutes > 29.8, `ended after ${minutes} minutes`);
      return;
    }
    task = reply.newTask!;
  }
  assert.fail("it was kept alive");
});

for (const [what, wrong, cause] of [
  [
    "an activity without a type",
    [commands.activity("1", { activityType: { name: "" } })],
    enums.WorkflowTaskFailedCause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
  ],
  [
    "an activity without any closing timeout",
    [commands.activity("1", { startToCloseTimeout: undefined })],
    enums.WorkflowTaskFailedCause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
  ],
  [
    "a negative timeout",
    [commands.activity("1", { heartbeatTimeout: { seconds: -1, nanos: 0 } })],
    enums.WorkflowTaskFailedCause.BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
  ],
  [
    "two activities of one id",
    [commands.activity("1"), commands.activity("1")],
    enums.WorkflowTaskFailedCause.SCHEDULE_ACTIVITY_DUPLICATE_ID,
  ],
  [
    "two timers of one id",
    [commands.timer("t", 1), commands.timer("t", 2)],
    enums.WorkflowTaskFailedCause.START_TIMER_DUPLICATE_ID,
  ],
  [
    "cancelling a timer that is not there",
    [commands.cancelTimer("t")],
    enums.WorkflowTaskFailedCause.BAD_CANCEL_TIMER_ATTRIBUTES,
  ],
  [
    "cancelling an activity that is not there",
    [commands.cancelActivity(2)],
    enums.WorkflowTaskFailedCause.BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES,
  ],
  ["a marker without a name", [commands.marker("")], enums.WorkflowTaskFailedCause.BAD_RECORD_MARKER_ATTRIBUTES],
] as const) {
  test(`${what} fails the workflow task, and nothing of the completion stays`, () => {
    const workflow = new ScriptedWorkflow();
    workflow.start();
    const reply = workflow.complete(workflow.pollTask(), [commands.activity("good"), ...wrong]);
    assert(!(reply instanceof Rejection) && reply.refused?.code === "INVALID_ARGUMENT");
    assert.deepEqual(workflow.eventTypes().slice(3), ["WORKFLOW_TASK_FAILED"]);
    assert.equal(workflow.events()[3]!.workflowTaskFailedEventAttributes!.cause, cause);
    assert.equal(workflow.run().activities.size, 0);
  });
}

test("a command after one that closes the workflow is refused and changes nothing", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const task = workflow.pollTask();
  const reply = workflow.complete(task, [commands.completeWorkflow(), commands.timer("t", 1)]);
  assert(reply instanceof Rejection && reply.code === "INVALID_ARGUMENT");
  workflow.complete(task, [commands.completeWorkflow()]);
  assert.equal(workflow.eventTypes().at(-1), "WORKFLOW_EXECUTION_COMPLETED");
});

test("a workflow task over which too much happens is taken back, and nothing of it is lost", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const task = workflow.pollTask();
  for (let count = 0; count < 101; count++) workflow.signal(`s${count}`);
  assert.deepEqual(workflow.eventTypes().slice(3, 5), ["WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED"]);
  assert.equal(workflow.eventTypes().filter((type) => type === "WORKFLOW_EXECUTION_SIGNALED").length, 101);
  assert(workflow.complete(task) instanceof Rejection);
  assert.equal(workflow.pollTask().task.attempt, 2);
});

test("a workflow task over which few but large events arrive is taken back too", () => {
  for (const [kibibytes, taken] of [
    [1_000, false],
    [1_100, true],
  ] as const) {
    const workflow = new ScriptedWorkflow();
    workflow.start();
    workflow.pollTask();
    const input = payloads("x".repeat(kibibytes * 1024));
    for (const signalName of ["one", "two"])
      workflow.do({
        type: "signal",
        request: workflowservice.SignalWorkflowExecutionRequest.create({ signalName, input }),
      });
    assert.equal(workflow.eventTypes().includes("WORKFLOW_TASK_FAILED"), taken);
  }
});
