/** A run is sound as the engine leaves it, and each way of breaking it is seen for what it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, failure, history, workflowservice } from "@pawl/protocol";
import type { Activity } from "../state/activity.ts";
import type { Run } from "../state/run.ts";
import { commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";
import { FamilyCheck } from "./family-check.ts";
import { currentViolations, type KeptRun, stateViolations, violationsOf } from "./run-check.ts";
import { RunHistory } from "./run-history.ts";
import { StartCheck } from "./start-check.ts";
import { type Invariant, Violation } from "./violation.ts";

const { CommandType, EventType, ParentClosePolicy, WorkflowIdConflictPolicy } = enums;
type Event = history.HistoryEvent;

/** A run that waits for an activity, a timer and a child, and has had a signal and an activity that completed. */
function waiting(): ScriptedWorkflow {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  const schedule = (activityId: string) => ({
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      ...{
        activityId,
        activityType: { name: "A" },
        taskQueue: { name: "queue" },
        startToCloseTimeout: { seconds: 60 },
      },
      retryPolicy: { maximumAttempts: 3 },
    },
  });
  workflow.complete(workflow.pollTask(), [schedule("done"), schedule("pending")]);
  workflow.completeActivity(workflow.pollActivity());
  workflow.signal("s", "signal-request");
  workflow.complete(workflow.pollTask(), [
    {
      commandType: CommandType.START_TIMER,
      startTimerCommandAttributes: { timerId: "t", startToFireTimeout: { seconds: 10 } },
    },
    {
      commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
      startChildWorkflowExecutionCommandAttributes: {
        ...{ workflowId: "child", workflowType: { name: "C" }, parentClosePolicy: ParentClosePolicy.TERMINATE },
      },
    },
  ]);
  return workflow;
}

function closed(): ScriptedWorkflow {
  const workflow = new ScriptedWorkflow();
  workflow.start();
  workflow.complete(workflow.pollTask(), [
    {
      commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
      completeWorkflowExecutionCommandAttributes: { result: payloads("ok") },
    },
  ]);
  return workflow;
}

/** Every violation of the run's history, as it is after `change`. */
function brokenHistory(workflow: ScriptedWorkflow, change: (events: Event[]) => void): string {
  const events = workflow.events().map((event) => history.HistoryEvent.decode(history.HistoryEvent.encode(event)));
  change(events);
  const read = new RunHistory({ nowMs: () => workflow.nowMs });
  try {
    for (const event of events) read.append(event.eventId, event.eventId, history.History.encode({ events: [event] }));
    return "nothing";
  } catch (error) {
    assert(error instanceof Violation, String(error));
    return error.invariant;
  }
}

const only = (events: Event[], type: enums.EventType): Event => events.find(({ eventType }) => eventType === type)!;
const again = (events: Event[], event: Event): void => void events.push({ ...event, eventId: events.length + 1 });

const histories: readonly (readonly [broken: string, invariant: Invariant, change: (events: Event[]) => void])[] = [
  ["an event is missing", "I6", (events) => void events.splice(2, 1)],
  ["there is no start", "I6", (events) => void Object.assign(events[0]!, { eventType: EventType.TIMER_FIRED })],
  ["a time goes back", "I8", (events) => void Object.assign(events[4]!, { eventTime: { seconds: 0, nanos: 0 } })],
  [
    "an event is from the future",
    "I8",
    (events) => void Object.assign(events.at(-1)!, { eventTime: { seconds: 1e9, nanos: 0 } }),
  ],
  [
    "a command is of another workflow task",
    "I12",
    (events) => {
      only(events, EventType.TIMER_STARTED).timerStartedEventAttributes!.workflowTaskCompletedEventId = 4;
    },
  ],
  ["a workflow task starts twice", "I13", (events) => again(events, only(events, EventType.WORKFLOW_TASK_STARTED))],
  [
    "a workflow task completes that has not started",
    "I13",
    (events) => again(events, only(events, EventType.WORKFLOW_TASK_COMPLETED)),
  ],
  ["an activity completes twice", "I14", (events) => again(events, only(events, EventType.ACTIVITY_TASK_COMPLETED))],
  [
    "an activity starts that was not scheduled",
    "I9",
    (events) => {
      only(events, EventType.ACTIVITY_TASK_STARTED).activityTaskStartedEventAttributes!.scheduledEventId = 1;
    },
  ],
  ["a signal is there twice", "I17", (events) => again(events, only(events, EventType.WORKFLOW_EXECUTION_SIGNALED))],
  ["a timer starts while it runs", "I9", (events) => again(events, only(events, EventType.TIMER_STARTED))],
  [
    "a timer fires that does not run",
    "I20",
    (events) => {
      const { eventTime } = events.at(-1)!;
      const timerFiredEventAttributes = { timerId: "other", startedEventId: 1 };
      events.push(
        eventOf({ eventId: events.length + 1, eventTime, eventType: EventType.TIMER_FIRED, timerFiredEventAttributes }),
      );
    },
  ],
  [
    "a child ends that has not started",
    "I21",
    (events) => {
      const initiatedEventId = only(events, EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED).eventId;
      const childWorkflowExecutionCompletedEventAttributes = { initiatedEventId };
      events.push(
        eventOf({
          ...{ eventId: events.length + 1, eventTime: events.at(-1)!.eventTime },
          ...{
            eventType: EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED,
            childWorkflowExecutionCompletedEventAttributes,
          },
        }),
      );
    },
  ],
  [
    "an update completes that nobody has accepted",
    "I19",
    (events) => {
      const workflowExecutionUpdateCompletedEventAttributes = { meta: { updateId: "u" }, acceptedEventId: 1 };
      events.push(
        eventOf({
          ...{ eventId: events.length + 1, eventTime: events.at(-1)!.eventTime },
          ...{
            eventType: EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED,
            workflowExecutionUpdateCompletedEventAttributes,
          },
        }),
      );
    },
  ],
];

