/** The handlers behind a real socket, asked by a gRPC client that is not ours, with a worker that polls as SDKs do. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  enums,
  errordetails,
  googleRpc,
  type Init,
  type MethodName,
  methods,
  type RequestOf,
  type ResponseOf,
} from "@pawl/protocol";
import { type RunningServer, startServer } from "../main.ts";
import { type Answer, RawClient } from "../rpc/raw-client.ts";
import { eventTypes, jsonOf, jsonPayloads, taskQueue } from "./in-process.ts";

const { CommandType, HistoryEventFilterType, QueryResultType } = enums;
const deadlineExceeded = 4;

let server: RunningServer;
let client: RawClient;
before(async () => {
  server = await startServer({ ip: "127.0.0.1", port: 0 });
  client = new RawClient(server.port);
});
after(async () => {
  client[Symbol.dispose]();
  await server.stop();
});

function call<N extends MethodName>(method: N, request: Init<RequestOf<N>>, timeoutMs = 60_000): Promise<Answer> {
  const { path, request: codec } = methods[method];
  const bytes = codec.encode({ namespace: "default", ...(request as object) } as never);
  return client.call(path, bytes, { deadlineMs: Date.now() + timeoutMs, headers: { "client-name": "temporal-go" } });
}

async function ask<N extends MethodName>(
  method: N,
  request: Init<RequestOf<N>>,
  timeoutMs?: number,
): Promise<ResponseOf<N>> {
  const { code, text, bytes } = await call(method, request, timeoutMs);
  assert.equal(code, 0, `${method}: ${text}`);
  return methods[method].response.decode(bytes!) as ResponseOf<N>;
}

/** Undefined: there is no task, or the machine was so busy that the answer came too late. */
async function poll<N extends "PollWorkflowTaskQueue" | "PollActivityTaskQueue">(
  method: N,
  identity: string,
): Promise<ResponseOf<N> | undefined> {
  const { code, text, bytes } = await call(method, { taskQueue, identity } as never, 2_500);
  if (code === deadlineExceeded) return undefined;
  assert.equal(code, 0, `${method}: ${text}`);
  const task: { readonly taskToken: Uint8Array } = methods[method].response.decode(bytes!);
  return task.taskToken.length > 0 ? (task as ResponseOf<N>) : undefined;
}

/** Answers workflow tasks with one activity and then its result, activities with their input doubled, and queries with "working". */
async function work(stop: AbortSignal): Promise<void> {
  const workflowTasks = async () => {
    while (!stop.aborted) {
      const task = await poll("PollWorkflowTaskQueue", "w");
      if (!task) continue;
      if (task.query) {
        const completedType = QueryResultType.ANSWERED;
        await ask("RespondQueryTaskCompleted", {
          taskToken: task.taskToken,
          completedType,
          queryResult: jsonPayloads("working"),
        });
      } else
        await ask("RespondWorkflowTaskCompleted", { taskToken: task.taskToken, commands: nextCommands(task.history!) });
    }
  };
  const activityTasks = async () => {
    while (!stop.aborted) {
      const task = await poll("PollActivityTaskQueue", "a");
      if (!task) continue;
      const [input] = jsonOf(task.input) as [number];
      await ask("RespondActivityTaskCompleted", { taskToken: task.taskToken, result: jsonPayloads(input * 2) });
    }
  };
  await Promise.all([workflowTasks(), activityTasks()]);
}

function nextCommands(history: Uint8Array) {
  if (eventTypes(history).includes("ACTIVITY_TASK_COMPLETED"))
    return [
      {
        commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
        completeWorkflowExecutionCommandAttributes: { result: jsonPayloads("done") },
      },
    ];
  return [
    {
      commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
      scheduleActivityTaskCommandAttributes: {
        activityId: "double",
        activityType: { name: "Double" },
        taskQueue,
        input: jsonPayloads(21),
        startToCloseTimeout: { seconds: 10, nanos: 0 },
      },
    },
  ];
}

const start = (workflowId: string) => ({ workflowId, workflowType: { name: "T" }, taskQueue });

