/** All numbers of a process, by metric and tags, as an exporter reads them: sums, distributions and last values since the start. */
import type { Metric, MetricTags, RecordMetric } from "../value/metrics.ts";

/** Upper bounds of a histogram's buckets; one more is open upwards. */
export type Buckets = readonly number[];

/** Seconds, from a fast call to a slow activity. */
export const secondsBuckets: Buckets = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
];
const millisecondsBuckets: Buckets = secondsBuckets.map((bound) => bound * 1_000);
const otherBuckets: Buckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000];

export interface Series {
  readonly tags: MetricTags;
  /** The sum of a counter or histogram, the last value of a gauge. */
  value: number;
  /** How many values came. */
  count: number;
  /** How many values of a histogram were at most each bound, the open bucket last; not summed up. */
  readonly inBucket: number[];
}

export interface Family {
  readonly metric: Metric;
  readonly buckets: Buckets;
  readonly series: ReadonlyMap<string, Series>;
}

/** A value that is asked for when an exporter reads. */
export interface Observation {
  readonly metric: Metric;
  readonly value: number;
  readonly tags: MetricTags;
}

/** A tag with a value for each workflow id would fill the memory: beyond so many, further series of a metric are dropped. */
const seriesMax = 2_000;

export class MetricRegistry {
  readonly #families = new Map<string, { metric: Metric; buckets: Buckets; series: Map<string, Series> }>();
  readonly #observers = new Set<() => readonly Observation[]>();
  readonly #bucketOverrides: Readonly<Record<string, Buckets>>;
  /** How many numbers found no room. */
  dropped = 0;

  constructor(bucketOverrides: Readonly<Record<string, Buckets>> = {}) {
    this.#bucketOverrides = bucketOverrides;
  }

  readonly record: RecordMetric = (metric, value, tags) => {
    const series = this.#seriesOf(metric, tags);
    if (!series) {
      this.dropped++;
      return;
    }
    series.count++;
    if (metric.kind === "gauge") series.value = value;
    else series.value += value;
    if (metric.kind !== "histogram") return;
    const { buckets } = this.#families.get(metric.name)!;
    const at = buckets.findIndex((bound) => value <= bound);
    series.inBucket[at === -1 ? buckets.length : at]!++;
  };

  /** The function that is returned takes the observer away, and with it what it said. */
  observe(observer: () => readonly Observation[]): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  /** By name. */
  families(): Family[] {
    const observed = new MetricRegistry();
    for (const observer of this.#observers) {
      for (const { metric, value, tags } of observer()) observed.record(metric, value, tags);
    }
    return [...this.#families.values(), ...observed.#families.values()].toSorted((a, b) =>
      a.metric.name < b.metric.name ? -1 : 1,
    );
  }

  #seriesOf(metric: Metric, tags: MetricTags): Series | undefined {
    let family = this.#families.get(metric.name);
    if (!family) {
      family = { metric, buckets: this.#bucketsOf(metric), series: new Map() };
      this.#families.set(metric.name, family);
    }
    // One name, one kind: what comes under it as another cannot be shown.
    if (family.metric.kind !== metric.kind) return undefined;
    const key = JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    let series = family.series.get(key);
    if (!series) {
      if (family.series.size >= seriesMax) return undefined;
      const inBucket = metric.kind === "histogram" ? Array.from({ length: family.buckets.length + 1 }, () => 0) : [];
      series = { tags: { ...tags }, value: 0, count: 0, inBucket };
      family.series.set(key, series);
    }
    return series;
  }

  #bucketsOf({ name, unit }: Metric): Buckets {
    const own = this.#bucketOverrides[name];
    if (own) return own.toSorted((a, b) => a - b);
    if (unit === "s" || unit === "seconds") return secondsBuckets;
    return unit === "ms" || unit === "milliseconds" ? millisecondsBuckets : otherBuckets;
  }
}
