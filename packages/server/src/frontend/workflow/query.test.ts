import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Located, Rejection } from "@pawl/engine";
import { enums, errordetails, type query } from "@pawl/protocol";
import { ManualClock } from "../../clock.ts";
import { seededRandom } from "../../random.ts";
import { eventTypes, InProcess, jsonOf, jsonPayloads, stickyAttributes, stickyQueue, TestCall } from "../in-process.ts";
import type { Parts } from "../parts.ts";
import { queryHandlers, routeOf } from "./query.ts";
import { QueryRegistry } from "./query-registry.ts";

const { CommandType, QueryRejectCondition, QueryResultType, WorkflowExecutionStatus: Status } = enums;
const { NONE, NOT_OPEN, NOT_COMPLETED_CLEANLY } = QueryRejectCondition;

const idle: Located = {
  runId: "r",
  workflowId: "w",
  workflowType: "T",
  status: Status.RUNNING,
  open: true,
  lastEventId: 4,
  taskQueue: "q",
  stickyQueue: undefined,
  stickyScheduleToStartTimeoutMs: 0,
  lastCompletedStartedEventId: 3,
  workflowTask: { type: "none" },
  firstTaskAtMs: undefined,
  historySizeBytes: 0,
  virtualEvents: new Uint8Array(0),
};
const withScheduledTask: Located = { ...idle, workflowTask: { type: "scheduled", attempt: 1, stamp: 7 } };

describe("where a query goes", () => {
  const closed = (status: enums.WorkflowExecutionStatus) => ({ open: false, status });
  const scheduled = { workflowTask: withScheduledTask.workflowTask };
  const started = { workflowTask: { type: "started", attempt: 1, stamp: 7 } } as const;
  const never = { lastCompletedStartedEventId: 0 };
  const inFailedState = "Unable to query workflow due to Workflow Task in failed state.";
  const untilMs = 1_000;
  //  name                                run                                     condition    route
  for (const [name, run, condition, route] of [
    ["an idle run", {}, NONE, "direct"],
    ["a completed run", closed(Status.COMPLETED), NONE, "direct"],
    ["a failed run", closed(Status.FAILED), NONE, "direct"],
    ["an idle run", {}, NOT_OPEN, "direct"],
    ["a completed run", closed(Status.COMPLETED), NOT_OPEN, "rejected 2"],
    ["a completed run", closed(Status.COMPLETED), NOT_COMPLETED_CLEANLY, "direct"],
    ["a failed run", closed(Status.FAILED), NOT_COMPLETED_CLEANLY, "rejected 3"],
    ["a paused run", { status: Status.PAUSED }, NONE, "rejected 8"],
    [
      "a run that closed before any task",
      { ...never, ...closed(Status.TERMINATED) },
      NONE,
      "Workflow execution closed before WorkflowTaskStarted event",
    ],
    ["a run with a scheduled task", scheduled, NONE, "buffer 7"],
    ["a run with a started task", started, NONE, "buffer 8"],
    ["a new run with a scheduled task", { ...scheduled, ...never }, NONE, "buffer 7"],
    ["a run whose task fails", { workflowTask: { type: "scheduled", attempt: 3, stamp: 7 } }, NONE, inFailedState],
    ["a run whose task has failed once", { workflowTask: { type: "started", attempt: 2, stamp: 7 } }, NONE, "buffer 8"],
    [
      "a run whose first task is delayed beyond the call",
      { ...never, firstTaskAtMs: 1_001 },
      NONE,
      "Workflow task is not scheduled yet.",
    ],
    ["a run whose first task comes in time", { ...never, firstTaskAtMs: 1_000 }, NONE, "buffer 0"],
  ] as const)
    test(`to ${name}, condition ${condition}: ${route}`, () => {
      const found = routeOf({ ...idle, ...run }, { condition, untilMs });
      const text =
        found.type === "buffer"
          ? `buffer ${found.firstStamp}`
          : found.type === "rejected"
            ? `rejected ${found.status}`
            : found.type === "refused"
              ? found.rejection.message
              : found.type;
      assert.equal(text, route);
      if (found.type !== "refused") return;
      assert.equal(found.rejection.code, "FAILED_PRECONDITION");
      assert.equal(found.rejection.detail?.typeName, errordetails.WorkflowNotReadyFailure.typeName);
    });
});

