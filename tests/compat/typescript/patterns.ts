/** Patterns that are made of activities: polling, sagas, people who answer, wrappers, deadlines. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import {
  type Client,
  WorkflowFailedError,
  type WorkflowHandleWithFirstExecutionRunId,
  type WorkflowStartOptions,
} from "@temporalio/client";
import { ActivityFailure, ApplicationFailure, CancelledFailure, type Workflow } from "@temporalio/common";
import proto from "@temporalio/proto";
import { type Context, count, eventsOf, eventually, instance, one, rejection, type Scenario } from "./harness.ts";
import { deeds, tokens } from "./pattern-activities.ts";
import * as workflows from "./pattern-workflows.ts";

function start<W extends Workflow>(
  context: Context,
  workflow: W,
  ...args: Parameters<W>
): Promise<WorkflowHandleWithFirstExecutionRunId<W>> {
  const { client, taskQueue } = context;
  // The compiler cannot tell what a workflow that it does not know takes.
  const options = { args, workflowId: context.newId(), taskQueue } as unknown as WorkflowStartOptions<W>;
  return client.workflow.start(workflow, options);
}

/** The cause of the activity's failure that a workflow fails with. */
async function activityCause(result: Promise<unknown>): Promise<ApplicationFailure> {
  const { cause } = await rejection(WorkflowFailedError, result);
  return instance(ApplicationFailure, instance(ActivityFailure, cause).cause);
}

async function autoHeartbeat(context: Context): Promise<void> {
  const outliving = await start(context, workflows.autoHeartbeat, 12_000);
  const cancelled = await start(context, workflows.autoHeartbeat, 60_000);
  await eventually(() => deeds.has(cancelled.workflowId), "the activity begins");
  await cancelled.cancel();
  instance(CancelledFailure, (await rejection(WorkflowFailedError, cancelled.result())).cause);
  assert.deepEqual(deeds.get(cancelled.workflowId), ["begun", "cancelled"]);
  assert.equal(await outliving.result(), "slept", "an activity that is longer than its heartbeat timeout");
}

async function deadlineAware(context: Context): Promise<void> {
  const [few, many] = await Promise.all(
    [3, 1_000].map(async (items) => (await start(context, workflows.deadlineAware, items)).result()),
  );
  assert.deepEqual(few, { done: 3, whole: true });
  assert.ok(many && many.done > 0 && many.done < 1_000 && !many.whole, `a part before the deadline: ${many?.done}`);
}

async function localActivityFallback(context: Context): Promise<void> {
  const { client, taskQueue } = context;
  // With time enough for a workflow task that no local activity is done twice.
  const order = (amount: number) =>
    client.workflow.start(workflows.processOrder, {
      args: [{ orderId: "A-7", amount }],
      workflowId: context.newId(),
      taskQueue,
      workflowTaskTimeout: "1 minute",
    });
  const [small, large, invalid] = [await order(10), await order(5_000), await order(-1)];
  assert.deepEqual(await small.result(), ["valid", "A-7 paid"]);
  assert.deepEqual(deeds.get(small.workflowId), ["validated locally", "paid"]);
  assert.deepEqual(await large.result(), ["valid after all", "A-7 paid"]);
  const thrice = Array.from({ length: 3 }, () => "validated locally");
  assert.deepEqual(deeds.get(large.workflowId), [...thrice, "validated remotely", "paid"]);
  const events = await eventsOf(large);
  assert.deepEqual([count(events, "MARKER_RECORDED"), count(events, "ACTIVITY_TASK_SCHEDULED")], [1, 2]);
  const { cause } = await rejection(WorkflowFailedError, invalid.result());
  const failure = instance(ApplicationFailure, cause instanceof ActivityFailure ? cause.cause : cause);
  assert.equal(failure.type, "InvalidOrder");
  assert.deepEqual(deeds.get(invalid.workflowId), ["validated locally"]);
}

/** The whole life of the process in which people decide. It knows task tokens, in hex, or a workflow's id. */
export async function answer(client: Client, decisions: readonly string[]): Promise<void> {
  for (let index = 0; index + 1 < decisions.length; index += 2) {
    const [how, ticket = ""] = decisions.slice(index);
    const token = Buffer.from(ticket, "hex");
    if (how === "approve-by-id") {
      const activity = { workflowId: ticket, activityId: workflows.approvalId };
      await client.activity.complete(activity, { approved: true, approver: "bob" });
    } else if (how === "approve") await client.activity.complete(token, { approved: true, approver: "alice" });
    else if (how === "decline") await client.activity.complete(token, { approved: false, approver: "carol" });
    else if (how === "fail") {
      await client.activity.fail(token, ApplicationFailure.nonRetryable("Rejected by compliance"));
    } else await client.activity.reportCancellation(token, "nobody decided");
  }
}

