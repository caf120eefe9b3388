/** A worker in a process of its own, so that it can be killed; run as a program, this file is that process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { DefaultLogger, NativeConnection, Worker } from "@pawl/sdk/worker";
import { endWithThisProcess } from "../rig/server.ts";
import * as activities from "./activities.ts";

export interface WorkerProcess {
  readonly taskQueue: string;
  /** SIGKILL: the worker can say nothing to anyone. */
  kill9(): Promise<void>;
  /** SIGTERM; returns the exit code. */
  stop(): Promise<number | null>;
}

let queues = 0;

/** Resolves when the worker polls. */
export async function startWorkerProcess(address: string, givenQueue?: string): Promise<WorkerProcess> {
  const taskQueue = givenQueue ?? `process-${process.pid}-${++queues}`;
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), address, taskQueue], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  endWithThisProcess(child);
  await once(child.stdout, "data");
  return { taskQueue, kill9: () => end(child, "SIGKILL").then(() => undefined), stop: () => end(child, "SIGTERM") };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill(signal);
  const [code] = await ended;
  return code as number | null;
}

async function main(address: string, taskQueue: string): Promise<void> {
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address }),
    taskQueue,
    workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
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

if (import.meta.main) await main(process.argv[2]!, process.argv[3]!);
