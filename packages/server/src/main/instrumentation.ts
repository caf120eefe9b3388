/** What the shards and task queues of this process report: log lines and metrics. */
import type { Matching } from "../matching/matching.ts";
import { commitMetrics, failedCommitMetrics } from "../shard/commit-metrics.ts";
import type { Started } from "../shard/dispatcher.ts";
import type { Ring, RingParts } from "../shard/ring.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** The listeners that a ring of shards is given. */
export function shardEvents({
  metrics,
  log,
  stopwatchMs,
}: Telemetry): Pick<RingParts, "onFault" | "onLarge" | "onCommit" | "onFailedCommit" | "stopwatchMs"> {
  return {
    stopwatchMs,
    onFault: (what, error) => log.error("shard fault", { what, error }),
    onLarge: ({ key: { businessId, namespaceId }, what, ended, ...figures }) =>
      log.warn(`${what} exceeds ${ended ? "error" : "warn"} limit`, {
        namespaceId,
        workflowId: businessId,
        ...figures,
      }),
    onCommit: commitMetrics(metrics),
    onFailedCommit: failedCommitMetrics(metrics),
  };
}

export function watchRing(ring: Ring, { metrics }: Telemetry): void {
  metrics.gauge(
    "cache_workflows",
    "Workflows and other executions whose state is in memory.",
    () => ring.cached.executions,
  );
  metrics.gauge("cache_bytes", "What they take, by the cache's own estimate.", () => ring.cached.bytes);
  metrics.gauge("timers_armed", "Runs that fall due soon.", () => ring.cached.timers);
  metrics.gauge("process_resident_memory_bytes", "Memory of the whole process.", () => process.memoryUsage.rss());
}

export function watchQueues(matching: Matching<Started>, { metrics }: Telemetry): void {
  metrics.gauge("approximate_backlog_count", "Tasks that wait for a worker.", () => matching.backlog.count);
  metrics.gauge(
    "approximate_backlog_age_seconds",
    "How long the one has waited that waits longest.",
    () => matching.backlog.ageMs / 1_000,
  );
}
