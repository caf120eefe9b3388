/** Metrics for a program to read: every number since it last asked. */
import type { Metric, MetricTags } from "../value/metrics.ts";

/** One number: what was added to a counter, recorded by a histogram, or the new value of a gauge. */
export interface BufferedMetricUpdate {
  readonly metric: Metric;
  readonly value: number;
  readonly attributes: MetricTags;
}

/** How much is kept for a program that does not ask. */
export interface MetricsBufferOptions {
  /** Of updates; further ones are dropped until these are taken. Default: 10,000. */
  maxBufferSize?: number;
}

/** Keeps updates of metrics until the program takes them. Throws `TypeError` for a size below 1. */
export class MetricsBuffer {
  readonly maxBufferSize: number;
  #updates: BufferedMetricUpdate[] = [];

  constructor({ maxBufferSize = 10_000 }: MetricsBufferOptions = {}) {
    if (!(maxBufferSize >= 1)) throw new TypeError("MetricsBufferOptions.maxBufferSize must be at least 1");
    this.maxBufferSize = maxBufferSize;
  }

  record(metric: Metric, value: number, attributes: MetricTags): void {
    if (this.#updates.length < this.maxBufferSize) this.#updates.push({ metric, value, attributes });
  }

  /** In their order; each is given once. */
  retrieveUpdates(): ArrayIterator<BufferedMetricUpdate> {
    const updates = this.#updates;
    this.#updates = [];
    return updates.values();
  }
}
