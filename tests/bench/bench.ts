/**
 * `npm run bench`: Pawl and the reference development server, each on a SQLite file, under the same loads from the official Go SDK, in turn
 * (A B A B …), and the medians beside each other; then Pawl beside other systems. What the numbers mean is in `docs/performance.md`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "../rig/toolchain.ts";
import { closedGoals, closedScenario, closedSections, manyClosed, measureClosed } from "./closed.ts";
import {
  type Goal,
  goalsOf,
  idleSections,
  type Measurements,
  type Section,
  sectionsOf,
  timerSections,
} from "./comparison.ts";
import { type IdleResult, idleScenarios, measureIdle } from "./idle.ts";
import { type Load, prepareLoad } from "./load-program.ts";
import { type Machine, machine } from "./machine.ts";
import { peerSystems } from "./peer-systems.ts";
import { comparePeers, type PeerSection, peerGoals, peerWorkloads, printPeers } from "./peers.ts";
import { planOf, printPlan } from "./plan.ts";
import { printProfile } from "./profile.ts";
import { runRound } from "./round.ts";
import { type Sample, type Scenario, scenarios } from "./scenario.ts";
import { compareSdks, sdkScenarios } from "./sdk-comparison.ts";
import { fillWorkflows } from "./stored-workflows.ts";
import { emptyInstance, type System } from "./system.ts";
import { printTable } from "./table.ts";
import { measureTimers, type TimersResult, timersScenario } from "./timers.ts";

/** The reference starts some 40 a second: more of them would take an hour and show nothing else. */
const idleCounts = { pawl: { full: 100_000, quick: 10_000 }, reference: { full: 1_000, quick: 200 } } as const;

const timerCounts = { pawl: { full: 100_000, quick: 5_000 }, reference: { full: 1_000, quick: 200 } } as const;

/** Names that stand for several. */
const groups: ReadonlyMap<string, readonly string[]> = new Map([
  ["servers", [...scenarios, ...idleScenarios, timersScenario].map(({ name }) => name)],
  ["peers", peerWorkloads.map(({ name }) => name)],
  ["closed", [closedScenario.name]],
  ["sdk", sdkScenarios.map(({ name }) => name)],
]);
const nothing: Measurements = { samples: new Map(), failures: new Map(), idle: new Map(), timers: {} };

interface Options {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly systems: readonly System[];
  /** How many workflows Pawl is to leave open. */
  readonly openCount: number;
  /** How many more are in its store when it starts, in open-idle. */
  readonly putInCount: number;
  /** How many closed workflows the larger store of `closed` has. */
  readonly closedCount: number;
  /** Names of those that stand beside each other in the comparison with peers. */
  readonly peers: readonly string[];
  readonly json: boolean;
  /** Nothing is measured. */
  readonly onlyPlan: boolean;
  readonly profileFolder: string | undefined;
}

