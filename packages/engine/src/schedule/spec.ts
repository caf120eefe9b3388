/**
 * When a schedule acts: the union of its calendars and intervals, without what is excluded, between its start and its end, each time moved by a
 * jitter that depends on the time and the schedule alone.
 */
import { durationMs, type Init, schedule, timestampMs, toDuration } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { Calendar, calendarProblem, calendarYears } from "./calendar.ts";
import { CalendarTextError, cronLineOf, structuredOf } from "./calendar-text.ts";
import { TimeZone } from "./time-zone.ts";

export interface ActionTime {
  /** The time that the spec names. */
  readonly nominalMs: number;
  /** When to act: the same, with jitter. */
  readonly actualMs: number;
}

interface Interval {
  readonly intervalMs: number;
  readonly phaseMs: number;
}

/** A spec that cannot be; the message says why. */
export class SpecError extends Error {}

/** Nothing happens after it, as with the reference server. */
const latestMs = Date.UTC(calendarYears.last + 1, 0, 1) - 1;

export class Spec {
  /** With all texts turned into structured calendars and intervals. */
  readonly canonical: schedule.ScheduleSpec;
  readonly #calendars: readonly Calendar[];
  readonly #excluded: readonly Calendar[];
  readonly #intervals: readonly Interval[];
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #jitterMs: number;