function eventOf(init: Parameters<typeof history.HistoryEvent.encode>[0]): Event {
  return history.HistoryEvent.decode(history.HistoryEvent.encode(init));
}

test("a history in which nothing is broken is sound", () => {
  assert.equal(
    brokenHistory(waiting(), () => {}),
    "nothing",
  );
  assert.equal(
    brokenHistory(closed(), () => {}),
    "nothing",
  );
});

for (const [broken, invariant, change] of histories)
  test(`${broken}: ${invariant}`, () => assert.equal(brokenHistory(waiting(), change), invariant));

test("an event behind the closing one: I5", () => {
  assert.equal(
    brokenHistory(closed(), (events) => again(events, events[1]!)),
    "I5",
  );
});

test("bytes that are no events: I2", () => {
  const read = new RunHistory({ nowMs: () => 0 });
  assert.throws(() => read.append(1, 1, new Uint8Array([1, 2, 3])), { invariant: "I2" });
});

test("a timer fires before its time, as far as the clock is known: I20", () => {
  const workflow = waiting();
  workflow.advance(1_000);
  const early = (laterMs: number) =>
    brokenHistory(workflow, (events) => {
      const { eventTime, eventId: startedEventId } = only(events, EventType.TIMER_STARTED);
      events.push(
        eventOf({
          ...{ eventId: events.length + 1, eventType: EventType.TIMER_FIRED },
          eventTime: { seconds: eventTime!.seconds, nanos: eventTime!.nanos + laterMs * 1_000_000 },
          timerFiredEventAttributes: { timerId: "t", startedEventId },
        }),
      );
    });
  assert.equal(early(500), "I20");
  // Its time may have been held at that of the event before, by a clock that was set back.
  assert.equal(early(0), "nothing");
});

function kept(workflow: ScriptedWorkflow, change: (run: Run) => void, more: Partial<KeptRun> = {}): string[] {
  const run = workflow.run();
  const rows = workflow.rows();
  change(run);
  const all = {
    kind: "workflow",
    namespaceId: "ns",
    businessId: "wf",
    runId: run.runId,
    run,
    ...rows,
    ...more,
  } as const;
  return [...violationsOf(all), ...stateViolations(run, rows.history)].map(({ invariant }) => invariant);
}