const usage = `usage: npm run bench -- [flags]
  --only NAME,NAME      ${[...groups].map(([group, names]) => `${group} (${names.join(", ")})`).join(";\n                        ")}
                        default: servers,peers,closed
  --plan                what would be done and how long it takes, and no more
  --quick               short windows, one round: a look, not a measurement
  --rounds N            repetitions of each scenario on each server (default 3)
  --open N              how many workflows Pawl leaves open in open-idle and open-pending (default 100000)
  --put-in N            how many more are put into its store before it starts, for open-idle (default 0)
  --closed N            how many closed workflows the larger store of closed has (default 1000000)
  --peers NAME,NAME     who takes part in ${groups.get("peers")!.join(", ")}; default: ${peerSystems.map(({ name }) => name).join(",")}
  --without-reference   Pawl only
  --without-pawl        the reference only
  --output text|json    one JSON document on stdout in place of the tables
  --profile FOLDER      CPU profiles of Pawl's threads, and where the time went`;

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      peers: { type: "string" },
      open: { type: "string" },
      "put-in": { type: "string", default: "0" },
      closed: { type: "string" },
      plan: { type: "boolean", default: false },
      "without-reference": { type: "boolean", default: false },
      "without-pawl": { type: "boolean", default: false },
      output: { type: "string", default: "text" },
      profile: { type: "string" },
    },
  });
  const known = new Set([...groups.values()].flat());
  const only = (values.only ?? "servers,peers,closed").split(",").flatMap((name) => groups.get(name) ?? name);
  const unknown = only.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(", ")}`);
  const peers = values.peers?.split(",") ?? peerSystems.map(({ name }) => name);
  const strangers = peers.filter((name) => !peerSystems.some((system) => system.name === name));
  if (strangers.length > 0) throw new Error(`--peers: no system ${strangers.join(", ")}`);
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds wants a whole number from 1");
  const openCount = Number(values.open ?? idleCounts.pawl[values.quick ? "quick" : "full"]);
  if (!Number.isInteger(openCount) || openCount < 1) throw new Error("--open wants a whole number from 1");
  const putInCount = Number(values["put-in"]);
  if (!Number.isInteger(putInCount) || putInCount < 0) throw new Error("--put-in wants a whole number from 0");
  const closedCount = Number(values.closed ?? (values.quick ? manyClosed / 100 : manyClosed));
  if (!Number.isInteger(closedCount) || closedCount < 2) throw new Error("--closed wants a whole number from 2");
  if (!["text", "json"].includes(values.output)) throw new Error("--output is text or json");
  return {
    only,
    rounds,
    peers,
    openCount,
    putInCount,
    closedCount,
    onlyPlan: values.plan,
    quick: values.quick,
    systems: [
      ...(values["without-pawl"] ? [] : ["pawl" as const]),
      ...(values["without-reference"] ? [] : ["reference" as const]),
    ],
    json: values.output === "json",
    profileFolder: values.profile,
  };
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function measureAll(options: Options, load: Load): Promise<Measurements> {
  const chosen = scenarios.filter(({ name }) => options.only.includes(name));
  const samples = new Map<string, Record<System, Sample[]>>();
  const failures = new Map<string, Record<System, number>>();
  for (const { name } of chosen) {
    samples.set(name, { pawl: [], reference: [] });
    failures.set(name, { pawl: 0, reference: 0 });
  }
  for (let round = 1; chosen.length > 0 && round <= options.rounds; round++) {
    for (const system of options.systems) await oneRound(system, round, chosen, load, options, { samples, failures });
  }
  const idle = new Map<string, Partial<Record<System, IdleResult>>>();
  for (const { name, args } of idleScenarios.filter((each) => options.only.includes(each.name))) {
    const results: Partial<Record<System, IdleResult>> = {};
    for (const system of options.systems) {
      const count = system === "pawl" ? options.openCount : idleCounts[system][options.quick ? "quick" : "full"];
      using instance = await emptyInstance(system);
      const report = (line: string) => say(`  ${system} ${name}: ${line}`);
      const putInCount = system === "pawl" && args.length === 0 ? options.putInCount : 0;
      if (putInCount > 0) await fillWorkflows(instance.dbFilename, { count: putInCount, state: "open" }, report);
      results[system] = await measureIdle(instance.start, load, { count, putInCount, args }, report);
    }
    idle.set(name, results);
  }
  const timers = options.only.includes(timersScenario.name) ? await timersOfAll(options, load) : {};
  return { samples, failures, idle, timers };
}

async function timersOfAll({ systems, quick }: Options, load: Load): Promise<Measurements["timers"]> {
  const results: Partial<Record<System, TimersResult>> = {};
  for (const system of systems) {
    const count = timerCounts[system][quick ? "quick" : "full"];
    using instance = await emptyInstance(system);
    const report = (line: string) => say(`  ${system} timers: ${line}`);
    results[system] = await measureTimers(instance.start, load, count, report);
  }
  return results;
}

interface Collected {
  readonly samples: ReadonlyMap<string, Record<System, Sample[]>>;
  readonly failures: ReadonlyMap<string, Record<System, number>>;
}

async function oneRound(
  system: System,
  round: number,
  chosen: readonly Scenario[],
  load: Load,
  { quick, rounds, profileFolder }: Options,
  { samples, failures }: Collected,
): Promise<void> {
  say(`round ${round} of ${rounds}, ${system}`);
  const results = await runRound(system, chosen, load, { quick, profileFolder }, (line) => say(`  ${system} ${line}`));
  for (const [name, result] of results) {
    if ("failed" in result) failures.get(name)![system]++;
    else samples.get(name)![system].push(result);
  }
}

/** All that a run has found: what `--output json` prints, and what is kept of every run. */
export interface BenchDocument {
  readonly machine: Machine;
  readonly at: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly sections: readonly Section[];
  readonly peers: readonly PeerSection[];
  readonly goals: readonly Goal[];
}

function print(options: Options, found: BenchDocument): void {
  if (options.json) return console.log(JSON.stringify(found, null, 2));
  const { cores, cpu, memoryGb, platform, node, syncP50Ms, loadAverage } = found.machine;
  console.log(`\n${cores} × ${cpu}, ${memoryGb} GB, ${platform}, Node ${node}`);
  console.log(`a synced write takes ${syncP50Ms} ms; load average ${loadAverage} before; medians of ${options.rounds}`);
  printPeers(found.peers, console.log);
  printTable(found.sections, found.goals, console.log);
  if (options.profileFolder) printProfile(options.profileFolder, console.log);
}

function keep(found: BenchDocument): void {
  const folder = join(cacheFolder, "bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${found.at.replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
  say(`kept in ${file}`);
}

async function main(): Promise<void> {
  if (process.platform !== "linux")
    throw new Error("the bench reads CPU and memory of processes from /proc, which only Linux has");
  const options = readOptions(process.argv.slice(2));
  const { only, quick, rounds } = options;
  printPlan(planOf(options), options.onlyPlan ? console.log : say);
  if (options.onlyPlan) return;
  const [about, at] = [machine(), new Date().toISOString()];
  const has = (group: string) => groups.get(group)!.some((name) => only.includes(name));
  const sdks = sdkScenarios.filter(({ name }) => only.includes(name));
  const compared = sdks.length > 0 ? await compareSdks(sdks, options, say) : { sections: [], goals: [] };
  const measurements = has("servers") ? await measureAll(options, await prepareLoad()) : nothing;
  const ofServers = [
    ...sectionsOf(measurements, about.cores),
    ...idleSections(measurements),
    ...timerSections(measurements),
  ];
  const workloads = peerWorkloads.filter(({ name }) => only.includes(name));
  const systems = peerSystems.filter(({ name }) => options.peers.includes(name));
  const peers = has("peers") ? await comparePeers({ quick, rounds, workloads, systems }, say) : [];
  const closed = has("closed") ? closedSections(await measureClosed(await prepareLoad(), options, say)) : [];
  const sections = [...ofServers, ...closed, ...compared.sections];
  const goals = [
    ...(has("servers") ? goalsOf(ofServers, measurements) : []),
    ...(has("peers") ? peerGoals(peers) : []),
    ...(has("closed") ? closedGoals(closed, options.closedCount) : []),
    ...compared.goals,
  ];
  const found = { machine: about, at, quick, rounds, sections, peers, goals };
  keep(found);
  print(options, found);
  const failed = peers.flatMap(({ rows }) => rows).some((row) => row.system.startsWith("pawl") && row.failed > 0);
  if (failed || sections.some((section) => section.failed.pawl > 0)) process.exitCode = 1;
}

// An interrupt ends the servers and the load too, which the rig and `system.ts` do when this process exits.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

try {
  await main();
} catch (error) {
  const unknownFlag = (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS");
  say(unknownFlag ? `${(error as Error).message}\n${usage}` : (error as Error).message);
  process.exitCode = 1;
}
// A load that failed may leave a server behind its pipes; the rig ends it with this process.
process.exit();
