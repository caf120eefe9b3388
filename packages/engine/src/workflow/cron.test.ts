import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { enums, toDuration } from "@pawl/protocol";
import { cronProblem, nextCronAtMs } from "./cron.ts";
import { applicationFailure, commands, payloads, ScriptedWorkflow } from "./scripted-workflow.ts";

const at = (text: string) => Date.parse(text);

for (const [schedule, after, next] of [
  ["* * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"],
  ["0 12 * * *", "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"],
  ["0 0 1 * MON", "2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"],
  ["*/15 9-17 * * 1-5", "2026-01-02T17:45:00Z", "2026-01-05T09:00:00Z"],
  ["@daily", "2026-03-01T10:00:00Z", "2026-03-02T00:00:00Z"],
  ["@hourly", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"],
  ["@every 90s", "2026-03-01T10:00:00Z", "2026-03-01T10:01:30Z"],
  ["@every 1h30m", "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z"],
  ["CRON_TZ=Europe/Berlin 30 8 * * *", "2026-07-01T00:00:00Z", "2026-07-01T06:30:00Z"],
  ["TZ=America/New_York 0 9 * * *", "2026-01-15T00:00:00Z", "2026-01-15T14:00:00Z"],
  ["0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"],
] as const) {
  test(`after ${after}, "${schedule}" comes at ${next}`, () => {
    assert.equal(nextCronAtMs(schedule, { afterMs: at(after), notBeforeMs: at(after) }), at(next));
  });
}

test("times that were missed are skipped", () => {
  const range = { afterMs: at("2026-01-01T00:00:00Z"), notBeforeMs: at("2026-01-01T00:07:30Z") };
  assert.equal(nextCronAtMs("* * * * *", range), at("2026-01-01T00:08:00Z"));
  assert.equal(nextCronAtMs("@every 2m", range), at("2026-01-01T00:08:00Z"));
});

for (const schedule of [
  "nonsense",
  "* * * *",
  "* * * * * *",
  "61 * * * *",
  "0 0 30 2 *",
  "@every 5",
  "@every 0s",
  "@sometimes",
  "toString",
  "__proto__",
  "CRON_TZ=Nowhere/Land * * * * *",
  "* * * * MOON",
]) {
  test(`"${schedule}" is refused`, () => {
    assert.equal(cronProblem(schedule, at("2026-01-01T00:00:00Z")), "invalid CronSchedule.");
  });
}

test("a cron workflow waits for its first time, and each run is followed by the next with the last good result", () => {
  const workflow = new ScriptedWorkflow();
  workflow.nowMs = at("2026-01-01T00:00:30Z");
  const { runId: first } = workflow.start({ cronSchedule: "* * * * *", input: payloads("in") });
  const started = workflow.events()[0]!.workflowExecutionStartedEventAttributes!;
  assert.deepEqual(
    [started.firstWorkflowTaskBackoff?.seconds, started.initiator],
    [30, enums.ContinueAsNewInitiator.CRON_SCHEDULE],
  );
  assert.equal(workflow.tasks.length, 0);
  workflow.advance(30_000);
  const done = {
    commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION,
    completeWorkflowExecutionCommandAttributes: { result: payloads("good") },
  };
  workflow.complete(workflow.pollTask(), [done]);
  const second = workflow.currentRunId!;
  assert.equal(workflow.events(first).at(-1)!.workflowExecutionCompletedEventAttributes!.newExecutionRunId, second);
  workflow.advance(60_000);
  workflow.complete(workflow.pollTask(), [commands.failWorkflow(applicationFailure("bad"))]);
  const third = workflow.events()[0]!.workflowExecutionStartedEventAttributes!;
  assert.equal(Buffer.from(third.lastCompletionResult!.payloads[0]!.data).toString(), '"good"');
  assert.deepEqual(
    [third.continuedFailure?.message, third.firstExecutionRunId, third.input?.payloads.length],
    ["bad", first, 1],
  );
  workflow.advance(60_000);
  workflow.complete(workflow.pollTask(), [commands.cancelWorkflow()]);
  assert.equal(workflow.run().status.type, "closed", "a cancelled run ends the chain");
});

test("a failing cron run is retried before its schedule counts", () => {
  const workflow = new ScriptedWorkflow();
  workflow.nowMs = at("2026-01-01T00:00:00Z");
  workflow.start({ cronSchedule: "@hourly", retryPolicy: { initialInterval: toDuration(2_000), maximumAttempts: 2 } });
  workflow.advance(3_600_000);
  workflow.complete(workflow.pollTask(), [commands.failWorkflow()]);
  assert.equal(workflow.events()[0]!.workflowExecutionStartedEventAttributes!.attempt, 2);
  workflow.advance(2_000);
  workflow.complete(workflow.pollTask(), [commands.failWorkflow()]);
  const next = workflow.events()[0]!.workflowExecutionStartedEventAttributes!;
  assert.deepEqual([next.attempt, next.firstWorkflowTaskBackoff?.seconds], [1, 3_598]);
});

test("a long text that is no schedule is read once, not from each of its characters", () => {
  const range = { afterMs: 0, notBeforeMs: 0 };
  // Quadratic, it would take hours: the time is no measure, but an end to that.
  for (const text of [`@every ${"1".repeat(1_000_000)}`, `@every${" ".repeat(1_000_000)}\nx\ny`])
    assert.equal(runInNewContext("read()", { read: () => nextCronAtMs(text, range) }, { timeout: 60_000 }), undefined);
});

test("a schedule that cannot be used is refused at the start", () => {
  const workflow = new ScriptedWorkflow();
  assert.throws(() => workflow.start({ cronSchedule: "never" }), /INVALID_ARGUMENT invalid CronSchedule/);
});
