/** What a schedule is made of, as its user writes it and as a description of it says it back. */
import type { workflowservice } from "@pawl/protocol";
import type { Duration } from "../value/duration.ts";
import type { Workflow } from "../value/options.ts";
import type { SearchAttributePair, SearchAttributes, TypedSearchAttributes } from "../value/search-attributes.ts";
import type { WorkflowStartOptions } from "./workflow-options.ts";

/** January first: the index is the month's number on the wire less one. */
export const MONTHS = [
  ...(["JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE"] as const),
  ...(["JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"] as const),
] as const;
/** In a {@link CalendarSpec}, in place of a number. */
export type Month = (typeof MONTHS)[number];

/** Sunday first, as cron counts them: the index is the day's number on the wire. */
export const DAYS_OF_WEEK = [
  ...(["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"] as const),
] as const;
/** In a {@link CalendarSpec}, in place of a number. */
export type DayOfWeek = (typeof DAYS_OF_WEEK)[number];

/** What to do when an action falls due while the one before still runs. */
export const ScheduleOverlapPolicy = {
  SKIP: "SKIP",
  BUFFER_ONE: "BUFFER_ONE",
  BUFFER_ALL: "BUFFER_ALL",
  CANCEL_OTHER: "CANCEL_OTHER",
  TERMINATE_OTHER: "TERMINATE_OTHER",
  ALLOW_ALL: "ALLOW_ALL",
} as const;
export type ScheduleOverlapPolicy = (typeof ScheduleOverlapPolicy)[keyof typeof ScheduleOverlapPolicy];

/** Every `step`-th from `start` on, until `end`. */
export interface Range<Unit> {
  start: Unit;
  /** Included. */
  end: Unit;
  step: number;
}
/** A range as users write it: a single value is itself alone. Default of `end`: `start`; of `step`: 1. */
export type LooseRange<Unit> = Range<Unit> | { start: Unit; end?: Unit; step?: number } | Unit;
/** One range, several, or `"*"` for all values. */
export type CalendarField<Unit> = LooseRange<Unit> | LooseRange<Unit>[] | "*";

/** Times of which each field matches. */
export interface CalendarSpec {
  /** Default: 0, as for minute and hour. */
  second?: CalendarField<number>;
  minute?: CalendarField<number>;
  hour?: CalendarField<number>;
  /** Default: `"*"`, as for month, year and day of the week. */
  dayOfMonth?: CalendarField<number>;
  month?: CalendarField<Month>;
  year?: CalendarField<number>;
  dayOfWeek?: CalendarField<DayOfWeek>;
  comment?: string;
}

/** A {@link CalendarSpec} as the server says it back: every field as ranges, none left to a default. */
export interface CalendarSpecDescription {
  second: Range<number>[];
  minute: Range<number>[];
  hour: Range<number>[];
  dayOfMonth: Range<number>[];
  month: Range<Month>[];
  year: Range<number>[];
  dayOfWeek: Range<DayOfWeek>[];
  comment?: string | undefined;
}

/** Times that are `offset` after a multiple of `every` since the epoch. */
export interface IntervalSpec {
  every: Duration;
  offset?: Duration;
}

/** An {@link IntervalSpec} as the server says it back. */
export interface IntervalSpecDescription {
  /** Milliseconds. */
  every: number;
  offset: number;
}

/** When a schedule acts: at every time that one of `calendars`, `intervals` and `cronExpressions` names, between `startAt` and `endAt`. */
export interface ScheduleSpec {
  calendars?: CalendarSpec[];
  intervals?: IntervalSpec[];
  cronExpressions?: string[];
  /** Times that match are left out. */
  skip?: CalendarSpec[];
  startAt?: Date;
  endAt?: Date;
  /** Each time is put off by a random part of this. */
  jitter?: Duration;
  /** A name of the tz database. Default: UTC. */
  timezone?: string;
}

/** A {@link ScheduleSpec} as the server says it back: cron expressions have become calendars and intervals. */
export interface ScheduleSpecDescription {
  calendars?: CalendarSpecDescription[] | undefined;
  intervals?: IntervalSpecDescription[] | undefined;
  skip?: CalendarSpecDescription[] | undefined;
  startAt?: Date | undefined;
  endAt?: Date | undefined;
  /** Milliseconds. */
  jitter?: number | undefined;
  timezone?: string | undefined;
}

type ActionOptions<W extends Workflow> = Pick<
  WorkflowStartOptions<W>,
  | ("taskQueue" | "args" | "memo" | "searchAttributes" | "typedSearchAttributes" | "retry" | "priority")
  | ("workflowExecutionTimeout" | "workflowRunTimeout" | "workflowTaskTimeout" | "staticDetails" | "staticSummary")
>;

