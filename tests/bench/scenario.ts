/** What is measured: one row of this table per kind of load, with the numbers that are taken from it. */
import type { Report } from "./load-program.ts";
import type { ProbeReport } from "./probe.ts";

/** One run of a scenario against one server. */
export interface Sample {
  /** What the load program printed. */
  readonly report: Report;
  /** Used by the server's process while the load ran. */
  readonly serverCpuSeconds: number;
  readonly serverThreads: Readonly<Record<string, number>>;
  /** After the load. */
  readonly rssBytes: number;
  /** CPU seconds that neither the server nor the load used: other work on the machine, which spoils the sample. */
  readonly otherCpuSeconds: number;
  readonly seconds: number;
  /** Pawl only. */
  readonly probe: ProbeReport | undefined;
}

export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Which direction is good; `null` where a comparison says nothing. */
  readonly better: "higher" | "lower" | null;
  /** undefined when this server does not have the number. */
  readonly of: (sample: Sample) => number | undefined;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Arguments of the load program, its scenario first. */
  readonly load: (mode: { quick: boolean }) => readonly string[];
  readonly metrics: readonly Metric[];
}

/** The number at a path of a report, e.g. `latencyMs.p50`. Throws when it is not there. */
export function numberAt(report: Report, path: string): number {
  const value = path
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], report);
  if (typeof value !== "number") throw new Error(`the load program printed no ${path}`);
  return value;
}

const reported = (name: string, unit: string, better: Metric["better"], path: string): Metric => ({
  name,
  unit,
  better,
  of: ({ report }) => numberAt(report, path),
});

const latencies = (what: string, path: string): Metric[] => [
  reported(`${what} p50`, "ms", "lower", `${path}.p50`),
  reported(`${what} p99`, "ms", "lower", `${path}.p99`),
];

/** Numbers that every scenario has; `each` is what the costs are divided by. */
function costs(each: string, count: (sample: Sample) => number): Metric[] {
  return [
    { name: `server CPU per ${each}`, unit: "ms", better: "lower", of: (s) => (s.serverCpuSeconds * 1e3) / count(s) },
    {
      name: `client CPU per ${each}`,
      unit: "ms",
      better: null,
      of: (s) => (numberAt(s.report, "clientCpuSeconds") * 1e3) / count(s),
    },
    { name: `commits per ${each}`, unit: "", better: "lower", of: (s) => s.probe && s.probe.commits / count(s) },
    {
      name: "time in one commit",
      unit: "ms",
      better: "lower",
      of: (s) => s.probe && s.probe.commitMs / s.probe.commits,
    },
    { name: "event loop delay p50", unit: "ms", better: "lower", of: (s) => s.probe?.loopDelayMs.p50 },
    { name: "event loop delay p99", unit: "ms", better: "lower", of: (s) => s.probe?.loopDelayMs.p99 },
    { name: "event loop busy", unit: "%", better: "lower", of: (s) => s.probe && s.probe.loopUtilization * 100 },
    { name: "server RSS", unit: "MB", better: "lower", of: (s) => s.rssBytes / 1e6 },
  ];
}

const workflowsOf = ({ report }: Sample) => numberAt(report, "totalWorkflows");

function executionMetrics(rate: Metric): Metric[] {
  const perWorkflow = (name: string, path: string): Metric => ({
    name,
    unit: "µs",
    better: "lower",
    of: (sample) => {
      const count = numberAt(sample.report, path);
      // A server that does not count its transitions says 0.
      return count > 0 ? (sample.serverCpuSeconds * 1e6) / (workflowsOf(sample) * count) : undefined;
    },
  });
  return [
    rate,
    ...latencies("workflow", "latencyMs"),
    ...latencies("answer to start", "startMs"),
    perWorkflow("server CPU per transition", "perWorkflow.stateTransitions"),
    perWorkflow("server CPU per history event", "perWorkflow.historyLength"),
    ...costs("workflow", workflowsOf),
  ];
}

const workflowsPerSecond = reported("workflows", "/s", "higher", "workflowsPerSecond");
const activitiesPerSecond = reported("activities", "/s", "higher", "activitiesPerSecond");
const windowOf = (quick: boolean) => ["--seconds", quick ? "4" : "10", "--warmup", quick ? "1" : "3"];
const warmupOf = (quick: boolean) => ["--warmup", quick ? "1" : "3"];

const signalMetrics: readonly Metric[] = [
  reported("signals", "/s", "higher", "signalsPerSecond"),
  reported("until all were received", "s", "lower", "drainedSeconds"),
  ...latencies("answer to signal", "latencyMs"),
  ...costs("signal", ({ report }) => numberAt(report, "signals")),
];

const updateMetrics: readonly Metric[] = [
  reported("updates", "/s", "higher", "updatesPerSecond"),
  ...latencies("update", "latencyMs"),
  ...costs("update", ({ report }) => numberAt(report, "updates")),
];

