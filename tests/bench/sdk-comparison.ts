/** This project's SDK beside the official one: the same programs on the same server, in turn. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { prepareNode } from "../rig/node.ts";
import { endWithThisProcess, type RunningServer } from "../rig/server.ts";
import { type Goal, median, type Section } from "./comparison.ts";
import type { SdkArgs } from "./sdk/program.ts";
import type { SdkName } from "./sdk/sdks.ts";
import { emptyInstance } from "./system.ts";

interface Mode {
  readonly quick: boolean;
}

export interface SdkScenario {
  readonly name: string;
  readonly about: string;
  /** Of the program. */
  readonly scenario: string;
  readonly args: (mode: Mode, sdk: SdkName) => SdkArgs;
  readonly metrics: readonly {
    readonly name: string;
    readonly unit: string;
    readonly better: "higher" | "lower" | null;
    readonly path: string;
  }[];
  readonly goal: string;
  /** By the first number, and how many times better that is than the official SDK's. */
  readonly met: (value: number, timesBetter: number | null) => boolean | null;
}

const perCpuSecond = { name: "workflows per CPU second", unit: "", better: "higher", path: "perCpuSecond" } as const;
const perSecond = { name: "workflows", unit: "/s", better: "higher", path: "perSecond" } as const;
const atLeast = (times: number) => (_: number, timesBetter: number | null) =>
  timesBetter === null ? null : timesBetter >= times;

export const sdkScenarios: readonly SdkScenario[] = [
  {
    name: "sdk-one",
    about: "worker and client: workflows of one activity, 20 at once",
    scenario: "steps",
    args: ({ quick }) => ({ steps: 1, ...(quick ? { warmup: 300, count: 500 } : { warmup: 500, count: 2_000 }) }),
    metrics: [perCpuSecond, perSecond],
    goal: "workflows of one activity per CPU second at least 4 × the official SDK",
    met: atLeast(4),
  },
  {
    name: "sdk-ten",
    about: "worker and client: workflows of ten activities in sequence, 20 at once",
    scenario: "steps",
    args: ({ quick }) => ({ steps: 10, ...(quick ? { warmup: 60, count: 100 } : { warmup: 100, count: 400 }) }),
    metrics: [perCpuSecond, perSecond],
    goal: "workflows of ten activities per CPU second at least 4 × the official SDK",
    met: atLeast(4),
  },
  {
    name: "sdk-create",
    about: "from the call that makes a worker to a worker, bundling included",
    scenario: "create",
    args: () => ({}),
    metrics: [{ name: "worker created", unit: "ms", better: "lower", path: "ms" }],
    goal: "a worker is made in at most 0.4 s",
    met: (ms) => ms <= 400,
  },
  {
    name: "sdk-idle",
    about: "runs that wait in the worker's cache",
    scenario: "idle",
    // The official worker would need gigabytes for as many; a run of it costs the same among fewer.
    args: ({ quick }, sdk) => ({ runs: quick ? 500 : sdk === "pawl" ? 10_000 : 1_000 }),
    metrics: [
      { name: "memory per cached run", unit: "bytes", better: "lower", path: "bytesPerRun" },
      { name: "runs", unit: "", better: null, path: "runs" },
    ],
    goal: "at most 40 KB per cached idle run at 10,000",
    met: (bytes) => bytes <= 40_000,
  },
  {
    name: "sdk-replay",
    about: "a history replayed, without a server and with the code bundled before",
    scenario: "replay",
    args: () => ({ rounds: 3 }),
    metrics: [
      { name: "replay", unit: "ms", better: "lower", path: "ms" },
      { name: "events", unit: "", better: null, path: "events" },
    ],
    goal: "a history of 20,000 events replayed at least 3 × as fast as by the official SDK",
    met: atLeast(3),
  },
];

export interface SdkComparison {
  readonly sections: readonly Section[];
  readonly goals: readonly Goal[];
}