const execution = { workflowId: "w" };
const request = { execution, query: { queryType: "state" } };

function answered(value: unknown) {
  return { resultType: QueryResultType.ANSWERED, answer: jsonPayloads(value) };
}

/** A run whose worker has completed a task, with its cache or without, and now has nothing to do. */
async function idleRun(more: { sticky?: boolean } = {}): Promise<InProcess> {
  const server = await InProcess.open();
  await server.start("w");
  await server.complete(await server.pollWorkflowTask(), more.sticky ? { stickyAttributes } : {});
  return server;
}

async function answer(server: InProcess, task: { readonly taskToken: Uint8Array }, value: unknown) {
  const { resultType, answer: queryResult } = answered(value);
  return server.call("RespondQueryTaskCompleted", {
    taskToken: task.taskToken,
    completedType: resultType,
    queryResult,
  });
}

function resultOf(response: unknown): unknown {
  if (response instanceof Rejection) return `${response.code} ${response.message}`;
  return jsonOf((response as { queryResult?: ReturnType<typeof jsonPayloads> }).queryResult);
}

function onlyQuery(queries: Record<string, query.WorkflowQuery>): string {
  assert.deepEqual(
    Object.values(queries).map(({ queryType }) => queryType),
    ["state"],
  );
  return Object.keys(queries)[0]!;
}

describe("a query to a run with nothing to do", () => {
  test("is a task of its own, with the whole history for a worker without cache", async () => {
    await using server = await idleRun();
    const asked = server.call("QueryWorkflow", request);
    const task = await server.pollWorkflowTask();
    assert.equal(task.query?.queryType, "state");
    assert.equal(task.startedEventId, 0);
    assert.equal(task.previousStartedEventId, 3);
    assert.equal(eventTypes(task.history).length, 4);
    await answer(server, task, "here");
    assert.deepEqual(resultOf(await asked), ["here"]);
    assert.equal(server.parts.queries.size, 0);
  });

  test("goes to the worker that has it in its cache, without history", async () => {
    await using server = await idleRun({ sticky: true });
    const polled = server.pollWorkflowTask(stickyQueue);
    const asked = server.call("QueryWorkflow", request);
    const task = await polled;
    assert.deepEqual(eventTypes(task.history), []);
    assert.equal(task.query?.queryType, "state");
    await answer(server, task, 1);
    assert.deepEqual(resultOf(await asked), [1]);
  });

  test("goes to any worker when that one does not answer for as long as it asked to be waited for, and the run is sticky no more", async () => {
    await using server = await idleRun({ sticky: true });
    const polled = server.pollWorkflowTask(stickyQueue);
    const asked = server.call("QueryWorkflow", request);
    const ignored = await polled;
    server.clock.advance(5_000);
    await server.settle();
    const task = await server.pollWorkflowTask();
    assert.equal(eventTypes(task.history).length, 4);
    await answer(server, task, "other");
    assert.deepEqual(resultOf(await asked), ["other"]);
    const late = await answer(server, ignored, "late");
    assert.deepEqual(resultOf(late), "NOT_FOUND query task not found, or already expired");
    await server.signal("w");
    const next = await server.pollWorkflowTask();
    assert.equal(eventTypes(next.history).length, 7);
  });

  test("is answered before the deadline or not at all, and its task is not handed out after it", async () => {
    await using server = await idleRun();
    const call = new TestCall(server.clock.nowMs() + 3_000);
    const asked = server.call("QueryWorkflow", request, call);
    await server.settle();
    server.clock.advance(3_000);
    assert.equal(resultOf(await asked), "DEADLINE_EXCEEDED no worker answered the query in time");
    const polled = server.pollWorkflowTask();
    await server.settle();
    server.clock.advance(60_000);
    assert.equal((await polled).taskToken.length, 0);
    assert.equal(server.parts.queries.size, 0);
  });

  test("ends with its caller", async () => {
    await using server = await idleRun();
    for (const [why, verdict] of [
      ["cancelled", "CANCELLED the query was cancelled by its caller"],
      ["stopping", "UNAVAILABLE the server is stopping; try again"],
    ] as const) {
      const call = new TestCall(undefined);
      const asked = server.call("QueryWorkflow", request, call);
      await server.settle();
      call.end(why);
      assert.equal(resultOf(await asked), verdict);
    }
    assert.equal(server.parts.queries.size, 0);
  });

  test("fails as its handler does, with the failure as a detail", async () => {
    await using server = await idleRun();
    const asked = server.call("QueryWorkflow", request);
    const { taskToken } = await server.pollWorkflowTask();
    const failed = {
      taskToken,
      completedType: QueryResultType.FAILED,
      errorMessage: "no such query",
      failure: { message: "why" },
    };
    await server.ask("RespondQueryTaskCompleted", failed);
    const refused = await asked;
    assert.ok(refused instanceof Rejection && refused.detail);
    assert.equal(`${refused.code} ${refused.message}`, "INVALID_ARGUMENT no such query");
    assert.equal(refused.detail.typeName, errordetails.QueryFailedFailure.typeName);
    assert.equal(errordetails.QueryFailedFailure.decode(refused.detail.bytes).failure?.message, "why");
  });

  test("fails when its answer is too large", async () => {
    await using server = await idleRun();
    const asked = server.call("QueryWorkflow", request);
    const { taskToken } = await server.pollWorkflowTask();
    const queryResult = { payloads: [{ data: new Uint8Array(2 * 1024 * 1024 + 1) }] };
    await server.ask("RespondQueryTaskCompleted", { taskToken, completedType: QueryResultType.ANSWERED, queryResult });
    assert.equal(resultOf(await asked), "INVALID_ARGUMENT Blob data size exceeds limit.");
  });

  test("is asked of a closed run too, unless its caller rejects those", async () => {
    await using server = await idleRun();
    await server.ask("TerminateWorkflowExecution", { workflowExecution: execution });
    const rejected = await server.ask("QueryWorkflow", { ...request, queryRejectCondition: NOT_OPEN });
    assert.equal(rejected.queryRejected?.status, Status.TERMINATED);
    const asked = server.call("QueryWorkflow", request);
    const task = await server.pollWorkflowTask();
    assert.equal(eventTypes(task.history).at(-1), "WORKFLOW_EXECUTION_TERMINATED");
    await answer(server, task, "over");
    assert.deepEqual(resultOf(await asked), ["over"]);
  });
});

