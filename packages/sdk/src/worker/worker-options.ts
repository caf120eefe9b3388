/** The options of a worker, and the checked form with all defaults filled in. */

import { hostname } from "node:os";
import { ServiceHandler } from "nexus-rpc";
import { loadDataConverter } from "../codec/load-data-converter.ts";
import type { Connection } from "../connection/connection.ts";
import { Runtime } from "../telemetry/runtime.ts";
import type { DataConverter, LoadedDataConverter } from "../value/data-converter.ts";
import { type Duration, msToNumber } from "../value/duration.ts";
import type { Logger } from "../value/logger.ts";
import type { UntypedActivities } from "../value/options.ts";
import { requireOwnName } from "../value/reserved.ts";
import type { WorkflowInfo } from "../workflow/run/workflow-info.ts";
import { eagerPerTaskDefault } from "./activity/eager-activities.ts";
import type { BundleOptions, WorkflowBundleOption } from "./bundle.ts";
import { type CompiledDeployment, compileDeployment, type WorkerDeploymentOptions } from "./deployment.ts";
import type { WorkerInterceptors } from "./interceptors.ts";
import type { WorkerPlugin } from "./plugin.ts";
import type { PollerCount } from "./poll/poller.ts";
import type { InjectedSinks } from "./run/sinks.ts";
import { nexusSlotsDefault, type WorkerTuner } from "./slot/tuner.ts";

/** What a worker does and how much of it at a time. A wrong option is refused with an error that names it. */
export interface WorkerOptions {
  /** Default: one to `localhost:7233`, which the worker closes with itself. */
  connection?: Connection;
  /** Default: `"default"`. */
  namespace?: string;
  /** Where its tasks come from. */
  taskQueue: string;
  /** Default: process id and host name. */
  identity?: string;
  /** Names the version of the workflow code, in histories. Default: a hash of it. */
  buildId?: string;
  /** The module that exports the workflows. Without it and `workflowBundle` the worker runs activities alone. */
  workflowsPath?: string;
  /** Made by `bundleWorkflowCode` beforehand, in place of `workflowsPath`: as it is, or its `code` by the path of a file. */
  workflowBundle?: WorkflowBundleOption;
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
  /** Made by `serviceHandler` of `nexus-rpc`; each service once. */
  // biome-ignore lint/suspicious/noExplicitAny: the operations of any user.
  nexusServices?: ServiceHandler<any>[];
  logger?: Logger;
  /** How many tasks are done at a time, and by which rule. Excludes the four numbers below. */
  tuner?: WorkerTuner;
  /** Default: 100. */
  maxConcurrentActivityTaskExecutions?: number;
  /** Default: 100. */
  maxConcurrentLocalActivityExecutions?: number;
  /** Default: 40; 256 when the server is in this process. */
  maxConcurrentWorkflowTaskExecutions?: number;
  /** Default: 100. */
  maxConcurrentNexusTaskExecutions?: number;
  /** Default: 5; 16 when the server is in this process and `maxConcurrentActivityTaskExecutions` is left out. */
  maxConcurrentActivityTaskPolls?: number;
  /** Default: 5. */
  maxConcurrentNexusTaskPolls?: number;
  /**
   * Polls of the task queue and of this worker's sticky queue together. Default: 5 (two and three); 128 (half and half) when the server is in this process and
   * `maxConcurrentWorkflowTaskExecutions` is left out. At least 2.
   */
  maxConcurrentWorkflowTaskPolls?: number;
  /** The share of workflow polls that are of the task queue itself and not of the sticky queue. Default: 0.4, or 0.5 where there are 128. */
  nonStickyToStickyPollRatio?: number;
  /** In place of a fixed number of polls. */
  workflowTaskPollerBehavior?: PollerBehavior;
  activityTaskPollerBehavior?: PollerBehavior;
  nexusTaskPollerBehavior?: PollerBehavior;
  /** How many activities of the task queue the server starts per second, for all its workers together. Default: no limit. */
  maxTaskQueueActivitiesPerSecond?: number;
  /** How many activities this worker starts per second. Default: no limit. */
  maxActivitiesPerSecond?: number;
  /** Activities that the server may hand over with its answer to a workflow task. Default: 3. */
  maxEagerActivityReservationsPerWorkflowTask?: number;
  /** `false`: the worker takes no activity tasks, and runs its activities as local ones only. Default: true. */
  enableNonLocalActivities?: boolean;
  /** The longest time for which heartbeats of an activity are held back, whatever its heartbeat timeout. Default: 60 seconds. */
  maxHeartbeatThrottleInterval?: Duration;
  /** The same for an activity without a heartbeat timeout. Default: 30 seconds. */
  defaultHeartbeatThrottleInterval?: Duration;
  /** The version of a deployment that this worker belongs to. */
  workerDeploymentOptions?: WorkerDeploymentOptions;
  /**
   * Called when a run reaches a call of `patched` for the first time and is not being replayed: `false` leaves the patch inactive in this run for good, with no
   * marker in its history. Synchronous.
   */
  patchActivationCallback?: PatchActivationCallback;
  /** The names of errors that fail the workflow instead of its workflow task, for each workflow type; `"*"` is all types. */
  workflowFailureErrorTypes?: Record<string, string[]>;
  /** The size of the cache of runs between their workflow tasks, by an estimate of their memory. Default: 256 MiB. */
  maxCachedWorkflowBytes?: number;
  /** The number of runs in that cache. Default: no limit. */
  maxCachedWorkflows?: number;
  /** After how long a workflow task that this worker does not take from its sticky queue goes to the task queue. Default: 10 seconds. */
  stickyQueueScheduleToStartTimeout?: Duration;
  /**
   * How long workflow code may run without yielding, with 1 ms more for each event of its history, before its workflow task is ended as stuck. Default: 2 seconds.
   * In a process with promise hooks of `async_hooks`, which some monitoring agents install, the error of such a task is also reported to
   * `uncaughtExceptionMonitor`.
   */
  deadlockTimeout?: Duration;
  /** How long activities may go on after `shutdown()` before they are cancelled. Default: they are cancelled at once. */
  shutdownGraceTime?: Duration;
  /** How long after `shutdown()` `run()` throws, even if something still runs. Default: never. */
  shutdownForceTime?: Duration;
  /** Whether the answer to the query `__enhanced_stack_trace` includes the source files that it names. Default: false. */
  showStackTraceSources?: boolean;
  /** Accepted without effect, like the two below: workflows have no threads of their own here, and a debugger needs no preparation. */
  debugMode?: boolean;
  reuseV8Context?: boolean;
  workflowThreadPoolSize?: number;
}