/** Which workflow a schedule starts, and how. */
export type ScheduleOptionsStartWorkflowAction<W extends Workflow> = {
  type: "startWorkflow";
  workflowType: string | W;
  /** The time of the action is appended. Default: the schedule's id with `-workflow`. */
  workflowId?: string;
} & ActionOptions<W>;
/** What a schedule does when it is time. There is one kind of action. */
export type ScheduleOptionsAction = ScheduleOptionsStartWorkflowAction<Workflow>;

/** Acts for all times between `start` and `end` as if they were now. Default of `overlap`: the schedule's own policy. */
export interface Backfill {
  start: Date;
  end: Date;
  overlap?: ScheduleOverlapPolicy;
}

/** What a schedule is created with. */
export interface ScheduleOptions<A = ScheduleOptionsAction> {
  scheduleId: string;
  spec: ScheduleSpec;
  action: A;
  policies?: {
    /** Default: `SKIP`. */
    overlap?: ScheduleOverlapPolicy;
    /** Actions that were missed by more than this are not taken any more. Default: 1 year. */
    catchupWindow?: Duration;
    pauseOnFailure?: boolean;
  };
  memo?: Record<string, unknown>;
  searchAttributes?: SearchAttributes;
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
  state?: {
    paused?: boolean;
    note?: string;
    /** Default: without end. */
    remainingActions?: number;
    triggerImmediately?: boolean;
    backfill?: Backfill[];
  };
}

/**
 * What the function given to `update` returns: the whole of a schedule, so that what is left out goes, but for search attributes. A description,
 * changed, will do.
 */
export type ScheduleUpdateOptions<A = ScheduleOptionsAction> = Omit<
  ScheduleOptions<A>,
  "scheduleId" | "memo" | "state" | "policies" | "spec"
> & {
  spec: ScheduleSpec | ScheduleSpecDescription;
  policies?: ScheduleOptions["policies"];
  state?: { paused?: boolean; note?: string | undefined; remainingActions?: number | undefined };
};

/** Which workflow an action started. The run is the first of its chain. */
export interface ScheduleExecutionStartWorkflowActionResult {
  type: "startWorkflow";
  workflow: { workflowId: string; firstExecutionRunId: string };
}
/** What an action came to. There is one kind of action. */
export type ScheduleExecutionActionResult = ScheduleExecutionStartWorkflowActionResult;

/** An action that was taken. */
export interface ScheduleExecutionResult {
  /** When it fell due, jitter included. */
  scheduledAt: Date;
  takenAt: Date;
  action: ScheduleExecutionActionResult;
}

/** What lists say of an action: without arguments and options. */
export interface ScheduleSummaryStartWorkflowAction {
  type: "startWorkflow";
  workflowType: string;
}
/** The action in a row of a list. There is one kind. */
export type ScheduleSummaryAction = ScheduleSummaryStartWorkflowAction;

/** What a description says of an action, with its arguments decoded. */
export type ScheduleDescriptionStartWorkflowAction = ScheduleOptionsAction & {
  workflowType: string;
  workflowId: string;
  args: unknown[];
};
/** The action of a description. There is one kind. */
export type ScheduleDescriptionAction = ScheduleDescriptionStartWorkflowAction;

/** A row of a list of schedules. The server may be a moment behind: `describe` of a handle is not. */
export interface ScheduleSummary {
  scheduleId: string;
  spec?: ScheduleSpecDescription | undefined;
  action?: ScheduleSummaryAction | undefined;
  memo?: Record<string, unknown> | undefined;
  searchAttributes: SearchAttributes;
  typedSearchAttributes: TypedSearchAttributes;
  state: { paused: boolean; note?: string | undefined };
  info: { recentActions: ScheduleExecutionResult[]; nextActionTimes: Date[] };
}

/** All that the server tells of one schedule. */
export interface ScheduleDescription {
  scheduleId: string;
  spec: ScheduleSpecDescription;
  /** As it can be given to an update again. */
  action: ScheduleDescriptionAction;
  /** Catch-up window in milliseconds. */
  policies: { overlap: ScheduleOverlapPolicy; catchupWindow: number; pauseOnFailure: boolean };
  memo?: Record<string, unknown> | undefined;
  searchAttributes: SearchAttributes;
  typedSearchAttributes: TypedSearchAttributes;
  state: { paused: boolean; note?: string | undefined; remainingActions?: number | undefined };
  info: {
    recentActions: ScheduleExecutionResult[];
    nextActionTimes: Date[];
    numActionsTaken: number;
    numActionsMissedCatchupWindow: number;
    numActionsSkippedOverlap: number;
    createdAt: Date;
    lastUpdatedAt: Date | undefined;
    runningActions: ScheduleExecutionActionResult[];
  };
  raw: workflowservice.DescribeScheduleResponse;
}
