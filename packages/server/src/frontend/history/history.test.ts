import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Located, Rejection } from "@pawl/engine";
import { enums, history, type Init, type RequestOf, workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { eventTypes, InProcess, jsonPayloads, TestCall, taskQueue, testNamespace } from "../in-process.ts";
import type { Parts } from "../parts.ts";
import { historyHandlers } from "./history.ts";

const { CommandType, HistoryEventFilterType } = enums;
const execution = { workflowId: "w" };
type Read = Init<RequestOf<"GetWorkflowExecutionHistory">>;

function ids(events: Uint8Array | undefined): number[] {
  return events ? history.History.decode(events).events.map(({ eventId }) => eventId) : [];
}

const completion = {
  commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: { result: jsonPayloads(1) },
};

/** Events 1..4, in three batches: 1-2, 3, 4. */
async function runOfFour(): Promise<InProcess> {
  const server = await InProcess.open();
  await server.start("w");
  await server.complete(await server.pollWorkflowTask());
  return server;
}

async function allPages(server: InProcess, request: Read): Promise<number[][]> {
  const pages: number[][] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page = await server.ask("GetWorkflowExecutionHistory", { execution, ...request, nextPageToken });
    pages.push(ids(page.history));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return pages;
}

describe("a plain read", () => {
  test("gives everything that is there, and no token", async () => {
    await using server = await runOfFour();
    assert.deepEqual(await allPages(server, {}), [[1, 2, 3, 4]]);
  });

  test("in pages ends after the batch that fills a page", async () => {
    await using server = await runOfFour();
    assert.deepEqual(await allPages(server, { maximumPageSize: 1 }), [[1, 2], [3], [4]]);
    assert.deepEqual(await allPages(server, { maximumPageSize: 3 }), [[1, 2, 3], [4]]);
  });

  test("in pages ends with the event that is the last at its last page", async () => {
    await using server = await runOfFour();
    const first = await server.ask("GetWorkflowExecutionHistory", { execution, maximumPageSize: 1 });
    await server.signal("w");
    const { nextPageToken } = first;
    const rest = await server.ask("GetWorkflowExecutionHistory", { execution, nextPageToken });
    assert.deepEqual(ids(rest.history), [3, 4, 5, 6]);
    assert.equal(rest.nextPageToken.length, 0);
  });

  test("goes on with the run of its token, also when the id means another run by now", async () => {
    await using server = await runOfFour();
    const { nextPageToken } = await server.ask("GetWorkflowExecutionHistory", { execution, maximumPageSize: 1 });
    await server.ask("TerminateWorkflowExecution", { workflowExecution: execution });
    const { runId } = await server.start("w");
    const rest = await server.ask("GetWorkflowExecutionHistory", { execution, nextPageToken });
    assert.deepEqual(ids(rest.history), [3, 4, 5]);
    const other = { execution: { workflowId: "w", runId }, nextPageToken };
    const verdict = await server.verdict("GetWorkflowExecutionHistory", other);
    assert.equal(verdict, "INVALID_ARGUMENT RunId in the request does not match the NextPageToken.");
  });

  test("shows SDKs the task that is being retried, and tools only what is in history", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const { taskToken } = await server.pollWorkflowTask();
    await server.ask("RespondWorkflowTaskFailed", { taskToken });
    await server.pollWorkflowTask();
    for (const [clientName, last] of [
      ["temporal-go", "WORKFLOW_TASK_STARTED"],
      ["", "WORKFLOW_TASK_STARTED"],
      ["temporal-cli", "WORKFLOW_TASK_FAILED"],
      ["temporal-ui", "WORKFLOW_TASK_FAILED"],
    ] as const) {
      const read = await server.ask("GetWorkflowExecutionHistory", { execution }, new TestCall(undefined, clientName));
      assert.equal(eventTypes(read.history).at(-1), last, clientName);
    }
    const paged = await allPages(server, { maximumPageSize: 1 });
    assert.deepEqual(paged, [[1, 2], [3], [4, 5, 6]]);
  });
});

