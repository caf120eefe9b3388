/** A structured calendar: which moments it means, by the wall clock of a zone, to the second. */
import type { schedule } from "@pawl/protocol";
import type { TimeZone } from "./time-zone.ts";

/** The years that calendars reach: beyond the last, nothing matches any more. */
export const calendarYears = { first: 2000, last: 2100 } as const;

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** Days that match and have none of the times, as when clocks are set forward. A zone whose clocks are so on more days in a row is made up. */
const missedDaysMax = 400;

type Field = Exclude<keyof schedule.StructuredCalendarSpec, "comment">;

export interface FieldRule {
  readonly min: number;
  readonly max: number;
}

export const fieldRules: Readonly<Record<Field, FieldRule>> = {
  second: { min: 0, max: 59 },
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12 },
  year: { min: calendarYears.first, max: calendarYears.last },
  dayOfWeek: { min: 0, max: 6 },
};

export class Calendar {
  readonly #zone: TimeZone;
  /** A field without ranges matches nothing, except the year: without it all match. */
  readonly #allowed: Readonly<Record<Field, ReadonlySet<number> | undefined>>;
  readonly #hours: readonly number[];
  readonly #minutes: readonly number[];
  readonly #seconds: readonly number[];
  /** Between these two nothing matches. */
  #lastFound: { readonly afterMs: number; readonly nextMs: number | undefined } | undefined;

