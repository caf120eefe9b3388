import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums, history } from "@pawl/protocol";
import {
  eventTypes,
  InProcess,
  jsonOf,
  jsonPayloads,
  stickyAttributes,
  stickyQueue,
  TestCall,
  taskQueue,
  testNamespace,
} from "../in-process.ts";

const { CommandType, TaskQueueKind, VersioningBehavior, WorkerVersioningMode } = enums;
const tooLong = "x".repeat(1_001);
const negative = { seconds: -1, nanos: 0 };
const versioned = { workerVersioningMode: WorkerVersioningMode.VERSIONED, deploymentName: "d", buildId: "" };

describe("a poll for a workflow task", () => {
  test("tells how many tasks wait beside its own, unless its queue is sticky: there SDKs would send all their polls", async () => {
    await using server = await InProcess.open();
    const ids = ["w-1", "w-2", "w-3"];
    for (const id of ids) await server.start(id);
    const tasks = [await server.pollWorkflowTask(), await server.pollWorkflowTask(), await server.pollWorkflowTask()];
    assert.deepEqual(
      tasks.map(({ backlogCountHint }) => backlogCountHint),
      [2, 1, 0],
    );
    for (const task of tasks) await server.complete(task, { stickyAttributes });
    // Its worker is there.
    const first = server.pollWorkflowTask(stickyQueue);
    for (const id of ids) await server.signal(id);
    for (const task of [await first, await server.pollWorkflowTask(stickyQueue)]) {
      assert.equal(task.taskToken.length > 0, true);
      assert.equal(task.backlogCountHint, 0);
    }
  });

  for (const [name, change, verdict] of [
    ["no namespace", { namespace: "" }, "INVALID_ARGUMENT Namespace is empty."],
    ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
    ["no queue", { taskQueue: undefined }, "INVALID_ARGUMENT taskQueue is not set"],
    [
      "a system queue",
      { taskQueue: { name: "/_sys/q/1" } },
      "INVALID_ARGUMENT task queue name cannot start with reserved prefix /_sys/",
    ],
    [
      "half a version",
      { deploymentOptions: versioned },
      "INVALID_ARGUMENT Deployment name and build id must be set together.",
    ],
  ] as const)
    test(`with ${name}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("PollWorkflowTaskQueue", { taskQueue, ...change }), verdict);
    });

  test("needs a deadline", async () => {
    await using server = await InProcess.open();
    const verdict = await server.verdict("PollWorkflowTaskQueue", { taskQueue }, new TestCall(undefined));
    assert.equal(verdict, "INVALID_ARGUMENT Context timeout is not set.");
  });

  test("answers with nothing a second before its caller gives up", async () => {
    await using server = await InProcess.open();
    const polled = server.pollWorkflowTask();
    await server.settle();
    server.clock.advance(9_000);
    const task = await polled;
    assert.equal(task.taskToken.length, 0);
  });

  test("gives everything that a worker needs", async () => {
    await using server = await InProcess.open();
    const { runId } = await server.start("w");
    server.clock.advance(1_500);
    const task = await server.pollWorkflowTask();
    assert.deepEqual({ ...task.workflowExecution }, { workflowId: "w", runId });
    assert.equal(task.workflowType?.name, "T");
    assert.deepEqual([task.previousStartedEventId, task.startedEventId, task.attempt], [0, 3, 1]);
    assert.deepEqual({ ...task.workflowExecutionTaskQueue }, { name: "q", kind: TaskQueueKind.NORMAL, normalName: "" });
    const ms = (time: { seconds: number; nanos: number } | undefined) => time!.seconds * 1_000 + time!.nanos / 1e6;
    assert.equal(ms(task.startedTime) - ms(task.scheduledTime), 1_500);
    assert.equal(task.nextPageToken.length, 0);
    assert.deepEqual(Object.keys(task.queries), []);
  });

  test("on a worker's own queue gives only what is new since its last task", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    await server.complete(await server.pollWorkflowTask(), { stickyAttributes });
    const polled = server.pollWorkflowTask(stickyQueue);
    await server.signal("w");
    const task = await polled;
    assert.equal(task.previousStartedEventId, 3);
    assert.deepEqual(eventTypes(task.history), [
      "WORKFLOW_TASK_COMPLETED",
      "WORKFLOW_EXECUTION_SIGNALED",
      "WORKFLOW_TASK_SCHEDULED",
      "WORKFLOW_TASK_STARTED",
    ]);
  });

  test("gets a task that was started for another worker's cache with the whole history", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    await server.complete(await server.pollWorkflowTask(), { stickyAttributes });
    const { matching, clock } = server;
    const namespace = server.parts.namespaces.byName(testNamespace);
    assert.ok(!(namespace instanceof Rejection));
    const polled = matching.poll({
      namespaceId: namespace.id,
      kind: "workflow",
      taskQueue: stickyQueue.name,
      stickyOf: stickyQueue.normalName,
      poller: { identity: "gone", requestId: "1" },
      signal: new AbortController().signal,
      untilMs: clock.nowMs() + 1_000,
    });
    await server.signal("w");
    const match = await polled;
    assert.equal(match?.type, "started");
    await server.ask("ShutdownWorker", { stickyTaskQueue: stickyQueue.name });
    matching.giveBack(match!);
    const task = await server.pollWorkflowTask();
    assert.equal(eventTypes(task.history)[0], "WORKFLOW_EXECUTION_STARTED");
    assert.equal(eventTypes(task.history).at(-1), "WORKFLOW_TASK_STARTED");
    await server.complete(task);
  });

  test("sends a retried task with the events that history does not hold yet", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { taskToken } = await server.pollWorkflowTask();
      await server.ask("RespondWorkflowTaskFailed", { taskToken });
    }
    const task = await server.pollWorkflowTask();
    assert.equal(task.attempt, 3);
    assert.deepEqual(eventTypes(task.history).slice(-3), [
      "WORKFLOW_TASK_FAILED",
      "WORKFLOW_TASK_SCHEDULED",
      "WORKFLOW_TASK_STARTED",
    ]);
    assert.equal(history.History.decode(task.history!).events.at(-1)?.eventId, task.startedEventId);
  });
});

describe("a completion", () => {
  for (const [name, change, verdict] of [
    ["a forged token", { taskToken: Uint8Array.from([1, 2]) }, "INVALID_ARGUMENT Error deserializing task token."],
    ["no token", { taskToken: new Uint8Array(0) }, "INVALID_ARGUMENT Task token not set on request."],
    [
      "an unknown namespace",
      { namespace: "nowhere" },
      "INVALID_ARGUMENT Operation requested with a token from a different namespace.",
    ],
    ["no namespace", { namespace: "" }, "accepted"],
    ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
    [
      "a page of a completion",
      { intermediatePage: true },
      "FAILED_PRECONDITION workflow task completion pagination is disabled",
    ],
    ["a second page", { pageNumber: 1 }, "FAILED_PRECONDITION workflow task completion pagination is disabled"],
    [
      "a behavior of no version",
      { versioningBehavior: VersioningBehavior.PINNED },
      "INVALID_ARGUMENT versioning behavior cannot be specified without deployment options being set with versioned mode",
    ],
    [
      "a behavior of an unversioned worker",
      {
        versioningBehavior: VersioningBehavior.PINNED,
        deploymentOptions: { workerVersioningMode: WorkerVersioningMode.UNVERSIONED },
      },
      "INVALID_ARGUMENT versioning behavior cannot be specified without deployment options being set with versioned mode",
    ],
    [
      "a system queue as its own",
      { stickyAttributes: { workerTaskQueue: { name: "/_sys/s" } } },
      "INVALID_ARGUMENT task queue name cannot start with reserved prefix /_sys/",
    ],
    [
      "a negative sticky timeout",
      { stickyAttributes: { ...stickyAttributes, scheduleToStartTimeout: negative } },
      "INVALID_ARGUMENT An invalid ScheduleToStartTimeout is set on request. cause: negative duration",
    ],
    ["an unknown command", { commands: [{ commandType: 99 as never }] }, "INVALID_ARGUMENT unknown command type: 99"],
  ] as const)
    test(`with ${name}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      await server.start("w");
      const { taskToken } = await server.pollWorkflowTask();
      assert.equal(await server.verdict("RespondWorkflowTaskCompleted", { taskToken, ...change }), verdict);
    });

  test("is accepted once", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const { taskToken } = await server.pollWorkflowTask();
    assert.equal(await server.verdict("RespondWorkflowTaskCompleted", { taskToken }), "accepted");
    assert.equal(
      await server.verdict("RespondWorkflowTaskCompleted", { taskToken }),
      "NOT_FOUND Workflow task not found.",
    );
    assert.equal(
      await server.verdict("RespondWorkflowTaskFailed", { taskToken }),
      "NOT_FOUND Workflow task not found.",
    );
  });

  test("with a token of an activity is refused", async () => {
    await using server = await InProcess.open();
    const { tokens } = server.parts;
    const task = { workflowId: "w", runId: "r", scheduledEventId: 1, attempt: 1, activityId: "a" };
    const taskToken = tokens.seal({ kind: "activity", namespaceId: "n", ...task });
    const verdict = await server.verdict("RespondWorkflowTaskCompleted", { taskToken });
    assert.equal(verdict, "INVALID_ARGUMENT Error deserializing task token.");
  });

  test("returns the next task when there is one already, and activities for the same worker", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const task = await server.pollWorkflowTask();
    await server.signal("w");
    const commands = [
      {
        commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
        scheduleActivityTaskCommandAttributes: {
          activityId: "eager",
          activityType: { name: "A" },
          taskQueue,
          input: jsonPayloads("in"),
          startToCloseTimeout: { seconds: 10, nanos: 0 },
          requestEagerExecution: true,
        },
      },
    ];
    const more = { commands, returnNewWorkflowTask: true, stickyAttributes };
    const { workflowTask, activityTasks } = await server.complete(task, more);
    assert.equal(eventTypes(workflowTask?.history)[0], "WORKFLOW_TASK_COMPLETED");
    assert.equal(workflowTask?.previousStartedEventId, 3);
    assert.deepEqual(
      activityTasks.map(({ activityId, input }) => [activityId, jsonOf(input)]),
      [["eager", ["in"]]],
    );
    await server.ask("RespondActivityTaskCompleted", { taskToken: activityTasks[0]!.taskToken });
    await server.complete(workflowTask!);
  });

  test("that sets a search attribute which the namespace has not fails the task, and keeps the workflow", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const upsert = (name: string) => ({
      commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
      upsertWorkflowSearchAttributesCommandAttributes: {
        searchAttributes: { indexedFields: { [name]: jsonPayloads(["x"]).payloads[0]! } },
      },
    });
    const { taskToken } = await server.pollWorkflowTask();
    const verdict = await server.verdict("RespondWorkflowTaskCompleted", { taskToken, commands: [upsert("Customer")] });
    assert.equal(
      verdict,
      "INVALID_ARGUMENT BadSearchAttributes: Namespace orders has no mapping defined for search attribute Customer",
    );
    const retried = await server.pollWorkflowTask();
    const failed = history.History.decode(retried.history!).events.find(
      (event) => event.workflowTaskFailedEventAttributes,
    );
    const { BAD_SEARCH_ATTRIBUTES } = enums.WorkflowTaskFailedCause;
    assert.equal(failed?.workflowTaskFailedEventAttributes?.cause, BAD_SEARCH_ATTRIBUTES);
    // A worker that repeats its mistake is not given the task again at once.
    assert.equal(
      await server.verdict("RespondWorkflowTaskCompleted", {
        taskToken: retried.taskToken,
        commands: [upsert("Customer")],
      }),
      verdict,
    );
    await server.complete(retried, { commands: [upsert("TemporalChangeVersion")] });
    const described = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "w" } });
    const kept = described.workflowExecutionInfo?.searchAttributes?.indexedFields["TemporalChangeVersion"];
    assert.equal(new TextDecoder().decode(kept?.metadata["type"]), "KeywordList");
  });

  test("of a binary that its namespace has marked as bad fails the task, and leaves it to another", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const { taskToken } = await server.pollWorkflowTask();
    const config = { badBinaries: { binaries: { b1: { reason: "loses orders" } } } };
    await server.ask("UpdateNamespace", { config });
    assert.equal(
      await server.verdict("RespondWorkflowTaskCompleted", { taskToken, binaryChecksum: "b1" }),
      "INVALID_ARGUMENT BadBinary: binary b1 is marked as bad deployment",
    );
    const retried = await server.pollWorkflowTask();
    const failed = history.History.decode(retried.history!).events.at(3)?.workflowTaskFailedEventAttributes;
    assert.deepEqual([failed?.cause, failed?.binaryChecksum], [enums.WorkflowTaskFailedCause.BAD_BINARY, "b1"]);
    await server.ask("RespondWorkflowTaskCompleted", { taskToken: retried.taskToken, binaryChecksum: "b2" });
    assert.match(
      await server.verdict("RespondWorkflowTaskCompleted", { taskToken, binaryChecksum: "b1" }),
      /^NOT_FOUND/,
    );
  });
});

describe("a failure of a task", () => {
  test("that is too large is recorded by its beginning", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const { taskToken } = await server.pollWorkflowTask();
    const details = { payloads: [{ data: new Uint8Array(1024 * 1024) }] };
    const failure = { message: "m".repeat(1024 * 1024), applicationFailureInfo: { type: "Bug", details } };
    await server.ask("RespondWorkflowTaskFailed", { taskToken, failure });
    const { history: events } = await server.ask("GetWorkflowExecutionHistory", { execution: { workflowId: "w" } });
    const recorded = history.History.decode(events!).events[3]?.workflowTaskFailedEventAttributes?.failure;
    assert.equal(recorded?.message, "Failure exceeds size limit.");
    assert.equal(recorded?.cause?.applicationFailureInfo?.type, "Bug");
    assert.equal(recorded?.cause?.message, "m".repeat(64 * 1024));
  });

  test("with a long identity is refused", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const { taskToken } = await server.pollWorkflowTask();
    const refused = await server.call("RespondWorkflowTaskFailed", { taskToken, identity: tooLong });
    assert.ok(refused instanceof Rejection);
    assert.equal(refused.message, "Identity length exceeds limit.");
  });
});