test("the events of a task that were shown to its worker are still there when they have been written between two pages", async () => {
  await using server = await runOfFour();
  const asked = server.ask("UpdateWorkflowExecution", {
    workflowExecution: execution,
    request: { meta: { updateId: "u" }, input: { name: "change" } },
  });
  const task = await server.pollWorkflowTask();
  const { nextPageToken } = await server.ask("GetWorkflowExecutionHistory", { execution, maximumPageSize: 1 });
  // It waits for the end of the task, which must be in history for that.
  await server.signal("w");
  const rest = await server.ask("GetWorkflowExecutionHistory", { execution, nextPageToken });
  assert.equal(ids(rest.history).at(-1), task.startedEventId);
  await server.ask("TerminateWorkflowExecution", { workflowExecution: execution });
  await assert.rejects(asked);
});

/** `named`: the caller names the run; otherwise a look tells which one is meant, and another one waits for it. */
for (const named of [false, true])
  test(`no change is missed that comes while the run is looked at, ${named ? "named" : "the current one"}`, async () => {
    await using server = await runOfFour();
    const { parts } = server;
    const { executions } = await server.ask("ListWorkflowExecutions", {});
    const runId = named ? executions[0]!.execution!.runId : "";
    let changed = () => {};
    const ring: Parts["ring"] = {
      awaitVerdict: (...asked) => parts.ring.awaitVerdict(...asked),
      changed: () =>
        new Promise<void>((resolve) => {
          changed = resolve;
        }),
      submit: async (key, command) => {
        const reply = await parts.ring.submit(key, command);
        // What is read is true, and old at once.
        if (looks++ === (named ? 0 : 1))
          await server.ask("TerminateWorkflowExecution", { workflowExecution: execution });
        changed();
        return reply;
      },
    };
    let looks = 0;
    const { GetWorkflowExecutionHistory: read } = historyHandlers({ ...parts, ring });
    const { CLOSE_EVENT: historyEventFilterType } = HistoryEventFilterType;
    const request = workflowservice.GetWorkflowExecutionHistoryRequest.create({
      namespace: testNamespace,
      execution: { workflowId: "w", runId },
      waitNewEvent: true,
      historyEventFilterType,
    });
    const closed = await read(request, new TestCall(undefined));
    assert.ok(!(closed instanceof Rejection));
    assert.deepEqual(eventTypes(closed.history), ["WORKFLOW_EXECUTION_TERMINATED"]);
  });

describe("waiting for what comes", () => {
  test("gives what is there with a token, then what comes, until the run is closed", async () => {
    await using server = await runOfFour();
    const first = await server.ask("GetWorkflowExecutionHistory", { execution, waitNewEvent: true });
    assert.deepEqual(ids(first.history), [1, 2, 3, 4]);
    const waiting = server.ask("GetWorkflowExecutionHistory", {
      execution,
      waitNewEvent: true,
      nextPageToken: first.nextPageToken,
    });
    await server.settle();
    await server.signal("w");
    const second = await waiting;
    assert.deepEqual(eventTypes(second.history), ["WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"]);
    await server.complete(await server.pollWorkflowTask(), { commands: [completion] });
    const last = await server.ask("GetWorkflowExecutionHistory", {
      execution,
      waitNewEvent: true,
      nextPageToken: second.nextPageToken,
    });
    assert.equal(eventTypes(last.history).at(-1), "WORKFLOW_EXECUTION_COMPLETED");
    assert.equal(last.nextPageToken.length, 0);
  });

  for (const [deadlineInMs, heldMs] of [
    [undefined, limits.historyPollMsMax],
    [90_000, limits.historyPollMsMax],
    [5_000, 4_000],
  ] as const)
    test(`for a caller with ${deadlineInMs} ms gives nothing but a token after ${heldMs} ms`, async () => {
      await using server = await runOfFour();
      const { nextPageToken } = await server.ask("GetWorkflowExecutionHistory", { execution, waitNewEvent: true });
      const call = new TestCall(deadlineInMs === undefined ? undefined : server.clock.nowMs() + deadlineInMs);
      let ended = false;
      const waiting = server
        .ask("GetWorkflowExecutionHistory", { execution, waitNewEvent: true, nextPageToken }, call)
        .finally(() => {
          ended = true;
        });
      await server.settle();
      server.clock.advance(heldMs - 1);
      await server.settle();
      assert.equal(ended, false);
      server.clock.advance(1);
      const page = await waiting;
      assert.deepEqual(ids(page.history), []);
      assert.ok(page.history, "an empty history is there all the same");
      const again = { execution, waitNewEvent: true, nextPageToken: page.nextPageToken };
      await server.signal("w");
      assert.deepEqual(ids((await server.ask("GetWorkflowExecutionHistory", again)).history), [5, 6]);
    });

  test("ends when the server stops, with a token to go on elsewhere", async () => {
    await using server = await runOfFour();
    const { nextPageToken } = await server.ask("GetWorkflowExecutionHistory", { execution, waitNewEvent: true });
    const call = new TestCall(undefined);
    const waiting = server.ask("GetWorkflowExecutionHistory", { execution, waitNewEvent: true, nextPageToken }, call);
    await server.settle();
    call.end("stopping");
    assert.ok((await waiting).nextPageToken.length > 0);
  });

  test("in pages catches up before it waits", async () => {
    await using server = await runOfFour();
    const first = await server.ask("GetWorkflowExecutionHistory", {
      execution,
      waitNewEvent: true,
      maximumPageSize: 3,
    });
    assert.deepEqual(ids(first.history), [1, 2, 3]);
    const { nextPageToken } = first;
    const second = await server.ask("GetWorkflowExecutionHistory", { execution, waitNewEvent: true, nextPageToken });
    assert.deepEqual(ids(second.history), [4]);
    assert.ok(second.nextPageToken.length > 0);
  });
});