  constructor(spec: schedule.StructuredCalendarSpec, zone: TimeZone) {
    this.#zone = zone;
    const { second, minute, hour, dayOfMonth, month, year, dayOfWeek } = spec;
    this.#allowed = {
      ...{ second: valuesOf(second), minute: valuesOf(minute), hour: valuesOf(hour) },
      ...{ dayOfMonth: valuesOf(dayOfMonth), month: valuesOf(month), dayOfWeek: valuesOf(dayOfWeek) },
      year: year.length === 0 ? undefined : valuesOf(year),
    };
    const sorted = (values: ReadonlySet<number> | undefined) => [...(values ?? [])].sort((a, b) => a - b);
    this.#hours = sorted(this.#allowed.hour);
    this.#minutes = sorted(this.#allowed.minute);
    this.#seconds = sorted(this.#allowed.second);
  }

  /** The first moment after `afterMs` that matches; undefined when there is none. A local time that the clock passes twice matches twice. */
  next(afterMs: number): number | undefined {
    const known = this.#lastFound;
    // Many specs are of calendars that match on few days, or never: each is looked through once, not for every time of the others.
    if (known && afterMs >= known.afterMs && (known.nextMs === undefined || afterMs < known.nextMs))
      return known.nextMs;
    const nextMs = this.#search(afterMs);
    this.#lastFound = { afterMs, nextMs };
    return nextMs;
  }

  #search(afterMs: number): number | undefined {
    const fromMs = (Math.floor(afterMs / secondMs) + 1) * secondMs;
    // The moment may still lie on the local day before, if the clock is set back over midnight.
    const firstDayMs = Math.max(
      floorTo(fromMs + this.#zone.offsetMsAt(fromMs), dayMs) - dayMs,
      Date.UTC(calendarYears.first, 0, 1),
    );
    const firstDay = new Date(firstDayMs);
    const days = { firstDayMs, fromMs, missedCount: 0 };
    for (let year = firstDay.getUTCFullYear(); year <= calendarYears.last; year++) {
      if (!this.#allows("year", year)) continue;
      for (let month = year === firstDay.getUTCFullYear() ? firstDay.getUTCMonth() : 0; month < 12; month++) {
        if (!this.#allows("month", month + 1)) continue;
        const found = this.#searchMonth(Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1), days);
        if (found !== undefined) return found;
        if (days.missedCount > missedDaysMax) return undefined;
      }
    }
    return undefined;
  }

  /** Without an object for each day: there are 37,000 of them. */
  #searchMonth(
    startMs: number,
    endMs: number,
    days: { readonly firstDayMs: number; readonly fromMs: number; missedCount: number },
  ): number | undefined {
    for (let dayStartMs = Math.max(startMs, days.firstDayMs); dayStartMs < endMs; dayStartMs += dayMs) {
      if (!this.#allows("dayOfMonth", (dayStartMs - startMs) / dayMs + 1)) continue;
      // The first day of 1970 was a Thursday.
      if (!this.#allows("dayOfWeek", (dayStartMs / dayMs + 4) % 7)) continue;
      const found = this.#nextOfDay(dayStartMs, days.fromMs);
      if (found !== undefined) return found;
      days.missedCount += 1;
    }
    return undefined;
  }

  /** Whether the moment, a whole second, matches. */
  matches(atMs: number): boolean {
    const local = new Date(atMs + this.#zone.offsetMsAt(atMs));
    return (
      this.#allows("year", local.getUTCFullYear()) &&
      this.#allows("month", local.getUTCMonth() + 1) &&
      this.#matchesDay(local) &&
      this.#hours.includes(local.getUTCHours()) &&
      this.#minutes.includes(local.getUTCMinutes()) &&
      this.#seconds.includes(local.getUTCSeconds())
    );
  }

  /** The end of the stretch of seconds around a match that all match; undefined when it goes on for ever. */
  endOfMatches(atMs: number): number | undefined {
    for (let endMs = atMs; ; ) {
      if (!this.matches(endMs)) return endMs;
      const next = this.#endOfUnit(endMs);
      if (next === undefined || new Date(next).getUTCFullYear() > calendarYears.last) return undefined;
      endMs = next;
    }
  }

  /** A moment up to which all match if one does, as far as fields that leave nothing out can say. */
  #endOfUnit(atMs: number): number | undefined {
    const local = new Date(atMs + this.#zone.offsetMsAt(atMs));
    const dayStartMs = floorTo(local.getTime(), dayMs);
    const { toMs, offsetMs } = this.#zone.stretchesOf(dayStartMs).find((one) => atMs < one.toMs)!;
    if (!this.#isWhole("second", "minute", "hour")) {
      const unitMs = this.#isWhole("second") ? (this.#isWhole("minute") ? hourMs : minuteMs) : secondMs;
      return Math.min(toMs, floorTo(local.getTime(), unitMs) + unitMs - offsetMs);
    }
    if (!this.#isWhole("dayOfMonth", "dayOfWeek")) return toMs;
    if (this.#isWhole("month") && this.#allowed.year === undefined) return undefined;
    const month = this.#isWhole("month") ? 12 : local.getUTCMonth() + 1;
    const [first] = this.#zone.stretchesOf(Date.UTC(local.getUTCFullYear(), month, 1));
    // A clock that is set back over midnight is already there.
    return Math.max(toMs, first?.fromMs ?? toMs);
  }

  /** Whether these fields leave nothing out. */
  #isWhole(...fields: Exclude<Field, "year">[]): boolean {
    return fields.every((field) => this.#allowed[field]!.size === fieldRules[field].max - fieldRules[field].min + 1);
  }

  #allows(field: Field, value: number): boolean {
    return this.#allowed[field]?.has(value) ?? true;
  }

  #matchesDay(local: Date): boolean {
    return this.#allows("dayOfMonth", local.getUTCDate()) && this.#allows("dayOfWeek", local.getUTCDay());
  }

  /** The first match of a local day at or after `fromMs`. */
  #nextOfDay(localDayMs: number, fromMs: number): number | undefined {
    for (const stretch of this.#zone.stretchesOf(localDayMs)) {
      const startMs = Math.max(stretch.fromMs, fromMs);
      if (startMs >= stretch.toMs) continue;
      const second = this.#nextSecondOfDay((startMs + stretch.offsetMs - localDayMs) / secondMs);
      if (second === undefined) continue;
      const atMs = localDayMs + second * secondMs - stretch.offsetMs;
      if (atMs < stretch.toMs) return atMs;
    }
    return undefined;
  }

  /** The first second of a day, counted from midnight, that matches, at or after `from`. */
  #nextSecondOfDay(from: number): number | undefined {
    for (const hour of this.#hours) {
      if ((hour + 1) * 3_600 <= from) continue;
      for (const minute of this.#minutes) {
        const start = hour * 3_600 + minute * 60;
        if (start + 60 <= from) continue;
        for (const second of this.#seconds) if (start + second >= from) return start + second;
      }
    }
    return undefined;
  }
}

/** An end before the start means the start alone, no step means one. */
function valuesOf(ranges: readonly schedule.Range[]): Set<number> {
  const values = new Set<number>();
  for (const { start, end, step } of ranges) {
    for (let value = start; value <= Math.max(start, end); value += Math.max(1, step)) values.add(value);
  }
  return values;
}

function floorTo(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

/** Why the calendar cannot be, or undefined. */
export function calendarProblem(spec: schedule.StructuredCalendarSpec): string | undefined {
  for (const [field, { min, max }] of Object.entries(fieldRules)) {
    for (const range of spec[field as Field]) {
      const { start, end, step } = range;
      const within = (value: number) => value >= min && value <= max;
      if (!within(start)) return `invalid calendar spec: ${notInRange(field as Field, "Start is")}`;
      // An end of 0 is none.
      if (end !== 0 && (end < start || !within(end)))
        return `invalid calendar spec: ${notInRange(field as Field, "End is before Start or")}`;
      if (step < 0) return `invalid calendar spec: ${nameOf(field as Field)} has invalid Step`;
    }
  }
  return undefined;
}

export function notInRange(field: Field, what = "", { min, max }: FieldRule = fieldRules[field]): string {
  return `${nameOf(field)} ${what || "is"} not in range [${min}-${max}]`;
}

/** The field as errors call it. */
export function nameOf(field: Field): string {
  return field[0]!.toUpperCase() + field.slice(1);
}