/** What a {@link PatchActivationCallback} is asked about. */
export interface PatchActivationInput {
  readonly workflowInfo: Readonly<WorkflowInfo>;
  readonly patchId: string;
}
/** Decides whether `patched` returns true in a run that has no marker of the patch yet. */
export type PatchActivationCallback = (input: PatchActivationInput) => boolean;

/** A fixed number of polls. */
export interface PollerBehaviorSimpleMaximum {
  type: "simple-maximum";
  maximum?: number;
}
/** As many polls as the server finds useful. */
export interface PollerBehaviorAutoscaling {
  type: "autoscaling";
  /** Default: 1. */
  minimum?: number;
  /** Default: 100. */
  maximum?: number;
  /** Default: 5. */
  initial?: number;
}
/** How many polls of one kind wait at the server. */
export type PollerBehavior = PollerBehaviorSimpleMaximum | PollerBehaviorAutoscaling;

/** A worker's options with their defaults, checked. */
export interface CompiledWorkerOptions {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly identity: string;
  readonly activities: UntypedActivities;
  readonly nexusServices: readonly ServiceHandler[];
  readonly loadedDataConverter: LoadedDataConverter;
  readonly interceptors: WorkerInterceptors;
  // biome-ignore lint/suspicious/noExplicitAny: the sinks of any user.
  readonly sinks: InjectedSinks<any>;
  readonly logger: Logger;
  readonly buildId: string;
  readonly deployment: CompiledDeployment | undefined;
  readonly tuner: WorkerTuner;
  readonly workflowPollers: PollerCount;
  readonly stickyPollers: PollerCount;
  readonly activityPollers: PollerCount;
  readonly nexusPollers: PollerCount;
  readonly queueActivitiesPerSecond: number | undefined;
  readonly activitiesPerSecond: number | undefined;
  readonly eagerPerTask: number;
  readonly remoteActivities: boolean;
  readonly heartbeatLongestMs: number;
  readonly heartbeatDefaultMs: number;
  readonly failureErrorTypes: Readonly<Record<string, readonly string[]>>;
  readonly showStackTraceSources: boolean;
  readonly patchActivationCallback: PatchActivationCallback | undefined;
  readonly cacheBytes: number;
  readonly cacheRuns: number;
  readonly stickyTimeoutMs: number;
  readonly deadlockTimeoutMs: number;
  readonly shutdownGraceMs: number;
  readonly shutdownForceMs: number | undefined;
}

const cacheBytesDefault = 256 * 1024 * 1024;

interface Defaults {
  readonly workflowSlots: number;
  readonly workflowPolls: number;
  readonly activityPolls: number;
  /** Of the workflow polls. */
  readonly ownShare: number;
}

