/** What a worker is made with, and what that comes to. */
import { hostname } from "node:os";
import { loadDataConverter } from "../codec/load-data-converter.ts";
import type { Connection } from "../connection/connection.ts";
import { Runtime } from "../telemetry/runtime.ts";
import type { DataConverter, LoadedDataConverter } from "../value/data-converter.ts";
import { type Duration, msToNumber } from "../value/duration.ts";
import type { Logger } from "../value/logger.ts";
import type { UntypedActivities } from "../value/options.ts";
import type { BundleOptions, WorkflowBundle } from "./bundle.ts";
import type { WorkerInterceptors } from "./interceptors.ts";
import type { WorkerPlugin } from "./plugin.ts";
import type { InjectedSinks } from "./sinks.ts";

export interface WorkerOptions {
  /** Default: one to `localhost:7233`, which the worker closes with itself. */
  connection?: Connection;
  /** Default: `"default"`. */
  namespace?: string;
  taskQueue: string;
  /** Default: process id and host name. */
  identity?: string;
  /** Names the version of the workflow code, in histories. Default: a hash of it. */
  buildId?: string;
  /** The module that exports the workflows. Without it and `workflowBundle` the worker runs activities alone. */
  workflowsPath?: string;
  /** Made by `bundleWorkflowCode` beforehand, in place of `workflowsPath`. */
  workflowBundle?: WorkflowBundle;
  bundlerOptions?: BundleOptions;
  /** How values become payloads. Workflow code gets its converters by path; codecs run outside of it. */
  dataConverter?: DataConverter;
  interceptors?: WorkerInterceptors;
  /** Applied in their order, those of the connection first. */
  plugins?: WorkerPlugin[];
  /** Functions of this process that workflow code may call by `proxySinks`. */
  // biome-ignore lint/suspicious/noExplicitAny: the sinks of any user.
  sinks?: InjectedSinks<any>;
  /** Functions by the names of their activities; one named `default` runs those that have none of their own. Without any the worker runs workflows alone. */
  activities?: object;
  logger?: Logger;
  /** Default: 100. */
  maxConcurrentActivityTaskExecutions?: number;
  /** Default: 100. */
  maxConcurrentLocalActivityExecutions?: number;
  /** Default: 40. */
  maxConcurrentWorkflowTaskExecutions?: number;
  /** Default: 5. */
  maxConcurrentActivityTaskPolls?: number;
  /** Default: 5: two of the queue's own, three of this worker's sticky one. At least 2. */
  maxConcurrentWorkflowTaskPolls?: number;
  /** Of the queue, over all its workers, by the server. Default: no limit. */
  maxTaskQueueActivitiesPerSecond?: number;
  /** Runs that are kept between their tasks, by an estimate of their memory. Default: 256 MiB. */
  maxCachedWorkflowBytes?: number;
  /** And by their number. Default: no limit. */
  maxCachedWorkflows?: number;
  /** Default: 10 seconds. */
  stickyQueueScheduleToStartTimeout?: Duration;
  /** A workflow task may hold the thread this long, and 1 ms more for each event of its history. Default: 2 seconds. */
  deadlockTimeout?: Duration;
  /** When the worker stops, its activities are cancelled after this time. Default: at once. */
  shutdownGraceTime?: Duration;
  /** After this time `run()` throws, whatever still runs. Default: never. */
  shutdownForceTime?: Duration;
}

export interface CompiledWorkerOptions {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly identity: string;
  readonly activities: UntypedActivities;
  readonly loadedDataConverter: LoadedDataConverter;
  readonly interceptors: WorkerInterceptors;
  // biome-ignore lint/suspicious/noExplicitAny: the sinks of any user.
  readonly sinks: InjectedSinks<any>;
  readonly logger: Logger;
  readonly activitySlots: number;
  readonly localActivitySlots: number;
  readonly workflowSlots: number;
  readonly activityPolls: number;
  readonly workflowPolls: number;
  readonly activitiesPerSecond: number | undefined;
  readonly cacheBytes: number;
  readonly cacheRuns: number;
  readonly stickyTimeoutMs: number;
  readonly deadlockTimeoutMs: number;
  readonly shutdownGraceMs: number;
  readonly shutdownForceMs: number | undefined;
}