const heartbeats = ["--activities", "1000", "--concurrency", "100"];
const heartbeatMetrics: readonly Metric[] = [
  reported("heartbeats", "/s", "higher", "heartbeatsPerSecond"),
  ...latencies("answer to heartbeat", "latencyMs"),
  ...costs("heartbeat", ({ report }) => numberAt(report, "totalHeartbeats")),
];

/** How late the event loop came at worst, while the load ran. */
export const longestPause = "longest pause of the event loop";

export const scenarios: readonly Scenario[] = [
  {
    name: "throughput",
    about: "one activity, 50 workflows at once",
    load: ({ quick }) => ["throughput", "--concurrency", "50", ...windowOf(quick)],
    metrics: executionMetrics(workflowsPerSecond),
  },
  {
    name: "latency",
    about: "one activity, one workflow at a time",
    load: ({ quick }) => ["latency", "--count", quick ? "30" : "100", ...warmupOf(quick)],
    metrics: executionMetrics(workflowsPerSecond),
  },
  {
    name: "latency-3",
    about: "three activities in sequence, one workflow at a time",
    load: ({ quick }) => ["latency", "--steps", "3", "--count", quick ? "15" : "50", ...warmupOf(quick)],
    metrics: executionMetrics(workflowsPerSecond),
  },
  {
    name: "steps",
    about: "ten activities in sequence, 20 workflows at once",
    load: ({ quick }) => ["steps", "--steps", "10", "--concurrency", "20", ...windowOf(quick)],
    metrics: executionMetrics(activitiesPerSecond),
  },
  {
    name: "fanout",
    about: "20 activities in parallel, 10 workflows at once",
    load: ({ quick }) => ["fanout", "--width", "20", "--concurrency", "10", ...windowOf(quick)],
    metrics: executionMetrics(activitiesPerSecond),
  },
  {
    name: "fanout-1000",
    about: "1,000 activities in parallel in one workflow",
    load: ({ quick }) => [
      "fanout",
      "--width",
      "1000",
      "--concurrency",
      "1",
      "--workflows",
      quick ? "1" : "3",
      "--warmup",
      "0",
    ],
    metrics: executionMetrics(activitiesPerSecond),
  },
  {
    name: "heartbeat",
    about: "1,000 running activities, 100 heartbeats at once, requests as they are",
    load: ({ quick }) => ["heartbeat", "--plain", ...heartbeats, ...windowOf(quick)],
    metrics: heartbeatMetrics,
  },
  {
    name: "heartbeat-gzip",
    about: "1,000 running activities, 100 heartbeats at once, requests compressed as the SDK does by default",
    load: ({ quick }) => ["heartbeat", ...heartbeats, ...windowOf(quick)],
    metrics: heartbeatMetrics,
  },
  {
    name: "signals",
    about: "50 open workflows, 50 signals at once",
    load: ({ quick }) => ["signals", "--workflows", "50", "--each", quick ? "20" : "40", "--concurrency", "50"],
    metrics: signalMetrics,
  },
  {
    name: "signals-one",
    about: "one open workflow, 50 signals at once",
    load: ({ quick }) => ["signals", "--workflows", "1", "--each", quick ? "500" : "2000", "--concurrency", "50"],
    metrics: signalMetrics,
  },
  {
    name: "signals-1000",
    about: "1,000 open workflows, 50 signals at once",
    load: ({ quick }) => ["signals", "--workflows", "1000", "--each", quick ? "1" : "4", "--concurrency", "50"],
    metrics: signalMetrics,
  },
  {
    name: "updates",
    about: "20 open workflows, 20 updates at once",
    load: ({ quick }) => ["updates", "--workflows", "20", "--each", quick ? "20" : "50", "--concurrency", "20"],
    metrics: updateMetrics,
  },
  {
    name: "update-latency",
    about: "one open workflow, one update at a time",
    load: ({ quick }) => ["updates", "--workflows", "1", "--each", quick ? "30" : "100", "--concurrency", "1"],
    metrics: updateMetrics,
  },
  {
    name: "children-500",
    about: "500 children in parallel in one workflow",
    load: ({ quick }) => ["family", "--width", "500", "--workflows", quick ? "1" : "3", "--warmup", "0"],
    metrics: executionMetrics(reported("families of 500", "/s", "higher", "workflowsPerSecond")),
  },
  {
    name: "history-50000",
    about: "a history of some 50,000 events, read page by page, replayed, and folded for a reset",
    load: ({ quick }) => [
      "history",
      "--batches",
      quick ? "100" : "470",
      "--each",
      "100",
      "--rounds",
      quick ? "2" : "5",
    ],
    metrics: [
      reported("events", "", null, "events"),
      reported("whole history p50", "ms", "lower", "wholeMs.p50"),
      ...latencies("page", "pageMs"),
      ...latencies("describe", "describeMs"),
      reported("signal to end, replayed", "ms", "lower", "replayedMs"),
      reported("reset", "ms", "lower", "resetMs"),
      { name: longestPause, unit: "ms", better: "lower", of: (s) => s.probe?.loopDelayMs.max },
      ...costs("1,000 events", ({ report }) => numberAt(report, "events") / 1_000),
    ],
  },
];
