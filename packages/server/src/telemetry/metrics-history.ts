/**
 * What a chart of the last hour is drawn from: a few of the metrics of this process, summed over their labels, every few seconds. In memory only,
 * like the metrics themselves: a process that has just begun has no past.
 */
import type { Cancel, Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Metrics, Sample } from "./metrics.ts";

export interface MetricsSnapshot {
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

const summed: readonly string[] = [
  ...["shard_commands", "shard_commits", "service_requests", "service_error_with_type"],
  ...["approximate_backlog_count", "process_resident_memory_bytes", "cache_bytes", "cache_workflows", "timers_armed"],
];

/** Calls that wait for something to happen say nothing about how fast the server is. */
const waiting = /^Poll|History$|^QueryWorkflow$|^UpdateWorkflow/;

export class MetricsHistory {
  readonly #metrics: Pick<Metrics, "snapshot">;
  readonly #clock: Clock;
  /** Ascending, a bounded number of them. */
  #snapshots: MetricsSnapshot[] = [];
  #cancel: Cancel | undefined;

  constructor(parts: { readonly metrics: Pick<Metrics, "snapshot">; readonly clock: Clock }) {
    this.#metrics = parts.metrics;
    this.#clock = parts.clock;
  }

  /** From now on, until it is closed. */
  open(): void {
    this.#take();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Those taken later than this, oldest first. */
  after(atMs: number): readonly MetricsSnapshot[] {
    return this.#snapshots.filter((snapshot) => snapshot.atMs > atMs);
  }

  #take(): void {
    const atMs = this.#clock.nowMs();
    // A clock that was set back leaves no times in disorder.
    const before = this.#snapshots.filter((snapshot) => snapshot.atMs < atMs);
    this.#snapshots = [...before, { atMs, samples: condensed(this.#metrics.snapshot()) }].slice(
      -limits.metricsHistoryMax,
    );
    this.#cancel = this.#clock.wake(atMs + limits.metricsHistoryEveryMs, () => this.#take());
  }
}

/** One sample of each name, without labels. */
export function condensed(samples: readonly Sample[]): Sample[] {
  const levels = summed.map((name): Sample => {
    const values = samples.flatMap((sample) =>
      sample.name === name && sample.type !== "histogram" ? [sample.value] : [],
    );
    return { name, labels: {}, type: "gauge", value: values.reduce((sum, value) => sum + value, 0) };
  });
  return [...levels, latency(samples)];
}

function latency(samples: readonly Sample[]): Sample {
  const atMost = new Map<number, number>();
  let [count, sum] = [0, 0];
  for (const sample of samples) {
    if (sample.name !== "service_latency" || sample.type !== "histogram") continue;
    if (waiting.test(sample.labels["operation"] ?? "")) continue;
    count += sample.count;
    sum += sample.sum;
    for (const bucket of sample.buckets) atMost.set(bucket.le, (atMost.get(bucket.le) ?? 0) + bucket.count);
  }
  const buckets = Array.from(atMost, ([le, many]) => ({ le, count: many }));
  return { type: "histogram", name: "service_latency", labels: {}, count, sum, buckets };
}
