/** A worker that is no program: it takes one task when it is told to, and answers what it is told. */

import type { command, failure } from "@pawl/protocol";
import { type common, enums, type Init } from "@pawl/protocol";
import { call } from "../rig/call.ts";

export const namespace = "default";
export const jsonPayloads = (value: unknown): Init<common.Payloads> => ({
  payloads: [
    {
      metadata: { encoding: new TextEncoder().encode("json/plain") },
      data: new TextEncoder().encode(JSON.stringify(value)),
    },
  ],
});

/** Answers the queue's next workflow task with these commands. */
export async function answerTask(
  address: string,
  queue: string,
  commands: readonly Init<command.Command>[],
): Promise<void> {
  const taskQueue = { name: queue };
  const task = await call(
    address,
    "PollWorkflowTaskQueue",
    { namespace, taskQueue, identity: "w" },
    { timeoutMs: 20_000 },
  );
  await call(address, "RespondWorkflowTaskCompleted", {
    namespace,
    taskToken: task.taskToken,
    identity: "w",
    commands,
  });
}

export async function failTask(address: string, queue: string, message: string): Promise<void> {
  const taskQueue = { name: queue };
  const task = await call(
    address,
    "PollWorkflowTaskQueue",
    { namespace, taskQueue, identity: "w" },
    { timeoutMs: 20_000 },
  );
  const cause = enums.WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR;
  await call(address, "RespondWorkflowTaskFailed", {
    namespace,
    taskToken: task.taskToken,
    cause,
    failure: { message },
  });
}

export const complete = (result: unknown): Init<command.Command> => ({
  commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: { result: jsonPayloads(result) },
});

export const schedule = (activityId: string, queue: string): Init<command.Command> => ({
  commandType: enums.CommandType.SCHEDULE_ACTIVITY_TASK,
  scheduleActivityTaskCommandAttributes: {
    ...{ activityId, activityType: { name: "Charge" }, taskQueue: { name: queue } },
    ...{ startToCloseTimeout: { seconds: 600 }, retryPolicy: { initialInterval: { seconds: 300 } } },
  },
});

/** Takes the queue's next activity task and fails it. */
export async function failActivity(address: string, queue: string, given: Init<failure.Failure>): Promise<void> {
  const taskQueue = { name: queue };
  const task = await call(
    address,
    "PollActivityTaskQueue",
    { namespace, taskQueue, identity: "w" },
    { timeoutMs: 20_000 },
  );
  const { taskToken } = task;
  await call(address, "RespondActivityTaskFailed", { namespace, taskToken, identity: "w", failure: given });
}