const overNetwork: Defaults = { workflowSlots: 40, workflowPolls: 5, activityPolls: 5, ownShare: 0.4 };
/**
 * With a server in this process a waiting poll costs only an object, and a task for which one waits is started by the same commit that created it, and perhaps
 * answered by it. So there are enough polls for nearly all tasks: half of them for first tasks, which come by the task queue, half for those that follow.
 */
const inProcess: Defaults = { workflowSlots: 256, workflowPolls: 128, activityPolls: 16, ownShare: 0.5 };

function defaultsOf({ connection, tuner, ...options }: WorkerOptions): Defaults {
  if (!connection?.isInProcess || tuner) return overNetwork;
  // Polls hold slots: where those are few, many polls of one queue would leave none to the other's.
  const { maxConcurrentWorkflowTaskExecutions: workflowSlots, maxConcurrentActivityTaskExecutions: activitySlots } =
    options;
  return {
    ...(workflowSlots === undefined ? inProcess : overNetwork),
    activityPolls: activitySlots === undefined ? inProcess.activityPolls : overNetwork.activityPolls,
  };
}

/** Throws `TypeError` naming the option at fault. */
export function compileWorkerOptions(options: WorkerOptions): CompiledWorkerOptions {
  const { taskQueue, activities = {}, workflowsPath, workflowBundle } = options;
  if (typeof taskQueue !== "string" || taskQueue === "") throw new TypeError("WorkerOptions.taskQueue is missing");
  requireOwnName("task queue", taskQueue);
  for (const name of Object.keys(options.sinks ?? {})) requireOwnName("sink", name);
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
  const defaults = defaultsOf(options);
  const activityPolls = positive("maxConcurrentActivityTaskPolls", defaults.activityPolls);
  return {
    namespace: options.namespace ?? "default",
    taskQueue,
    identity: options.identity ?? `${process.pid}@${hostname()}`,
    activities: functionsOf(activities),
    nexusServices: checkedServices(options.nexusServices),
    loadedDataConverter: loadForWorker(options),
    interceptors: options.interceptors ?? {},
    sinks: options.sinks ?? {},
    logger: options.logger ?? Runtime.instance().logger,
    buildId: options.buildId ?? options.workerDeploymentOptions?.version?.buildId ?? "",
    deployment: compileDeployment(options.workerDeploymentOptions),
    tuner: tunerOf(options, positive, defaults),
    ...workflowPollersOf(options, positive("maxConcurrentWorkflowTaskPolls", defaults.workflowPolls, 2), defaults),
    activityPollers: pollerCount(options, "activityTaskPollerBehavior", activityPolls),
    nexusPollers: pollerCount(options, "nexusTaskPollerBehavior", positive("maxConcurrentNexusTaskPolls", 5)),
    queueActivitiesPerSecond: rate(options, "maxTaskQueueActivitiesPerSecond"),
    activitiesPerSecond: rate(options, "maxActivitiesPerSecond"),
    eagerPerTask: eagerPerTaskOf(options, positive),
    remoteActivities: options.enableNonLocalActivities ?? true,
    heartbeatLongestMs: duration("maxHeartbeatThrottleInterval", 60_000),
    heartbeatDefaultMs: duration("defaultHeartbeatThrottleInterval", 30_000),
    failureErrorTypes: options.workflowFailureErrorTypes ?? {},
    showStackTraceSources: options.showStackTraceSources ?? false,
    patchActivationCallback: options.patchActivationCallback,
    cacheBytes: positive("maxCachedWorkflowBytes", cacheBytesDefault, 0),
    cacheRuns: positive("maxCachedWorkflows", Number.POSITIVE_INFINITY, 0),
    stickyTimeoutMs: duration("stickyQueueScheduleToStartTimeout", 10_000),
    deadlockTimeoutMs: duration("deadlockTimeout", 2_000),
    shutdownGraceMs: duration("shutdownGraceTime", 0),
    shutdownForceMs:
      shutdownForceTime === undefined ? undefined : msToNumber(shutdownForceTime, "WorkerOptions.shutdownForceTime"),
  };
}

/** Names of errors that fail a workflow of this type. */
export function failureTypesOf(
  byType: Readonly<Record<string, readonly string[]>>,
  workflowType: string | undefined,
): string[] {
  return [...(byType["*"] ?? []), ...(byType[workflowType ?? ""] ?? [])];
}

/** What comes with a workflow task's answer comes past the queue, and so past the limit that this worker asks the queue to keep. */
function eagerPerTaskOf(options: WorkerOptions, positive: Positive): number {
  const perTask = positive("maxEagerActivityReservationsPerWorkflowTask", eagerPerTaskDefault, 0);
  return options.maxTaskQueueActivitiesPerSecond === undefined ? perTask : 0;
}

