/** The rules of schedules one by one: which times a spec names, what becomes of actions that overlap, what limits and changes do. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { enums, type Init, type schedule, timestampMs, toTimestamp } from "@pawl/protocol";
import { complete, payload, seconds } from "./requests.ts";
import { create, createRequest, describe, farMs, patch, remove, scheduleOf, shown } from "./schedule-play.ts";
import { type Play, type Story, story } from "./story.ts";

const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = enums.ScheduleOverlapPolicy;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** So that what is shown of the times to come is the same whenever a story is played. */
const notBefore = toTimestamp(Date.parse("2029-12-31T00:00:00Z"));

/** Never acts by itself. */
const held = { state: { paused: true } };

type Spec = Init<schedule.ScheduleSpec>;

/** A file of the time zone database: two hours ahead of UTC, three from the middle of June to the last of September at two in the morning. */
const ours = Uint8Array.from(
  Buffer.concat([
    ...[1, 2].map(() => {
      const header = Buffer.alloc(44);
      header.write("TZif2");
      header[39] = 1;
      header[43] = 4;
      return Buffer.concat([header, Buffer.from([0, 0, 28, 32, 0, 0]), Buffer.from("OUR\0")]);
    }),
    Buffer.from("\nOUR-2ORS,J166,M9.5.0\n"),
  ]),
);

/** Specs, and a stretch in which their times are asked for. */
const specs: Readonly<Record<string, readonly [spec: Spec, from: string, days: number]>> = {
  "skipped-hour": [{ cronString: ["30 2 * * *"], timezoneName: "America/New_York" }, "2030-03-09T00:00:00Z", 3],
  "repeated-hour": [{ cronString: ["30 1 * * *"], timezoneName: "America/New_York" }, "2030-11-02T00:00:00Z", 3],
  "each-half-hour-forward": [
    { cronString: ["*/30 * * * *"], timezoneName: "Europe/Berlin" },
    "2030-03-30T23:00:00Z",
    0.3,
  ],
  "each-half-hour-back": [{ cronString: ["*/30 * * * *"], timezoneName: "Europe/Berlin" }, "2030-10-26T22:00:00Z", 0.3],
  "half-hour-zone": [
    { calendar: [{ hour: "2", minute: "0" }], timezoneName: "Australia/Lord_Howe" },
    "2030-04-06T00:00:00Z",
    3,
  ],
  "weekdays-to-sunday": [{ calendar: [{ dayOfWeek: "5-7" }] }, "2030-01-01T00:00:00Z", 9],
  "sundays-twice": [{ calendar: [{ dayOfWeek: "0,7" }] }, "2030-01-01T00:00:00Z", 9],
  "without-defaults": [{ structuredCalendar: [{ hour: [{ start: 3 }] }] }, "2030-01-01T00:00:00Z", 9],
  "midnight-skipped": [{ cronString: ["@daily"], timezoneName: "America/Santiago" }, "2030-09-07T00:00:00Z", 3],
  "every-with-phase": [{ cronString: ["@every 90m/10m"] }, "2030-01-01T00:00:00Z", 0.5],
  "interval-with-phase": [
    { interval: [{ interval: seconds(5_400), phase: seconds(600) }] },
    "2030-01-01T00:10:00Z",
    0.5,
  ],
  shorthands: [{ cronString: ["@yearly", "@monthly", "@weekly"] }, "2030-01-01T00:00:00Z", 62],
  "six-fields": [{ cronString: ["0 12 1 * * 2031"] }, "2030-11-01T00:00:00Z", 100],
  "seven-fields": [{ cronString: ["15 0 12 1 * * 2031"] }, "2030-11-01T00:00:00Z", 100],
  "zone-in-line": [{ cronString: ["CRON_TZ=Asia/Tokyo 0 9 * * *"] }, "2030-01-01T00:00:00Z", 2],
  "zone-in-line-short": [{ cronString: ["TZ=Asia/Tokyo 0 9 * * 7"] }, "2030-01-01T00:00:00Z", 9],
  "day-and-weekday": [{ cronString: ["0 0 13 * FRI"] }, "2030-01-01T00:00:00Z", 365],
  "month-ends": [{ calendar: [{ dayOfMonth: "31", hour: "0" }] }, "2030-01-01T00:00:00Z", 200],
  "leap-days": [
    { structuredCalendar: [{ month: [{ start: 2 }], dayOfMonth: [{ start: 29 }] }] },
    "2030-01-01T00:00:00Z",
    4_000,
  ],
  "steps-and-lists": [{ calendar: [{ hour: "1-9/4,20", minute: "5/20" }] }, "2030-01-01T00:00:00Z", 1],
  names: [{ calendar: [{ month: "feb-Mar", dayOfWeek: "Saturday,sun" }] }, "2030-01-01T00:00:00Z", 100],
  union: [{ interval: [{ interval: seconds(7_200) }], cronString: ["0 */3 * * *"] }, "2030-01-01T00:00:00Z", 1],
  excluded: [
    {
      interval: [{ interval: seconds(3_600) }],
      excludeCalendar: [{ hour: "0-20", dayOfWeek: "*" }],
      timezoneName: "Asia/Kolkata",
    },
    "2030-01-01T00:00:00Z",
    2,
  ],
  "within-start-and-end": [
    {
      interval: [{ interval: seconds(3_600) }],
      startTime: toTimestamp(Date.parse("2030-01-01T03:00:00Z")),
      endTime: toTimestamp(Date.parse("2030-01-01T06:00:00Z")),
    },
    "2030-01-01T00:00:00Z",
    1,
  ],
  "excluded-weekends": [
    {
      interval: [{ interval: seconds(10) }],
      excludeCalendar: [{ dayOfWeek: "6,0", hour: "*", minute: "*", second: "*" }],
    },
    "2030-01-04T23:59:30Z",
    2.0005,
  ],
  "excluded-month": [
    { cronString: ["* * * * *"], excludeCalendar: [{ month: "12", hour: "*", minute: "*" }] },
    "2030-11-30T23:58:00Z",
    31.003,
  ],
  "zone-data": [
    { cronString: ["30 2 * * *"], timezoneName: "Land/Ours", timezoneData: ours },
    "2030-06-14T00:00:00Z",
    4,
  ],
  "after-the-century": [{ interval: [{ interval: seconds(86_400) }] }, "2100-12-29T00:00:00Z", 6],
  "no-times": [{}, "2030-01-01T00:00:00Z", 1],
  never: [{ calendar: [{ month: "2", dayOfMonth: "30" }] }, "2030-01-01T00:00:00Z", 1],
};

