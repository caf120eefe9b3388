/**
 * Pawl beside other ways to run durable workflows: the same workflows, each system with the SDK that belongs to it, in turn (A B C A B C …) on the same
 * machine, each synced to disk as it is by default. What the numbers mean is in `docs/performance.md`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { figures, type Goal, median } from "./comparison.ts";
import { type PeerSystem, prepareTools, type Tools, type Work } from "./peer-systems.ts";

export interface Workload extends Pick<Work, "steps" | "concurrency"> {
  readonly name: string;
  readonly about: string;
}

export const peerWorkloads: readonly Workload[] = [
  { name: "peers-one", about: "one step, one workflow at a time", steps: 1, concurrency: 1 },
  { name: "peers-one-50", about: "one step, 50 workflows at once", steps: 1, concurrency: 50 },
  { name: "peers-three", about: "three steps in sequence, one workflow at a time", steps: 3, concurrency: 1 },
  { name: "peers-three-50", about: "three steps in sequence, 50 workflows at once", steps: 3, concurrency: 50 },
];

/** One run of a workload on a system. */
export interface PeerSample {
  readonly workflowsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all processes: client, worker, server, database. */
  readonly cpuMsPerWorkflow: number;
  /** Of server and database, after the load; 0 where there is neither. */
  readonly serverMemoryMb: number;
}

export interface PeerRow {
  readonly system: string;
  readonly about: string;
  /** Medians; null when the system failed each time. */
  readonly median: PeerSample | null;
  readonly samples: readonly PeerSample[];
  /** Pawl's rate divided by this one's. */
  readonly pawlTimesFaster: number | null;
  readonly failed: number;
}

export interface PeerSection {
  readonly workload: string;
  readonly about: string;
  readonly rows: readonly PeerRow[];
}

export interface PeerOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly workloads: readonly Workload[];
  readonly systems: readonly PeerSystem[];
}

const restMs = 500;
const numbers = ["workflowsPerSecond", "p50Ms", "p99Ms", "cpuMsPerWorkflow", "serverMemoryMb"] as const;

type Results = Map<string, Map<string, (PeerSample | null)[]>>;

export async function comparePeers(options: PeerOptions, say: (line: string) => void): Promise<PeerSection[]> {
  const tools = await prepareTools();
  const results: Results = new Map(options.workloads.map(({ name }) => [name, new Map()]));
  for (let round = 1; round <= options.rounds; round++)
    for (const system of options.systems) {
      say(`round ${round} of ${options.rounds}, ${system.name}`);
      await oneRound(system, tools, options, results, say);
    }
  return options.workloads.map((workload) => peerSection(workload, options.systems, results.get(workload.name)!));
}

/** A system that fails costs its own samples only. */
async function oneRound(
  system: PeerSystem,
  tools: Tools,
  { quick, workloads }: PeerOptions,
  results: Results,
  say: (line: string) => void,
): Promise<void> {
  const collect = (workload: Workload, sample: PeerSample | null) => {
    const bySystem = results.get(workload.name)!;
    bySystem.set(system.name, [...(bySystem.get(system.name) ?? []), sample]);
  };
  const failure = (error: unknown) => say(`  ${system.name} failed: ${(error as Error).message}`);
  const instance = await system.start(tools).catch(failure);
  for (const workload of workloads) {
    const sample = instance ? await measure(instance, workload, quick).catch(failure) : undefined;
    collect(workload, sample ?? null);
    if (sample) say(`  ${system.name} ${workload.name}: ${figures(sample.workflowsPerSecond)} workflows/s`);
    await delay(restMs);
  }
  await instance?.end();
}

type Started = Awaited<ReturnType<PeerSystem["start"]>>;

async function measure(instance: Started, { steps, concurrency }: Workload, quick: boolean): Promise<PeerSample> {
  const before = instance.usage();
  const report = await instance.run({ steps, concurrency, seconds: quick ? 3 : 10, warmup: quick ? 1 : 3 });
  const after = instance.usage();
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds + report.clientCpuSeconds;
  return {
    workflowsPerSecond: report.workflowsPerSecond,
    p50Ms: report.latencyMs.p50,
    p99Ms: report.latencyMs.p99,
    cpuMsPerWorkflow: (cpuSeconds * 1_000) / report.totalWorkflows,
    serverMemoryMb: after.memoryBytes / 1e6,
  };
}

/** `results` are by the name of the system. */
export function peerSection(
  { name, about }: Workload,
  systems: readonly Pick<PeerSystem, "name" | "about">[],
  results: ReadonlyMap<string, readonly (PeerSample | null)[]>,
): PeerSection {
  const medians = new Map(systems.map((system) => [system.name, medianOf(results.get(system.name) ?? [])]));
  const pawl = medians.get("pawl");
  return {
    workload: name,
    about,
    rows: systems.map((system) => {
      const all = results.get(system.name) ?? [];
      const own = medians.get(system.name) ?? null;
      return {
        system: system.name,
        about: system.about,
        median: own,
        samples: all.filter((sample) => sample !== null),
        pawlTimesFaster: pawl && own ? pawl.workflowsPerSecond / own.workflowsPerSecond : null,
        failed: all.filter((sample) => sample === null).length,
      };
    }),
  };
}

function medianOf(samples: readonly (PeerSample | null)[]): PeerSample | null {
  const whole = samples.filter((sample) => sample !== null);
  if (whole.length === 0) return null;
  const of = (number: (typeof numbers)[number]) => median(whole.map((sample) => sample[number]))!;
  return Object.fromEntries(numbers.map((number) => [number, of(number)])) as unknown as PeerSample;
}

/** The goals that compare with peers. */
export function peerGoals(sections: readonly PeerSection[]): Goal[] {
  const one = sections.find(({ workload }) => workload === "peers-one-50");
  const timesFaster = (system: string) => one?.rows.find((row) => row.system === system)?.pawlTimesFaster ?? null;
  const goal = (system: string, least: number): Goal => {
    const times = timesFaster(system);
    return {
      goal: `one step, 50 at once: at least ${least} × ${system}`,
      met: times === null ? null : times >= least,
      measured: times === null ? "not measured" : `${figures(times)} ×`,
    };
  };
  return [goal("reference", 25), goal("restate", 2), goal("dbos", 2)];
}

export function printPeers(sections: readonly PeerSection[], print: (line: string) => void): void {
  const heads = ["workflows/s", "p50 ms", "p99 ms", "CPU ms", "memory MB", "Pawl is"];
  for (const { workload, about, rows } of sections) {
    print("");
    print(`${workload}: ${about}`);
    print(`  ${"".padEnd(18)}${heads.map((head) => head.padStart(13)).join("")}`);
    for (const { system, median: own, pawlTimesFaster, failed } of rows) {
      const cells = numbers.map((number) => (own ? figures(own[number]) : "n/a"));
      const times = pawlTimesFaster === null ? "" : `${figures(pawlTimesFaster)} ×`;
      print(`  ${system.padEnd(18)}${[...cells, times].map((cell) => cell.padStart(13)).join("")}`);
      if (failed > 0) print(`  ! failed ${failed} × on ${system}, see above`);
    }
  }
}
