/** The polls of one worker: what it asks for, as whom, and what is counted of it. */
import { setTimeout as delay } from "node:timers/promises";
import { earlyTasksHeader, enums, timestampMs, type workflowservice } from "@pawl/protocol";
import type { Connection } from "../../connection/connection.ts";
import type { SdkMetrics } from "../../telemetry/sdk-metrics.ts";
import type { CompiledWorkerOptions } from "../worker-options.ts";
import { type PollerParts, Pollers, pollTimeoutMs } from "./poller.ts";

export type WorkflowTask = workflowservice.PollWorkflowTaskQueueResponse;
export type ActivityTask = workflowservice.PollActivityTaskQueueResponse;
export type NexusTask = workflowservice.PollNexusTaskQueueResponse;

export type PollerType = "workflow_task" | "sticky_workflow_task" | "activity_task" | "nexus_task";

export interface PollingParts {
  readonly connection: Connection;
  readonly options: CompiledWorkerOptions;
  readonly instanceKey: string;
  readonly metrics: SdkMetrics;
  /** Ends the polls that are open. */
  readonly end: AbortSignal;
}

type Handled<T> = Pick<PollerParts<T>, "slots" | "handle" | "signal">;

/** This worker ends with the server's process, so it may have workflow tasks before the commit that starts them. */
const takesEarly = { [earlyTasksHeader]: "1" };

export class Polling {
  readonly #parts: PollingParts;
  readonly #pollers = new Map<PollerType, { readonly polling: number; readonly lastTaskAtMs: () => number }>();
  readonly #lastTaskAtMs = new Map<PollerType, number>();
  #nextActivityAtMs = 0;

  constructor(parts: PollingParts) {
    this.#parts = parts;
  }

