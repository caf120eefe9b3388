/** Times and durations of the API's messages (seconds and nanoseconds) from and to milliseconds. What is finer than a millisecond is a fraction. */
import { type Duration, msToNumber } from "./duration.ts";
import { wireDuration } from "./wire.ts";

/** The form of `google.protobuf.Timestamp` and `google.protobuf.Duration`. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** Throws `TypeError` for none. */
export function tsToMs(ts: Timestamp | null | undefined): number {
  if (ts === null || ts === undefined) throw new TypeError(`a timestamp is expected, not ${ts}`);
  return ts.seconds * 1_000 + ts.nanos / 1e6;
}

/** As {@link tsToMs}; `undefined` for none. */
export function optionalTsToMs(ts: Timestamp | null | undefined): number | undefined {
  return ts ? tsToMs(ts) : undefined;
}

/** From milliseconds since the epoch, or of a duration. */
export function msNumberToTs(milliseconds: number): Timestamp {
  return wireDuration(milliseconds);
}

/** Throws `TypeError` for text that is no duration. */
export function msToTs(duration: Duration): Timestamp {
  return msNumberToTs(msToNumber(duration));
}

/** As {@link msToTs}; `undefined` for none. */
export function msOptionalToTs(duration: Duration | null | undefined): Timestamp | undefined {
  return duration === null || duration === undefined ? undefined : msToTs(duration);
}

/** Throws `TypeError` for none. A `Date` has no fractions of milliseconds. */
export function tsToDate(ts: Timestamp): Date {
  return new Date(tsToMs(ts));
}

/** As {@link tsToDate}; `undefined` for none. */
export function optionalTsToDate(ts: Timestamp | null | undefined): Date | undefined {
  return ts ? tsToDate(ts) : undefined;
}
