/** `pawl schedule …`: workflows that are started again and again. */
import { enums, type schedule, toDuration, toTimestamp } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import {
  choice,
  integer,
  list,
  onOff,
  required,
  requiredTime,
  span,
  text,
  time,
  type Values,
} from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { Failure } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { parseSpan } from "../output/span.ts";
import { payloadMap } from "../payload.ts";
import { calendarsText, intervalsText } from "../schedule-text.ts";
import type { Session } from "../session.ts";
import { onePage, pagesOf } from "./pages.ts";
import { enumValue, optionalDuration, workflowAction, workflowActionFlags } from "./workflow-start.ts";

const scheduleId = required("id", "the schedule", { short: "s" });
const overlapPolicy = choice(
  ["Skip", "BufferOne", "BufferAll", "CancelOther", "TerminateOther", "AllowAll"],
  "when the workflow before still runs; default: Skip",
);

const contentFlags = {
  scheduleId,
  ...workflowActionFlags,
  workflowId: text("id", "the workflows' id, to which the time is added; default: the schedule's", { short: "w" }),
  calendar: list("json", `times, such as '{"dayOfWeek": "Fri", "hour": "17", "minute": "5"}'`),
  interval: list("span", "again after this span, such as 90m, or 60m/15m with an offset"),
  cron: list("text", "times as a cron string"),
  jitter: span("each time is put off by up to this"),
  timeZone: text("name", "of calendars, such as Europe/Berlin; default: UTC"),
  startTime: time("not before"),
  endTime: time("not after"),
  catchupWindow: span("how long after its time a missed start is made up for"),
  overlapPolicy,
  pauseOnFailure: onOff("pause when a workflow fails"),
  remainingActions: integer("count", "start no more than these"),
  notes: text("words", "for people"),
  paused: onOff("paused from the beginning"),
};

const createFlags = {
  ...contentFlags,
  scheduleMemo: list("KEY=JSON", "kept with the schedule"),
  scheduleSearchAttribute: list("KEY=JSON", "a search attribute of the schedule"),
};

function contentOf(flags: Values<typeof contentFlags>) {
  const { remainingActions } = flags;
  return {
    spec: {
      calendar: flags.calendar.map(calendarOf),
      interval: flags.interval.map(intervalOf),
      cronString: flags.cron,
      jitter: optionalDuration(flags.jitter),
      timezoneName: flags.timeZone ?? "",
      startTime: flags.startTime === undefined ? undefined : toTimestamp(flags.startTime),
      endTime: flags.endTime === undefined ? undefined : toTimestamp(flags.endTime),
    },
    action: { startWorkflow: { ...workflowAction(flags), workflowId: flags.workflowId ?? flags.scheduleId } },
    policies: {
      overlapPolicy: enumValue(enums.ScheduleOverlapPolicy, flags.overlapPolicy),
      catchupWindow: optionalDuration(flags.catchupWindow),
      pauseOnFailure: flags.pauseOnFailure,
    },
    state: {
      ...{ notes: flags.notes ?? "", paused: flags.paused },
      ...{
        limitedActions: remainingActions !== undefined && remainingActions > 0,
        remainingActions: remainingActions ?? 0,
      },
    },
  };
}

const calendarKeys = ["second", "minute", "hour", "dayOfMonth", "month", "year", "dayOfWeek", "comment"];