describe("a query to a run with a workflow task", () => {
  test("rides on the task that is scheduled, and is answered with it", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    const task = await server.pollWorkflowTask();
    const id = onlyQuery(task.queries);
    await server.complete(task, { queryResults: { [id]: answered("fresh") } });
    assert.deepEqual(resultOf(await asked), ["fresh"]);
    assert.equal(server.parts.queries.size, 0);
  });

  test("does not ride on a task that has started: it would not know what was acknowledged since (B1)", async () => {
    await using server = await idleRun();
    await server.signal("w", "first");
    const task = await server.pollWorkflowTask();
    await server.signal("w", "second");
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    await server.complete(task);
    const next = await server.pollWorkflowTask();
    assert.equal(eventTypes(next.history).filter((type) => type === "WORKFLOW_EXECUTION_SIGNALED").length, 2);
    await server.complete(next, { queryResults: { [onlyQuery(next.queries)]: answered(2) } });
    assert.deepEqual(resultOf(await asked), [2]);
  });

  test("rides on the task that the completion of that one returns", async () => {
    await using server = await idleRun();
    await server.signal("w", "first");
    const task = await server.pollWorkflowTask();
    await server.signal("w", "second");
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    const { workflowTask } = await server.complete(task, { returnNewWorkflowTask: true, stickyAttributes });
    assert.ok(workflowTask);
    await server.complete(workflowTask, { queryResults: { [onlyQuery(workflowTask.queries)]: answered(2) } });
    assert.deepEqual(resultOf(await asked), [2]);
  });

  test("becomes a task of its own when the run has nothing to do before it was asked", async () => {
    await using server = await idleRun();
    await server.signal("w");
    const task = await server.pollWorkflowTask();
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    await server.complete(task);
    const direct = await server.pollWorkflowTask();
    assert.equal(direct.query?.queryType, "state");
    await answer(server, direct, "direct");
    assert.deepEqual(resultOf(await asked), ["direct"]);
  });

  test("becomes a task of its own when its worker completes the task without an answer", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    const task = await server.pollWorkflowTask();
    onlyQuery(task.queries);
    await server.complete(task);
    const direct = await server.pollWorkflowTask();
    await answer(server, direct, "direct");
    assert.deepEqual(resultOf(await asked), ["direct"]);
  });

  test("rides on the next attempt when the task fails, whatever its worker answered", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const asked = server.call("QueryWorkflow", request, new TestCall(server.clock.nowMs() + 60_000));
    await server.settle();
    const refused = await server.pollWorkflowTask();
    const id = onlyQuery(refused.queries);
    const commands = [{ commandType: CommandType.START_TIMER, startTimerCommandAttributes: { timerId: "" } }];
    const queryResults = { [id]: answered("wrong") };
    const completion = { taskToken: refused.taskToken, commands, queryResults };
    assert.match(await server.verdict("RespondWorkflowTaskCompleted", completion), /^INVALID_ARGUMENT /);
    const { queries, taskToken } = await server.pollWorkflowTask();
    assert.equal(onlyQuery(queries), id);
    await server.ask("RespondWorkflowTaskFailed", { taskToken, failure: { message: "bug" } });
    assert.equal(
      resultOf(await asked),
      "FAILED_PRECONDITION Unable to query workflow due to Workflow Task in failed state.",
    );
    assert.equal(server.parts.queries.size, 0);
  });

  test("is answered by the attempt that succeeds", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    const { taskToken } = await server.pollWorkflowTask();
    await server.ask("RespondWorkflowTaskFailed", { taskToken, failure: { message: "bug" } });
    const mended = await server.pollWorkflowTask();
    await server.complete(mended, { queryResults: { [onlyQuery(mended.queries)]: answered("mended") } });
    assert.deepEqual(resultOf(await asked), ["mended"]);
  });

  test("rides on the next attempt when its worker does not answer in time", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const asked = server.call("QueryWorkflow", request, new TestCall(server.clock.nowMs() + 60_000));
    await server.settle();
    const id = onlyQuery((await server.pollWorkflowTask()).queries);
    server.clock.advance(10_000);
    await server.settle();
    const retried = await server.pollWorkflowTask();
    assert.equal(onlyQuery(retried.queries), id);
    await server.complete(retried, { queryResults: { [id]: answered("second") } });
    assert.deepEqual(resultOf(await asked), ["second"]);
  });

  test("is asked directly when the run closes meanwhile", async () => {
    await using server = await idleRun();
    await server.signal("w");
    const asked = server.call("QueryWorkflow", request);
    await server.settle();
    await server.ask("TerminateWorkflowExecution", { workflowExecution: execution });
    await answer(server, await server.pollWorkflowTask(), "closed");
    assert.deepEqual(resultOf(await asked), ["closed"]);
  });

  test("waits alone: a second one is refused", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const call = new TestCall(undefined);
    const first = server.call("QueryWorkflow", request, call);
    await server.settle();
    const second = await server.call("QueryWorkflow", request);
    assert.ok(second instanceof Rejection);
    assert.equal(second.code, "RESOURCE_EXHAUSTED");
    assert.equal(second.detail?.typeName, errordetails.ResourceExhaustedFailure.typeName);
    call.end("cancelled");
    assert.equal(resultOf(await first), "CANCELLED the query was cancelled by its caller");
    assert.equal(server.parts.queries.size, 0);
  });

  test("is refused at once when the worker keeps failing the task", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { taskToken } = await server.pollWorkflowTask();
      await server.ask("RespondWorkflowTaskFailed", { taskToken, failure: { message: "bug" } });
    }
    const verdict = await server.verdict("QueryWorkflow", request);
    assert.equal(verdict, "FAILED_PRECONDITION Unable to query workflow due to Workflow Task in failed state.");
  });
});

