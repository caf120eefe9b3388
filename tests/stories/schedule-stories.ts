/** Schedules: as they are made, shown, changed and removed, and what they start. */

import { enums, type Init, type schedule, toTimestamp } from "@pawl/protocol";
import { applicationFailure, complete, fail, payload, seconds, text } from "./requests.ts";
import {
  actionOf,
  create,
  createRequest,
  describe,
  farMs,
  patch,
  remove,
  type Schedule,
  scheduleOf,
  shown,
} from "./schedule-play.ts";
import { type Story, story } from "./story.ts";

const Overlap = enums.ScheduleOverlapPolicy;

export const scheduleStories: readonly Story[] = [
  story(
    "schedule-describe",
    "a schedule is shown with its texts turned into structure and its defaults said",
    async (s) => {
      await create(s, {
        spec: {
          calendar: [{ hour: "12", minute: "*/15", dayOfWeek: "mon-fri", comment: "noon" }],
          cronString: ["0 9 1,15 * * 2080 # later", "@every 1h/15m", "@daily"],
          interval: [{ interval: seconds(300), phase: seconds(60) }],
          structuredCalendar: [{ hour: [{ start: 5 }], year: [{ start: 2080, end: 2090, step: 2 }] }],
          excludeCalendar: [{ hour: "3" }],
          startTime: toTimestamp(farMs),
          timezoneName: "Europe/Berlin",
        },
      });
      await describe(s);
      await remove(s);
    },
  ),

  story("schedule-policies", "the policies and the state that were given are shown", async (s) => {
    await create(
      s,
      {
        policies: { overlapPolicy: Overlap.BUFFER_ALL, catchupWindow: seconds(5), pauseOnFailure: true },
        state: { notes: "mine", paused: true, limitedActions: true, remainingActions: 7 },
      },
      { memo: { fields: { m: payload("memo") } } },
    );
    await describe(s);
    await remove(s);
  }),

  story("schedule-twice", "an id is in use until its schedule is deleted", async (s) => {
    await create(s);
    await s.attempt("CreateSchedule", { ...createRequest(s), requestId: "another" });
    await s.call("CreateSchedule", createRequest(s));
    await remove(s);
    await s.attempt("DescribeSchedule", { namespace: "default", scheduleId: s.name });
  }),

  story("schedule-unknown", "a schedule that is not there is not found", async (s) => {
    const named = { namespace: "default", scheduleId: s.name };
    await s.attempt("DescribeSchedule", named);
    await s.attempt("PatchSchedule", { ...named, patch: { pause: "x" }, requestId: "r" });
    await s.attempt("UpdateSchedule", { ...named, schedule: scheduleOf(s), requestId: "r" });
    await s.attempt("DeleteSchedule", named);
    await s.attempt("ListScheduleMatchingTimes", {
      ...named,
      startTime: toTimestamp(farMs),
      endTime: toTimestamp(farMs + 1),
    });
  }),

  story("schedule-matching-times", "the times of a range are listed, without its start", async (s) => {
    await create(s, { spec: { interval: [{ interval: seconds(3_600) }], excludeCalendar: [{ hour: "2" }] } });
    const response = await s.unrecorded("ListScheduleMatchingTimes", {
      ...{ namespace: "default", scheduleId: s.name },
      ...{ startTime: toTimestamp(farMs), endTime: toTimestamp(farMs + 4 * 3_600_000) },
    });
    s.note(
      "times",
      response.startTime.map(({ seconds: at }) => at),
    );
    await remove(s);
  }),

  story("schedule-trigger", "a triggered schedule starts a workflow, and shows how it goes", async (s) => {
    await create(s);
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs) } });
    const task = await s.workflowTask();
    await shown(s, ({ info }) => info?.recentActions.length === 1);
    await describe(s);
    await s.complete(task, [complete("first")]);
    await shown(s, ({ info }) => info?.runningWorkflows.length === 0);
    await describe(s);
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs + 1_000) } });
    await s.step([complete("second")]);
    await shown(s, ({ info }) => info?.actionCount === 2 && info.runningWorkflows.length === 0);
    await remove(s);
  }),

  story("schedule-pause", "a schedule is paused and goes on with a note each", async (s) => {
    await create(s);
    await patch(s, { pause: "stop" });
    await describe(s);
    await patch(s, { unpause: "go" });
    await describe(s);
    await remove(s);
  }),

  story("schedule-pause-on-failure", "a workflow that fails pauses the schedule that asks for it", async (s) => {
    await create(s, { policies: { pauseOnFailure: true } });
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs) } });
    await s.step([fail(applicationFailure("no luck"))]);
    await shown(s, ({ schedule: one }) => one?.state?.paused === true);
    await describe(s);
    await remove(s);
  }),

  story("schedule-action", "what the action says reaches the workflow", async (s) => {
    await create(s, {
      action: {
        startWorkflow: {
          ...actionOf(s),
          input: text("given"),
          memo: { fields: { m: payload("memo") } },
          header: { fields: { h: payload("header") } },
          workflowExecutionTimeout: seconds(300),
          workflowRunTimeout: seconds(200),
          workflowTaskTimeout: seconds(5),
          retryPolicy: { maximumAttempts: 3 },
          userMetadata: { summary: payload("summary") },
          priority: { priorityKey: 2 },
        },
      },
    });
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs) } });
    await s.step([complete()]);
    await shown(s, ({ info }) => info?.runningWorkflows.length === 0 && info.actionCount === 1);
    await remove(s);
  }),

  story("schedule-backfill", "a backfill starts a workflow for each time of its range", async (s) => {
    const startTime = toTimestamp(farMs - 3 * 3_600_000);
    await create(s, { spec: { interval: [{ interval: seconds(3_600) }], startTime, endTime: toTimestamp(farMs) } });
    const backfillRequest = [
      { startTime: toTimestamp(farMs - 2 * 3_600_000), endTime: toTimestamp(farMs), overlapPolicy: Overlap.BUFFER_ALL },
    ];
    await patch(s, { backfillRequest });
    for (let count = 0; count < 3; count++) await s.step([complete()]);
    await shown(s, ({ info }) => info?.actionCount === 3 && info.runningWorkflows.length === 0);
    await describe(s);
    await remove(s);
  }),

  story("schedule-update", "an update replaces the schedule and leaves what it has done", async (s) => {
    await create(s);
    await s.call("UpdateSchedule", {
      ...{ namespace: "default", scheduleId: s.name, requestId: "update", identity: "client" },
      schedule: { ...scheduleOf(s), state: { notes: "new", paused: true }, spec: { cronString: ["0 0 1 1 * 2080"] } },
    });
    await shown(s, ({ schedule: one }) => one?.state?.notes === "new");
    await describe(s);
    await remove(s);
  }),

  ...badSpecs(),
  ...badRequests(),
];

