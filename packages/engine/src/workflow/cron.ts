/**
 * Cron schedules of workflows, in the syntax of the reference server: five fields, descriptors such as `@daily`, `@every 5m`, and a time zone in
 * front as `CRON_TZ=Area/City `. Without one, times are UTC.
 */
import { Cron } from "croner";
import { descriptors, durationTextMs, zonePrefix } from "../cron-text.ts";

type Schedule = { readonly type: "every"; readonly ms: number } | { readonly type: "cron"; readonly cron: Cron };

const units = ["h", "m", "s", "ms"] as const;

function parse(text: string): Schedule | undefined {
  const zone = zonePrefix.exec(text);
  const body = text.slice(zone?.[0].length ?? 0).trim();
  const every = /^@every\s+(\S.*)$/s.exec(body);
  if (every) {
    const ms = durationTextMs(every[1]!, units);
    return ms === undefined || ms < 1_000 ? undefined : { type: "every", ms: Math.floor(ms / 1_000) * 1_000 };
  }
  const pattern = descriptors.get(body) ?? body;
  if (pattern.split(/\s+/).length !== 5) return undefined;
  try {
    // An unknown zone is refused here rather than when a time is asked for.
    if (zone) new Intl.DateTimeFormat("en", { timeZone: zone[1] });
    return { type: "cron", cron: new Cron(pattern, { timezone: zone?.[1] ?? "UTC", paused: true }) };
  } catch {
    return undefined;
  }
}

/** Why the schedule cannot be used, or undefined. One that never comes is of no use either. */
export function cronProblem(text: string, nowMs: number): string | undefined {
  if (text === "") return undefined;
  return nextCronAtMs(text, { afterMs: nowMs, notBeforeMs: nowMs }) === undefined ? "invalid CronSchedule." : undefined;
}

/** The first time of the schedule after `afterMs` that is not before `notBeforeMs`: those in between were missed and are skipped. */
export function nextCronAtMs(
  text: string,
  { afterMs, notBeforeMs }: { afterMs: number; notBeforeMs: number },
): number | undefined {
  const schedule = parse(text);
  if (!schedule) return undefined;
  if (schedule.type === "every") {
    const missed = Math.max(0, Math.ceil((notBeforeMs - afterMs) / schedule.ms) - 1);
    return afterMs + (missed + 1) * schedule.ms;
  }
  // The schedule's times are whole seconds: the last one before `notBeforeMs` is where to look on from.
  const fromMs = Math.max(afterMs, notBeforeMs - 1);
  return schedule.cron.nextRun(new Date(fromMs))?.getTime();
}
