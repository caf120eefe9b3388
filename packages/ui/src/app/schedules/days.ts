/** Times in the days that they fall into, by the calendar of whoever looks. */

export interface Day {
  /** Its midnight. */
  readonly startMs: number;
  readonly timesMs: readonly number[];
}

/** From the day of `fromMs` on. A day of a change of the clocks is longer or shorter than others. */
export function daysOf(times: readonly string[], fromMs: number, count: number): Day[] {
  const first = new Date(fromMs);
  const midnight = (offset: number) =>
    new Date(first.getFullYear(), first.getMonth(), first.getDate() + offset).getTime();
  const all = times.map((time) => Date.parse(time)).sort((a, b) => a - b);
  return Array.from({ length: count }, (_, index) => {
    const [startMs, endMs] = [midnight(index), midnight(index + 1)];
    return { startMs, timesMs: all.filter((atMs) => atMs >= startMs && atMs < endMs) };
  });
}