function badSpecs(): Story[] {
  const specs: Readonly<Record<string, Init<schedule.ScheduleSpec>>> = {
    zone: { timezoneName: "Nowhere/Land" },
    fields: { cronString: ["1 2 3"] },
    range: { cronString: ["61 * * * *"] },
    zones: { cronString: ["TZ=UTC * * * * *", "TZ=Asia/Tokyo * * * * *"] },
    hour: { calendar: [{ hour: "25" }] },
    interval: { interval: [{ interval: { nanos: 5 } }] },
    phase: { interval: [{ interval: seconds(5), phase: seconds(5) }] },
    structured: { structuredCalendar: [{ month: [{ start: 13 }] }] },
    "end-before-start": { structuredCalendar: [{ hour: [{ start: 5, end: 2 }] }] },
    end: { structuredCalendar: [{ hour: [{ start: 5, end: 24 }] }] },
    step: { structuredCalendar: [{ hour: [{ start: 5, end: 7, step: -1 }] }] },
    sunday: { structuredCalendar: [{ dayOfWeek: [{ start: 7 }] }] },
    year: { structuredCalendar: [{ year: [{ start: 1999 }] }] },
    month: { calendar: [{ month: "Febtober" }] },
    every: { cronString: ["@every soon"] },
    shorthand: { cronString: ["@fortnightly"] },
    "text-step": { calendar: [{ minute: "*/0" }] },
    "text-days": { cronString: ["0 0 * * sat-sun"] },
    "text-weekday": { calendar: [{ dayOfWeek: "8" }] },
    "text-range": { calendar: [{ hour: "9-5" }] },
    "zone-conflict": { cronString: ["TZ=UTC * * * * *"], timezoneName: "Asia/Tokyo" },
    "phase-negative": { interval: [{ interval: seconds(5), phase: { seconds: -1, nanos: 0 } }] },
    jitter: { jitter: { seconds: -1, nanos: 0 } },
    "zone-data": { timezoneData: new Uint8Array([84, 90, 105, 102, 50]) },
    "zone-data-conflict": { cronString: ["TZ=UTC * * * * *"], timezoneData: new Uint8Array([1]) },
  };
  return Object.entries(specs).map(([name, spec]) =>
    story(`schedule-bad-spec-${name}`, `a spec with a bad ${name} is refused`, async (s) => {
      await s.attempt("CreateSchedule", createRequest(s, { spec }));
    }),
  );
}