/** Ranges as they may be written, and what they are shown as. */
const written: Init<schedule.StructuredCalendarSpec>[] = [
  { hour: [{ start: 5 }] },
  { minute: [{ start: 0, end: 59 }], second: [{ start: 10, end: 20, step: 0 }] },
  { dayOfWeek: [{ start: 6 }], comment: "saturdays" },
];

export const scheduleRuleStories: readonly Story[] = [
  ...Object.entries(specs).map(([name, [spec, from, days]]) =>
    story(`schedule-times-${name}`, `the times of a spec: ${name.replaceAll("-", " ")}`, async (s) => {
      await create(s, { spec: { startTime: notBefore, ...spec }, ...held });
      await times(s, Date.parse(from), days);
      await describe(s);
      await remove(s);
    }),
  ),

  story("schedule-times-many", "a thousand times are shown at once", async (s) => {
    await create(s, { spec: { interval: [{ interval: seconds(1) }] }, ...held });
    const named = { namespace: "default", scheduleId: s.name };
    const range = { startTime: toTimestamp(farMs), endTime: toTimestamp(farMs + dayMs) };
    const { startTime } = await s.unrecorded("ListScheduleMatchingTimes", { ...named, ...range });
    s.note("count", startTime.length);
    await remove(s);
  }),

  story("schedule-ranges", "ranges are shown with their ends and steps", async (s) => {
    await create(s, { spec: { structuredCalendar: written, startTime: notBefore }, ...held });
    await describe(s);
    await remove(s);
  }),

  story("schedule-jitter", "jitter moves a time by less than itself, and not over the next", async (s) => {
    const jitters = [seconds(60), seconds(86_400)];
    for (const jitter of jitters) {
      await s.unrecorded("CreateSchedule", {
        ...createRequest(s, { spec: { interval: [{ interval: seconds(3_600) }], jitter }, ...held }),
        requestId: randomUUID(),
      });
      const named = { namespace: "default", scheduleId: s.name };
      const range = { startTime: toTimestamp(farMs - 1_000), endTime: toTimestamp(farMs + 10 * hourMs) };
      const { startTime } = await s.unrecorded("ListScheduleMatchingTimes", { ...named, ...range });
      const maxMs = Math.min(hourMs, jitter.seconds * 1_000);
      const late = startTime.slice(0, 9).map((time, at) => timestampMs(time) - farMs - at * hourMs);
      s.note("times", late.length);
      s.note(
        "within",
        late.every((ms) => ms >= 0 && ms <= maxMs),
      );
      await remove(s);
    }
  }),

  story(
    "schedule-conflict-token",
    "an update with the token of what it saw is refused once that has changed",
    async (s) => {
      await create(s, held);
      const { conflictToken: seen } = await s.unrecorded("DescribeSchedule", {
        namespace: "default",
        scheduleId: s.name,
      });
      await update(s, { conflictToken: seen });
      const named = createRequest(s, held);
      const stale = { ...{ namespace: "default", scheduleId: s.name, conflictToken: seen, requestId: randomUUID() } };
      await s.attempt("UpdateSchedule", { ...stale, schedule: { ...named.schedule, state: { notes: "stale" } } });
      await s.attempt("UpdateSchedule", { ...stale, schedule: named.schedule, conflictToken: new Uint8Array(3) });
      await describe(s);
      await update(s, {});
      await remove(s);
    },
  ),

  story("schedule-limited", "a limit is shown by the times to come, and a trigger does not use it up", async (s) => {
    await create(s, { state: { limitedActions: true, remainingActions: 2 } });
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs) } });
    await s.step([complete()]);
    await shown(s, ({ info }) => info?.actionCount === 1 && info.runningWorkflows.length === 0);
    await describe(s);
    await remove(s);
  }),

  story("schedule-used-up", "a schedule that may not act shows no times, and is triggered all the same", async (s) => {
    await create(s, { state: { limitedActions: true } });
    await describe(s);
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs) } });
    await s.step([complete()]);
    await shown(s, ({ info }) => info?.actionCount === 1 && info.runningWorkflows.length === 0);
    await describe(s);
    await remove(s);
  }),

  story("schedule-first-patch", "a schedule acts and is paused as it is made", async (s) => {
    const initialPatch = { triggerImmediately: { scheduledTime: toTimestamp(farMs) }, pause: "for now" };
    await create(s, {}, { initialPatch });
    await s.step([complete()]);
    await shown(s, ({ info }) => info?.actionCount === 1 && info.runningWorkflows.length === 0);
    await describe(s);
    await remove(s);
  }),

  story("schedule-timeout-pauses", "a workflow that times out pauses the schedule that asks for it", async (s) => {
    const startWorkflow = { ...scheduleOf(s).action!.startWorkflow!, workflowRunTimeout: seconds(1) };
    await create(s, { policies: { pauseOnFailure: true }, action: { startWorkflow } });
    await patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs) } });
    await shown(s, ({ schedule: one }) => one?.state?.paused === true);
    await describe(s);
    await remove(s);
  }),

  story(
    "schedule-keeps-attributes",
    "an update without search attributes keeps them, one with none takes them away",
    async (s) => {
      await attribute(s, "ScheduleKept");
      const searchAttributes = { indexedFields: { ScheduleKept: payload("kept") } };
      await create(s, held, { searchAttributes, memo: { fields: { m: payload("memo") } } });
      await update(s, {});
      await describe(s);
      await update(s, { searchAttributes: {} });
      await shown(s, ({ searchAttributes: left }) => left?.indexedFields["ScheduleKept"] === undefined);
      await describe(s);
      await remove(s);
    },
  ),

  overlap("skip", SKIP, [
    ({ overlapSkipped }) => overlapSkipped === 1, //
    ({ overlapSkipped }) => overlapSkipped === 2,
  ]),
  overlap("buffer-one", BUFFER_ONE, [
    ({ bufferSize }) => bufferSize === 1,
    ({ overlapSkipped, bufferSize }) => overlapSkipped === 1 && bufferSize === 1,
  ]),
  overlap("buffer-all", BUFFER_ALL, [
    ({ bufferSize }) => bufferSize === 1, //
    ({ bufferSize }) => bufferSize === 2,
  ]),

  story("schedule-overlap-allow-all", "with ALLOW_ALL none waits for another", async (s) => {
    await create(s, { policies: { overlapPolicy: ALLOW_ALL } });
    for (let count = 0; count < 3; count++) {
      await trigger(s, count);
      await shown(s, ({ info }) => info?.actionCount === count + 1);
    }
    await describe(s);
    await remove(s);
  }),

  story(
    "schedule-overlap-cancel",
    "with CANCEL_OTHER what runs is asked to end, and then the next begins",
    async (s) => {
      await create(s, { policies: { overlapPolicy: CANCEL_OTHER } });
      await trigger(s, 0);
      await s.step([]);
      await trigger(s, 1);
      const asked = await s.workflowTask();
      await s.complete(asked, [
        { commandType: enums.CommandType.CANCEL_WORKFLOW_EXECUTION, cancelWorkflowExecutionCommandAttributes: {} },
      ]);
      await s.step([complete()]);
      await shown(s, ({ info }) => info?.actionCount === 2 && info.runningWorkflows.length === 0);
      await describe(s);
      await remove(s);
    },
  ),

  story("schedule-overlap-terminate", "with TERMINATE_OTHER what runs is ended, and the next begins", async (s) => {
    await create(s, { policies: { overlapPolicy: TERMINATE_OTHER } });
    await trigger(s, 0);
    await s.step([]);
    await trigger(s, 1);
    await s.step([complete()]);
    await shown(s, ({ info }) => info?.actionCount === 2 && info.runningWorkflows.length === 0);
    await describe(s);
    await remove(s);
  }),

  story("schedule-lists", "a schedule is listed and counted by its id, its state and its attributes", async (s) => {
    await attribute(s, "ScheduleListed");
    const searchAttributes = { indexedFields: { ScheduleListed: payload(s.name) } };
    await create(s, held, { searchAttributes, memo: { fields: { m: payload("memo") } } });
    const list = (query: string) => s.unrecorded("ListSchedules", { namespace: "default", maximumPageSize: 10, query });
    const own = `ScheduleId = '${s.name}'`;
    await until(async () => (await list(`${own} AND TemporalSchedulePaused = true`)).schedules.length === 1);
    for (const query of [own, `${own} AND TemporalSchedulePaused = true`, `ScheduleListed = '${s.name}'`]) {
      await s.call("ListSchedules", { namespace: "default", maximumPageSize: 10, query });
      await s.call("CountSchedules", { namespace: "default", query });
    }
    await s.call("CountSchedules", { namespace: "default", query: `${own} AND TemporalSchedulePaused = false` });
    await s.call("CountSchedules", { namespace: "default", query: `ScheduleId STARTS_WITH '${s.name}'` });
    await s.attempt("ListSchedules", { namespace: "default", maximumPageSize: 10, query: "Nonsense = 'x'" });
    await remove(s);
  }),
];

