/** Calendars as people write them: fields of text, and cron lines. Both become structured calendars, or intervals. */
import type { Init, schedule } from "@pawl/protocol";
import { descriptors, durationTextMs, zonePrefix } from "../cron-text.ts";
import { type FieldRule, fieldRules, nameOf, notInRange } from "./calendar.ts";

type Ranges = Init<schedule.Range>[];
type Structured = Init<schedule.StructuredCalendarSpec>;
type Field = keyof typeof fieldRules;

/** What a field that is left empty means. */
const emptyFields: Readonly<Record<Field, string>> = {
  ...{ second: "0", minute: "0", hour: "0" },
  ...{ dayOfMonth: "*", month: "*", year: "*", dayOfWeek: "*" },
};

const monthNames = ["january", "february", "march", "april", "may", "june"].concat([
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
]);
const dayNames = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** A text that says no time; the message names the field. */
export class CalendarTextError extends Error {}

export function structuredOf(spec: schedule.CalendarSpec): Structured {
  const fields = Object.keys(emptyFields) as Field[];
  const parsed = fields.map((field) => [field, rangesOf(field, spec[field] || emptyFields[field])] as const);
  return { ...Object.fromEntries(parsed), comment: spec.comment };
}

/** `*`, `3`, `1-5`, `10/5` (from 10 on), `* /15` (without the space), and lists of them; months and days of the week by name too. */
function rangesOf(field: Field, text: string): Ranges {
  const { min, max } = fieldRules[field];
  const ranges: Ranges = [];
  for (const part of text.split(",")) {
    const [span = "", stepText, ...more] = part.trim().split("/");
    const step = stepText === undefined ? 1 : /^\d+$/.test(stepText) ? Number(stepText) : 0;
    if (more.length > 0 || step < 1) throw new CalendarTextError(`${nameOf(field)} has invalid Step`);
    if (span === "*") {
      // Every year is said by naming none.
      if (step === 1 && field === "year") return [];
      ranges.push({ start: min, end: max, step });
      continue;
    }
    const [from = "", to, ...rest] = span.split("-");
    if (rest.length > 0) throw new CalendarTextError(`${nameOf(field)} has an invalid range: ${part}`);
    const start = numberOf(field, from);
    const end = to === undefined ? (stepText === undefined ? start : max) : numberOf(field, to);
    if (end < start) throw new CalendarTextError(notInRange(field, "End is before Start or", textRule(field)));
    ranges.push(...(field === "dayOfWeek" ? daysOfWeek({ start, end, step }) : [{ start, end, step }]));
  }
  return ranges;
}

/** In texts Sunday has two numbers, 0 and 7. */
function textRule(field: Field): FieldRule {
  return field === "dayOfWeek" ? { min: 0, max: 7 } : fieldRules[field];
}

function daysOfWeek({ start, end, step }: { start: number; end: number; step: number }): Ranges {
  if (end < 7) return [{ start, end, step }];
  const sunday = { start: 0, end: 0, step: 1 };
  const others = start < 7 ? [{ start, end: 6, step }] : [];
  return (7 - start) % step === 0 ? [sunday, ...others] : others;
}

function numberOf(field: Field, text: string): number {
  const rule = textRule(field);
  const named = nameNumber(field, text.toLowerCase());
  const number = named ?? (/^\d+$/.test(text) ? Number(text) : Number.NaN);
  if (!Number.isInteger(number) || number > rule.max || number < rule.min)
    throw new CalendarTextError(notInRange(field, "", rule));
  return number;
}

function nameNumber(field: Field, text: string): number | undefined {
  const names = field === "month" ? monthNames : field === "dayOfWeek" ? dayNames : [];
  if (text.length < 3) return undefined;
  const at = names.findIndex((name) => name.startsWith(text));
  if (at < 0) return undefined;
  return field === "month" ? at + 1 : at;
}

export type CronLine =
  | { readonly type: "calendar"; readonly calendar: Structured; readonly timeZone: string | undefined }
  | {
      readonly type: "interval";
      readonly intervalMs: number;
      readonly phaseMs: number;
      readonly timeZone: string | undefined;
    };

/**
 * Five fields (minute to day of the week), six with a year behind, seven with seconds in front; `@daily` and its like; `@every 5m` or
 * `@every 1h/15m` with a phase. `CRON_TZ=zone` may stand before, a comment after `#`.
 */
export function cronLineOf(line: string): CronLine {
  const [timed = "", ...comments] = line.split("#");
  const comment = comments.join("#").trim();
  const zone = zonePrefix.exec(timed.trimStart());
  const timeZone = zone?.[1];
  const text = timed
    .trimStart()
    .slice(zone?.[0].length ?? 0)
    .trim();
  if (text.startsWith("@every")) return { ...everyOf(text.slice("@every".length).trim()), timeZone };
  const written = descriptors.get(text.toLowerCase()) ?? text;
  const fields = written.split(/\s+/);
  if (fields.length < 5 || fields.length > 7) throw new CalendarTextError("CronString does not have 5-7 fields");
  if (fields.length < 7) fields.unshift("0");
  const [second = "", minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = "*"] = fields;
  const calendar = structuredOf({ second, minute, hour, dayOfMonth, month, dayOfWeek, year, comment });
  return { type: "calendar", calendar, timeZone };
}

function everyOf(text: string): { type: "interval"; intervalMs: number; phaseMs: number } {
  const [interval = "", phase, ...more] = text.split("/");
  if (more.length > 0) throw new CalendarTextError(`@every ${text}: more than one phase`);
  return { type: "interval", intervalMs: durationOf(interval), phaseMs: phase === undefined ? 0 : durationOf(phase) };
}

const units = ["d", "h", "m", "s"] as const;

/** `1h30m`, `90s`, `2d`. */
function durationOf(text: string): number {
  const ms = durationTextMs(text.trim(), units);
  if (ms === undefined) throw new CalendarTextError(`time: invalid duration ${JSON.stringify(text)}`);
  return ms;
}