/** A ring that says what the test wants it to: one state after the other, and then the last. */
function scripted(states: readonly Located[]) {
  const left = [...states];
  const changes: (() => void)[] = [];
  const offered: string[] = [];
  const withdrawn: string[] = [];
  const queries = new QueryRegistry();
  const clock = new ManualClock();
  const parts = {
    clock,
    queries,
    random: seededRandom(1),
    namespaces: { byName: () => ({ id: "n", name: "orders" }) },
    ring: {
      submit: async () => (left.length > 1 ? left.shift() : left[0]),
      changed: () => new Promise<void>((resolve) => changes.push(resolve)),
    },
    matching: {
      offerQuery: ({ id }: { id: string }) => offered.push(id),
      withdrawQuery: (id: string) => withdrawn.push(id),
    },
  } as unknown as Parts;
  const asking = { namespace: "orders", execution: { workflowId: "w", runId: "" }, query: { queryType: "state" } };
  const ask = () => {
    const { QueryWorkflow } = queryHandlers(parts);
    return QueryWorkflow(asking as never, new TestCall(clock.nowMs() + 10_000));
  };
  const change = async () => {
    for (const tell of changes.splice(0)) tell();
    await new Promise(setImmediate);
  };
  return { ask, change, offered, withdrawn, queries };
}

