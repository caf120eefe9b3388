/** The server itself: what it is, whether it is well, and how much it does. */
import { useQuery } from "@tanstack/react-query";
import { clusterInfo, type MetricsSnapshot, metricsHistory, type Sample, systemInfo } from "../api/cluster.ts";
import { Fact } from "../parts/fact.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { remembered, useRemembered } from "../parts/remembered.ts";
import { Chart } from "./chart.tsx";
import { levels, type Point, quantiles, rates } from "./series.ts";

/** As often as the server takes them, and as many as it keeps. */
const everyMs = 5_000;
const keptMax = 720;

const spans = { "5": "5 minutes", "15": "15 minutes", "60": "1 hour" } as const;
type Span = keyof typeof spans;

/** How many minutes charts show. */
const chartSpan = remembered<Span>({
  key: "chart-span",
  read: (kept) => (Object.keys(spans) as Span[]).find((span) => span === kept),
  otherwise: "15",
});

/** What does not change is asked for again only when there was no answer. */
const untilAnswered = ({ state }: { readonly state: { readonly error: Error | null } }) =>
  state.error ? everyMs : false;

export function ClusterPage() {
  useTitle("Cluster");
  const info = useQuery({
    queryKey: ["cluster-info"],
    queryFn: ({ signal }) => clusterInfo(signal),
    refetchInterval: untilAnswered,
  });
  const system = useQuery({
    queryKey: ["system-info"],
    queryFn: ({ signal }) => systemInfo(signal),
    refetchInterval: untilAnswered,
  });
  const metrics = useQuery({
    queryKey: ["metrics-history"],
    queryFn: async ({ signal, client, queryKey }) => {
      const known = client.getQueryData<readonly MetricsSnapshot[]>(queryKey) ?? [];
      const { snapshots } = await metricsHistory(known.at(-1)?.atMs ?? 0, signal);
      return [...known, ...snapshots].slice(-keptMax);
    },
    refetchInterval: everyMs,
  });
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
      {metrics.data ? <Charts snapshots={metrics.data} /> : !error && <Loading what="metrics" />}
      {system.data?.capabilities && <Capabilities capabilities={system.data.capabilities} />}
    </div>
  );
}

const named = (name: string) => (sample: Sample) => sample.name === name;

function Charts({ snapshots }: { readonly snapshots: readonly MetricsSnapshot[] }) {
  const span = useRemembered(chartSpan);
  const spanMs = Number(span) * 60_000;
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
      {
        Median: quantiles(snapshots, named("service_latency"), 0.5),
        "99 of 100": quantiles(snapshots, named("service_latency"), 0.99),
      },
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
    <>
      <div className="chart-head">
        <label>
          Show the last{" "}
          <select value={span} onChange={(event) => chartSpan.set(event.target.value as Span)}>
            {Object.entries(spans).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <span className="faint">This process keeps an hour of it in memory, from its own beginning on.</span>
      </div>
      <div className="charts">
        {charts.map(([title, valueText, lines]) => (
          <Chart
            key={title}
            {...{ title, valueText, spanMs }}
            lines={Object.entries(lines).map(([name, points]) => ({ name, points }))}
          />
        ))}
      </div>
    </>
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
