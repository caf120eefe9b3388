/**
 * `npm run bench`: Pawl and the reference development server, each on a SQLite file, under the same loads from the official Go SDK, in turn
 * (A B A B …), and the medians beside each other. What the numbers mean is in `docs/performance.md`.
 */
import { readFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { type Goal, goalsOf, idleSections, type Measurements, type Section, sectionsOf } from "./comparison.ts";
import { type IdleResult, idleScenarios, measureIdle } from "./idle.ts";
import { type Load, prepareLoad } from "./load-program.ts";
import { printProfile } from "./profile.ts";
import { runRound } from "./round.ts";
import { type Sample, type Scenario, scenarios } from "./scenario.ts";
import { compareSdks, sdkScenarios } from "./sdk-comparison.ts";
import { emptyInstance, type System } from "./system.ts";
import { printTable } from "./table.ts";

/** The reference starts some 40 a second: more of them would take an hour and show nothing else. */
const idleCounts = { pawl: { full: 100_000, quick: 10_000 }, reference: { full: 1_000, quick: 200 } } as const;

/** All scenarios of the SDK at once. */
const sdkGroup = "sdk";
const nothing: Measurements = { samples: new Map(), failures: new Map(), idle: new Map() };

interface Options {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly systems: readonly System[];
  readonly json: boolean;
  readonly profileFolder: string | undefined;
}

const usage = `usage: npm run bench -- [flags]
  --only NAME,NAME      ${[...scenarios, ...idleScenarios].map(({ name }) => name).join(", ")};
                        or, beside the official TypeScript SDK: ${sdkGroup} for all of ${sdkScenarios.map(({ name }) => name).join(", ")}
  --quick               short windows, one round: a look, not a measurement
  --rounds N            repetitions of each scenario on each server (default 3)
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
      "without-reference": { type: "boolean", default: false },
      "without-pawl": { type: "boolean", default: false },
      output: { type: "string", default: "text" },
      profile: { type: "string" },
    },
  });
  const ofServers = [...scenarios, ...idleScenarios].map(({ name }) => name);
  const ofSdks = sdkScenarios.map(({ name }) => name);
  const only = values.only?.split(",").flatMap((name) => (name === sdkGroup ? ofSdks : name)) ?? ofServers;
  const unknown = only.filter((name) => ![...ofServers, ...ofSdks].includes(name));
  if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(", ")}`);
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds wants a whole number from 1");
  if (!["text", "json"].includes(values.output)) throw new Error("--output is text or json");
  return {
    only,
    rounds,
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
      const count = idleCounts[system][options.quick ? "quick" : "full"];
      using instance = await emptyInstance(system);
      const report = (line: string) => say(`  ${system} ${name}: ${line}`);
      results[system] = await measureIdle(instance.start, load, { count, args }, report);
    }
    idle.set(name, results);
  }
  return { samples, failures, idle };
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

interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
}

function machine(): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    cpu: cores[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 1e9),
    platform: `${platform()} ${arch()}`,
    node: process.version,
  };
}

function print(options: Options, about: Machine, sections: readonly Section[], goals: readonly Goal[]): void {
  if (options.json) {
    const { quick, rounds } = options;
    console.log(JSON.stringify({ machine: about, quick, rounds, sections, goals }, null, 2));
    return;
  }
  console.log(`\n${about.cores} × ${about.cpu}, ${about.memoryGb} GB, ${about.platform}, Node ${about.node}`);
  console.log(`load average ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]} now; medians of ${options.rounds}`);
  printTable(sections, goals, console.log);
  if (options.profileFolder) printProfile(options.profileFolder, console.log);
}

async function main(): Promise<void> {
  if (process.platform !== "linux")
    throw new Error("the bench reads CPU and memory of processes from /proc, which only Linux has");
  const options = readOptions(process.argv.slice(2));
  const about = machine();
  const sdks = sdkScenarios.filter(({ name }) => options.only.includes(name));
  const compared = sdks.length > 0 ? await compareSdks(sdks, options, say) : { sections: [], goals: [] };
  const isOfServers = options.only.length > sdks.length;
  const measurements = isOfServers ? await measureAll(options, await prepareLoad()) : nothing;
  const ofServers = [...sectionsOf(measurements, about.cores), ...idleSections(measurements)];
  const sections = [...ofServers, ...compared.sections];
  const goals = isOfServers ? goalsOf(ofServers, measurements.idle) : [];
  print(options, about, sections, [...goals, ...compared.goals]);
  if (sections.some(({ failed }) => failed.pawl > 0)) process.exitCode = 1;
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
