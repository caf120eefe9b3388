/**
 * `npm run bench:nodes`: what several nodes cost on one machine, how soon the others go on when one dies, and how soon all do when their database is back.
 * What the numbers mean is in `docs/performance.md`.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { insist, Nodes, namespace } from "../cluster/nodes.ts";
import { call } from "../rig/call.ts";
import { Postgres } from "../rig/postgres.ts";
import type { RunningServer } from "../rig/server.ts";
import { median } from "./comparison.ts";
import { type Load, prepareLoad } from "./load-program.ts";
import { machine } from "./machine.ts";
import { usageOf } from "./process-usage.ts";
import { numberAt } from "./scenario.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "throughput,takeover,database" },
    rounds: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    /** Partitions of task queues that are tried with each number of nodes. */
    partitions: { type: "string", default: "1,8" },
    /** Workflows that all clients together keep going. */
    "at-once": { type: "string", default: "51" },
    /** Also the same load on servers that have nothing to do with each other: what is lost by dividing it alone. */
    apart: { type: "boolean", default: false },
  },
});
const only = values.only.split(",");
const rounds = Number(values.rounds);
const partitionCounts = values.partitions.split(",").map(Number);
const names = ["a", "b", "c"];
/** The same clients for any number of nodes. */
const clientCount = 3;
const workflowsAtOnce = Math.ceil(Number(values["at-once"]) / clientCount) * clientCount;
const leaseMs = 5_000;
/** What takeover may take beyond the lease, and what the first answer may after the database is back. */
const takeoverMarginMs = 2_000;
const databaseBackMs = 3_000;
const lossMax = 0.15;

const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (line: string) => console.log(line);

/** Runs `of` with so many nodes on an empty database, which are gone afterwards. */
async function withNodes<T>(
  {
    postgres,
    count,
    partitions = 1,
  }: { readonly postgres: Postgres; readonly count: number; readonly partitions?: number },
  of: (servers: readonly RunningServer[], nodes: Nodes) => Promise<T>,
): Promise<T> {
  const nodes = await Nodes.on(postgres);
  try {
    const chosen = names.slice(0, count);
    const options = { leaseMs, queuePartitions: partitions };
    const servers = await Promise.all(chosen.map((name) => nodes.start({ name, ...options })));
    await nodes.settled(...chosen);
    return await of(servers, nodes);
  } finally {
    await nodes.end();
  }
}

/** The same with so many clusters of one node, each with a database of its own. */
async function withNodesApart<T>(
  { postgres, count }: { readonly postgres: Postgres; readonly count: number },
  of: (servers: readonly RunningServer[]) => Promise<T>,
): Promise<T> {
  const clusters: Nodes[] = [];
  try {
    const servers: RunningServer[] = [];
    for (const name of names.slice(0, count)) {
      const nodes = await Nodes.on(postgres);
      clusters.push(nodes);
      servers.push(await nodes.start({ name, leaseMs }));
      await nodes.settled(name);
    }
    return await of(servers);
  } finally {
    await Promise.all(clusters.map((nodes) => nodes.end()));
  }
}

interface Throughput {
  readonly workflowsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly nodesCpuMsPerWorkflow: number;
}

/** One activity each, from official Go clients and workers, a third of which call each of three nodes, or all the only one. */
async function throughput(load: Load, servers: readonly RunningServer[]): Promise<Throughput> {
  // Each process compiles what it runs often within its first thousands of workflows, which three do thrice.
  const window = ["--seconds", values.quick ? "5" : "15", "--warmup", values.quick ? "2" : "15"];
  const each = String(workflowsAtOnce / clientCount);
  const cpuSeconds = () => servers.reduce((sum, { pid }) => sum + usageOf(pid).cpuSeconds, 0);
  const before = cpuSeconds();
  const reports = await Promise.all(
    Array.from({ length: clientCount }, (_, i) => {
      const { address } = servers[i % servers.length]!;
      return load("throughput", address, ["--concurrency", each, ...window], say);
    }),
  );
  const sum = (path: string) => reports.reduce((total, report) => total + numberAt(report, path), 0);
  return {
    workflowsPerSecond: sum("workflowsPerSecond"),
    p50Ms: sum("latencyMs.p50") / clientCount,
    p99Ms: Math.max(...reports.map((report) => numberAt(report, "latencyMs.p99"))),
    nodesCpuMsPerWorkflow: ((cpuSeconds() - before) * 1e3) / sum("totalWorkflows"),
  };
}