describe("the closing event alone", () => {
  const closeOnly = { execution, historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT };

  test("is nothing while the run is open, and is not waited for unless asked", async () => {
    await using server = await runOfFour();
    const open = await server.ask("GetWorkflowExecutionHistory", closeOnly);
    assert.deepEqual([ids(open.history), open.nextPageToken.length], [[], 0]);
  });

  test("is one event, cut out of its batch, once the run is closed", async () => {
    await using server = await runOfFour();
    await server.signal("w");
    await server.complete(await server.pollWorkflowTask(), { commands: [completion] });
    for (const waitNewEvent of [false, true]) {
      const closed = await server.ask("GetWorkflowExecutionHistory", { ...closeOnly, waitNewEvent });
      assert.deepEqual(eventTypes(closed.history), ["WORKFLOW_EXECUTION_COMPLETED"]);
      assert.equal(closed.nextPageToken.length, 0);
    }
  });

  test("is the same from memory and from the store", async () => {
    await using server = await runOfFour();
    await server.signal("w");
    await server.complete(await server.pollWorkflowTask(), { commands: [completion] });
    const fromMemory = await server.ask("GetWorkflowExecutionHistory", closeOnly);
    const { parts } = server;
    const ring: Parts["ring"] = Object.create(parts.ring, {
      submit: {
        value: async (...asked: Parameters<Parts["ring"]["submit"]>) => {
          const { closingEvents, ...located } = (await parts.ring.submit(...asked)) as Located;
          assert.ok(closingEvents);
          return located;
        },
      },
    });
    const request = workflowservice.GetWorkflowExecutionHistoryRequest.create({
      ...{ namespace: testNamespace, execution: { workflowId: "w", runId: "" } },
      historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT,
    });
    const fromStore = await historyHandlers({ ...parts, ring }).GetWorkflowExecutionHistory(
      request,
      new TestCall(undefined),
    );
    assert.ok(!(fromStore instanceof Rejection));
    assert.deepEqual(fromStore.history, fromMemory.history);
  });

  test("is waited for through events that do not close, with a token each time that time is up", async () => {
    await using server = await runOfFour();
    let waiting = server.ask("GetWorkflowExecutionHistory", { ...closeOnly, waitNewEvent: true });
    await server.settle();
    await server.signal("w");
    await server.settle();
    server.clock.advance(limits.historyPollMsMax);
    const { nextPageToken, history: none } = await waiting;
    assert.deepEqual(ids(none), []);
    waiting = server.ask("GetWorkflowExecutionHistory", { ...closeOnly, waitNewEvent: true, nextPageToken });
    await server.settle();
    await server.complete(await server.pollWorkflowTask(), { commands: [completion] });
    assert.deepEqual(eventTypes((await waiting).history), ["WORKFLOW_EXECUTION_COMPLETED"]);
  });
});

