/** Durations and timestamps as JSON has them: `"1.500s"` and RFC 3339, with no, three, six or nine digits after the point. */

export interface SecondsAndNanos {
  /** Whole; a string where it may be larger than a double holds. */
  readonly seconds: number;
  readonly nanos: number;
}

const durationSecondsMax = 315_576_000_000;
const timestampSecondsMin = -62_135_596_800;
const timestampSecondsMax = 253_402_300_799;

export function durationText({ seconds, nanos }: SecondsAndNanos): string {
  const sign = seconds < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

/** `undefined` for what is no duration, or longer than ten thousand years. */
export function parseDuration(text: string): SecondsAndNanos | undefined {
  const [, sign, whole = "", digits = ""] = /^(-?)(\d{1,12})(?:\.(\d{0,9}))?s$/.exec(text) ?? [];
  if (sign === undefined || Number(whole) > durationSecondsMax) return undefined;
  const factor = sign === "-" ? -1 : 1;
  return { seconds: noMinusZero(factor * Number(whole)), nanos: noMinusZero(factor * nanosOf(digits)) };
}

/** `undefined` for a time outside the years 1 to 9999, which RFC 3339 cannot write. */
export function timestampText({ seconds, nanos }: SecondsAndNanos): string | undefined {
  if (seconds < timestampSecondsMin || seconds > timestampSecondsMax || nanos < 0 || nanos > 999_999_999)
    return undefined;
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

export function parseTimestamp(text: string): SecondsAndNanos | undefined {
  const shape = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
  const [, whole, digits = "", zone] = shape.exec(text) ?? [];
  if (whole === undefined || zone === undefined) return undefined;
  const ms = Date.parse(`${whole}${zone}`);
  // `Date` lets the thirtieth of February pass as the second of March.
  if (Number.isNaN(ms) || new Date(Date.parse(`${whole}Z`)).toISOString().slice(0, 19) !== whole) return undefined;
  const seconds = ms / 1_000;
  if (seconds < timestampSecondsMin || seconds > timestampSecondsMax) return undefined;
  return { seconds, nanos: nanosOf(digits) };
}

function fraction(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.endsWith("000000") ? digits.slice(0, 3) : digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}

function nanosOf(digits: string): number {
  return Number(digits.padEnd(9, "0"));
}

function noMinusZero(value: number): number {
  return value === 0 ? 0 : value;
}
