import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { makeActivityLink, openActivityLink } from "../activity/activity-link.ts";
import { InProcess, jsonOf, jsonPayloads, TestCall, taskQueue, testNamespace } from "../in-process.ts";

const { ActivityExecutionStatus } = enums;
const id = { activityId: "a" };

function start(server: InProcess, more: Init<RequestOf<"StartActivityExecution">> = {}) {
  return server.ask("StartActivityExecution", {
    ...id,
    activityType: { name: "A" },
    taskQueue,
    input: jsonPayloads("in"),
    startToCloseTimeout: { seconds: 10, nanos: 0 },
    ...more,
  });
}

async function poll(server: InProcess, call?: TestCall) {
  const task = await server.ask("PollActivityTaskQueue", { taskQueue, identity: "worker" }, call);
  assert(task.taskToken.length > 0, "there is a task");
  return task;
}

function complete(server: InProcess, { taskToken }: { readonly taskToken: Uint8Array }, result: unknown = "out") {
  return server.ask("RespondActivityTaskCompleted", { taskToken, identity: "worker", result: jsonPayloads(result) });
}

describe("a standalone activity", () => {
  test("goes to a worker with its input, and its outcome to who asks", async () => {
    await using server = await InProcess.open();
    const { runId, started, link } = await start(server);
    assert.deepEqual([started, link?.activity?.activityId, link?.activity?.runId], [true, "a", runId]);
    const task = await poll(server);
    assert.deepEqual(
      [task.activityId, task.activityRunId, task.workflowExecution?.workflowId, task.workflowType],
      ["a", runId, "", undefined],
    );
    assert.deepEqual(jsonOf(task.input), ["in"]);
    await complete(server, task);
    const { outcome } = await server.ask("PollActivityExecution", id);
    assert.deepEqual(jsonOf(outcome?.result), ["out"]);
    assert.deepEqual(server.faults, []);
  });

  test("is described with what was asked for, and says which SDK runs it", async () => {
    await using server = await InProcess.open();
    await start(server);
    const task = await poll(server, new TestCall(server.clock.nowMs() + 10_000, "temporal-python"));
    await server.ask("RecordActivityTaskHeartbeat", { taskToken: task.taskToken, details: jsonPayloads(1) });
    const short = await server.ask("DescribeActivityExecution", id);
    assert.deepEqual([short.input, short.outcome, short.info?.heartbeatDetails], [undefined, undefined, undefined]);
    assert.deepEqual([short.info?.sdkName, short.info?.totalHeartbeatCount], ["temporal-python", 1]);
    await complete(server, task);
    const all = { includeInput: true, includeOutcome: true, includeHeartbeatDetails: true, includeLastFailure: true };
    const whole = await server.ask("DescribeActivityExecution", { ...id, ...all });
    assert.deepEqual(
      [jsonOf(whole.input), jsonOf(whole.outcome?.result), jsonOf(whole.info?.heartbeatDetails)],
      [["in"], ["out"], [1]],
    );
  });

  test("is answered by its id alone, which a workflow may have too", async () => {
    await using server = await InProcess.open();
    await server.start("a");
    await start(server);
    await poll(server);
    const byId = { activityId: "a", identity: "me" };
    await server.ask("RecordActivityTaskHeartbeatById", { ...byId, details: jsonPayloads(1) });
    await server.ask("RespondActivityTaskCompletedById", { ...byId, result: jsonPayloads("by id") });
    const { outcome } = await server.ask("PollActivityExecution", id);
    assert.deepEqual(jsonOf(outcome?.result), ["by id"]);
    const { workflowExecutionInfo } = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "a" } });
    assert.equal(workflowExecutionInfo?.status, enums.WorkflowExecutionStatus.RUNNING);
  });

  test("can be completed by a link, once", async () => {
    await using server = await InProcess.open();
    const target = { namespace: testNamespace, workflowId: "", runId: "", ...id };
    await start(server);
    const early = await makeActivityLink(server.parts, target);
    assert(early instanceof Rejection && early.code === "FAILED_PRECONDITION");
    const task = await poll(server);
    for (const named of [target, { taskToken: task.taskToken }]) {
      const link = await makeActivityLink(server.parts, named);
      assert(!(link instanceof Rejection));
      const opened = await openActivityLink(server.parts, link.token);
      assert(opened.type === "open");
      assert.deepEqual([opened.activity.activityId, opened.activity.workflowType], ["a", ""]);
      assert.deepEqual(opened.taskToken, new Uint8Array(task.taskToken));
    }
    const link = await makeActivityLink(server.parts, target);
    await complete(server, task);
    assert(!(link instanceof Rejection));
    assert.equal((await openActivityLink(server.parts, link.token)).type, "over");
  });

  test("fails by what its worker sends that is too large", async () => {
    await using server = await InProcess.open();
    await start(server, { retryPolicy: { maximumAttempts: 1 } });
    await complete(server, await poll(server), "x".repeat(2 * 1024 * 1024));
    const { outcome } = await server.ask("PollActivityExecution", id);
    assert.equal(outcome?.failure?.message, "Complete result exceeds size limit.");
  });
});

