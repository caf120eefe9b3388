/** Spans of time as people write them on a command line. */
import { InvalidArgumentError } from "commander";

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90s`, `30m`, `24h`, `7d` or `1h30m`, in seconds. */
export function parseSpan(text: string): number {
  if (!/^(\d{1,9}(\.\d{1,3})?[smhd])+$/.test(text))
    throw new InvalidArgumentError("A span is written like 30m, 24h, 7d or 1h30m.");
  const parts = [...text.matchAll(/([\d.]+)([smhd])/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitSeconds[unit!]!, 0);
}