function calendarOf(given: string): Partial<schedule.CalendarSpec> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(given);
  } catch (error) {
    throw new Failure(
      "usage",
      `--calendar is not valid JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const entries = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
  const stray = entries.find(
    ([key, value]) => !calendarKeys.includes(key) || !["string", "number"].includes(typeof value),
  );
  if (entries.length === 0 || stray)
    throw new Failure("usage", `--calendar is an object with texts for ${calendarKeys.join(", ")}, not ${given}`);
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}

function intervalOf(given: string) {
  const [interval = "", phase, ...others] = given.split("/");
  try {
    if (others.length > 0) throw new Error("there is one slash at most");
    const seconds = [interval, phase].map((each) => (each === undefined ? undefined : parseSpan(each)));
    const [every, offset] = seconds.map((each) => (each === undefined ? undefined : toDuration(each * 1_000)));
    return { interval: every, phase: offset };
  } catch {
    throw new Failure("usage", `--interval is written like 90m or 60m/15m, not ${JSON.stringify(given)}`);
  }
}

const rangeFlags = { startTime: requiredTime("from this time on"), endTime: requiredTime("up to this time") };

const listColumns: readonly Column[] = [
  { heading: "ScheduleId", path: "scheduleId" },
  { heading: "Paused", path: "info.paused", kind: "yes" },
  { heading: "Type", path: "info.workflowType.name" },
  { heading: "Next", path: "info.futureActionTimes.0", kind: "time" },
  { heading: "Last", path: "info.recentActions.last.actualTime", kind: "time" },
  { heading: "Notes", path: "info.notes" },
];

const details: readonly Column[] = [
  { heading: "Type", path: "schedule.action.startWorkflow.workflowType.name" },
  { heading: "WorkflowId", path: "schedule.action.startWorkflow.workflowId" },
  { heading: "TaskQueue", path: "schedule.action.startWorkflow.taskQueue.name" },
  { heading: "Paused", path: "schedule.state.paused", kind: "yes" },
  { heading: "Notes", path: "schedule.state.notes" },
  { heading: "Calendars", path: "schedule.spec.structuredCalendar", written: calendarsText },
  { heading: "Intervals", path: "schedule.spec.interval", written: intervalsText },
  { heading: "Except", path: "schedule.spec.excludeStructuredCalendar", written: calendarsText },
  { heading: "From", path: "schedule.spec.startTime", kind: "time" },
  { heading: "Until", path: "schedule.spec.endTime", kind: "time" },
  { heading: "Jitter", path: "schedule.spec.jitter", kind: "duration" },
  { heading: "TimeZone", path: "schedule.spec.timezoneName" },
  { heading: "Overlap", path: "schedule.policies.overlapPolicy", prefix: "SCHEDULE_OVERLAP_POLICY_" },
  { heading: "CatchupWindow", path: "schedule.policies.catchupWindow", kind: "duration" },
  { heading: "RemainingActions", path: "schedule.state.remainingActions" },
  { heading: "Started", path: "info.actionCount" },
  { heading: "Missed", path: "info.missedCatchupWindow" },
  { heading: "Skipped", path: "info.overlapSkipped" },
  { heading: "Running", path: "info.runningWorkflows", written: idsText },
  { heading: "Next", path: "info.futureActionTimes", kind: "time" },
  { heading: "CreateTime", path: "info.createTime", kind: "time" },
  { heading: "SearchAttributes", path: "searchAttributes.indexedFields", kind: "payloads" },
  { heading: "Memo", path: "memo.fields", kind: "payloads" },
];

function idsText(executions: unknown): string {
  return (executions as readonly { readonly workflowId: string }[]).map(({ workflowId }) => workflowId).join(", ");
}

const views: readonly Definition[] = [
  define({
    path: "schedule list",
    summary: "List schedules",
    flags: { query: text("filter", "which ones", { short: "q" }), ...limitFlags },
    async run(session, { query = "", ...limits }) {
      const pages = pagesOf(session, limits, {
        method: "ListSchedules",
        items: "schedules",
        isFull: true,
        request: ({ pageSize: maximumPageSize, nextPageToken }) => ({
          namespace: session.namespace,
          query,
          maximumPageSize,
          nextPageToken,
        }),
      });
      await session.output.list(listColumns, pages);
    },
  }),
  define({
    path: "schedule describe",
    summary: "Show a schedule, what it has started and what it will start next",
    flags: { scheduleId },
    argument: "scheduleId",
    async run(session, flags) {
      const answer = await session.call("DescribeSchedule", {
        namespace: session.namespace,
        scheduleId: flags.scheduleId,
      });
      session.output.thing(details, await session.json("DescribeSchedule", answer, { isFull: true }));
    },
  }),
  define({
    path: "schedule list-matching-times",
    summary: "List the times of a schedule within a span",
    flags: { scheduleId, ...rangeFlags },
    argument: "scheduleId",
    async run(session, flags) {
      const [startTime, endTime] = [flags.startTime, flags.endTime].map(toTimestamp);
      const request = { namespace: session.namespace, scheduleId: flags.scheduleId, startTime, endTime };
      const answer = await session.call("ListScheduleMatchingTimes", request);
      const json = await session.json("ListScheduleMatchingTimes", answer);
      if (session.output.format === "text")
        return session.output.list([{ heading: "Time", path: "" }], onePage(json.startTime ?? []));
      session.output.json(json);
    },
  }),
];

async function patch(
  session: Session,
  id: string,
  change: Parameters<typeof session.call<"PatchSchedule">>[1]["patch"],
) {
  const { namespace, identity } = session;
  await session.call("PatchSchedule", {
    namespace,
    identity,
    scheduleId: id,
    patch: change,
    requestId: session.requestId(),
  });
}

const changes: readonly Definition[] = [
  define({
    path: "schedule create",
    summary: "Make a schedule",
    flags: createFlags,
    examples: ["schedule create -s nightly --cron '30 2 * * *' --type Report -t reports"],
    async run(session, flags) {
      const { namespace, identity } = session;
      const memo = payloadMap(flags.scheduleMemo, "--schedule-memo");
      const attributes = payloadMap(flags.scheduleSearchAttribute, "--schedule-search-attribute");
      await session.call("CreateSchedule", {
        ...{
          namespace,
          identity,
          scheduleId: flags.scheduleId,
          schedule: contentOf(flags),
          requestId: session.requestId(),
        },
        memo: memo && { fields: memo },
        searchAttributes: attributes && { indexedFields: attributes },
      });
      session.output.json({ scheduleId: flags.scheduleId });
      session.output.say(`Made schedule ${flags.scheduleId}`);
    },
  }),
  define({
    path: "schedule update",
    summary: "Put another content into a schedule",
    details: "What is not said anew goes back to its default, except whether it is paused and its notes.",
    flags: contentFlags,
    async run(session, flags) {
      const { namespace, identity } = session;
      const before = await session.call("DescribeSchedule", { namespace, scheduleId: flags.scheduleId });
      const content = contentOf(flags);
      const state = before.schedule?.state;
      const kept = { notes: flags.notes ?? state?.notes ?? "", paused: flags.paused || (state?.paused ?? false) };
      await session.call("UpdateSchedule", {
        ...{ namespace, identity, scheduleId: flags.scheduleId, requestId: session.requestId() },
        ...{ schedule: { ...content, state: { ...content.state, ...kept } }, conflictToken: before.conflictToken },
      });
      session.output.say(`Changed schedule ${flags.scheduleId}`);
    },
  }),
  define({
    path: "schedule toggle",
    summary: "Pause a schedule or let it go on",
    flags: {
      scheduleId,
      pause: onOff("pause it"),
      unpause: onOff("let it go on"),
      reason: text("words", "why; it becomes its notes"),
    },
    argument: "scheduleId",
    async run(session, { pause, unpause, reason = "(no reason provided)", ...flags }) {
      if (pause === unpause) throw new Failure("usage", "say which: --pause or --unpause");
      await patch(session, flags.scheduleId, pause ? { pause: reason } : { unpause: reason });
      session.output.say(`${pause ? "Paused" : "Unpaused"} schedule ${flags.scheduleId}`);
    },
  }),
  define({
    path: "schedule trigger",
    summary: "Start a schedule's workflow now",
    flags: { scheduleId, overlapPolicy },
    argument: "scheduleId",
    async run(session, flags) {
      const policy = enumValue(enums.ScheduleOverlapPolicy, flags.overlapPolicy);
      await patch(session, flags.scheduleId, { triggerImmediately: { overlapPolicy: policy } });
      session.output.say(`Triggered schedule ${flags.scheduleId}`);
    },
  }),
  define({
    path: "schedule backfill",
    summary: "Start what a schedule would have started within a span that is over",
    flags: { scheduleId, ...rangeFlags, overlapPolicy },
    argument: "scheduleId",
    async run(session, flags) {
      const policy = enumValue(enums.ScheduleOverlapPolicy, flags.overlapPolicy);
      const [startTime, endTime] = [toTimestamp(flags.startTime), toTimestamp(flags.endTime)];
      await patch(session, flags.scheduleId, { backfillRequest: [{ startTime, endTime, overlapPolicy: policy }] });
      session.output.say(`Backfilling schedule ${flags.scheduleId}`);
    },
  }),
  define({
    path: "schedule delete",
    summary: "Delete a schedule; what it has started goes on",
    flags: { scheduleId },
    argument: "scheduleId",
    async run(session, flags) {
      const { namespace, identity } = session;
      await session.call("DeleteSchedule", { namespace, identity, scheduleId: flags.scheduleId });
      session.output.say(`Deleted schedule ${flags.scheduleId}`);
    },
  }),
];

export const scheduleCommands: readonly Definition[] = [...views, ...changes];