function badRequests(): Story[] {
  const startWorkflow = { workflowId: "w", workflowType: { name: "T" }, taskQueue: { name: "q" } };
  const without = (field: keyof typeof startWorkflow): Schedule => {
    const { [field]: _, ...rest } = startWorkflow;
    return { action: { startWorkflow: rest } };
  };
  const schedules: Readonly<Record<string, Schedule>> = {
    action: { action: {} },
    "workflow id": without("workflowId"),
    "workflow type": without("workflowType"),
    "task queue": without("taskQueue"),
    cron: { action: { startWorkflow: { ...startWorkflow, cronSchedule: "* * * * *" } } },
    "reuse policy": { action: { startWorkflow: { ...startWorkflow, workflowIdReusePolicy: 3 } } },
    notes: { state: { notes: "n".repeat(1_001) } },
    "retry policy": { action: { startWorkflow: { ...startWorkflow, retryPolicy: { backoffCoefficient: 0.5 } } } },
  };
  const made = Object.entries(schedules).map(([name, given]) =>
    story(`schedule-bad-${name.replaceAll(" ", "-")}`, `a schedule with a bad ${name} is refused`, async (s) => {
      await s.attempt("CreateSchedule", createRequest(s, given));
    }),
  );
  return [
    ...made,
    story("schedule-bad-id", "a schedule without an id is refused, and one with too long an id", async (s) => {
      await s.attempt("CreateSchedule", { ...createRequest(s), scheduleId: "" });
      await s.attempt("CreateSchedule", { ...createRequest(s), scheduleId: "x".repeat(1_001) });
      await s.attempt("DescribeSchedule", { namespace: "default" });
      await s.attempt("PatchSchedule", { namespace: "default", patch: { pause: "x" } });
      await s.attempt("DeleteSchedule", { namespace: "default" });
    }),
    story("schedule-bad-patch", "a patch says what it wants", async (s) => {
      await create(s);
      const named = { namespace: "default", scheduleId: s.name, requestId: "r" };
      await s.attempt("PatchSchedule", { ...named, patch: { pause: "n".repeat(1_001) } });
      await s.attempt("PatchSchedule", { ...named, patch: { unpause: "n".repeat(1_001) } });
      await s.attempt("PatchSchedule", { ...named, patch: { backfillRequest: [{ endTime: toTimestamp(farMs) }] } });
      await s.attempt("PatchSchedule", { ...named, patch: { triggerImmediately: { overlapPolicy: 77 as never } } });
      await remove(s);
    }),
  ];
}
