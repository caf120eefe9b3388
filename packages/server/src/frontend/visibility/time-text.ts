/** Times and durations as people and Go programs write them. */

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))$/;
const minuteMs = 60_000;

/** Milliseconds since the epoch, with a fraction for what is finer; undefined when the text is no RFC 3339 time or no day of the calendar. */
export function parseTime(text: string): number | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHours = "0", offsetMinutes = "0"] = match;
  const parts = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const at = new Date(0);
  at.setUTCFullYear(parts[0], parts[1], parts[2]);
  at.setUTCHours(parts[3], parts[4], parts[5]);
  const written = [
    at.getUTCFullYear(),
    at.getUTCMonth(),
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
  ];
  // A part that is out of range rolls over into the next one.
  if (written.some((part, index) => part !== parts[index]) || Number(offsetHours) > 23 || Number(offsetMinutes) > 59)
    return undefined;
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * minuteMs * (sign === "-" ? -1 : 1);
  return at.getTime() - offsetMs + Number(fraction.padEnd(9, "0")) / 1e6;
}

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: minuteMs,
  h: 60 * minuteMs,
  d: 24 * 60 * minuteMs,
};

/** Digits belong to one part of each pattern alone: with two that could share them, a long number without a unit is tried at each of its digits. */
const goDuration = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d))+$/;
const goDurationPart = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/g;
/** Those of a 64-bit number. */
const nanoseconds = /^[+-]?\d{1,18}$/;
const clockDuration = /^(\d+):([0-5]\d):([0-5]\d)$/;

/** Milliseconds of "1h30m", "-1.5s" (as Go writes them, with days), "hh:mm:ss" or nanoseconds without a unit; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (nanoseconds.test(text)) return Number(text) / 1e6;
  const clock = clockDuration.exec(text);
  if (clock) return (Number(clock[1]) * 60 + Number(clock[2])) * minuteMs + Number(clock[3]) * 1_000;
  if (!goDuration.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(goDurationPart)) ms += Number(count) * unitsMs[unit!]!;
  return text.startsWith("-") ? -ms : ms;
}