  /** Throws {@link SpecError}. */
  constructor(given: schedule.ScheduleSpec) {
    const canonical = canonicalOf(given);
    const zone = zoneOf(canonical);
    this.canonical = canonical;
    this.#calendars = canonical.structuredCalendar.map((each) => new Calendar(each, zone));
    this.#excluded = canonical.excludeStructuredCalendar.map((each) => new Calendar(each, zone));
    this.#intervals = canonical.interval.map(({ interval, phase }) => ({
      intervalMs: durationMs(interval),
      phaseMs: durationMs(phase),
    }));
    this.#startMs = canonical.startTime ? timestampMs(canonical.startTime) : Number.NEGATIVE_INFINITY;
    this.#endMs = canonical.endTime ? timestampMs(canonical.endTime) : Number.POSITIVE_INFINITY;
    this.#jitterMs = durationMs(canonical.jitter);
  }

  /** The first time whose nominal one is after `afterMs`; undefined when there is none. `seed`: what tells this schedule's jitter from others'. */
  next(afterMs: number, seed: string): ActionTime | undefined {
    // A start that matches itself is a match, so the search begins a second before it.
    const fromMs = Math.max(afterMs, this.#startMs - 1_000);
    if (fromMs >= latestMs) return undefined;
    let nominalMs = this.#rawNext(fromMs);
    // A spec of many rules looks at fewer times.
    const weight = Math.max(1, ruleCountOf(this.canonical) / 4);
    for (let count = 0; nominalMs !== undefined; count += weight) {
      const untilMs = this.#excludedUntil(nominalMs);
      if (untilMs <= nominalMs) break;
      if (count >= limits.excludedTimesMax || untilMs > Math.min(this.#endMs, latestMs)) return undefined;
      nominalMs = this.#rawNext(untilMs - 1);
    }
    if (nominalMs === undefined || nominalMs > Math.min(this.#endMs, latestMs)) return undefined;
    return { nominalMs, actualMs: nominalMs + this.#jitter(nominalMs, seed) };
  }

  #rawNext(afterMs: number): number | undefined {
    let earliest: number | undefined;
    const consider = (atMs: number | undefined) => {
      if (atMs !== undefined && (earliest === undefined || atMs < earliest)) earliest = atMs;
    };
    for (const calendar of this.#calendars) consider(calendar.next(afterMs));
    for (const { intervalMs, phaseMs } of this.#intervals)
      consider((Math.floor((afterMs - phaseMs) / intervalMs) + 1) * intervalMs + phaseMs);
    return earliest;
  }

  /** The moment itself, unless it is excluded. */
  #excludedUntil(atMs: number): number {
    let untilMs = atMs;
    for (const calendar of this.#excluded)
      untilMs = Math.max(untilMs, calendar.endOfMatches(atMs) ?? Number.POSITIVE_INFINITY);
    return untilMs;
  }

  /** Never as far as the next nominal time. */
  #jitter(nominalMs: number, seed: string): number {
    if (this.#jitterMs === 0) return 0;
    const following = this.#rawNext(nominalMs);
    const maxMs = following === undefined ? this.#jitterMs : Math.min(this.#jitterMs, following - nominalMs);
    return Math.floor(fraction(`${nominalMs}/${seed}`) * maxMs);
  }
}

/** Calendars and intervals, with those that are excluded. */
export function ruleCountOf({
  structuredCalendar,
  interval,
  excludeStructuredCalendar,
}: schedule.ScheduleSpec): number {
  return structuredCalendar.length + interval.length + excludeStructuredCalendar.length;
}

/** A number in [0, 1) that depends on the text alone (FNV-1a with a final mix). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Data decides, and then a name is but a name. */
function zoneOf({ timezoneName, timezoneData }: schedule.ScheduleSpec): TimeZone {
  const isGiven = timezoneData.length > 0;
  const zone = isGiven ? TimeZone.given(timezoneData) : TimeZone.named(timezoneName);
  if (zone) return zone;
  throw new SpecError(isGiven ? "malformed time zone information" : `unknown time zone ${timezoneName}`);
}

function canonicalOf(given: schedule.ScheduleSpec): schedule.ScheduleSpec {
  const zones = new Set(given.timezoneName === "" ? [] : [given.timezoneName]);
  const calendars: Init<schedule.StructuredCalendarSpec>[] = [...given.structuredCalendar];
  const intervals: Init<schedule.IntervalSpec>[] = [...given.interval];
  try {
    for (const each of given.calendar) calendars.push(structuredOf(each));
    for (const line of given.cronString) {
      const parsed = cronLineOf(line);
      if (parsed.timeZone !== undefined) {
        if (given.timezoneData.length > 0) throw new SpecError("conflicting timezone names");
        zones.add(parsed.timeZone);
      }
      if (parsed.type === "calendar") calendars.push(parsed.calendar);
      else intervals.push({ interval: toDuration(parsed.intervalMs), phase: toDuration(parsed.phaseMs) });
    }
    const excluded = [...given.excludeStructuredCalendar, ...given.excludeCalendar.map(structuredOf)];
    if (zones.size > 1) throw new SpecError("conflicting timezone names");
    const canonical = schedule.ScheduleSpec.create({
      structuredCalendar: calendars.map(filled),
      interval: intervals.map((interval) => schedule.IntervalSpec.create(interval as schedule.IntervalSpec)),
      excludeStructuredCalendar: excluded.map(filled),
      startTime: given.startTime,
      endTime: given.endTime,
      jitter: given.jitter,
      timezoneName: [...zones][0] ?? "",
      timezoneData: given.timezoneData,
    });
    const asGiven = [...given.structuredCalendar, ...given.excludeStructuredCalendar];
    const problem = asGiven.map(calendarProblem).find((one) => one !== undefined) ?? specProblem(canonical);
    if (problem !== undefined) throw new SpecError(problem);
    return canonical;
  } catch (error) {
    if (error instanceof CalendarTextError) throw new SpecError(error.message);
    throw error;
  }
}

const wholeFields = ["second", "minute", "hour", "dayOfMonth", "month", "year", "dayOfWeek"] as const;

/** Ranges with their ends and steps said, and the fields that default to 0 as that. */
function filled(calendar: Init<schedule.StructuredCalendarSpec>): schedule.StructuredCalendarSpec {
  const ranges = Object.fromEntries(
    wholeFields.map((field) => [
      field,
      (calendar[field] ?? []).map(({ start = 0, end = 0, step = 0 }) => ({
        start,
        end: Math.max(start, end),
        step: step === 0 ? 1 : step,
      })),
    ]),
  );
  return schedule.StructuredCalendarSpec.create({ ...ranges, comment: calendar.comment ?? "" });
}

function specProblem(spec: schedule.ScheduleSpec): string | undefined {
  for (const calendar of [...spec.structuredCalendar, ...spec.excludeStructuredCalendar]) {
    const problem = calendarProblem(calendar);
    if (problem !== undefined) return problem;
  }
  for (const { interval, phase } of spec.interval) {
    const intervalMs = durationMs(interval);
    const phaseMs = durationMs(phase);
    if (intervalMs < 1_000) return "interval is too small";
    if (phaseMs < 0) return "phase is negative";
    if (phaseMs >= intervalMs) return "phase cannot be greater than Interval";
  }
  if (durationMs(spec.jitter) < 0) return "jitter is negative";
  return undefined;
}
