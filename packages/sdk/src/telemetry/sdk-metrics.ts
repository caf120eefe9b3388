/** The SDK's own metrics, under the names that every Temporal SDK gives them. */
import type { Metric, MetricKind, MetricTags, RecordMetric } from "../value/metrics.ts";

/** `time`: a duration, recorded in milliseconds and shown in the unit that the exporter asks for. */
const kinds = {
  request: "counter",
  request_failure: "counter",
  request_latency: "time",
  long_request: "counter",
  long_request_failure: "counter",
  long_request_latency: "time",
  worker_start: "counter",
  poller_start: "counter",
  num_pollers: "gauge",
  worker_task_slots_available: "gauge",
  worker_task_slots_used: "gauge",
  sticky_cache_hit: "counter",
  sticky_cache_miss: "counter",
  sticky_cache_size: "gauge",
  sticky_cache_total_forced_eviction: "counter",
  workflow_task_queue_poll_empty: "counter",
  workflow_task_queue_poll_succeed: "counter",
  workflow_task_schedule_to_start_latency: "time",
  workflow_task_execution_latency: "time",
  workflow_task_execution_failed: "counter",
  workflow_task_replay_latency: "time",
  workflow_endtoend_latency: "time",
  workflow_completed: "counter",
  workflow_canceled: "counter",
  workflow_failed: "counter",
  workflow_continue_as_new: "counter",
  activity_poll_no_task: "counter",
  activity_schedule_to_start_latency: "time",
  activity_execution_latency: "time",
  activity_execution_failed: "counter",
  activity_execution_cancelled: "counter",
  activity_succeed_endtoend_latency: "time",
  nexus_poll_no_task: "counter",
  nexus_task_schedule_to_start_latency: "time",
  nexus_task_execution_latency: "time",
  nexus_task_execution_failed: "counter",
  local_activity_total: "counter",
  local_activity_execution_latency: "time",
  local_activity_execution_failed: "counter",
  local_activity_execution_cancelled: "counter",
  local_activity_succeed_endtoend_latency: "time",
} as const;

type Kinds = typeof kinds;
type NamesOf<K> = { [N in keyof Kinds]: Kinds[N] extends K ? N : never }[keyof Kinds];
export type CounterName = NamesOf<"counter">;
export type GaugeName = NamesOf<"gauge">;
export type TimeName = NamesOf<"time">;

export interface SdkMetricsOptions {
  readonly prefix: string;
  /** Otherwise durations are in milliseconds. */
  readonly useSecondsForDurations: boolean;
}

export class SdkMetrics {
  readonly #record: RecordMetric | undefined;
  readonly #metrics: ReadonlyMap<string, Metric>;
  readonly #perMs: number;

  /** Without `record` nothing is measured, and measuring costs nothing. */
  constructor(record?: RecordMetric, { prefix, useSecondsForDurations }: Partial<SdkMetricsOptions> = {}) {
    this.#record = record;
    this.#perMs = useSecondsForDurations ? 0.001 : 1;
    const unit = useSecondsForDurations ? "s" : "ms";
    this.#metrics = new Map(
      Object.entries(kinds).map(([name, kind]) => {
        const metricKind: MetricKind = kind === "time" ? "histogram" : kind;
        const timed =
          kind === "time"
            ? ({ unit, valueType: useSecondsForDurations ? "float" : "int" } as const)
            : ({ valueType: "int" } as const);
        return [name, { name: `${prefix ?? ""}${name}`, kind: metricKind, ...timed }];
      }),
    );
  }

  get isOn(): boolean {
    return this.#record !== undefined;
  }

  metric(name: keyof Kinds): Metric {
    return this.#metrics.get(name)!;
  }

  count(name: CounterName, tags: MetricTags, by = 1): void {
    this.#record?.(this.metric(name), by, tags);
  }

  /** A negative duration, by clocks that disagree, counts as none. */
  time(name: TimeName, durationMs: number, tags: MetricTags): void {
    this.#record?.(this.metric(name), Math.max(0, durationMs) * this.#perMs, tags);
  }
}
