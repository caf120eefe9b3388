/**
 * `npm run bench:embedded`: workflows inside one process, beside the same client and worker over gRPC to a server in a process of its own. Both have
 * their state in a SQLite file, synced at each commit. What the numbers mean is in `docs/performance.md`.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DefaultLogger, Runtime } from "@pawl/sdk/worker";
import { type App, open } from "pawl";
import { startPawl } from "../rig/server.ts";
import type { steps } from "./embedded-workflows.ts";
import { closedLoop, idsOf } from "./peers/closed-loop.ts";
import { usageOf } from "./process-usage.ts";
import { emptyFile } from "./system.ts";

const taskQueue = "bench";
const workflowsPath = fileURLToPath(new URL("./embedded-workflows.ts", import.meta.url));
const activities = { echo: async (text: string) => text };
const warmUpSeconds = 2;

interface Load {
  readonly name: string;
  readonly stepCount: number;
  readonly atOnce: number;
}

const loads: readonly Load[] = [
  { name: "one step, 50 at once", stepCount: 1, atOnce: 50 },
  { name: "ten steps, 20 at once", stepCount: 10, atOnce: 20 },
  { name: "one step, one at a time", stepCount: 1, atOnce: 1 },
  { name: "three steps, one at a time", stepCount: 3, atOnce: 1 },
];

interface Measured {
  readonly workflowsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of this process and, over gRPC, of the server's: it depends far less on what else the machine does than a rate. */
  readonly cpuMsPerWorkflow: number;
}

/** Milliseconds of CPU that were used so far. */
type Cpu = () => number;
const ownCpu: Cpu = () => process.cpuUsage().user / 1_000 + process.cpuUsage().system / 1_000;

async function measure(app: App, cpu: Cpu, { stepCount, atOnce }: Load, seconds: number): Promise<Measured> {
  const [newId, cpuBefore] = [idsOf(), cpu()];
  const { workflowsPerSecond, latencyMs, totalWorkflows } = await closedLoop(
    { concurrency: atOnce, seconds, warmup: warmUpSeconds },
    () => app.client.workflow.execute<typeof steps>("steps", { taskQueue, workflowId: newId(), args: [stepCount] }),
  );
  const cpuMsPerWorkflow = (cpu() - cpuBefore) / totalWorkflows;
  return { workflowsPerSecond, p50Ms: latencyMs.p50, p99Ms: latencyMs.p99, cpuMsPerWorkflow };
}

async function inProcess<T>(use: (app: App, cpu: Cpu) => Promise<T>): Promise<T> {
  using file = emptyFile();
  const app = await open(`file:${file.filename}`);
  try {
    return await use(app, ownCpu);
  } finally {
    await app.close();
  }
}

async function overGrpc<T>(use: (app: App, cpu: Cpu) => Promise<T>): Promise<T> {
  using file = emptyFile();
  const server = await startPawl({ dbFilename: file.filename });
  const app = await open(`pawl://${server.address}`);
  try {
    return await use(app, () => ownCpu() + usageOf(server.pid).cpuSeconds * 1_000);
  } finally {
    await app.close();
    await server.stop();
  }
}

const shown = ({ workflowsPerSecond, p50Ms, p99Ms, cpuMsPerWorkflow }: Measured) =>
  [workflowsPerSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), cpuMsPerWorkflow.toFixed(2)]
    .map((text) => text.padStart(9))
    .join("");

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: "string", default: "10" } } });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error("--seconds wants a number above 0");
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const run = (load: Load) => async (app: App, cpu: Cpu) => {
    await app.worker({ taskQueue, workflowsPath, activities });
    return await measure(app, cpu, load, seconds);
  };
  const head = ["per s", "p50 ms", "p99 ms", "CPU ms"].map((text) => text.padStart(9)).join("");
  console.log(
    `${"".padEnd(28)}${"embedded".padStart(36)}${"over gRPC".padStart(36)}\n${"".padEnd(28)}${head}${head}    ratio`,
  );
  for (const load of loads) {
    const [inside, outside] = [await inProcess(run(load)), await overGrpc(run(load))];
    const ratio = inside.workflowsPerSecond / outside.workflowsPerSecond;
    console.log(`${load.name.padEnd(28)}${shown(inside)}${shown(outside)}${ratio.toFixed(2).padStart(9)}`);
  }
}

await main();
process.exit();