const states: readonly (readonly [
  broken: string,
  invariant: Invariant,
  change: (run: Run) => void,
  more?: Partial<KeptRun>,
])[] = [
  ["a state of another commit", "I2", (run) => void Object.assign(run, { nextEventId: run.nextEventId - 1 })],
  ["a state of another run", "I2", () => {}, { runId: "other" }],
  ["a state of another workflow", "I2", () => {}, { businessId: "other" }],
  ["a run in another namespace", "I27", () => {}, { namespaceId: "other" }],
  [
    "a run that is closed without an event",
    "I5",
    (run) => void Object.assign(run, { status: { type: "closed", status: 2, closedAtMs: 1 } }),
  ],
  ["an activity is forgotten", "I10", (run) => run.activities.clear()],
  ["a timer is forgotten", "I10", (run) => run.timers.clear()],
  ["a child is forgotten", "I10", (run) => run.children.clear()],
  ["a timer will be early", "I20", (run) => void run.timers.set("t", { ...run.timers.get("t")!, fireAtMs: 1_001 })],
  ["a signal is not counted", "I17", (run) => void Object.assign(run, { signalCount: 0 })],
  [
    "a memo that history does not know",
    "I10",
    (run) => void Object.assign(run, { memo: { fields: { a: payloads(1).payloads[0]! } } }),
  ],
  ["other events than were written", "I7", (run) => void Object.assign(run, { historyHash: 1 })],
  ["a history of another size", "I10", (run) => void Object.assign(run, { historySizeBytes: 1 })],
  ["a cancellation that history does not know", "I22", (run) => void Object.assign(run, { cancelRequest: {} })],
  [
    "a worker has a task of which history does not know",
    "I25",
    (run) => void Object.assign(run, { workflowTask: { ...run.workflowTask, type: "started" } }),
  ],
  [
    "an update that history does not know",
    "I19",
    (run) => void run.updates.set("u", { status: "accepted", acceptedEventId: 3 }),
  ],
  [
    "a parent in another namespace",
    "I27",
    (run) => void Object.assign(run, { start: { ...run.start, parent: { namespaceId: "other" } } }),
  ],
  [
    "an open run that is to be deleted",
    "I30",
    (run) => void Object.assign(run, { deletion: { atMs: 1, asked: false } }),
  ],
  [
    "more callbacks than are allowed",
    "I29",
    (run) => void Object.assign(run, { callbacks: { size: 2_001, values: () => [] } }),
  ],
  ["an id that is too long", "I29", (run) => void run.activityIds.set("x".repeat(1_001), 5)],
  ["buffered events without a worker", "I13", (run) => void run.buffered.push({})],
  ["more signals than are allowed", "I29", (run) => void Object.assign(run, { signalCount: 10_001 })],
  ["a message of which nobody knows", "L3", () => {}, { undispatched: false }],
  ["nobody wakes it for its timer", "L2", () => {}, { wakeAtMs: null }],
  ["nobody wakes it", "L3", () => {}, { wakeAtMs: null }],
  ["a child without a message", "L3", (run) => run.outbox.clear()],
  ["it is in no list", "I26", () => {}, { visibility: undefined }],
];

test("what the engine leaves is sound", () => {
  assert.deepEqual(
    kept(waiting(), () => {}),
    [],
  );
  assert.deepEqual(
    kept(closed(), () => {}),
    [],
  );
});

for (const [broken, invariant, change, more] of states)
  test(`${broken}: ${invariant}`, () => {
    const found = kept(waiting(), change, more);
    assert.ok(found.includes(invariant), `found ${found.join(" ") || "nothing"}`);
  });

const ended = (type: string, nonRetryable: boolean) =>
  failure.Failure.create({ message: "no", applicationFailureInfo: { type, nonRetryable, category: 0 } });
const [refused, failed] = [ended("Refused", true), ended("Failed", false)];
const attempts: readonly (readonly [broken: string, change: (activity: Activity) => void])[] = [
  ["no attempt has number 0", (activity) => void Object.assign(activity, { attempt: 0 })],
  ["the first attempt follows no other", (activity) => void Object.assign(activity, { lastFailure: failed })],
  ["one attempt more than the policy allows", (activity) => tried(activity, { attempt: 4, lastFailure: failed })],
  ["what must not be tried again is", (activity) => tried(activity, { attempt: 2, lastFailure: refused })],
  [
    "an attempt before its backoff is over",
    (activity) =>
      tried(activity, { attempt: 3, lastFailure: failed, lastAttemptCompletedAtMs: 100, dueAfterMs: 1_999 }),
  ],
];

function tried(
  activity: Activity,
  { dueAfterMs = 1_000, ...how }: Partial<Activity> & { readonly dueAfterMs?: number },
): void {
  Object.assign(activity, { lastAttemptCompletedAtMs: null, ...how });
  activity.status = { type: "backingOff", dispatchAtMs: (activity.lastAttemptCompletedAtMs ?? 0) + dueAfterMs };
}

for (const [broken, change] of attempts)
  test(`${broken}: I15`, () => {
    const found = kept(waiting(), (run) => {
      for (const activity of run.activities.values()) change(activity);
    });
    assert.ok(found.includes("I15"), found.join(" ") || "nothing");
  });

test("an attempt that its policy allows is sound, and so is any that an operator asked for", () => {
  const sound = (change: Parameters<typeof kept>[1]) => kept(waiting(), change).filter((found) => found === "I15");
  for (const how of [
    { attempt: 3, lastFailure: failed, lastAttemptCompletedAtMs: 100, dueAfterMs: 2_000 },
    { attempt: 9, lastFailure: undefined },
    { attempt: 9, lastFailure: failed, paused: { atMs: 1, identity: "", reason: "", requestId: "" } },
  ])
    assert.deepEqual(
      sound((run) => void [...run.activities.values()].map((activity) => tried(activity, how))),
      [],
    );
});

