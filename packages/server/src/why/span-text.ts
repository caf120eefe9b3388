/** Spans of time as people read them. */

const unitMs = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** `1h 30m`, `42s`, `1.5s`, `20ms`: the two largest units. */
export function spanText(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${Number((ms / 1_000).toFixed(1))}s`;
  const first = unitMs.findIndex(([, each]) => ms >= each);
  let rest = ms;
  const parts = unitMs.slice(first, first + 2).map(([unit, each]) => {
    const amount = Math.floor(rest / each);
    rest -= amount * each;
    return amount === 0 ? "" : `${amount}${unit}`;
  });
  return parts.filter((part) => part !== "").join(" ");
}

/** `2m ago`, `in 3h 5m` or `now`, for so long before or after now. */
export function agoText(ms: number): string {
  const span = spanText(Math.abs(ms));
  if (span === "0s") return "now";
  return ms < 0 ? `${span} ago` : `in ${span}`;
}
