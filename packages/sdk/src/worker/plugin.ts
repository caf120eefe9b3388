/** Plugins change the options of a worker before it is made, and wrap its `run()`. */
import type { ReplayWorkerOptions } from "./run/replayer.ts";
import type { Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** Changes the options of workers and stands around their run. Those of the worker's connection are asked first, then its own, in their order. */
export interface WorkerPlugin {
  readonly name: string;
  configureWorker?(options: WorkerOptions): WorkerOptions | Promise<WorkerOptions>;
  configureReplayWorker?(options: ReplayWorkerOptions): ReplayWorkerOptions | Promise<ReplayWorkerOptions>;
  /** Must call `next` to run the worker. */
  runWorker?(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void>;
}