type Numbers = Readonly<Record<string, unknown>>;

const program = fileURLToPath(new URL("./sdk/program.ts", import.meta.url));
const restInAllThreads = new URL("./sdk/rest.ts", import.meta.url).href;
/** 3,333 activities in sequence leave 20,000 events. */
const replayedSteps = { full: 3_333, quick: 333 } as const;

/** Throws when the official packages cannot be installed. */
export async function compareSdks(
  chosen: readonly SdkScenario[],
  { quick, rounds }: Mode & { readonly rounds: number },
  say: (line: string) => void,
): Promise<SdkComparison> {
  const prepared = await prepareNode();
  if ("skipped" in prepared) throw new Error(`the SDKs cannot be compared: ${prepared.skipped}`);
  using instance = await emptyInstance("pawl");
  const server = await instance.start();
  const results = new Map<string, Record<SdkName, Numbers[]>>();
  for (let round = 1; round <= rounds; round++) {
    for (const { name, scenario, args, metrics } of chosen) {
      const both = results.get(name) ?? { pawl: [], official: [] };
      results.set(name, both);
      const more = scenario === "replay" ? { workflowId: await historyOn(server, quick) } : {};
      for (const sdk of ["pawl", "official"] as const) {
        const numbers = await run(sdk, scenario, server, { ...args({ quick }, sdk), ...more });
        both[sdk].push(numbers);
        say(`round ${round} of ${rounds}, ${sdk} ${name}: ${Number(numbers[metrics[0]!.path]).toFixed(1)}`);
      }
    }
  }
  await server.kill9();
  const sections = chosen.map((each) => sectionOf(each, results.get(each.name)!));
  return { sections, goals: chosen.map((each, at) => goalOf(each, sections[at]!)) };
}

async function historyOn(server: RunningServer, quick: boolean): Promise<string> {
  const steps = replayedSteps[quick ? "quick" : "full"];
  return String((await run("pawl", "history", server, { steps }))["workflowId"]);
}

async function run(sdk: SdkName, scenario: string, { address }: RunningServer, args: SdkArgs): Promise<Numbers> {
  const command = ["--expose-gc", "--import", restInAllThreads, program, sdk, scenario, address, JSON.stringify(args)];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  endWithThisProcess(child);
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const [code, signal] = await once(child, "close");
  const text = Buffer.concat(output).toString();
  if (code !== 0) throw new Error(`${sdk} ${scenario} ended with ${signal ?? code}: ${text}`);
  // What an SDK logs may stand around it.
  const report = text.split("\n").findLast((line) => line.startsWith("{"));
  if (report === undefined) throw new Error(`${sdk} ${scenario} gave no figures: ${text}`);
  return JSON.parse(report) as Numbers;
}

export function sectionOf(
  { name, about, metrics }: SdkScenario,
  results: Readonly<Record<SdkName, readonly Numbers[]>>,
): Section {
  return {
    ...{ scenario: name, about, against: "official SDK", pawlThreads: {}, disturbance: 0 },
    rows: metrics.map(({ name: metric, unit, better, path }) => {
      const of = (sdk: SdkName) => median(results[sdk].map((numbers) => Number(numbers[path])));
      const [pawl, reference] = [of("pawl"), of("official")];
      const isComparable = better !== null && pawl && reference;
      const timesBetter = isComparable ? (better === "higher" ? pawl / reference : reference / pawl) : null;
      return { metric, unit, pawl, reference, timesBetter };
    }),
    failed: { pawl: 0, reference: 0 },
  };
}

export function goalOf({ goal, met }: SdkScenario, { rows: [first] }: Section): Goal {
  if (first?.pawl == null) return { goal, met: null, measured: "not measured" };
  const times = first.timesBetter === null ? "" : `, ${first.timesBetter.toFixed(1)} ×`;
  return { goal, met: met(first.pawl, first.timesBetter), measured: `${first.pawl.toFixed(1)} ${first.unit}${times}` };
}
