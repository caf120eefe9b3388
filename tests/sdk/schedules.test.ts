/** Schedules by their client. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CallFailed,
  Client,
  ScheduleAlreadyRunning,
  type ScheduleHandle,
  ScheduleNotFoundError,
  type ScheduleUpdateOptions,
} from "@pawl/sdk/client";
import { newId, newWorker, useTarget } from "./target.ts";
import * as workflows from "./workflows.ts";

const target = useTarget();

/** A server without schedules says so by its answer. */
async function isServed(): Promise<boolean> {
  return await target.connection.call("ListSchedules", { namespace: "default" }).then(
    () => true,
    (error) => !(error instanceof CallFailed && error.code === 12),
  );
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe("a schedule", () => {
  test("is made, described, triggered, paused, updated, listed and deleted", async (t) => {
    if (!(await isServed())) return t.skip("this server has no schedules yet");
    const { schedule } = target.client;
    const worker = await newWorker(target);
    const { taskQueue } = worker.options;
    const scheduleId = newId("schedule");
    const options = {
      scheduleId,
      spec: { calendars: [{ hour: 3, dayOfWeek: "SUNDAY" as const, comment: "at night" }], timezone: "UTC" },
      action: {
        ...{ type: "startWorkflow" as const, workflowType: workflows.greeting, taskQueue, args: ["Ada"] as [string] },
        ...{ memo: { of: "the workflow" }, retry: { maximumAttempts: 2 }, workflowRunTimeout: "1 hour" as const },
        staticSummary: "greets",
      },
      policies: { overlap: "ALLOW_ALL" as const, catchupWindow: "1 day" as const, pauseOnFailure: true },
      memo: { of: "the schedule" },
      state: { note: "new", remainingActions: 10 },
    };
    const handle = await schedule.create(options);
    await assert.rejects(schedule.create(options), ScheduleAlreadyRunning);
    const described = await handle.describe();
    assert.deepEqual(described.policies, { overlap: "ALLOW_ALL", catchupWindow: 86_400_000, pauseOnFailure: true });
    assert.deepEqual(described.memo, { of: "the schedule" });
    assert.deepEqual(described.state, { paused: false, note: "new", remainingActions: 10 });
    assert.equal(described.spec.calendars?.[0]?.comment, "at night");
    assert.deepEqual(described.spec.calendars?.[0]?.dayOfWeek, [{ start: "SUNDAY", end: "SUNDAY", step: 1 }]);
    const { action } = described;
    assert.deepEqual([action.workflowType, action.args, action.taskQueue], ["greeting", ["Ada"], taskQueue]);
    assert.deepEqual([action.memo, action.workflowRunTimeout], [{ of: "the workflow" }, 3_600_000]);
    assert.equal(action.retry?.maximumAttempts, 2);
    assert.equal(action.staticSummary, "greets");
    assert.equal(described.info.nextActionTimes[0]?.getUTCHours(), 3);
    await worker.runUntil(async () => {
      await handle.trigger();
      await until(async () => (await handle.describe()).info.recentActions.length === 1);
      const [taken] = (await handle.describe()).info.recentActions;
      const { workflowId, firstExecutionRunId } = taken!.action.workflow;
      assert.match(workflowId, new RegExp(`^${scheduleId}-workflow-`));
      assert.equal(await target.client.workflow.getHandle(workflowId, firstExecutionRunId).result(), "Hello, Ada!");
    });
    await handle.pause("enough");
    // An action that was asked for by hand is not one of those that remain.
    assert.deepEqual((await handle.describe()).state, { paused: true, note: "enough", remainingActions: 10 });
    await handle.unpause();
    await handle.update((previous): ScheduleUpdateOptions => {
      return { ...previous, spec: { intervals: [{ every: "1 day" }] }, state: { paused: true, note: "changed" } };
    });
    const changed = await handle.describe();
    assert.deepEqual(changed.spec.intervals, [{ every: 86_400_000, offset: 0 }]);
    assert.deepEqual([changed.state.paused, changed.state.note], [true, "changed"]);
    assert.equal(changed.state.remainingActions, undefined);
    assert.deepEqual([changed.action.args, changed.action.memo], [["Ada"], { of: "the workflow" }]);
    await until(async () => (await listed(scheduleId)) !== undefined);
    await handle.delete();
    for (const deed of ["describe", "delete", "pause"] as const)
      await assert.rejects(handle[deed](), ScheduleNotFoundError);
  });

  test("takes the actions of a time that has passed", async (t) => {
    if (!(await isServed())) return t.skip("this server has no schedules yet");
    const { schedule } = target.client;
    const handle: ScheduleHandle = await schedule.create({
      scheduleId: newId("schedule"),
      spec: { intervals: [{ every: "1 hour" }] },
      action: { type: "startWorkflow", workflowType: "greeting", taskQueue: newId("nobody"), args: ["x"] },
      state: { paused: true },
    });
    const end = new Date(Date.UTC(2024, 0, 1, 5));
    await handle.backfill({ start: new Date(end.getTime() - 3 * 3_600_000), end, overlap: "ALLOW_ALL" });
    await until(async () => (await handle.describe()).info.numActionsTaken >= 3);
    await handle.delete();
  });

  test("is made through the client's interceptors", async (t) => {
    if (!(await isServed())) return t.skip("this server has no schedules yet");
    const seen: string[] = [];
    const client = new Client({
      connection: target.connection,
      interceptors: {
        schedule: [
          {
            create: (input, next) => {
              seen.push(input.options.scheduleId);
              return next({ ...input, options: { ...input.options, memo: { added: true } } });
            },
          },
        ],
      },
    });
    const scheduleId = newId("schedule");
    const handle = await client.schedule.create({
      ...{ scheduleId, spec: {} },
      action: { type: "startWorkflow", workflowType: "greeting", taskQueue: "nobody", args: ["x"] },
    });
    assert.deepEqual(seen, [scheduleId]);
    assert.deepEqual((await handle.describe()).memo, { added: true });
    await handle.delete();
  });

  test("with an option that is none is refused before the server hears of it", async () => {
    const { schedule } = target.client;
    const action = { type: "startWorkflow", workflowType: "greeting", taskQueue: "q" } as const;
    for (const [options, expected] of [
      [{ spec: {}, action }, /options\.scheduleId is missing/],
      [{ scheduleId: "s", action }, /options\.spec is missing/],
      [{ scheduleId: "s", spec: {}, action: { ...action, type: "callLambda" } }, /options\.action\.type/],
      [{ scheduleId: "s", spec: {}, action: { ...action, taskQueue: "" } }, /taskQueue is missing/],
      [{ scheduleId: "s", spec: {}, action, policies: { overlap: "QUEUE" } }, /"QUEUE" is not an overlap policy/],
    ] as const) {
      await assert.rejects(schedule.create(options as never), expected);
    }
  });
});

async function listed(scheduleId: string) {
  for await (const each of target.client.schedule.list({ pageSize: 2 })) {
    if (each.scheduleId === scheduleId) return each;
  }
  return undefined;
}
