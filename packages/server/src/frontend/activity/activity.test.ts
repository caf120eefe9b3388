import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, history, type Init, type MethodName, type RequestOf } from "@pawl/protocol";
import { eventTypes, InProcess, jsonOf, jsonPayloads, taskQueue } from "../in-process.ts";

const { CommandType } = enums;
const tooLong = "x".repeat(1_001);
const tooLarge = { payloads: [{ data: new Uint8Array(2 * 1024 * 1024 + 1) }] };
const applicationFailure = { message: "broken", applicationFailureInfo: { type: "Broken" } };
const execution = { workflowId: "w" };

/** A workflow that has scheduled one activity, `a`, which may be tried twice. */
async function scheduled(): Promise<InProcess> {
  const server = await InProcess.open();
  await server.start("w");
  const command = {
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId: "a",
      activityType: { name: "A" },
      taskQueue,
      input: jsonPayloads("in"),
      header: { fields: { trace: jsonPayloads("h").payloads[0]! } },
      startToCloseTimeout: { seconds: 10, nanos: 0 },
      heartbeatTimeout: { seconds: 3, nanos: 0 },
      retryPolicy: { maximumAttempts: 2 },
    },
  };
  await server.complete(await server.pollWorkflowTask(), { commands: [command] });
  return server;
}

function poll(server: InProcess, more: Init<RequestOf<"PollActivityTaskQueue">> = {}) {
  return server.ask("PollActivityTaskQueue", { taskQueue, identity: "worker", ...more });
}

async function lastEvent(server: InProcess): Promise<history.HistoryEvent> {
  const { history: events } = await server.ask("GetWorkflowExecutionHistoryReverse", { execution });
  return history.History.decode(events!).events.find(
    ({ eventType }) => eventType !== enums.EventType.WORKFLOW_TASK_SCHEDULED,
  )!;
}

