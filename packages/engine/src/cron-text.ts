/** What cron lines of workflows and of schedules have in common. */

/** A time zone in front: its name is the first group. */
export const zonePrefix = /^(?:CRON_TZ|TZ)=(\S+)\s+/;

/** A Map, because callers' own text is looked up in it. */
export const descriptors: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

export type DurationUnit = keyof typeof unitsMs;

/** Like `1h30m`, in these units; undefined when it is no such text. */
export function durationTextMs(text: string, units: readonly DurationUnit[]): number | undefined {
  let ms = 0;
  let read = 0;
  // Each part begins where the last one ended (`y`): a long number without a unit is not looked for again from each of its digits.
  for (const { 0: part, 1: amount, 2: unit } of text.matchAll(/(\d+(?:\.\d+)?)([a-z]+)/gy)) {
    const known = units.find((each) => each === unit);
    if (known === undefined) return undefined;
    ms += Number(amount) * unitsMs[known];
    read += part.length;
  }
  return read > 0 && read === text.length ? ms : undefined;
}