describe("waiting for an activity", () => {
  test("a poll for the outcome waits for it, and is told to ask again when it takes too long", async () => {
    await using server = await InProcess.open();
    const { runId } = await start(server);
    const task = await poll(server);
    const waiting = server.ask("PollActivityExecution", id, new TestCall(server.clock.nowMs() + 60_000));
    await server.settle();
    await complete(server, task);
    assert.equal((await waiting).runId, runId);

    await start(server, { activityId: "b" });
    const empty = server.ask("PollActivityExecution", { activityId: "b" }, new TestCall(undefined));
    await server.settle();
    server.clock.advance(20_000);
    assert.deepEqual(await empty, { runId: "", outcome: undefined });
  });

  test("a poll stays with the run that it found, also when another follows", async () => {
    await using server = await InProcess.open();
    const first = await start(server);
    const task = await poll(server);
    const waiting = server.ask("PollActivityExecution", id, new TestCall(server.clock.nowMs() + 60_000));
    await server.settle();
    await Promise.all([complete(server, task), server.settle()]);
    const second = await start(server, { requestId: "second" });
    assert.notEqual(second.runId, first.runId);
    assert.equal((await waiting).runId, first.runId);
  });

  test("a description waits for a state that its caller has not seen", async () => {
    await using server = await InProcess.open();
    const { runId } = await start(server);
    const { longPollToken } = await server.ask("DescribeActivityExecution", id);
    const wait = { ...id, runId, longPollToken };
    const waiting = server.ask("DescribeActivityExecution", wait, new TestCall(server.clock.nowMs() + 60_000));
    await server.settle();
    await poll(server);
    assert.equal((await waiting).info?.runState, enums.PendingActivityState.STARTED);
    // What it has not seen is there already.
    assert.equal((await server.ask("DescribeActivityExecution", wait)).info?.attempt, 1);
    const other = await start(server, { activityId: "b" });
    for (const [request, verdict] of [
      [{ ...wait, runId: "" }, "INVALID_ARGUMENT run id is required when long poll token is provided"],
      [{ ...wait, longPollToken: new Uint8Array(3) }, "INVALID_ARGUMENT invalid long poll token"],
      [
        { activityId: "b", runId: other.runId, longPollToken },
        "INVALID_ARGUMENT long poll token does not match execution",
      ],
    ] as const)
      assert.equal(await server.verdict("DescribeActivityExecution", request), verdict);
  });

  test("who waits for an activity that is deleted is told that there is none", async () => {
    await using server = await InProcess.open();
    await start(server);
    const waiting = server.verdict("PollActivityExecution", id, new TestCall(server.clock.nowMs() + 60_000));
    await server.settle();
    await server.ask("DeleteActivityExecution", id);
    assert.equal(await waiting, "NOT_FOUND activity not found for ID: a");
  });
});

