import assert from "node:assert/strict";
import { test } from "node:test";
import { scheduleCommand } from "./command.ts";
import { newDraft, type ScheduleDraft } from "./draft.ts";

const asked = { namespace: "default", scheduleId: "s", verb: "create" } as const;

test("a schedule is one command line, with flags for what it says", () => {
  const draft: ScheduleDraft = {
    spec: {
      interval: [{ interval: "3600s", phase: "900s" }],
      calendar: [{ hour: "7", dayOfWeek: "1-5" }],
      cronString: ["0 5 * * *"],
      jitter: "60s",
    },
    action: {
      startWorkflow: { workflowType: { name: "T" }, taskQueue: { name: "q" }, workflowId: "w", input: [{ a: 1 }] },
    },
    policies: { overlapPolicy: "SCHEDULE_OVERLAP_POLICY_BUFFER_ONE", catchupWindow: "86400s", pauseOnFailure: true },
    state: { notes: "two words", paused: true },
  };
  const line =
    "--namespace default --schedule-id s --type T --task-queue q --workflow-id w --input '{\"a\":1}' --interval 1h/15m" +
    ` --calendar '{"hour":"7","dayOfWeek":"1-5"}' --cron '0 5 * * *' --jitter 1m --catchup-window 1d` +
    " --overlap-policy BufferOne --pause-on-failure --notes 'two words'";
  assert.equal(scheduleCommand(asked, draft), `pawl schedule create ${line} --paused`);
  // Whether it is paused is kept by itself.
  assert.equal(scheduleCommand({ ...asked, verb: "update" }, draft), `pawl schedule update ${line}`);
});

test("a schedule that says more than the command line can has none", () => {
  assert.notEqual(scheduleCommand(asked, newDraft), undefined);
  assert.notEqual(scheduleCommand(asked, { ...newDraft, policies: { keepOriginalWorkflowId: false } }), undefined);
  for (const more of [
    { policies: { keepOriginalWorkflowId: true } },
    { spec: { excludeCalendar: [{ hour: "1" }] } },
    { action: { startWorkflow: { retryPolicy: { maximumAttempts: 3 } } } },
  ])
    assert.equal(scheduleCommand(asked, { ...newDraft, ...more }), undefined);
});