async function humanApproval(context: Context): Promise<void> {
  const ask = () => start(context, workflows.humanApproval, "a loan");
  const [approved, byId, declined, failed, cancelled] = [
    await ask(),
    await ask(),
    await ask(),
    await ask(),
    await ask(),
  ];
  for (const { workflowId } of [approved, byId, declined, failed, cancelled]) {
    await eventually(() => tokens.has(workflowId), "the workflow asks for a decision");
  }
  await cancelled.cancel();
  const { PENDING_ACTIVITY_STATE_CANCEL_REQUESTED } = proto.temporal.api.enums.v1.PendingActivityState;
  await eventually(async () => {
    const { pendingActivities } = (await cancelled.describe()).raw;
    return pendingActivities?.[0]?.state === PENDING_ACTIVITY_STATE_CANCEL_REQUESTED;
  }, "the activity's cancellation is requested");
  const tokenOf = ({ workflowId }: { workflowId: string }) => Buffer.from(tokens.get(workflowId) ?? []).toString("hex");
  const decisions = Object.entries({
    approve: tokenOf(approved),
    "approve-by-id": byId.workflowId,
    decline: tokenOf(declined),
    fail: tokenOf(failed),
    cancel: tokenOf(cancelled),
  }).flat();
  const options = ["--address", context.address, "--namespace", context.client.options.namespace];
  const args = [join(import.meta.dirname, "main.ts"), "answer", ...decisions, ...options];
  const process = spawn(globalThis.process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  assert.deepEqual((await once(process, "exit"))[0], 0, "exit code of the process that answers");

  assert.deepEqual(await approved.result(), { approved: true, approver: "alice" });
  assert.deepEqual(await byId.result(), { approved: true, approver: "bob" });
  assert.deepEqual(await declined.result(), { approved: false, approver: "carol" });
  assert.equal((await activityCause(failed.result())).message, "Rejected by compliance");
  instance(CancelledFailure, (await rejection(WorkflowFailedError, cancelled.result())).cause);
  const { activityTaskCanceledEventAttributes } = one(await eventsOf(cancelled), "ACTIVITY_TASK_CANCELED");
  const [details] = activityTaskCanceledEventAttributes?.details?.payloads ?? [];
  assert.equal(Buffer.from(details?.data ?? []).toString(), '"nobody decided"');
  assert.deepEqual(deeds.get(approved.workflowId), ["asked for a loan", "did a loan"]);
  assert.deepEqual(deeds.get(declined.workflowId), ["asked for a loan"]);
}

/** Whoever runs this approves the first, fails the second and answers a link to the third, over HTTP. */
async function approvalOverHttp(context: Context): Promise<void> {
  const ask = () => start(context, workflows.humanApproval, "a loan");
  const [approved, failed, linked] = [await ask(), await ask(), await ask()];
  const ids = [approved, failed, linked].map(({ workflowId }) => workflowId);
  await eventually(() => ids.every((id) => tokens.has(id)), "every workflow asks for a decision");
  await context.announce(ids.map((id) => tokens.get(id)!));
  assert.deepEqual(await approved.result(), { approved: true, approver: "alice" });
  assert.equal((await activityCause(failed.result())).message, "Rejected by compliance");
  assert.deepEqual(await linked.result(), { approved: false, approver: "bob" });
}

async function polling(context: Context): Promise<void> {
  for (const [how, polls] of [
    ["frequent", 5],
    ["infrequent", 4],
    ["periodic", 5],
  ] as const) {
    const handle = await start(context, workflows.polling, how);
    assert.equal(await handle.result(), "ready", how);
    const polled = deeds.get(how === "periodic" ? `${handle.workflowId}-child` : handle.workflowId);
    assert.equal(polled?.length, polls, how);
  }
}

async function saga(context: Context): Promise<void> {
  const handle = await start(context, workflows.saga);
  assert.equal((await activityCause(handle.result())).type, "SoldOut");
  assert.deepEqual(deeds.get(handle.workflowId), [
    ...["book flight", "book hotel", "book car"],
    ...["cancel hotel", "cancel hotel", "cancel flight", "cancel flight"],
  ]);
}

async function errorClassification(context: Context): Promise<void> {
  const limited = await start(context, workflows.classified, "rate limited");
  const invalid = await start(context, workflows.classified, "invalid");
  const unknown = await start(context, workflows.classified, "unknown");
  assert.deepEqual(await limited.result(), { found: true });
  assert.equal(deeds.get(limited.workflowId)?.length, 3, "calls until the limit lets one through");
  assert.equal((await activityCause(invalid.result())).message, "Invalid input: no id");
  assert.equal(deeds.get(invalid.workflowId)?.length, 1, "calls with invalid input");
  assert.deepEqual(await unknown.result(), { found: false }, "what is not found is a result");
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  "auto-heartbeat": autoHeartbeat,
  "deadline-aware": deadlineAware,
  "local-activity-fallback": localActivityFallback,
  "human-approval": humanApproval,
  "approval-over-http": approvalOverHttp,
  polling,
  saga,
  "error-classification": errorClassification,
};