  /** Open polls, and when one last brought a task, 0 for never. */
  get state(): readonly { readonly type: PollerType; readonly polling: number; readonly lastTaskAtMs: number }[] {
    return [...this.#pollers].map(([type, { polling, lastTaskAtMs }]) => {
      return { type, polling, lastTaskAtMs: lastTaskAtMs() };
    });
  }

  /** With a sticky queue: the tasks of the runs that this worker has. */
  workflowTasks(stickyQueue: string | undefined, handled: Handled<WorkflowTask>): Promise<void> {
    const { options } = this.#parts;
    const type = stickyQueue ? "sticky_workflow_task" : "workflow_task";
    return this.#run(type, {
      ...handled,
      name: "workflow task",
      count: stickyQueue ? options.stickyPollers : options.workflowPollers,
      logger: options.logger,
      poll: () => this.#pollWorkflowTask(type, stickyQueue),
      infoOf: ({ workflowType }) => {
        return { type: "workflow", workflowType: workflowType?.name ?? "", isSticky: stickyQueue !== undefined };
      },
      suggestionOf: (task) => task.pollerScalingDecision?.pollRequestDeltaSuggestion ?? 0,
    });
  }

  activityTasks(handled: Handled<ActivityTask>): Promise<void> {
    const { options } = this.#parts;
    return this.#run("activity_task", {
      ...handled,
      name: "activity task",
      count: options.activityPollers,
      logger: options.logger,
      poll: () => this.#pollActivityTask(handled.signal),
      infoOf: ({ activityType }) => ({ type: "activity", activityType: activityType?.name ?? "" }),
      suggestionOf: (task) => task.pollerScalingDecision?.pollRequestDeltaSuggestion ?? 0,
    });
  }

  nexusTasks(handled: Handled<NexusTask>): Promise<void> {
    const { options } = this.#parts;
    return this.#run("nexus_task", {
      ...handled,
      name: "Nexus task",
      count: options.nexusPollers,
      logger: options.logger,
      poll: () => this.#pollNexusTask(),
      infoOf: ({ request }) => {
        const { service = "", operation = "" } = request?.startOperation ?? request?.cancelOperation ?? {};
        return { type: "nexus", service, operation };
      },
      suggestionOf: (task) => task.pollerScalingDecision?.pollRequestDeltaSuggestion ?? 0,
    });
  }

  #run<T>(type: PollerType, parts: PollerParts<T>): Promise<void> {
    const pollers = new Pollers(parts);
    this.#pollers.set(type, {
      get polling() {
        return pollers.polling;
      },
      lastTaskAtMs: () => this.#lastTaskAtMs.get(type) ?? 0,
    });
    const { metrics, options } = this.#parts;
    metrics.count("poller_start", { ...this.#tags(), poller_type: type }, parts.count.initial);
    options.logger.debug("Polling begins", { pollerType: type, pollers: parts.count.initial });
    return pollers.run();
  }

  async #pollWorkflowTask(type: PollerType, stickyQueue: string | undefined): Promise<WorkflowTask | undefined> {
    const { connection, options, metrics } = this.#parts;
    const { STICKY, NORMAL } = enums.TaskQueueKind;
    const taskQueue = stickyQueue
      ? { name: stickyQueue, kind: STICKY, normalName: options.taskQueue }
      : { name: options.taskQueue, kind: NORMAL };
    const task = await connection.call(
      "PollWorkflowTaskQueue",
      { ...this.#identity(), taskQueue, binaryChecksum: options.deployment ? "" : options.buildId },
      { ...this.#callOptions(), metadata: connection.isInProcess ? takesEarly : undefined },
    );
    const isTask = task.taskToken.length > 0;
    metrics.count(`workflow_task_queue_poll_${isTask ? "succeed" : "empty"}`, this.#tags());
    if (!isTask) return undefined;
    this.#lastTaskAtMs.set(type, Date.now());
    if (task.startedTime && task.scheduledTime) {
      const waitedMs = timestampMs(task.startedTime) - timestampMs(task.scheduledTime);
      metrics.time("workflow_task_schedule_to_start_latency", waitedMs, this.#tags());
    }
    return task;
  }

  async #pollActivityTask(signal: AbortSignal): Promise<ActivityTask | undefined> {
    const { connection, options, metrics } = this.#parts;
    await this.#throttled(signal);
    if (signal.aborted) return undefined;
    const rate = options.queueActivitiesPerSecond;
    const request = {
      ...this.#identity(),
      taskQueue: { name: options.taskQueue, kind: enums.TaskQueueKind.NORMAL },
      taskQueueMetadata: rate === undefined ? undefined : { maxTasksPerSecond: { value: rate } },
    };
    const task = await connection.call("PollActivityTaskQueue", request, this.#callOptions());
    if (task.taskToken.length === 0) {
      metrics.count("activity_poll_no_task", this.#tags());
      return undefined;
    }
    this.#lastTaskAtMs.set("activity_task", Date.now());
    return task;
  }

  async #pollNexusTask(): Promise<NexusTask | undefined> {
    const { connection, options, metrics } = this.#parts;
    const taskQueue = { name: options.taskQueue, kind: enums.TaskQueueKind.NORMAL };
    const task = await connection.call("PollNexusTaskQueue", { ...this.#identity(), taskQueue }, this.#callOptions());
    if (task.taskToken.length === 0) {
      metrics.count("nexus_poll_no_task", this.#tags());
      return undefined;
    }
    this.#lastTaskAtMs.set("nexus_task", Date.now());
    return task;
  }

  /** A worker that may do so many activities a second asks for no more. */
  async #throttled(signal: AbortSignal): Promise<void> {
    const rate = this.#parts.options.activitiesPerSecond;
    if (rate === undefined) return;
    const nowMs = performance.now();
    const atMs = Math.max(nowMs, this.#nextActivityAtMs);
    this.#nextActivityAtMs = atMs + 1_000 / rate;
    if (atMs > nowMs) await delay(atMs - nowMs, undefined, { signal }).catch(() => undefined);
  }

  #identity() {
    const { options, instanceKey } = this.#parts;
    const { namespace, identity, deployment } = options;
    return { namespace, identity, workerInstanceKey: instanceKey, deploymentOptions: deployment?.wire };
  }

  #tags() {
    const { namespace, taskQueue } = this.#parts.options;
    return { namespace, task_queue: taskQueue };
  }

  #callOptions() {
    return { timeoutMs: pollTimeoutMs, signal: this.#parts.end, retry: false };
  }
}
