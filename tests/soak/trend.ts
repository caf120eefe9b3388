/** Where a server is heading: numbers of many periods, and what they come to. */

export interface Period {
  /** Since the soak began, at the period's end. */
  readonly minutes: number;
  readonly workflowsPerSecond: number;
  readonly p99Ms: number;
  /** After a collection of all garbage. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Open files and sockets, when the load has gone. */
  readonly descriptors: number;
  readonly walBytes: number;
  readonly fileBytes: number;
}

export interface Trend {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly most: number;
  /** null: too few periods, or too short, to say. */
  readonly met: boolean | null;
}

/** What a server needs to have seen everything once: before that it may grow. */
const warmUpShare = 0.25;
const minutesMin = 30;
const mebibyte = 1024 * 1024;

export function trendsOf(periods: readonly Period[]): Trend[] {
  const later = periods.slice(Math.floor(periods.length * warmUpShare));
  const isLong = later.length >= 4 && (later.at(-1)!.minutes - later[0]!.minutes) / (1 - warmUpShare) >= minutesMin;
  const trend = (name: string, value: number, unit: string, most: number, needsLong = true): Trend => ({
    ...{ name, value, unit, most },
    met: periods.length === 0 || (needsLong && !isLong) ? null : value <= most,
  });
  const slope = (of: (period: Period) => number) => slopePerHour(later.map((each) => [each.minutes, of(each)]));
  const third = Math.max(1, Math.floor(later.length / 3));
  const [first, last] = [later.slice(0, third), later.slice(-third)];
  const p99 = (some: readonly Period[]) => medianOf(some.map(({ p99Ms }) => p99Ms));
  return [
    trend("heap grows by", slope(({ heapBytes }) => heapBytes) / mebibyte, "MiB/h", 1),
    trend("resident memory grows by", slope(({ rssBytes }) => rssBytes) / mebibyte, "MiB/h", 10),
    trend(
      "open descriptors grow by",
      slope(({ descriptors }) => descriptors),
      "/h",
      1,
    ),
    trend("p99 drifts by", (p99(last) / p99(first) - 1) * 100, "%", 20),
    trend("largest WAL", Math.max(0, ...periods.map(({ walBytes }) => walBytes)) / mebibyte, "MiB", 64, false),
    trend("file grows by", slope(({ fileBytes }) => fileBytes) / mebibyte, "MiB/h", 50),
  ];
}

/** By least squares; 0 where there is nothing to fit. */
export function slopePerHour(points: readonly (readonly [minutes: number, value: number])[]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [middle, level] = [mean(0), mean(1)];
  let [covariance, variance] = [0, 0];
  for (const [minutes, value] of points) {
    covariance += (minutes - middle) * (value - level);
    variance += (minutes - middle) ** 2;
  }
  return variance === 0 ? 0 : (covariance / variance) * 60;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
