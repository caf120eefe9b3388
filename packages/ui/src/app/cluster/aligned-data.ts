/** Lines as a chart is drawn from: one list of times, and for each line a value at each of them. */
import type { Point } from "./series.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

export type AlignedData = [timesS: number[], ...values: (number | null)[][]];

/** The newest `spanMs`. A gap where a line has nothing to say. */
export function alignedData(lines: readonly Line[], spanMs: number): AlignedData {
  const all = [...new Set(lines.flatMap(({ points }) => points.map(({ atMs }) => atMs)))].sort((a, b) => a - b);
  const newestMs = all.at(-1) ?? 0;
  const timesMs = all.filter((atMs) => atMs >= newestMs - spanMs);
  const values = lines.map(({ points }) => {
    const known = new Map(points.map(({ atMs, value }) => [atMs, value]));
    return timesMs.map((atMs) => known.get(atMs) ?? null);
  });
  return [timesMs.map((atMs) => atMs / 1_000), ...values];
}