type Seen = (info: schedule.ScheduleInfo) => boolean;

/** Three triggers of which the second and third find the first running; `seen` after each. The reference server forgets a trigger that comes right after another. */
function overlap(name: string, overlapPolicy: enums.ScheduleOverlapPolicy, seen: readonly Seen[]): Story {
  return story(`schedule-overlap-${name}`, `actions that overlap: ${name}`, async (s) => {
    await create(s, { policies: { overlapPolicy } });
    await trigger(s, 0);
    const first = await s.workflowTask();
    await shown(s, ({ info }) => info?.actionCount === 1);
    for (const [at, isSo] of seen.entries()) {
      await trigger(s, at + 1);
      await shown(s, ({ info }) => info !== undefined && isSo(info));
    }
    await describe(s);
    await s.complete(first, [complete()]);
    for (let left = overlapPolicy === BUFFER_ALL ? 2 : overlapPolicy === BUFFER_ONE ? 1 : 0; left > 0; left--)
      await s.step([complete()]);
    await shown(s, ({ info }) => info?.runningWorkflows.length === 0 && info.bufferSize === 0);
    await describe(s);
    await remove(s);
  });
}

function trigger(s: Play, at: number): Promise<unknown> {
  return patch(s, { triggerImmediately: { scheduledTime: toTimestamp(farMs + at * 1_000) } });
}

