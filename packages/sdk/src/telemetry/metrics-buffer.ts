/** Metrics for a program to read: every number since it last asked. */
import type { Metric, MetricTags } from "../value/metrics.ts";

export interface BufferedMetricUpdate {
  readonly metric: Metric;
  readonly value: number;
  readonly attributes: MetricTags;
}

export interface MetricsBufferOptions {
  /** Of updates; further ones are dropped until these are taken. Default: 10,000. */
  maxBufferSize?: number;
}

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