async function throughputs(): Promise<void> {
  const load = await prepareLoad();
  const postgres = await Postgres.start();
  const row = (count: number, partitions: number, isApart = false) => ({
    ...{ count, partitions, isApart },
    samples: [] as Throughput[],
  });
  const rows = [1, 2, 3].flatMap((count) => [
    ...(count === 1 ? [1] : partitionCounts).map((partitions) => row(count, partitions)),
    ...(count > 1 && values.apart ? [row(count, 1, true)] : []),
  ]);
  try {
    for (let round = 1; round <= rounds; round++)
      for (const { count, partitions, isApart, samples } of rows) {
        const measure = (servers: readonly RunningServer[]) => throughput(load, servers);
        const sample = await (isApart
          ? withNodesApart({ postgres, count }, measure)
          : withNodes({ postgres, count, partitions }, measure));
        samples.push(sample);
        const how = isApart ? "apart" : `${partitions} partitions`;
        say(`round ${round}: ${count} nodes, ${how}: ${sample.workflowsPerSecond.toFixed(0)}/s`);
      }
  } finally {
    await postgres.remove();
  }
  print(`\none activity, ${workflowsAtOnce} workflows at once, ${clientCount} clients; medians of ${rounds}`);
  print("nodes  partitions  workflows/s  against one  p50 ms  p99 ms  CPU of nodes per workflow, ms");
  const of = (samples: readonly Throughput[], name: keyof Throughput) =>
    median(samples.map((sample) => sample[name])) ?? 0;
  const alone = of(rows[0]!.samples, "workflowsPerSecond");
  for (const { count, partitions, isApart, samples } of rows) {
    const rate = of(samples, "workflowsPerSecond");
    const cells = [
      String(count).padStart(5),
      (isApart ? "apart" : String(partitions)).padStart(10),
      rate.toFixed(0).padStart(11),
      `${((rate / alone - 1) * 100).toFixed(0)} %`.padStart(11),
      of(samples, "p50Ms").toFixed(1).padStart(6),
      of(samples, "p99Ms").toFixed(1).padStart(6),
      of(samples, "nodesCpuMsPerWorkflow").toFixed(2).padStart(6),
    ];
    print(cells.join("  "));
  }
  const best = (count: number) =>
    Math.max(
      ...rows
        .filter((row) => row.count === count && !row.isApart)
        .map(({ samples }) => of(samples, "workflowsPerSecond")),
    );
  for (const count of [2, 3])
    goal(
      `${count} nodes lose at most 15 %`,
      1 - best(count) / alone <= lossMax,
      `${((1 - best(count) / alone) * 100).toFixed(0)} %`,
    );
}

function goal(what: string, isMet: boolean, figure: string): void {
  print(`${isMet ? "met   " : "MISSED"}  ${what}: ${figure}`);
  if (!isMet) process.exitCode = 1;
}

async function startWorkflows(address: string, prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  for (const workflowId of ids) {
    const type = { workflowType: { name: "T" }, taskQueue: { name: "nobody" }, requestId: workflowId };
    await insist(() => call(address, "StartWorkflowExecution", { namespace, workflowId, ...type }));
  }
  return ids;
}

/** Signals each until it is acknowledged; how long after `fromMs` the first and the last was. */
async function acknowledged(address: string, workflowIds: readonly string[], fromMs: number) {
  const afterMs = await Promise.all(
    workflowIds.map(async (workflowId) => {
      const workflowExecution = { workflowId, runId: "" };
      const signal = { namespace, workflowExecution, signalName: "s", requestId: `${workflowId}/${fromMs}` };
      await insist(() => call(address, "SignalWorkflowExecution", signal, { timeoutMs: 20_000 }));
      return performance.now() - fromMs;
    }),
  );
  return { firstMs: Math.min(...afterMs), lastMs: Math.max(...afterMs) };
}

async function takeovers(): Promise<void> {
  const postgres = await Postgres.start();
  const lastMs: number[] = [];
  try {
    for (let round = 1; round <= rounds; round++)
      await withNodes({ postgres, count: 3 }, async ([a, b]) => {
        // Of all shards, so of the dead node's too.
        const ids = await startWorkflows(a!.address, `takeover-${round}`, 96);
        await b!.kill9();
        const found = await acknowledged(a!.address, ids, performance.now());
        lastMs.push(found.lastMs);
        say(`round ${round}: every shard has acknowledged something ${found.lastMs.toFixed(0)} ms after kill -9`);
      });
  } finally {
    await postgres.remove();
  }
  const worst = Math.max(...lastMs);
  print(
    `\nkill -9 of one of three nodes, lease ${leaseMs} ms: all shards acknowledge again after ${lastMs.map((ms) => ms.toFixed(0)).join(", ")} ms`,
  );
  goal("takeover within the lease and 2 s", worst <= leaseMs + takeoverMarginMs, `${worst.toFixed(0)} ms at worst`);
}

async function databaseBack(): Promise<void> {
  const postgres = await Postgres.start();
  const backMs: number[] = [];
  try {
    await withNodes({ postgres, count: 2 }, async ([a, b]) => {
      const ids = await startWorkflows(a!.address, "back", 32);
      for (let round = 1; round <= rounds; round++) {
        await postgres.downAtOnce();
        await delay(2_000);
        await postgres.up();
        const fromMs = performance.now();
        const found = await Promise.all([a!, b!].map(({ address }) => acknowledged(address, ids.slice(0, 4), fromMs)));
        backMs.push(Math.min(...found.map(({ firstMs }) => firstMs)));
        say(
          `round ${round}: first acknowledged ${backMs.at(-1)!.toFixed(0)} ms after PostgreSQL was back, last ${Math.max(...found.map(({ lastMs }) => lastMs)).toFixed(0)} ms`,
        );
        await acknowledged(a!.address, ids, performance.now());
      }
    });
  } finally {
    await postgres.remove();
  }
  const worst = Math.max(...backMs);
  print(
    `\nPostgreSQL killed, back after 2 s: first acknowledged after ${backMs.map((ms) => ms.toFixed(0)).join(", ")} ms`,
  );
  goal("the database back, first OK within 3 s", worst <= databaseBackMs, `${worst.toFixed(0)} ms at worst`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const { cores, cpu, loadAverage } = machine();
print(`${cores} × ${cpu}; load average ${loadAverage} before`);
if (only.includes("throughput")) await throughputs();
if (only.includes("takeover")) await takeovers();
if (only.includes("database")) await databaseBack();
process.exit();