test("a child whose parent has closed is as its policy wants it: I21", () => {
  const parent = waiting();
  const [initiatedEventId] = parent.run().children.keys();
  parent.do({
    type: "terminate",
    request: workflowservice.TerminateWorkflowExecutionRequest.create({
      workflowExecution: { workflowId: "wf", runId: "" },
    }),
  });
  const child = (status: object): Run => ({
    ...waiting().run(),
    runId: "child",
    start: {
      ...parent.run().start,
      firstRunId: "child",
      parent: {
        ...{ namespaceId: "ns", namespace: "ns", workflowId: "wf" },
        runId: parent.run().runId,
        initiatedEventId: initiatedEventId!,
      },
    },
    ...status,
  });
  const left = (told: boolean, status: object) => {
    const families = new FamilyCheck();
    const run = parent.run();
    if (told) run.outbox.clear();
    assert.deepEqual([...families.violationsOf(run, parent.rows().history)], []);
    assert.deepEqual([...families.violationsOf(child(status), undefined)], []);
    return [...families.left()].map(({ violation }) => violation.invariant);
  };
  assert.deepEqual(left(true, {}), ["I21"]);
  assert.deepEqual(left(false, {}), [], "it is still to be told");
  assert.deepEqual(left(true, { status: { type: "closed", status: 5, closedAtMs: 1 } }), []);
  const { start } = child({});
  assert.deepEqual(
    left(true, { start: { ...start, firstRunId: "first", startedAtMs: parent.nowMs } }),
    [],
    "it follows",
  );
  assert.deepEqual(left(true, { start: { ...start, firstRunId: "first", startedAtMs: parent.nowMs - 1 } }), ["I21"]);
});

test("what a parent asked for once was started once: I21", () => {
  const families = new FamilyCheck();
  const child = (runId: string): Run => {
    const { start, ...run } = waiting().run();
    const parent = { namespaceId: "ns", namespace: "ns", workflowId: "wf", runId: "p", initiatedEventId: 5 };
    return { ...run, runId, start: { ...start, firstRunId: runId, parent } };
  };
  assert.deepEqual([...families.violationsOf(child("a"), undefined)], []);
  assert.equal([...families.violationsOf(child("b"), undefined)][0]?.invariant, "I21");
});

test("one request begins one run: I18", () => {
  const begun = (workflow: ScriptedWorkflow) => {
    const starts = new StartCheck();
    return workflow.kept().map(({ run, history }) => [...starts.violationsOf(run, history)].length);
  };
  const workflow = new ScriptedWorkflow();
  const start = (requestId: string) =>
    workflow.start({ requestId, workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING });
  start("one");
  workflow.tasks = [];
  start("two");
  workflow.complete(workflow.pollTask(), [commands.continueAsNew()]);
  start("one");
  assert.deepEqual(begun(workflow), [0, 0, 0, 0]);
  const asIfAgain = (workflow: ScriptedWorkflow): ScriptedWorkflow => {
    const kept = workflow.kept();
    const [first, second] = kept.slice(-2);
    Object.assign(second!.run.start, { requestId: first!.run.start.requestId });
    return Object.assign(workflow, { kept: () => kept });
  };
  start("three");
  assert.deepEqual(begun(asIfAgain(workflow)), [0, 0, 0, 0, 1], "it has ended the run that it began");
  const again = closed();
  again.start({ requestId: "other" });
  assert.deepEqual(begun(asIfAgain(again)), [0, 0], "another may have been between them, and was deleted");
});

test("a workflow task is missing after a signal: L3", () => {
  const workflow = waiting();
  workflow.signal("late");
  const found = kept(workflow, (run) => void Object.assign(run, { workflowTask: { type: "none" } }));
  assert.ok(found.includes("L3"), found.join(" "));
});

test("what lists say of it is compared with its state: I26", () => {
  const { visibility } = closed().rows();
  for (const change of [{ status: 1 }, { closeTimeMs: null }, { type: "Other" }, { searchAttributes: { a: 1 } }])
    assert.deepEqual(
      kept(closed(), () => {}, { visibility: { ...visibility!, ...change } }),
      ["I26"],
    );
});

test("a closed run that is never deleted: I30", () => {
  const found = kept(closed(), () => {}, { wakeAtMs: null });
  assert.ok(found.includes("I30"), found.join(" "));
});

test("an execution has one open run, and means it: I4, I2", () => {
  const check = (currentRunId: string | null, ...runs: readonly [string, boolean][]) =>
    [...currentViolations({ name: "w", currentRunId, runs: runs.map(([runId, isOpen]) => ({ runId, isOpen })) })].map(
      ({ invariant }) => invariant,
    );
  assert.deepEqual(check("a", ["a", true], ["b", false]), []);
  assert.deepEqual(check(null), []);
  assert.deepEqual(check("a", ["a", true], ["b", true]), ["I4"]);
  assert.deepEqual(check("b", ["a", true], ["b", false]), ["I4"]);
  assert.deepEqual(check("b", ["a", false]), ["I2"]);
});
