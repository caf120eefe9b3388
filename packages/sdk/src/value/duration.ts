/** Durations as users write them: a number of milliseconds, or text such as `"5 minutes"`, `"1 day"`, `"30s"`. */
import ms, { type StringValue } from "ms";

export type { StringValue };
/** A number of milliseconds, or text: a number and its unit, such as `"1.5 hours"`. Text that is none throws `TypeError` where it is used. */
export type Duration = StringValue | number;

/** Milliseconds. Throws `TypeError` naming `what` when the text is no duration or the number is negative or not finite. */
export function msToNumber(duration: Duration, what = "duration"): number {
  const value = typeof duration === "number" ? duration : parse(duration);
  if (value === undefined || !Number.isFinite(value) || value < 0) {
    throw new TypeError(
      `${what}: ${JSON.stringify(duration)} is not a duration; write milliseconds as a number, or text such as "30 seconds" or "1 day"`,
    );
  }
  return value;
}

/** As {@link msToNumber}; `undefined` stays what it is. */
export function msOptionalToNumber(duration: Duration | undefined, what?: string): number | undefined {
  return duration === undefined ? undefined : msToNumber(duration, what);
}

function parse(text: StringValue): number | undefined {
  // `ms` throws for the empty string and returns undefined for text that it cannot read.
  return typeof text === "string" && text.length > 0 && text.length <= 100
    ? (ms(text) as number | undefined)
    : undefined;
}
