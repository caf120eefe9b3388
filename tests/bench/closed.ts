/**
 * Whether work costs more when much has been done before: the same loads on a store with few closed workflows and on one with very many, in turn
 * (A B A B …), each server started anew on its own file.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startPawl } from "../rig/server.ts";
import { figures, type Goal, median, type Section } from "./comparison.ts";
import type { Load } from "./load-program.ts";
import { cpuBetween, usageOf } from "./process-usage.ts";
import { numberAt } from "./scenario.ts";
import { fillWorkflows } from "./stored-workflows.ts";
import { emptyFile } from "./system.ts";

export const closedScenario = {
  name: "closed",
  about: "the same loads with 1,000 and with very many closed workflows in the store",
} as const;

const fewClosed = 1_000;
/** Fewer show nothing. */
export const manyClosed = 1_000_000;

interface ClosedLoad {
  readonly name: string;
  /** Of the load program. */
  readonly args: (quick: boolean) => readonly string[];
  /** What is counted per second. */
  readonly rate: string;
}

const window = (quick: boolean) => ["--seconds", quick ? "3" : "10", "--warmup", quick ? "1" : "3"];

export const closedLoads: readonly ClosedLoad[] = [
  { name: "throughput", args: window, rate: "workflowsPerSecond" },
  { name: "steps", args: window, rate: "activitiesPerSecond" },
];

/** One load, once. */
export interface ClosedSample {
  readonly load: string;
  readonly closed: number;
  readonly rate: number;
  readonly p50Ms: number;
  readonly serverCpuMsPerWorkflow: number;
}

export interface ClosedOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly closedCount: number;
}

const restMs = 500;

export async function measureClosed(
  load: Load,
  { quick, rounds, closedCount }: ClosedOptions,
  say: (line: string) => void,
): Promise<ClosedSample[]> {
  using few = emptyFile();
  using many = emptyFile();
  const stores = [
    { closed: fewClosed, dbFilename: few.filename },
    { closed: closedCount, dbFilename: many.filename },
  ];
  for (const { closed, dbFilename } of stores) await fillWorkflows(dbFilename, { count: closed, state: "closed" }, say);
  const samples: ClosedSample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const { closed, dbFilename } of stores) {
      const server = await startPawl({ dbFilename });
      for (const { name, args, rate } of closedLoads) {
        const before = usageOf(server.pid);
        const report = await load(name, server.address, args(quick), say);
        const cpu = cpuBetween(before, usageOf(server.pid));
        samples.push({
          ...{ load: name, closed, rate: numberAt(report, rate), p50Ms: numberAt(report, "latencyMs.p50") },
          serverCpuMsPerWorkflow: (cpu.seconds * 1e3) / numberAt(report, "totalWorkflows"),
        });
        say(`round ${round} of ${rounds}, ${closed} closed, ${name}: ${figures(samples.at(-1)!.rate)}/s`);
        await delay(restMs);
      }
      await server.kill9();
    }
  return samples;
}

/** One section for each load; what stands beside Pawl is Pawl with little behind it. */
export function closedSections(samples: readonly ClosedSample[]): Section[] {
  const counts = [...new Set(samples.map(({ closed }) => closed))].sort((a, b) => a - b);
  const [few, many] = [counts[0], counts.at(-1)];
  if (few === undefined || many === undefined || few === many) return [];
  return closedLoads.map(({ name }) => {
    const row = (metric: string, unit: string, of: (sample: ClosedSample) => number, isRate = false) => {
      const at = (closed: number) =>
        median(samples.filter((each) => each.load === name && each.closed === closed).map(of));
      const [pawl, reference] = [at(many), at(few)];
      const ratio = pawl && reference ? (isRate ? pawl / reference : reference / pawl) : null;
      return { metric, unit, pawl, reference, timesBetter: ratio };
    };
    return {
      scenario: `${closedScenario.name}-${name}`,
      about: `${name}, with ${many.toLocaleString("en-US")} closed workflows in the store and with ${few.toLocaleString("en-US")}`,
      against: `${few.toLocaleString("en-US")} closed`,
      rows: [
        row("rate", "/s", ({ rate }) => rate, true),
        row("p50", "ms", ({ p50Ms }) => p50Ms),
        row("server CPU per workflow", "ms", ({ serverCpuMsPerWorkflow }) => serverCpuMsPerWorkflow),
      ],
      pawlThreads: {},
      disturbance: 0,
      failed: { pawl: 0, reference: 0 },
    };
  });
}

/** How far the rates may lie apart, in either direction. */
const tolerance = 0.2;

export function closedGoals(sections: readonly Section[], closedCount: number): Goal[] {
  const ratios = sections.flatMap(({ rows }) => rows.find(({ metric }) => metric === "rate")?.timesBetter ?? []);
  const isMeasured = ratios.length === closedLoads.length && closedCount >= manyClosed;
  return [
    {
      goal: "the same rates (±20 %) with 1,000 and with 1,000,000 closed workflows",
      met: isMeasured ? ratios.every((ratio) => Math.abs(ratio - 1) <= tolerance) : null,
      measured: isMeasured ? ratios.map((ratio) => `${figures(ratio)} ×`).join(", ") : "not measured",
    },
  ];
}
