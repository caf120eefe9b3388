/** The server itself: what it is, and its metrics. */
import { ask } from "./ask.ts";

export interface ClusterInfo {
  readonly clusterId?: string;
  readonly clusterName?: string;
  readonly serverVersion?: string;
  readonly historyShardCount?: number;
  readonly persistenceStore?: string;
  readonly visibilityStore?: string;
}

export function clusterInfo(signal: AbortSignal) {
  return ask<ClusterInfo>(["cluster-info"], { signal });
}

export function systemInfo(signal: AbortSignal) {
  return ask<{ readonly capabilities?: Readonly<Record<string, boolean>> }>(["system-info"], { signal });
}

export type Sample = { readonly name: string; readonly labels: Readonly<Record<string, string>> } & (
  | { readonly type: "counter" | "gauge"; readonly value: number }
  | {
      readonly type: "histogram";
      readonly count: number;
      readonly sum: number;
      readonly buckets: readonly { readonly le: number; readonly count: number }[];
    }
);

export interface MetricsSnapshot {
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

/** A few metrics without their labels, every few seconds of the last hour, later than this and oldest first. */
export function metricsHistory(afterMs: number, signal: AbortSignal) {
  const query = { afterMs: String(afterMs) };
  return ask<{ readonly snapshots: readonly MetricsSnapshot[] }>(["metrics", "history"], { query, signal });
}