function update(s: Play, more: Parameters<typeof s.call<"UpdateSchedule">>[1]): Promise<unknown> {
  const { scheduleId, schedule: unchanged } = createRequest(s, held);
  return s.call("UpdateSchedule", {
    namespace: "default",
    scheduleId,
    schedule: unchanged,
    requestId: randomUUID(),
    ...more,
  });
}

async function times(s: Play, fromMs: number, days: number): Promise<void> {
  const { startTime } = await s.unrecorded("ListScheduleMatchingTimes", {
    ...{ namespace: "default", scheduleId: s.name },
    ...{ startTime: toTimestamp(fromMs), endTime: toTimestamp(fromMs + days * dayMs) },
  });
  s.note(
    "times",
    startTime.map((time) => new Date(timestampMs(time)).toISOString()),
  );
}

/** The reference server needs a moment until it knows of an attribute. */
async function attribute(s: Play, name: string): Promise<void> {
  const { KEYWORD } = enums.IndexedValueType;
  await s.unrecorded("AddSearchAttributes", { namespace: "default", searchAttributes: { [name]: KEYWORD } });
  const query = `${name} = 'x'`;
  await until(async () => {
    const count = s.unrecorded("CountWorkflowExecutions", { namespace: "default", query });
    return count.then(
      () => true,
      () => false,
    );
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await isSo()) return;
    await delay(50);
  }
  throw new Error("the list did not become what the story wants");
}