describe("over gRPC", () => {
  test("twenty workflows with a worker run to their ends, each with the same history, and are listed", async () => {
    const stop = new AbortController();
    const working = work(stop.signal);
    const ids = Array.from({ length: 20 }, (_, index) => `run-${index}`);
    await Promise.all(ids.map((id) => ask("StartWorkflowExecution", start(id))));
    const closings = await Promise.all(
      ids.map((workflowId) =>
        ask("GetWorkflowExecutionHistory", {
          execution: { workflowId },
          waitNewEvent: true,
          historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT,
        }),
      ),
    );
    for (const { history } of closings) assert.deepEqual(eventTypes(history), ["WORKFLOW_EXECUTION_COMPLETED"]);
    const asked = await ask("QueryWorkflow", { execution: { workflowId: "run-0" }, query: { queryType: "state" } });
    assert.deepEqual(jsonOf(asked.queryResult), ["working"]);
    stop.abort();
    await working;
    const histories = await Promise.all(
      ids.map((workflowId) => ask("GetWorkflowExecutionHistory", { execution: { workflowId } })),
    );
    for (const { history } of histories)
      assert.deepEqual(eventTypes(history), [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
      ]);
    const { count } = await ask("CountWorkflowExecutions", { query: "ExecutionStatus = 'Completed'" });
    assert.equal(count, 20);
  });

  test("a refusal carries its status and its detail", async () => {
    const { runId } = await ask("StartWorkflowExecution", start("twice"));
    const refused = await call("StartWorkflowExecution", start("twice"));
    assert.equal(refused.code, 6);
    assert.match(refused.text, /already running/);
    const [detail] = googleRpc.Status.decode(refused.details!).details;
    assert.match(detail!.type_url, /temporal\.api\.errordetails\.v1\.WorkflowExecutionAlreadyStartedFailure$/);
    assert.equal(errordetails.WorkflowExecutionAlreadyStartedFailure.decode(detail!.value).runId, runId);
  });

  test("a poll answers with nothing before its caller gives up, and one that was cancelled takes no task along", async () => {
    const queue = { name: "quiet" };
    const startedAtMs = Date.now();
    const empty = await ask("PollWorkflowTaskQueue", { taskQueue: queue }, 2_500);
    const heldMs = Date.now() - startedAtMs;
    assert.equal(empty.taskToken.length, 0);
    assert.ok(heldMs > 1_000, `held for ${heldMs} ms`);
    const { path, request } = methods.PollWorkflowTaskQueue;
    const roundTrip = () => ask("GetSystemInfo", {});
    for (let round = 0; round < 10; round++) {
      const own = { name: `cancelled-${round}` };
      const bytes = request.encode({ namespace: "default", taskQueue: own });
      const cancelled = client.ask(path, bytes, { deadlineMs: Date.now() + 10_000 });
      // What was sent before a round trip on the same connection has been heard after it.
      await roundTrip();
      cancelled.cancel();
      await roundTrip();
      await ask("StartWorkflowExecution", { ...start(`cancelled-${round}`), taskQueue: own });
      const task = await ask("PollWorkflowTaskQueue", { taskQueue: own }, 2_500);
      assert.equal(task.workflowExecution?.workflowId, `cancelled-${round}`);
    }
  });

  test("workers that are replaced while there is work: each activity is handed out once, to the worker that goes or to an heir", async () => {
    const own = { taskQueue: { name: "replaced" } };
    const polls: Promise<ResponseOf<"PollActivityTaskQueue">>[] = [];
    const activityIds: string[] = [];
    for (let round = 0; round < 8; round++) {
      const workerInstanceKey = `replaced-${round}`;
      for (let at = 0; at < 4; at++) polls.push(ask("PollActivityTaskQueue", { ...own, workerInstanceKey }, 60_000));
      const begun = [1, 2, 3].map((at) => `${workerInstanceKey}-${at}`);
      const activity = { ...own, activityType: { name: "A" }, startToCloseTimeout: { seconds: 600, nanos: 0 } };
      const start = (activityId: string) => ask("StartActivityExecution", { activityId, ...activity });
      activityIds.push(...begun);
      const [first, ...others] = begun;
      await start(first!);
      // Some of the starts are under way when the worker goes.
      await Promise.all([...others.map(start), ask("ShutdownWorker", { workerInstanceKey })]);
    }
    const tasks = (await Promise.all(polls)).filter(({ taskToken }) => taskToken.length > 0);
    const byGone = tasks.length;
    while (tasks.length < activityIds.length) {
      const task = await ask("PollActivityTaskQueue", own, 10_000);
      assert.ok(task.taskToken.length > 0, `${activityIds.length - tasks.length} are lost`);
      tasks.push(task);
    }
    assert.ok(byGone > 0, "some were handed out to workers that went");
    assert.deepEqual(tasks.map(({ activityId }) => activityId).sort(), activityIds.sort());
    assert.ok(tasks.every(({ attempt }) => attempt === 1));
  });
});
