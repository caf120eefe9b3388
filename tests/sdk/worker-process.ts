/** A worker in a process of its own, so that it can be killed; run as a program, this file is that process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DefaultLogger, NativeConnection, Worker, type WorkflowBundle } from "@pawl/sdk/worker";
import { endWithThisProcess } from "../rig/server.ts";
import * as activities from "./activities.ts";

export interface WorkerProcess {
  readonly taskQueue: string;
  /** Where a debugger may connect, for one that was started with `--inspect`. */
  readonly inspector: string | undefined;
  /** SIGKILL: the worker can say nothing to anyone. */
  kill9(): Promise<void>;
  /** SIGTERM; returns the exit code. */
  stop(): Promise<number | null>;
}

export interface WorkerProcessOptions {
  readonly taskQueue?: string;
  readonly nodeArgs?: readonly string[];
  readonly bundleFile?: string;
}

let queues = 0;

/** Resolves when the worker polls. `bundleFile`: pre-bundled workflows as JSON, in place of their sources. `nodeArgs`: for the process itself. */
export async function startWorkerProcess(
  address: string,
  { taskQueue = `process-${process.pid}-${++queues}`, nodeArgs = [], bundleFile }: WorkerProcessOptions = {},
): Promise<WorkerProcess> {
  const args = [fileURLToPath(import.meta.url), address, taskQueue, ...(bundleFile ? [bundleFile] : [])];
  const child = spawn(process.execPath, [...nodeArgs, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  endWithThisProcess(child);
  let inspector: string | undefined;
  child.stderr.on("data", (chunk: Buffer) => {
    inspector ??= /ws:\/\/\S+/.exec(String(chunk))?.[0];
    process.stderr.write(chunk);
  });
  const [said] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  // What it says on its other stream may be heard later.
  const isInspected = nodeArgs.some((each) => each.startsWith("--inspect"));
  while (isInspected && inspector === undefined) await once(child.stderr, "data");
  if (String(said).trim() !== "ready") throw new Error(`the worker's process ended with ${said}`);
  return {
    taskQueue,
    inspector,
    kill9: () => end(child, "SIGKILL").then(() => undefined),
    stop: () => end(child, "SIGTERM"),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill(signal);
  const [code] = await ended;
  return code as number | null;
}

async function main(address: string, taskQueue: string, bundleFile?: string): Promise<void> {
  const code = bundleFile
    ? { workflowBundle: JSON.parse(readFileSync(bundleFile, "utf8")) as WorkflowBundle }
    : { workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)) };
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address }),
    taskQueue,
    ...code,
    activities,
    logger: new DefaultLogger("ERROR"),
    stickyQueueScheduleToStartTimeout: "1 second",
  });
  process.once("SIGTERM", () => worker.shutdown());
  const running = worker.run();
  console.log("ready");
  await running;
  process.exit();
}

if (import.meta.main) await main(process.argv[2]!, process.argv[3]!, process.argv[4]);
