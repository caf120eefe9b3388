/** When a schedule acts, as one would write it: calendars as lines of cron, intervals as spans. */
import { durationText } from "./output/time-text.ts";

/** Of proto-JSON, which leaves out what is 0. */
interface Range {
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

type Calendar = Readonly<Record<string, readonly Range[]>> & { readonly comment?: string };

const fields = [
  { name: "second", min: 0, max: 59 },
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "dayOfMonth", min: 1, max: 31 },
  { name: "month", min: 1, max: 12 },
  { name: "dayOfWeek", min: 0, max: 6 },
  { name: "year", min: 2000, max: 2100 },
] as const;

/** `30 9 * * 1-5`; a second or a year is in it when it says something. Several are joined. */
export function calendarsText(value: unknown): string {
  return (value as readonly Calendar[]).map(calendarText).join("; ");
}

function calendarText(calendar: Calendar): string {
  const parts = fields.map(({ name, min, max }) => {
    const ranges = calendar[name] ?? [];
    // Without ranges a year is any, and nothing else is.
    if (ranges.length === 0) return name === "year" ? "*" : "-";
    return ranges.map((range) => rangeText(range, min, max)).join(",");
  });
  const second = parts.shift();
  const year = parts.pop();
  const seven = second !== "0" && second !== undefined;
  const line = [...(seven ? [second] : []), ...parts, ...(seven || year !== "*" ? [year] : [])].join(" ");
  return calendar.comment ? `${line} # ${calendar.comment}` : line;
}

function rangeText({ start = 0, end = start, step = 1 }: Range, min: number, max: number): string {
  const last = Math.max(start, end);
  const whole = start <= min && last >= max ? "*" : start === last ? String(start) : `${start}-${last}`;
  return step > 1 && start !== last ? `${whole}/${step}` : whole;
}

/** `every 1h, 10m after`; several are joined. */
export function intervalsText(value: unknown): string {
  return (value as readonly { readonly interval?: string; readonly phase?: string }[])
    .map(({ interval = "0s", phase = "0s" }) => {
      const every = `every ${durationText(interval)}`;
      return phase === "0s" ? every : `${every}, ${durationText(phase)} after`;
    })
    .join("; ");
}