describe("between the shard and the registry", () => {
  test("an answer that is under way is waited for, although the run has nothing to do any more", async () => {
    const { ask, change, offered, queries } = scripted([withScheduledTask, withScheduledTask, idle]);
    const asked = ask();
    await change();
    const [id] = Object.keys(queries.attachHere("r", 7));
    const responded = queries.responding("r", 7);
    await change();
    await change();
    assert.deepEqual(offered, []);
    queries.settle("r", 7, new Map([[id!, { type: "answered", result: jsonPayloads("in time") }]]));
    responded();
    assert.deepEqual(resultOf(await asked), ["in time"]);
  });

  test("an answer whose fate is unknown is not waited for", async () => {
    const { ask, change, offered, queries } = scripted([withScheduledTask, withScheduledTask, idle]);
    const asked = ask();
    await change();
    queries.attachHere("r", 7);
    queries.responding("r", 7)();
    await change();
    assert.equal(offered.length, 1);
    queries.answer(offered[0]!, { type: "answered", result: jsonPayloads("direct") });
    assert.deepEqual(resultOf(await asked), ["direct"]);
  });

  test("a query that was answered is withdrawn from its queue too, which remembers where it was", async () => {
    const { ask, change, offered, withdrawn, queries } = scripted([idle]);
    const asked = ask();
    await change();
    queries.answer(offered[0]!, { type: "answered", result: undefined });
    assert.deepEqual(resultOf(await asked), []);
    assert.deepEqual(withdrawn, offered);
  });
});

describe("what is no query", () => {
  for (const [name, change, verdict] of [
    ["an unknown run", {}, "NOT_FOUND workflow not found for ID: w"],
    ["no execution", { execution: undefined }, "INVALID_ARGUMENT Execution is not set on request."],
    ["no query", { query: undefined }, "INVALID_ARGUMENT WorkflowQuery is not set on request."],
    ["no type", { query: { queryType: "" } }, "INVALID_ARGUMENT QueryType is not set on request."],
    ["a run id that is none", { execution: { workflowId: "w", runId: "r" } }, "INVALID_ARGUMENT Invalid RunId."],
    ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
  ] as const)
    test(`${name}: ${verdict}`, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("QueryWorkflow", { ...request, ...change }), verdict);
    });

  test("an answer needs the token of a query that waits, and is one or the other", async () => {
    await using server = await idleRun();
    assert.equal(
      await server.verdict("RespondQueryTaskCompleted", {}),
      "INVALID_ARGUMENT Task token not set on request.",
    );
    const taskToken = Uint8Array.from([1, 2, 3]);
    assert.equal(
      await server.verdict("RespondQueryTaskCompleted", { taskToken }),
      "INVALID_ARGUMENT Invalid TaskToken.",
    );
    const asked = server.call("QueryWorkflow", request);
    const task = await server.pollWorkflowTask();
    const unspecified = { taskToken: task.taskToken };
    assert.equal(
      await server.verdict("RespondQueryTaskCompleted", unspecified),
      "INVALID_ARGUMENT CompletedType must be ANSWERED or FAILED.",
    );
    await answer(server, task, 1);
    assert.deepEqual(resultOf(await asked), [1]);
  });
});
