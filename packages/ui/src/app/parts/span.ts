/** Spans of time as `pawl` takes them: `90s`, `30m`, `24h`, `7d`, `1h30m`. */
const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** As the API's JSON has durations: `5400s`. `undefined` for nothing. Throws a sentence that names the field. */
export function durationOf(text: string, field: string): string | undefined {
  const span = text.trim();
  if (span === "") return undefined;
  if (!/^(\d{1,9}(\.\d{1,3})?[smhd])+$/.test(span))
    throw new Error(`${field}: a span is written like 90s, 30m or 1h30m.`);
  const parts = [...span.matchAll(/([\d.]+)([smhd])/g)];
  const seconds = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitSeconds[unit!]!, 0);
  return `${Number(seconds.toFixed(3))}s`;
}

/** The other way round: "" for what is absent or zero. */
export function spanOf(duration: unknown): string {
  return typeof duration === "string" && Number.parseFloat(duration) > 0 ? duration : "";
}