describe("lists of activities", () => {
  test("have activities only, by their own attributes, and workflows' lists have none of them", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    await start(server);
    await start(server, { activityId: "b", activityType: { name: "B" } });
    await server.ask("TerminateActivityExecution", { activityId: "b" });
    const cases: [query: string, ids: string[]][] = [
      ["", ["a", "b"]],
      ["ActivityId = 'a'", ["a"]],
      ["ActivityType = 'B'", ["b"]],
      ["ExecutionStatus = 'Running'", ["a"]],
      ["ExecutionStatus in ('Terminated', 'Failed')", ["b"]],
      ["ExecutionStatus = 'Nonsense'", []],
      ["ExecutionStatus != 'Running' and CloseTime is not null", ["b"]],
      ["TaskQueue = 'q' and StartTime > '1960-01-01T00:00:00Z'", ["a", "b"]],
    ];
    for (const [query, expected] of cases) {
      const { executions } = await server.ask("ListActivityExecutions", { query });
      assert.deepEqual(executions.map(({ activityId }) => activityId).sort(), expected, query);
      assert.equal((await server.ask("CountActivityExecutions", { query })).count, expected.length, query);
    }
    assert.equal((await server.ask("CountWorkflowExecutions", {})).count, 1);
    const byStatus = await server.ask("CountActivityExecutions", { query: "GROUP BY ExecutionStatus" });
    assert.deepEqual(
      byStatus.groups.map(({ groupValues: [value], count }) => [Buffer.from(value!.data).toString(), count]),
      [
        ['"Running"', 1],
        ['"Terminated"', 1],
      ],
    );
  });

  test("find by attributes that the namespace has registered, and take no others", async () => {
    await using server = await InProcess.open();
    await server.ask("AddSearchAttributes", { searchAttributes: { Customer: enums.IndexedValueType.KEYWORD } });
    const [ada, grace] = jsonPayloads("ada", "grace").payloads;
    await start(server, { searchAttributes: { indexedFields: { Customer: ada! } } });
    await start(server, { activityId: "b", searchAttributes: { indexedFields: { Customer: grace! } } });
    await complete(server, await poll(server));
    const { executions } = await server.ask("ListActivityExecutions", { query: "Customer = 'ada'" });
    assert.deepEqual(
      executions.map(({ activityId, status }) => [activityId, status]),
      [["a", ActivityExecutionStatus.COMPLETED]],
    );
    assert.deepEqual(Object.keys(executions[0]!.searchAttributes!.indexedFields), ["Customer"]);
    const type = { activityType: { name: "A" }, taskQueue, startToCloseTimeout: { seconds: 10, nanos: 0 } };
    const unknown = { ...type, activityId: "c", searchAttributes: { indexedFields: { Nonsense: ada! } } };
    assert.equal(
      await server.verdict("StartActivityExecution", unknown),
      "INVALID_ARGUMENT Namespace orders has no mapping defined for search attribute Nonsense",
    );
  });

  test("are paged, and a page of workflows is no page of activities", async () => {
    await using server = await InProcess.open();
    for (const activityId of ["a", "b", "c"]) await start(server, { activityId });
    for (const workflowId of ["u", "v"]) await server.start(workflowId);
    const seen: string[] = [];
    let nextPageToken = new Uint8Array(0);
    do {
      const page = await server.ask("ListActivityExecutions", { pageSize: 2, nextPageToken });
      seen.push(...page.executions.map(({ activityId }) => activityId));
      nextPageToken = new Uint8Array(page.nextPageToken);
    } while (nextPageToken.length > 0);
    assert.deepEqual(seen.sort(), ["a", "b", "c"]);
    const ofWorkflows = await server.ask("ListWorkflowExecutions", { pageSize: 1 });
    assert.equal(
      await server.verdict("ListActivityExecutions", { nextPageToken: ofWorkflows.nextPageToken }),
      "INVALID_ARGUMENT Invalid NextPageToken.",
    );
  });

  for (const [query, message] of [
    ["WorkflowType = 'x'", "invalid search attribute: WorkflowType"],
    [
      "ExecutionStatus = 1",
      "invalid expression: invalid value type for search attribute ExecutionStatus of type Keyword: 1 (type: int64)",
    ],
    [
      "GROUP BY ActivityType",
      "operation is not supported: 'GROUP BY' clause is not supported for search attribute ActivityType",
    ],
  ] as const)
    test(`refuse the filter ${query}`, async () => {
      await using server = await InProcess.open();
      for (const method of ["ListActivityExecutions", "CountActivityExecutions"] as const)
        assert.equal(await server.verdict(method, { query }), `INVALID_ARGUMENT invalid query: ${message}`);
    });
});

describe("operators", () => {
  test("reach an activity of its own, or one of a workflow", async () => {
    await using server = await InProcess.open();
    await start(server);
    await server.ask("PauseActivityExecution", { ...id, reason: "hold" });
    const { info } = await server.ask("DescribeActivityExecution", id);
    assert.equal(info?.status, ActivityExecutionStatus.PAUSED);
    await server.ask("UnpauseActivityExecution", id);
    await poll(server);

    await server.start("w");
    const command = {
      commandType: enums.CommandType.SCHEDULE_ACTIVITY_TASK,
      scheduleActivityTaskCommandAttributes: {
        ...id,
        activityType: { name: "A" },
        taskQueue,
        startToCloseTimeout: { seconds: 10, nanos: 0 },
      },
    };
    await server.complete(await server.pollWorkflowTask(), { commands: [command] });
    await server.ask("PauseActivityExecution", { ...id, workflowId: "w" });
    const { pendingActivities } = await server.ask("DescribeWorkflowExecution", { execution: { workflowId: "w" } });
    assert.equal(pendingActivities[0]?.paused, true);
  });

  test("change options by a mask in either spelling", async () => {
    await using server = await InProcess.open();
    await start(server);
    const { activityOptions } = await server.ask("UpdateActivityExecutionOptions", {
      ...id,
      activityOptions: { startToCloseTimeout: { seconds: 5, nanos: 0 }, retryPolicy: { maximumAttempts: 3 } },
      updateMask: { paths: ["startToCloseTimeout", "retry_policy.maximum_attempts"] },
    });
    assert.deepEqual(
      [activityOptions?.startToCloseTimeout?.seconds, activityOptions?.retryPolicy?.maximumAttempts],
      [5, 3],
    );
  });
});

test("the namespace says what can be done with standalone activities", async () => {
  await using server = await InProcess.open();
  const { namespaceInfo } = await server.ask("DescribeNamespace", {});
  const { standaloneActivities, standaloneActivityStartDelay, standaloneActivityOperatorCommands } =
    namespaceInfo!.capabilities!;
  assert.deepEqual(
    [standaloneActivities, standaloneActivityStartDelay, standaloneActivityOperatorCommands],
    [true, true, true],
  );
});