const cacheBytesDefault = 256 * 1024 * 1024;

/** Throws `TypeError` naming the option at fault. */
export function compileWorkerOptions(options: WorkerOptions): CompiledWorkerOptions {
  const { taskQueue, activities = {}, workflowsPath, workflowBundle } = options;
  if (typeof taskQueue !== "string" || taskQueue === "") throw new TypeError("WorkerOptions.taskQueue is missing");
  if (workflowsPath !== undefined && workflowBundle !== undefined) {
    throw new TypeError("WorkerOptions.workflowsPath and workflowBundle exclude each other");
  }
  const positive = (name: keyof WorkerOptions, fallback: number, least = 1): number => {
    const value = (options[name] as number | undefined) ?? fallback;
    if (typeof value === "number" && value >= least) return value;
    throw new TypeError(`WorkerOptions.${name} must be a number of at least ${least}, not ${String(value)}`);
  };
  const duration = (name: keyof WorkerOptions, fallback: number): number =>
    msToNumber((options[name] as Duration | undefined) ?? fallback, `WorkerOptions.${name}`);
  const { shutdownForceTime } = options;
  return {
    namespace: options.namespace ?? "default",
    taskQueue,
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    activities: functionsOf(activities),
    loadedDataConverter: loadForWorker(options),
    interceptors: options.interceptors ?? {},
    sinks: options.sinks ?? {},
    logger: options.logger ?? Runtime.instance().logger,
    activitySlots: positive("maxConcurrentActivityTaskExecutions", 100),
    localActivitySlots: positive("maxConcurrentLocalActivityExecutions", 100),
    workflowSlots: positive("maxConcurrentWorkflowTaskExecutions", 40),
    activityPolls: positive("maxConcurrentActivityTaskPolls", 5),
    workflowPolls: positive("maxConcurrentWorkflowTaskPolls", 5, 2),
    activitiesPerSecond: options.maxTaskQueueActivitiesPerSecond,
    cacheBytes: positive("maxCachedWorkflowBytes", cacheBytesDefault, 0),
    cacheRuns: positive("maxCachedWorkflows", Number.POSITIVE_INFINITY, 0),
    stickyTimeoutMs: duration("stickyQueueScheduleToStartTimeout", 10_000),
    deadlockTimeoutMs: duration("deadlockTimeout", 2_000),
    shutdownGraceMs: duration("shutdownGraceTime", 0),
    shutdownForceMs:
      shutdownForceTime === undefined ? undefined : msToNumber(shutdownForceTime, "WorkerOptions.shutdownForceTime"),
  };
}

function loadForWorker({ dataConverter, workflowsPath, workflowBundle }: WorkerOptions): LoadedDataConverter {
  const isObject = dataConverter?.payloadConverter ?? dataConverter?.failureConverter;
  if (isObject && (workflowsPath !== undefined || workflowBundle !== undefined)) {
    throw new TypeError(
      "WorkerOptions.dataConverter: a converter that is an object cannot enter the workflow sandbox; give the path of a module that exports it (payloadConverterPath, failureConverterPath)",
    );
  }
  return loadDataConverter(dataConverter);
}

/** Own and inherited functions, bound: an instance of a class of activities serves as well as a module. */
function functionsOf(activities: object): UntypedActivities {
  const found: UntypedActivities = {};
  for (let at: object | null = activities; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const value = (activities as Record<string, unknown>)[name];
      if (name === "constructor" || typeof value !== "function" || Object.hasOwn(found, name)) continue;
      found[name] = value.bind(activities) as UntypedActivities[string];
    }
  }
  return found;
}
