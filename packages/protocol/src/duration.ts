/** Durations and timestamps of the API as milliseconds. Sub-millisecond parts are rounded up for durations (a timeout never becomes none). */
import type { Duration, Timestamp } from "./gen/google-protobuf.js";

/** Longer durations are cut to this, like the reference server does: about 100 years. */
export const durationMsMax = 100 * 365 * 24 * 3_600_000;

/** Milliseconds; absent = 0. Negative durations stay negative, so that a validator can refuse them. */
export function durationMs(duration: Duration | undefined): number {
  if (!duration) return 0;
  const ms = duration.seconds * 1_000 + Math.ceil(duration.nanos / 1e6);
  return Math.min(ms, durationMsMax);
}

export function toDuration(ms: number): Duration {
  const seconds = Math.trunc(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1e6) };
}

/** Milliseconds since the epoch; absent = 0. */
export function timestampMs(timestamp: Timestamp | undefined): number {
  return timestamp ? timestamp.seconds * 1_000 + Math.floor(timestamp.nanos / 1e6) : 0;
}

export function toTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1e6) };
}
