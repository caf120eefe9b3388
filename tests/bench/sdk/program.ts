/**
 * node program.ts SDK SCENARIO ADDRESS [JSON]: one load on a server, by this project's SDK or by the official one, client and worker in this
 * process. Prints one line of JSON.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { rest } from "./rest.ts";
import { type Sdk, type SdkName, sdkOf } from "./sdks.ts";

export interface SdkArgs {
  /** Activities of each workflow, one after the other. */
  readonly steps?: number;
  readonly concurrency?: number;
  /** Workflows that are counted, and how many go before them. */
  readonly count?: number;
  readonly warmup?: number;
  /** Of runs that are to be in the cache. */
  readonly runs?: number;
  readonly workflowId?: string;
  readonly rounds?: number;
}

/** As long as the load program's. */
const text = "x".repeat(100);
const taskQueue = `bench-${randomUUID()}`;

type Numbers = Readonly<Record<string, number | string>>;

const scenarios: Readonly<Record<string, (sdk: Sdk, address: string, args: SdkArgs) => Promise<Numbers>>> = {
  /** Workflows a second of CPU, of worker and client together. */
  async steps(sdk, address, { steps = 1, concurrency = 20, count = 1_000, warmup = 500 }) {
    return await withWorker(sdk, address, {}, async ({ workflow }) => {
      const execute = async (workflows: number) => {
        let left = workflows;
        const loops = Array.from({ length: concurrency }, async () => {
          while (left-- > 0) {
            await workflow.execute("steps", { taskQueue, workflowId: randomUUID(), args: [steps, text] });
          }
        });
        await Promise.all(loops);
      };
      await execute(warmup);
      const before = { atMs: performance.now(), cpu: process.cpuUsage() };
      await execute(count);
      const cpu = process.cpuUsage(before.cpu);
      const tookSeconds = (performance.now() - before.atMs) / 1_000;
      const cpuSeconds = (cpu.user + cpu.system) / 1e6;
      return { perSecond: count / tookSeconds, perCpuSecond: count / cpuSeconds };
    });
  },

  /** From the call of `Worker.create` to a worker that can run, bundling included. */
  async create(sdk, address) {
    const connection = await sdk.worker.NativeConnection.connect({ address });
    const beforeMs = performance.now();
    await sdk.worker.Worker.create({ connection, taskQueue, ...sdk.code, activities: { echo } });
    return { ms: performance.now() - beforeMs };
  },

  /** Resident memory for each run that waits in the cache. */
  async idle(sdk, address, { runs = 1_000, concurrency = 50 }) {
    const options = { maxCachedWorkflows: runs * 2, maxCachedWorkflowBytes: 2 ** 32 };
    return await withWorker(sdk, address, options, async ({ workflow }) => {
      const start = async (count: number) => {
        const echoedThen = echoed + count;
        let left = count;
        const loops = Array.from({ length: concurrency }, async () => {
          while (left-- > 0) await workflow.start("idle", { taskQueue, workflowId: randomUUID(), args: [text] });
        });
        await Promise.all(loops);
        // On a machine that is busy with other things a process may look quiet with all of its work before it.
        while (echoed < echoedThen) await delay(100);
        await quiet();
      };
      await start(Math.ceil(runs / 20));
      const before = await rest();
      await start(runs);
      return { runs, bytesPerRun: ((await rest()) - before) / runs };
    });
  },

  /** Makes the history that both replay: of one workflow with so many steps. */
  async history(sdk, address, { steps = 3_333 }) {
    return await withWorker(sdk, address, {}, async ({ workflow }) => {
      const workflowId = randomUUID();
      await workflow.execute("steps", { taskQueue, workflowId, args: [steps, text] });
      return { workflowId };
    });
  },

  /** The code is bundled before, and the first round warms up. */
  async replay(sdk, address, { workflowId = "", rounds = 3 }) {
    const connection = await sdk.client.Connection.connect({ address });
    const client = new sdk.client.Client({ connection });
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    const workflowBundle = await sdk.worker.bundleWorkflowCode(sdk.code);
    const tookMs: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const beforeMs = performance.now();
      await sdk.worker.Worker.runReplayHistory({ workflowBundle }, history, workflowId);
      tookMs.push(performance.now() - beforeMs);
    }
    const [, ...measured] = tookMs;
    return { events: history.events.length, ms: measured.toSorted((a, b) => a - b)[measured.length >> 1]! };
  },
};

let echoed = 0;

async function echo(said: string): Promise<string> {
  echoed++;
  return said;
}

type SdkClient = InstanceType<Sdk["client"]["Client"]>;

async function withWorker(
  sdk: Sdk,
  address: string,
  options: object,
  work: (client: SdkClient) => Promise<Numbers>,
): Promise<Numbers> {
  const connection = await sdk.worker.NativeConnection.connect({ address });
  const shared = { connection, taskQueue, ...sdk.code, activities: { echo } };
  const worker = await sdk.worker.Worker.create({ ...shared, ...options });
  const client = new sdk.client.Client({ connection: await sdk.client.Connection.connect({ address }) });
  return await worker.runUntil(work(client));
}

/** Until the process has next to nothing to do, so that all that was started has come to rest. */
async function quiet(): Promise<void> {
  for (let calm = 0; calm < 3; ) {
    const before = process.cpuUsage();
    await delay(500);
    const { user, system } = process.cpuUsage(before);
    calm = user + system < 25_000 ? calm + 1 : 0;
  }
}

const [name, scenario, address, args = "{}"] = process.argv.slice(2);
const run = scenarios[scenario ?? ""];
if (!run || !address) throw new Error("SDK, SCENARIO and ADDRESS are needed");
console.log(JSON.stringify(await run(await sdkOf(name as SdkName), address, JSON.parse(args) as SdkArgs)));
// The official worker's threads would keep the process.
process.exit();
