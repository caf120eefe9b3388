/** A schedule's times, as messages and back. */
import { type Init, type schedule, timestampMs, toTimestamp } from "@pawl/protocol";
import { msOptionalToNumber, msToNumber } from "../value/duration.ts";
import { wireDuration, wireDurationMs } from "../value/wire.ts";
import {
  type CalendarField,
  type CalendarSpec,
  type CalendarSpecDescription,
  DAYS_OF_WEEK,
  type LooseRange,
  MONTHS,
  type Range,
  type ScheduleSpec,
  type ScheduleSpecDescription,
} from "./schedule-options.ts";

type WireCalendar = Init<schedule.StructuredCalendarSpec>;
type WireRange = Init<schedule.Range>;

interface Field {
  readonly least: number;
  readonly most: number;
  readonly isAllByDefault: boolean;
  /** Names in place of numbers; the first stands for `least`. */
  readonly names?: readonly string[];
}

const fields = {
  second: { least: 0, most: 59, isAllByDefault: false },
  minute: { least: 0, most: 59, isAllByDefault: false },
  hour: { least: 0, most: 23, isAllByDefault: false },
  dayOfMonth: { least: 1, most: 31, isAllByDefault: true },
  month: { least: 1, most: 12, isAllByDefault: true, names: MONTHS },
  year: { least: 2_000, most: 2_100, isAllByDefault: true },
  dayOfWeek: { least: 0, most: 6, isAllByDefault: true, names: DAYS_OF_WEEK },
} as const satisfies Record<keyof Omit<CalendarSpecDescription, "comment">, Field>;

type FieldName = keyof typeof fields;

/** Throws `TypeError` naming the field at fault. */
export function encodeSpec(spec: ScheduleSpec | ScheduleSpecDescription): Init<schedule.ScheduleSpec> {
  const { calendars = [], intervals = [], skip = [], startAt, endAt, jitter, timezone = "" } = spec;
  return {
    structuredCalendar: calendars.map((each) => encodeCalendar(each as CalendarSpec, "spec.calendars")),
    excludeStructuredCalendar: skip.map((each) => encodeCalendar(each as CalendarSpec, "spec.skip")),
    interval: intervals.map(({ every, offset }) => ({
      interval: wireDuration(msToNumber(every, "spec.intervals.every")),
      phase: wireDuration(msOptionalToNumber(offset, "spec.intervals.offset")),
    })),
    cronString: "cronExpressions" in spec ? (spec.cronExpressions ?? []) : [],
    startTime: startAt && toTimestamp(startAt.getTime()),
    endTime: endAt && toTimestamp(endAt.getTime()),
    jitter: wireDuration(msOptionalToNumber(jitter, "spec.jitter")),
    timezoneName: timezone,
  };
}

/** Cron expressions come back as calendars and intervals: the server keeps no others. */
export function decodeSpec(spec: schedule.ScheduleSpec | undefined): ScheduleSpecDescription {
  if (!spec) return {};
  return {
    calendars: spec.structuredCalendar.map(decodeCalendar),
    intervals: spec.interval.map(({ interval, phase }) => {
      return { every: wireDurationMs(interval) ?? 0, offset: wireDurationMs(phase) ?? 0 };
    }),
    skip: spec.excludeStructuredCalendar.map(decodeCalendar),
    startAt: spec.startTime && new Date(timestampMs(spec.startTime)),
    endAt: spec.endTime && new Date(timestampMs(spec.endTime)),
    jitter: wireDurationMs(spec.jitter),
    timezone: spec.timezoneName || undefined,
  };
}

function encodeCalendar(calendar: CalendarSpec, where: string): WireCalendar {
  const ranges = Object.entries(fields).map(([name, field]) => {
    const given = calendar[name as FieldName] as CalendarField<number | string> | undefined;
    return [name, encodeField(given, field, `${where}.${name}`)];
  });
  return { ...(Object.fromEntries(ranges) as WireCalendar), comment: calendar.comment ?? "" };
}

function encodeField(given: CalendarField<number | string> | undefined, field: Field, where: string): WireRange[] {
  const { least, most, isAllByDefault } = field;
  // All years are all that have no range of their own.
  const all = where.endsWith(".year") ? [] : [{ start: least, end: most, step: 1 }];
  if (given === undefined) return isAllByDefault ? all : [{ start: least, end: least, step: 1 }];
  if (given === "*") return all;
  const ranges = (Array.isArray(given) ? given : [given]) as LooseRange<number | string>[];
  return ranges.map((range) => encodeRange(range, field, where));
}

function encodeRange(range: LooseRange<number | string>, field: Field, where: string): WireRange {
  if (typeof range !== "object") {
    const only = numberOf(range, field, where);
    return { start: only, end: only, step: 1 };
  }
  const start = numberOf(range.start, field, where);
  const end = range.end === undefined ? start : numberOf(range.end, field, where);
  const { step = 1 } = range;
  if (end < start) throw new TypeError(`${where}: the range from ${range.start} to ${range.end} is empty`);
  if (!(Number.isInteger(step) && step >= 1))
    throw new TypeError(`${where}: step must be a whole number of at least 1`);
  return { start, end, step };
}

function numberOf(value: number | string, { least, most, names }: Field, where: string): number {
  const number = typeof value === "string" && names ? names.indexOf(value) + least : value;
  const isNamed = typeof value !== "string" || names?.includes(value);
  if (isNamed && typeof number === "number" && Number.isInteger(number) && number >= least && number <= most) {
    return number;
  }
  throw new TypeError(
    `${where}: ${JSON.stringify(value)} is none of ${names ? names.join(", ") : `${least} to ${most}`}`,
  );
}

function decodeCalendar(calendar: schedule.StructuredCalendarSpec): CalendarSpecDescription {
  const ranges = Object.entries(fields).map(([name, { names, least }]: [string, Field]) => {
    const named = (value: number) => (names ? names[value - least] : value);
    return [
      name,
      // On the wire an end before the start and a step of zero stand for one value and a step of one.
      calendar[name as FieldName].map(({ start, end, step }) => ({
        ...{ start: named(start), end: named(Math.max(start, end)), step: step || 1 },
      })),
    ];
  });
  const described = Object.fromEntries(ranges) as Record<FieldName, Range<never>[]>;
  return { ...described, comment: calendar.comment || undefined };
}
