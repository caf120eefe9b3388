/** Medians of all rounds, the two servers beside each other, and the goals that the medians are held against. */
import { type IdleResult, idleScenarios } from "./idle.ts";
import { longestPause, type Metric, type Sample, type Scenario, scenarios } from "./scenario.ts";
import type { System } from "./system.ts";
import { type TimersResult, timersScenario } from "./timers.ts";

/** What was measured: of each scenario, the samples of each system in the order of the rounds. */
export interface Measurements {
  readonly samples: ReadonlyMap<string, Readonly<Record<System, readonly Sample[]>>>;
  /** By the name of the idle scenario. */
  readonly idle: IdleResults;
  readonly timers: Readonly<Partial<Record<System, TimersResult>>>;
  /** Of each scenario, how often it failed on each system. */
  readonly failures: ReadonlyMap<string, Readonly<Record<System, number>>>;
}

export type IdleResults = ReadonlyMap<string, Readonly<Partial<Record<System, IdleResult>>>>;

export interface Row {
  readonly metric: string;
  readonly unit: string;
  readonly pawl: number | null;
  readonly reference: number | null;
  /** How many times better Pawl is; below 1 it is worse. null where one side is missing or a comparison says nothing. */
  readonly timesBetter: number | null;
}

export interface Section {
  readonly scenario: string;
  readonly about: string;
  /** What stands beside Pawl. Default: the reference server. */
  readonly against?: string;
  readonly rows: readonly Row[];
  /** Pawl's CPU by thread in percent of one core, medians. */
  readonly pawlThreads: Readonly<Record<string, number>>;
  /** The largest share of the machine, 0 to 1, that other work took during one sample. */
  readonly disturbance: number;
  /** Samples that are missing because the load or the server failed. */
  readonly failed: Readonly<Record<System, number>>;
}