test("who waits for the end of a run looks at it when he comes and when it has ended, however much happens meanwhile", async () => {
  await using server = await runOfFour();
  const { parts } = server;
  const { executions } = await server.ask("ListWorkflowExecutions", {});
  let looks = 0;
  const ring: Parts["ring"] = {
    awaitVerdict: (...asked) => parts.ring.awaitVerdict(...asked),
    changed: (...asked) => parts.ring.changed(...asked),
    submit: (key, command) => {
      looks++;
      return parts.ring.submit(key, command);
    },
  };
  const { GetWorkflowExecutionHistory: read } = historyHandlers({ ...parts, ring });
  const request = workflowservice.GetWorkflowExecutionHistoryRequest.create({
    namespace: testNamespace,
    execution: { workflowId: "w", runId: executions[0]!.execution!.runId },
    waitNewEvent: true,
    historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT,
  });
  const reading = read(request, new TestCall(undefined));
  await server.settle();
  for (let sent = 0; sent < 3; sent++) await server.signal("w");
  await server.settle();
  assert.equal(looks, 1);
  await server.complete(await server.pollWorkflowTask(), { commands: [completion] });
  const closed = await reading;
  assert.ok(!(closed instanceof Rejection));
  assert.deepEqual(eventTypes(closed.history), ["WORKFLOW_EXECUTION_COMPLETED"]);
  assert.equal(looks, 2);
});

test("a history read backwards is the same, newest first, page by page", async () => {
  await using server = await runOfFour();
  const whole = await server.ask("GetWorkflowExecutionHistoryReverse", { execution });
  assert.deepEqual(ids(whole.history), [4, 3, 2, 1]);
  assert.equal(whole.nextPageToken.length, 0);
  const pages: number[][] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const request = { execution, maximumPageSize: 1, nextPageToken };
    const page = await server.ask("GetWorkflowExecutionHistoryReverse", request);
    pages.push(ids(page.history));
    nextPageToken = page.nextPageToken;
    await server.signal("w"); // what comes meanwhile is not of this reading
  } while (nextPageToken.length > 0);
  assert.deepEqual(pages, [[4], [3], [2, 1]]);
});

describe("what cannot be read", () => {
  const token = Uint8Array.from([1, 2, 3]);
  for (const method of ["GetWorkflowExecutionHistory", "GetWorkflowExecutionHistoryReverse"] as const)
    for (const [name, change, verdict] of [
      ["an unknown workflow", { execution: { workflowId: "other" } }, "NOT_FOUND workflow not found for ID: other"],
      ["no execution", { execution: undefined }, "INVALID_ARGUMENT Execution is not set on request."],
      ["no workflow id", { execution: {} }, "INVALID_ARGUMENT WorkflowId is not set on request."],
      ["a run id that is none", { execution: { workflowId: "w", runId: "r" } }, "INVALID_ARGUMENT Invalid RunId."],
      ["a forged token", { nextPageToken: token }, "INVALID_ARGUMENT Invalid NextPageToken."],
      ["an unknown namespace", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
    ] as const)
      test(`${method} of ${name}: ${verdict}`, async () => {
        await using server = await runOfFour();
        assert.equal(await server.verdict(method, { execution, ...change }), verdict);
      });

  test("a token of one direction is none of the other", async () => {
    await using server = await runOfFour();
    const { nextPageToken } = await server.ask("GetWorkflowExecutionHistory", { execution, maximumPageSize: 1 });
    const verdict = await server.verdict("GetWorkflowExecutionHistoryReverse", { execution, nextPageToken });
    assert.equal(verdict, "INVALID_ARGUMENT Invalid NextPageToken.");
  });
});

test("a worker pages through the history of its task to the end of that task, and no further", async () => {
  await using server = await InProcess.open();
  await server.start("w");
  const scheduled = Array.from({ length: 300 }, (_, index) => ({
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId: `a${index}`,
      activityType: { name: "A" },
      taskQueue,
      startToCloseTimeout: { seconds: 10, nanos: 0 },
    },
  }));
  await server.complete(await server.pollWorkflowTask(), { commands: scheduled });
  await server.signal("w");
  const task = await server.pollWorkflowTask();
  await server.signal("w", "too late for this task");
  const first = ids(task.history);
  assert.deepEqual([first[0], first.length], [1, 304]);
  const rest = await server.ask("GetWorkflowExecutionHistory", { execution, nextPageToken: task.nextPageToken });
  assert.deepEqual(eventTypes(rest.history), [
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
  ]);
  assert.equal(ids(rest.history).at(-1), task.startedEventId);
  assert.equal(rest.nextPageToken.length, 0);
});
