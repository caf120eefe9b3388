/** Times and spans of proto-JSON as people read them. */
import { agoText, spanText } from "@pawl/server/why";

export function timeText(value: unknown, format: "relative" | "iso" | "raw", nowMs: number): string {
  const ms = Date.parse(String(value));
  if (format === "raw" || Number.isNaN(ms)) return String(value);
  return format === "iso" ? new Date(ms).toISOString() : agoText(ms - nowMs);
}

/** From `"90s"` or `"1.500s"`, as proto-JSON writes spans. */
export function durationText(value: unknown): string {
  const seconds = Number(String(value).replace(/s$/, ""));
  return Number.isNaN(seconds) ? String(value) : spanText(seconds * 1_000);
}
