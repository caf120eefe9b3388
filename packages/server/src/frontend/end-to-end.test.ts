/** One workflow through all handlers: what a worker and a client of the official SDKs do, without the network between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums } from "@pawl/protocol";
import { eventTypes, InProcess, jsonOf, jsonPayloads, taskQueue } from "./in-process.ts";

const { CommandType, HistoryEventFilterType } = enums;

test("a workflow with one activity runs from start to close, and its waiting client gets the closing event alone", async () => {
  await using server = await InProcess.open();
  const start = { workflowId: "w", workflowType: { name: "T" }, taskQueue, input: jsonPayloads("in") };
  const started = await server.ask("StartWorkflowExecution", start);
  assert.equal(started.started, true);
  const task = await server.ask("PollWorkflowTaskQueue", { taskQueue, identity: "worker" });
  assert.deepEqual(eventTypes(task.history ?? new Uint8Array(0)), [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
  ]);
  const schedule = {
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId: "a",
      activityType: { name: "A" },
      taskQueue,
      input: jsonPayloads(1),
      startToCloseTimeout: { seconds: 10, nanos: 0 },
    },
  };
  await server.ask("RespondWorkflowTaskCompleted", { taskToken: task.taskToken, commands: [schedule] });
  const activity = await server.ask("PollActivityTaskQueue", { taskQueue, identity: "worker" });
  assert.equal(activity.activityId, "a");
  assert.deepEqual(jsonOf(activity.input), [1]);
  await server.ask("RespondActivityTaskCompleted", { taskToken: activity.taskToken, result: jsonPayloads(2) });
  const second = await server.ask("PollWorkflowTaskQueue", { taskQueue, identity: "worker" });
  const closing = server.ask("GetWorkflowExecutionHistory", {
    execution: { workflowId: "w" },
    waitNewEvent: true,
    historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT,
  });
  const complete = {
    commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
    completeWorkflowExecutionCommandAttributes: { result: jsonPayloads(3) },
  };
  await server.ask("RespondWorkflowTaskCompleted", { taskToken: second.taskToken, commands: [complete] });
  const closed = await closing;
  assert.deepEqual(eventTypes(closed.history ?? new Uint8Array(0)), ["WORKFLOW_EXECUTION_COMPLETED"]);
  assert.equal(closed.nextPageToken.length, 0);
  assert.deepEqual(server.faults, []);
});
