/**
 * Work in all states that wait for nobody's clock, and what ends it: begun on an older server, ended on today's. Run by itself it begins the work at an
 * address, which is how the files beside it were made, by the server that each is named after:
 *
 *   node tests/upgrade/unfinished.ts 127.0.0.1:7233
 */
import assert from "node:assert/strict";
import { enums, type Init, type MethodName, type RequestOf, type ResponseOf } from "@pawl/protocol";
import { call } from "../rig/call.ts";

const { CommandType } = enums;
const taskQueue = { name: "upgraded" };
const startToCloseTimeout = { seconds: 3_000_000_000, nanos: 0 };

export const workflowIds = ["in-queue", "activity-in-queue", "activity-started", "signaled"] as const;
export const standaloneId = "standalone";
export const closedId = "closed";

function ask<N extends MethodName>(address: string, name: N, request: object): Promise<ResponseOf<N>> {
  return call(address, name, { namespace: "default", ...request } as object as Init<RequestOf<N>>);
}

/** One workflow for each of the ids, an activity without a workflow, and a workflow that has ended. */
export async function begin(address: string): Promise<void> {
  // Nothing of it ends by the clock: tests are run at any time.
  const workflowExecutionRetentionTtl = { seconds: 3_000_000_000, nanos: 0 };
  await ask(address, "UpdateNamespace", { config: { workflowExecutionRetentionTtl } });
  const start = (workflowId: string) =>
    ask(address, "StartWorkflowExecution", {
      ...{ workflowId, workflowType: { name: "T" }, taskQueue, identity: "upgrade" },
      memo: { fields: { why: { metadata: {}, data: Buffer.from("kept") } } },
    });
  for (const workflowId of ["activity-started", "activity-in-queue"]) {
    await start(workflowId);
    await completeNext(address, workflowId, [activityCommand(workflowId)]);
    if (workflowId === "activity-started")
      await ask(address, "PollActivityTaskQueue", { taskQueue, identity: "older" });
  }
  await start(closedId);
  await completeNext(address, closedId, [completeCommand]);
  await start("signaled");
  await completeNext(address, "signaled", []);
  const workflowExecution = { workflowId: "signaled" };
  await ask(address, "SignalWorkflowExecution", { workflowExecution, signalName: "s", identity: "upgrade" });
  await start("in-queue");
  const activity = { activityId: standaloneId, activityType: { name: "A" }, taskQueue, startToCloseTimeout };
  await ask(address, "StartActivityExecution", activity);
}

/** Ends all of it, as a worker would. */
export async function end(address: string): Promise<void> {
  const started = { workflowId: "activity-started", activityId: "activity-started", identity: "newer" };
  await ask(address, "RespondActivityTaskCompletedById", started);
  const activityIds = new Set(["activity-in-queue", standaloneId]);
  while (activityIds.size > 0) {
    const { taskToken, activityId, attempt } = await ask(address, "PollActivityTaskQueue", {
      taskQueue,
      identity: "newer",
    });
    assert.ok(activityIds.delete(activityId), `${activityId} comes once`);
    assert.equal(attempt, 1);
    await ask(address, "RespondActivityTaskCompleted", { taskToken, identity: "newer" });
  }
  const left = new Set<string>(workflowIds);
  while (left.size > 0) {
    const polled = await ask(address, "PollWorkflowTaskQueue", { taskQueue, identity: "newer" });
    const { workflowId } = polled.workflowExecution!;
    assert.ok(left.delete(workflowId), `${workflowId} comes once`);
    await ask(address, "RespondWorkflowTaskCompleted", { taskToken: polled.taskToken, commands: [completeCommand] });
  }
}

/** What a workflow was given at its start. Throws unless it has ended well. */
export async function memoOfCompleted(address: string, workflowId: string): Promise<string> {
  const { workflowExecutionInfo } = await ask(address, "DescribeWorkflowExecution", { execution: { workflowId } });
  assert.equal(workflowExecutionInfo!.status, enums.WorkflowExecutionStatus.COMPLETED, workflowId);
  return Buffer.from(workflowExecutionInfo!.memo!.fields["why"]!.data).toString();
}

export async function countOf(address: string, query: string): Promise<number> {
  return (await ask(address, "CountWorkflowExecutions", { query })).count;
}

async function completeNext(address: string, workflowId: string, commands: readonly object[]): Promise<void> {
  const { taskToken, workflowExecution } = await ask(address, "PollWorkflowTaskQueue", {
    taskQueue,
    identity: "older",
  });
  assert.equal(workflowExecution!.workflowId, workflowId);
  await ask(address, "RespondWorkflowTaskCompleted", { taskToken, commands });
}

function activityCommand(activityId: string) {
  return {
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: { activityId, activityType: { name: "A" }, taskQueue, startToCloseTimeout },
  };
}

const completeCommand = {
  commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: {},
};

if (import.meta.main) await begin(process.argv[2]!);