describe("a poll for an activity task", () => {
  for (const [name, change, verdict] of [
    ["no namespace", { namespace: "" }, "INVALID_ARGUMENT Namespace is empty."],
    ["no queue", { taskQueue: undefined }, "INVALID_ARGUMENT taskQueue is not set"],
    ["an unnamed queue", { taskQueue: {} }, "INVALID_ARGUMENT missing task queue name"],
    ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
    [
      "a negative rate",
      { taskQueueMetadata: { maxTasksPerSecond: { value: -1 } } },
      "INVALID_ARGUMENT MaxTasksPerSecond cannot be negative.",
    ],
  ] as const)
    test(`with ${name}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("PollActivityTaskQueue", { taskQueue, ...change }), verdict);
    });

  test("gives everything that a worker needs", async () => {
    await using server = await scheduled();
    const task = await poll(server);
    assert.equal(task.workflowNamespace, "orders");
    assert.equal(task.workflowExecution?.workflowId, "w");
    assert.deepEqual(
      [task.workflowType?.name, task.activityType?.name, task.activityId, task.attempt],
      ["T", "A", "a", 1],
    );
    assert.deepEqual(jsonOf(task.input), ["in"]);
    assert.deepEqual(Object.keys(task.header?.fields ?? {}), ["trace"]);
    assert.deepEqual([task.startToCloseTimeout?.seconds, task.heartbeatTimeout?.seconds], [10, 3]);
    assert.equal(task.retryPolicy?.maximumAttempts, 2);
    assert.deepEqual(task.scheduledTime, task.startedTime);
  });

  test("gives the input also to a later attempt, from history when memory has it no more", async () => {
    await using server = await scheduled();
    const { taskToken } = await poll(server);
    await server.ask("RecordActivityTaskHeartbeat", { taskToken, details: jsonPayloads(7) });
    await server.ask("RespondActivityTaskFailed", { taskToken, failure: applicationFailure });
    server.clock.advance(1_000);
    await server.settle();
    const { activityTaskResponse } = await import("./activity-response.ts");
    const task = await poll(server);
    assert.deepEqual([task.attempt, jsonOf(task.input), jsonOf(task.heartbeatDetails)], [2, ["in"], [7]]);
    const token = server.parts.tokens.open("activity", task.taskToken);
    const forgotten = { ...task, namespaceId: (token as { namespaceId: string }).namespaceId, workflowId: "w" };
    const activity = { runId: task.workflowExecution!.runId, scheduledEventId: 5, attempt: 2 };
    const response = await activityTaskResponse(server.parts, {
      ...forgotten,
      activity,
      scheduled: undefined,
    } as never);
    assert.deepEqual(jsonOf(response!.input as never), ["in"]);
    // Deleted while the task was on its way to a worker: then it is given to nobody.
    const gone = { ...forgotten, activity: { ...activity, runId: "gone" }, scheduled: undefined } as never;
    assert.equal(await activityTaskResponse(server.parts, gone), undefined);
  });
});

type Answer = Exclude<
  Extract<MethodName, `RespondActivityTask${string}` | `RecordActivityTaskHeartbeat${string}`>,
  `${string}ById`
>;
const answers: readonly Answer[] = [
  "RecordActivityTaskHeartbeat",
  "RespondActivityTaskCompleted",
  "RespondActivityTaskFailed",
  "RespondActivityTaskCanceled",
];

for (const method of answers)
  describe(`${method}, by token and by id`, () => {
    for (const [name, change, verdict] of [
      ["no token", { taskToken: new Uint8Array(0) }, "INVALID_ARGUMENT Task token not set on request."],
      ["a forged token", { taskToken: Uint8Array.from([1]) }, "INVALID_ARGUMENT Error deserializing task token."],
      [
        "another namespace",
        { namespace: "nowhere" },
        "INVALID_ARGUMENT Operation requested with a token from a different namespace.",
      ],
      ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
    ] as const)
      test(`with ${name}: ${verdict}`, async () => {
        await using server = await scheduled();
        const { taskToken } = await poll(server);
        assert.equal(await server.verdict(method, { taskToken, ...change } as never), verdict);
      });

    for (const [name, change, verdict] of [
      ["no activity id", { activityId: "" }, "INVALID_ARGUMENT ActivityId is not set on request."],
      ["a long activity id", { activityId: tooLong }, "INVALID_ARGUMENT ActivityId length exceeds limit."],
      ["no workflow id", { workflowId: "" }, "NOT_FOUND activity not found for ID: a"],
      ["a long workflow id", { workflowId: tooLong }, "INVALID_ARGUMENT WorkflowId length exceeds limit."],
      ["a run id that is none", { runId: "r" }, "INVALID_ARGUMENT RunId is not valid UUID."],
      ["a long identity", { identity: tooLong }, "INVALID_ARGUMENT Identity length exceeds limit."],
      ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
      ["an unknown workflow", { workflowId: "other" }, "NOT_FOUND workflow not found for ID: other"],
      [
        "an unknown activity",
        { activityId: "b" },
        "NOT_FOUND cannot find pending activity with ActivityID b, check workflow execution history for more details",
      ],
    ] as const)
      test(`by id with ${name}: ${verdict}`, async () => {
        await using server = await scheduled();
        await poll(server);
        const byId = `${method}ById` as const;
        assert.equal(await server.verdict(byId, { workflowId: "w", activityId: "a", ...change } as never), verdict);
      });
  });

describe("an activity ends", () => {
  test("with its result, by token once and then no more", async () => {
    await using server = await scheduled();
    const { taskToken } = await poll(server);
    await server.ask("RespondActivityTaskCompleted", { taskToken, result: jsonPayloads("out") });
    const { activityTaskCompletedEventAttributes: completed } = await lastEvent(server);
    assert.deepEqual(jsonOf(completed?.result), ["out"]);
    assert.match(await server.verdict("RespondActivityTaskCompleted", { taskToken }), /^NOT_FOUND /);
  });

  test("by id, without any worker having had it", async () => {
    await using server = await scheduled();
    await server.ask("RespondActivityTaskCompletedById", { ...execution, activityId: "a", result: jsonPayloads(1) });
    assert.deepEqual(jsonOf((await lastEvent(server)).activityTaskCompletedEventAttributes?.result), [1]);
  });

  test("as failed by what is too large for a history: its result, its details when it is cancelled", async () => {
    for (const [method, request, message] of [
      ["RespondActivityTaskCompleted", { result: tooLarge }, "Complete result exceeds size limit."],
      ["RespondActivityTaskCanceled", { details: tooLarge }, "Cancel details exceed size limit."],
      ["RecordActivityTaskHeartbeat", { details: tooLarge }, "Heartbeat details exceed size limit."],
    ] as const) {
      await using server = await scheduled();
      const { taskToken } = await poll(server);
      const answer = await server.ask(method, { taskToken, ...request });
      if (method === "RecordActivityTaskHeartbeat")
        assert.equal("cancelRequested" in answer && answer.cancelRequested, true);
      const failure = (await lastEvent(server)).activityTaskFailedEventAttributes?.failure;
      assert.equal(failure?.message, message);
      assert.equal(failure?.serverFailureInfo?.nonRetryable, true);
    }
  });

  test("with a failure that its application made, and no other", async () => {
    await using server = await scheduled();
    const { taskToken } = await poll(server);
    const verdict = await server.verdict("RespondActivityTaskFailed", { taskToken, failure: { message: "bare" } });
    assert.equal(verdict, "INVALID_ARGUMENT Failure must have ApplicationFailureInfo.");
    assert.equal(await server.verdict("RespondActivityTaskFailed", { taskToken }), "accepted");
  });

  test("and details of its last heartbeat that are too large are left out, which its worker is told", async () => {
    await using server = await scheduled();
    const { taskToken } = await poll(server);
    const failed = { taskToken, failure: applicationFailure, lastHeartbeatDetails: tooLarge };
    const { failures } = await server.ask("RespondActivityTaskFailed", failed);
    assert.deepEqual(
      failures.map(({ message }) => message),
      ["Heartbeat details exceed size limit."],
    );
    server.clock.advance(1_000);
    await server.settle();
    assert.equal((await poll(server)).heartbeatDetails, undefined);
  });

  test("as cancelled only when that was asked for", async () => {
    await using server = await scheduled();
    const { taskToken } = await poll(server);
    assert.match(await server.verdict("RespondActivityTaskCanceled", { taskToken }), /^INVALID_ARGUMENT /);
    await server.signal("w");
    const command = {
      commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK,
      requestCancelActivityTaskCommandAttributes: { scheduledEventId: 5 },
    };
    await server.complete(await server.pollWorkflowTask(), { commands: [command] });
    const heartbeat = await server.ask("RecordActivityTaskHeartbeat", { taskToken });
    assert.equal(heartbeat.cancelRequested, true);
    await server.ask("RespondActivityTaskCanceled", { taskToken, details: jsonPayloads("bye") });
    assert.deepEqual(jsonOf((await lastEvent(server)).activityTaskCanceledEventAttributes?.details), ["bye"]);
    const { history: events } = await server.ask("GetWorkflowExecutionHistory", { execution });
    assert.ok(eventTypes(events).includes("ACTIVITY_TASK_STARTED"));
  });
});