type Positive = (name: keyof WorkerOptions, fallback: number, least?: number) => number;

const slotNumbers = [
  "maxConcurrentWorkflowTaskExecutions",
  "maxConcurrentActivityTaskExecutions",
  "maxConcurrentLocalActivityExecutions",
  "maxConcurrentNexusTaskExecutions",
] as const;

function tunerOf(options: WorkerOptions, positive: Positive, { workflowSlots }: Defaults): WorkerTuner {
  if (options.tuner) {
    const beside = slotNumbers.find((name) => options[name] !== undefined);
    if (beside) throw new TypeError(`WorkerOptions.tuner and ${beside} exclude each other`);
    return options.tuner;
  }
  const fixed = (numSlots: number) => ({ type: "fixed-size", numSlots }) as const;
  return {
    workflowTaskSlotSupplier: fixed(positive("maxConcurrentWorkflowTaskExecutions", workflowSlots)),
    activityTaskSlotSupplier: fixed(positive("maxConcurrentActivityTaskExecutions", 100)),
    localActivityTaskSlotSupplier: fixed(positive("maxConcurrentLocalActivityExecutions", 100)),
    nexusTaskSlotSupplier: fixed(positive("maxConcurrentNexusTaskExecutions", nexusSlotsDefault)),
  };
}

/** The sticky queue, where most tasks come, has its share of a fixed number, or a number of its own that grows with need. */
function workflowPollersOf(options: WorkerOptions, polls: number, { ownShare }: Defaults) {
  const behavior = options.workflowTaskPollerBehavior;
  if (behavior?.type === "autoscaling") {
    const count = pollerCount(options, "workflowTaskPollerBehavior", polls);
    return { workflowPollers: count, stickyPollers: count };
  }
  const all = pollerCount(options, "workflowTaskPollerBehavior", polls).maximum;
  const { nonStickyToStickyPollRatio: share = ownShare } = options;
  if (!(share > 0 && share < 1))
    throw new TypeError("WorkerOptions.nonStickyToStickyPollRatio must be between 0 and 1");
  const own = Math.min(all - 1, Math.max(1, Math.round(all * share)));
  return { workflowPollers: fixedCount(own), stickyPollers: fixedCount(all - own) };
}

function fixedCount(count: number): PollerCount {
  return { minimum: count, initial: count, maximum: count };
}

function pollerCount(
  options: WorkerOptions,
  name: "workflowTaskPollerBehavior" | "activityTaskPollerBehavior" | "nexusTaskPollerBehavior",
  polls: number,
): PollerCount {
  const behavior = options[name];
  if (!behavior) return fixedCount(polls);
  if (behavior.type === "simple-maximum") {
    const { maximum = polls } = behavior;
    if (!(maximum >= (name === "workflowTaskPollerBehavior" ? 2 : 1))) {
      throw new TypeError(`WorkerOptions.${name}.maximum is too small: ${maximum}`);
    }
    return fixedCount(maximum);
  }
  const { minimum = 1, maximum = 100, initial = 5 } = behavior;
  if (behavior.type !== "autoscaling" || !(minimum >= 1 && minimum <= initial && initial <= maximum)) {
    throw new TypeError(`WorkerOptions.${name} must be of a known type, with 1 <= minimum <= initial <= maximum`);
  }
  return { minimum, initial, maximum };
}

function rate(
  options: WorkerOptions,
  name: "maxActivitiesPerSecond" | "maxTaskQueueActivitiesPerSecond",
): number | undefined {
  const value = options[name];
  if (value !== undefined && !(value > 0))
    throw new TypeError(`WorkerOptions.${name} must be more than 0, not ${value}`);
  return value;
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

function checkedServices(services: readonly ServiceHandler[] = []): readonly ServiceHandler[] {
  const names = new Set<string>();
  for (const service of services) {
    if (!(service instanceof ServiceHandler)) {
      throw new TypeError("WorkerOptions.nexusServices: each must be made by serviceHandler() of nexus-rpc");
    }
    const { name } = service.definition;
    if (names.has(name)) throw new TypeError(`WorkerOptions.nexusServices: service ${name} is given twice`);
    names.add(name);
  }
  return services;
}

/** Own and inherited functions, bound: an instance of a class of activities serves as well as a module. */
function functionsOf(activities: object): UntypedActivities {
  const found: UntypedActivities = {};
  for (let at: object | null = activities; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const value = (activities as Record<string, unknown>)[name];
      if (name === "constructor" || typeof value !== "function" || Object.hasOwn(found, name)) continue;
      requireOwnName("activity", name);
      found[name] = value.bind(activities) as UntypedActivities[string];
    }
  }
  return found;
}