export interface Goal {
  readonly goal: string;
  /** null: not measured in this run. */
  readonly met: boolean | null;
  readonly measured: string;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const noFailures = { pawl: 0, reference: 0 };

export function sectionsOf(measurements: Measurements, cores: number): Section[] {
  return scenarios.flatMap((scenario) => {
    const samples = measurements.samples.get(scenario.name);
    const failed = measurements.failures.get(scenario.name) ?? noFailures;
    return samples ? [{ ...sectionOf(scenario, samples, cores), failed }] : [];
  });
}

function sectionOf(
  { name, about, metrics }: Scenario,
  samples: Readonly<Record<System, readonly Sample[]>>,
  cores: number,
): Omit<Section, "failed"> {
  const all = [...samples.pawl, ...samples.reference];
  return {
    scenario: name,
    about,
    rows: metrics.map((metric) => rowOf(metric, medianOf(metric, samples.pawl), medianOf(metric, samples.reference))),
    pawlThreads: threadsOf(samples.pawl),
    disturbance: Math.max(0, ...all.map(({ otherCpuSeconds, seconds }) => otherCpuSeconds / seconds / cores)),
  };
}

function medianOf(metric: Metric, samples: readonly Sample[]): number | null {
  return median(samples.map(metric.of).filter((value) => value !== undefined));
}

function rowOf(
  { name, unit, better }: Pick<Metric, "name" | "unit" | "better">,
  pawl: number | null,
  reference: number | null,
): Row {
  return { metric: name, unit, pawl, reference, timesBetter: timesBetter(better, pawl, reference) };
}

function timesBetter(better: Metric["better"], pawl: number | null, reference: number | null): number | null {
  if (better === null || pawl === null || reference === null || pawl === 0 || reference === 0) return null;
  return better === "higher" ? pawl / reference : reference / pawl;
}

function threadsOf(samples: readonly Sample[]): Record<string, number> {
  const names = new Set(samples.flatMap(({ serverThreads }) => Object.keys(serverThreads)));
  const shares: Record<string, number> = {};
  for (const name of names) {
    const share = median(samples.map(({ serverThreads, seconds }) => ((serverThreads[name] ?? 0) / seconds) * 100))!;
    if (share >= 0.5) shares[name] = share;
  }
  return shares;
}

export function idleSections({ idle }: Measurements): Section[] {
  return idleScenarios.flatMap(({ name, about }) => {
    const results = idle.get(name);
    return results ? [idleSection(name, about, results)] : [];
  });
}

function idleSection(scenario: string, about: string, idle: Readonly<Partial<Record<System, IdleResult>>>): Section {
  const row = (metric: string, unit: string, better: Metric["better"], of: (result: IdleResult) => number) => {
    const [pawl, reference] = [idle.pawl, idle.reference].map((result) => (result ? of(result) : null));
    return rowOf({ name: metric, unit, better }, pawl ?? null, reference ?? null);
  };
  const grown = (result: IdleResult) => result.rssBytes - result.emptyRssBytes;
  return {
    scenario,
    about,
    rows: [
      row("open workflows", "", null, (result) => result.workflows),
      row("started", "/s", "higher", (result) => result.startsPerSecond),
      row("answer to start p99", "ms", "lower", (result) => result.startP99Ms),
      row("RSS, none open", "MB", "lower", (result) => result.emptyRssBytes / 1e6),
      row("RSS, all open", "MB", null, (result) => result.rssBytes / 1e6),
      row("RSS, all open, at rest", "MB", null, (result) => result.restedRssBytes / 1e6),
      row("RSS per open workflow", "KB", "lower", (result) => grown(result) / result.workflows / 1e3),
      row("first answer on an empty disk", "ms", "lower", (result) => result.coldStartMs),
      row("first answer after kill -9", "ms", "lower", (result) => result.firstOkMs),
      row("first write after kill -9", "ms", "lower", (result) => result.firstWriteMs),
      row("RSS after the restart", "MB", null, (result) => result.rssAfterRestartBytes / 1e6),
    ],
    pawlThreads: {},
    disturbance: 0,
    failed: noFailures,
  };
}

/** None when the timers were not measured. */
export function timerSections({ timers }: Measurements): Section[] {
  if (!timers.pawl && !timers.reference) return [];
  const row = (metric: string, unit: string, better: Metric["better"], of: (result: TimersResult) => number) => {
    const [pawl, reference] = [timers.pawl, timers.reference].map((result) => (result ? of(result) : null));
    return rowOf({ name: metric, unit, better }, pawl ?? null, reference ?? null);
  };
  const rows = [
    row("timers", "", null, (result) => result.timers),
    row("timers fired", "/s", "higher", (result) => (result.timers * 1e3) / result.firedMs),
    row("all fired after", "s", null, (result) => result.firedMs / 1e3),
    row("late p99", "ms", null, (result) => result.lateP99Ms),
    row("early", "", null, (result) => result.early),
    row("server CPU per workflow", "ms", "lower", (result) => (result.serverCpuSeconds * 1e3) / result.timers),
    row("server RSS", "MB", null, (result) => result.rssBytes / 1e6),
  ];
  const { name: scenario, about } = timersScenario;
  return [{ scenario, about, rows, pawlThreads: {}, disturbance: 0, failed: noFailures }];
}

/** The goals that this project has set itself; see `docs/performance.md`. */
export function goalsOf(sections: readonly Section[], { idle, timers }: Pick<Measurements, "idle" | "timers">): Goal[] {
  const row = (scenario: string, metric: string) =>
    sections.find((section) => section.scenario === scenario)?.rows.find((each) => each.metric === metric);
  const goal = (
    text: string,
    value: number | null | undefined,
    met: (value: number) => boolean,
    unit: string,
  ): Goal => ({
    goal: text,
    met: value == null ? null : met(value),
    measured: value == null ? "not measured" : `${figures(value)}${unit}`,
  });
  const fullOf = (name: string) => {
    const result = idle.get(name)?.pawl;
    return result && result.workflows >= 100_000 ? result : undefined;
  };
  const full = fullOf("open-idle");
  const pending = fullOf("open-pending");
  return [
    goal(
      "workflows/s at least 10 × the reference",
      row("throughput", "workflows")?.timesBetter,
      (times) => times >= 10,
      " ×",
    ),
    goal("p50 of one workflow at most 10 ms", row("latency", "workflow p50")?.pawl, (ms) => ms <= 10, " ms"),
    goal("at most 5 commits per workflow", row("latency", "commits per workflow")?.pawl, (commits) => commits <= 5, ""),
    goal("100,000 open workflows in at most 600 MB", full && full.rssBytes / 1e6, (mb) => mb <= 600, " MB"),
    goal(
      "100,000 activities pending outside in at most 400 MB",
      pending && pending.rssBytes / 1e6,
      (mb) => mb <= 400,
      " MB",
    ),
    goal(
      "activities of fan-outs of 20 at least 1,000/s",
      row("fanout", "activities")?.pawl,
      (rate) => rate >= 1_000,
      "/s",
    ),
    goal("heartbeats at least 10,000/s", row("heartbeat", "heartbeats")?.pawl, (rate) => rate >= 10_000, "/s"),
    goal("p99 of heartbeats at most 50 ms", row("heartbeat", "answer to heartbeat p99")?.pawl, (ms) => ms <= 50, " ms"),
    goal(
      "no pause of the event loop above 50 ms over a history of 50,000 events",
      row("history-50000", longestPause)?.pawl,
      (ms) => ms <= 50,
      " ms",
    ),
    goal(
      "100,000 timers due at one moment fire within 20 s, none early",
      timers.pawl && timers.pawl.timers >= 100_000 ? timers.pawl.firedMs / 1e3 : undefined,
      (seconds) => seconds <= 20 && timers.pawl?.early === 0,
      " s",
    ),
    goal("ready at most 5 s after kill -9", full && full.firstWriteMs / 1e3, (seconds) => seconds <= 5, " s"),
  ];
}

/** A number with three significant figures where it is below 1,000. */
export function figures(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
