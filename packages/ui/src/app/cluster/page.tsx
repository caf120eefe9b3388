/** The server itself: what it is, whether it is well, and how much it does. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { clusterInfo, type MetricsSnapshot, readMetrics, type Sample, systemInfo } from "../api/cluster.ts";
import { Fact } from "../parts/fact.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { Chart } from "./chart.tsx";
import { levels, type Point, quantiles, rates } from "./series.ts";

const everyMs = 2_000;
/** What charts show, from the opening of the page on. */
const spansMs = [60_000, 2 * 60_000, 5 * 60_000] as const;
const keptMax = spansMs.at(-1)! / everyMs;

export function ClusterPage() {
  useTitle("Cluster");
  const info = useQuery({ queryKey: ["cluster-info"], queryFn: ({ signal }) => clusterInfo(signal) });
  const system = useQuery({ queryKey: ["system-info"], queryFn: ({ signal }) => systemInfo(signal) });
  const metrics = useQuery({
    queryKey: ["metrics"],
    queryFn: ({ signal }) => readMetrics(signal),
    refetchInterval: everyMs,
  });
  const snapshots = useRecent(metrics.data);
  const error = metrics.error ?? info.error;
  return (
    <div className="page">
      <div className="title">
        <h1>Cluster</h1>
        <span className={`badge status-${error ? "Failed" : "Completed"}`}>{error ? "No answer" : "Serving"}</span>
      </div>
      {error && (metrics.data ? <Stale /> : <Problem error={error} onRetry={metrics.refetch} />)}
      {info.data && (
        <dl className="facts">
          <Fact name="Name">{info.data.clusterName}</Fact>
          <Fact name="Cluster id">{info.data.clusterId}</Fact>
          <Fact name="Speaks the API of">{info.data.serverVersion}</Fact>
          <Fact name="Kept in">{info.data.persistenceStore}</Fact>
          <Fact name="Shards">{info.data.historyShardCount}</Fact>
        </dl>
      )}
      {metrics.data ? <Charts snapshots={snapshots} /> : !error && <Loading what="metrics" />}
      {system.data?.capabilities && <Capabilities capabilities={system.data.capabilities} />}
    </div>
  );
}

/** The snapshots that were read while this page is open, of the last minutes. */
function useRecent(newest: MetricsSnapshot | undefined): readonly MetricsSnapshot[] {
  const [kept, setKept] = useState<readonly MetricsSnapshot[]>([]);
  useEffect(() => {
    if (newest) setKept((before) => (before.at(-1) === newest ? before : [...before, newest].slice(-keptMax)));
  }, [newest]);
  return kept;
}

const named = (name: string) => (sample: Sample) => sample.name === name;

/** Calls that wait for something to happen say nothing about how fast the server is. */
const isPrompt = ({ name, labels }: Sample) =>
  name === "service_latency" && !/^Poll|History$|^QueryWorkflow$|^UpdateWorkflow/.test(labels["operation"] ?? "");

function Charts({ snapshots }: { readonly snapshots: readonly MetricsSnapshot[] }) {
  const knownMs = (snapshots.at(-1)?.atMs ?? 0) - (snapshots[0]?.atMs ?? 0);
  const spanMs = spansMs.find((each) => each >= knownMs) ?? spansMs.at(-1)!;
  const perSecond = (value: number) => `${value.toLocaleString(undefined, { maximumFractionDigits: 1 })}/s`;
  const seconds = (value: number) => `${(value * 1_000).toLocaleString(undefined, { maximumFractionDigits: 1 })} ms`;
  const count = (value: number) => value.toLocaleString(undefined, { maximumFractionDigits: 0 });
  const megabytes = (value: number) => `${Math.round(value / 2 ** 20).toLocaleString()} MB`;
  const charts: readonly (readonly [string, (value: number) => string, Readonly<Record<string, Point[]>>])[] = [
    [
      "Transitions",
      perSecond,
      {
        Commands: rates(snapshots, named("shard_commands")),
        Commits: rates(snapshots, named("shard_commits")),
      },
    ],
    [
      "Calls",
      perSecond,
      {
        Calls: rates(snapshots, named("service_requests")),
        Refused: rates(snapshots, named("service_error_with_type")),
      },
    ],
    [
      "Time to an answer, calls that wait left out",
      seconds,
      { Median: quantiles(snapshots, isPrompt, 0.5), "99 of 100": quantiles(snapshots, isPrompt, 0.99) },
    ],
    ["Tasks that wait for a worker", count, { Waiting: levels(snapshots, named("approximate_backlog_count")) }],
    [
      "Memory",
      megabytes,
      {
        Process: levels(snapshots, named("process_resident_memory_bytes")),
        "Cached runs": levels(snapshots, named("cache_bytes")),
      },
    ],
    [
      "Runs in memory",
      count,
      { Cached: levels(snapshots, named("cache_workflows")), "Due soon": levels(snapshots, named("timers_armed")) },
    ],
  ];
  return (
    <div className="charts">
      {charts.map(([title, valueText, lines]) => (
        <Chart
          key={title}
          {...{ title, valueText, spanMs }}
          lines={Object.entries(lines).map(([name, points]) => ({ name, points }))}
        />
      ))}
    </div>
  );
}

function Capabilities({ capabilities }: { readonly capabilities: Readonly<Record<string, boolean>> }) {
  const names = Object.keys(capabilities).filter((name) => capabilities[name]);
  return (
    <section aria-labelledby="capabilities-title">
      <h2 id="capabilities-title">What it tells SDKs that it can do</h2>
      <p className="breakable">{names.join(", ")}</p>
    </section>
  );
}
