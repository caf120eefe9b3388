/** Figures over time, made from snapshots of metrics: counters become rates, histograms become quantiles of what came in between. */
import type { MetricsSnapshot, Sample } from "../api/cluster.ts";

export interface Point {
  readonly atMs: number;
  /** `undefined` where there is nothing to say, such as a latency without requests. */
  readonly value: number | undefined;
}

type Which = (sample: Sample) => boolean;

/** The sum of all samples that are meant, at each point of time. */
export function levels(snapshots: readonly MetricsSnapshot[], which: Which): Point[] {
  return snapshots.map((snapshot) => ({ atMs: snapshot.atMs, value: total(snapshot, which) }));
}

/** How fast the sum grows, per second. A counter that went back began anew with the server. */
export function rates(snapshots: readonly MetricsSnapshot[], which: Which): Point[] {
  return pairs(snapshots).map(([before, after]) => {
    const [from, to] = [total(before, which), total(after, which)];
    const seconds = (after.atMs - before.atMs) / 1_000;
    return { atMs: after.atMs, value: seconds > 0 ? (to >= from ? to - from : to) / seconds : undefined };
  });
}

/** The value below which this share of what was observed lies, between one snapshot and the next. */
export function quantiles(snapshots: readonly MetricsSnapshot[], which: Which, share: number): Point[] {
  return pairs(snapshots).map(([before, after]) => {
    const from = distribution(before, which);
    const to = distribution(after, which);
    const isSame = to.count >= from.count;
    const since = (le: number) => (to.buckets.get(le) ?? 0) - (isSame ? (from.buckets.get(le) ?? 0) : 0);
    const count = to.count - (isSame ? from.count : 0);
    return { atMs: after.atMs, value: count > 0 ? quantile([...to.buckets.keys()], since, count * share) : undefined };
  });
}

/** Within its bucket a value lies where its rank does. Above the last bound it is that bound. */
function quantile(bounds: readonly number[], countAtMost: (le: number) => number, rank: number): number {
  const ascending = bounds.toSorted((a, b) => a - b);
  let below = { le: 0, count: 0 };
  for (const le of ascending) {
    const count = countAtMost(le);
    if (count >= rank) {
      const share = count === below.count ? 1 : (rank - below.count) / (count - below.count);
      return below.le + (le - below.le) * share;
    }
    below = { le, count };
  }
  return below.le;
}

function pairs<T>(list: readonly T[]): [T, T][] {
  return list.slice(1).map((after, index) => [list[index]!, after]);
}

function total({ samples }: MetricsSnapshot, which: Which): number {
  return samples
    .filter(which)
    .reduce((sum, sample) => sum + (sample.type === "histogram" ? sample.count : sample.value), 0);
}

function distribution({ samples }: MetricsSnapshot, which: Which) {
  const buckets = new Map<number, number>();
  let count = 0;
  for (const sample of samples.filter(which)) {
    if (sample.type !== "histogram") continue;
    count += sample.count;
    for (const { le, count: atMost } of sample.buckets) buckets.set(le, (buckets.get(le) ?? 0) + atMost);
  }
  return { buckets, count };
}
