/** Tells the server now and then that the worker is there, and how it fares: what operators see in lists of workers. */
import { availableParallelism, freemem, hostname, loadavg, totalmem } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { enums, type Init, toTimestamp, type worker } from "@pawl/protocol";
import type { Connection } from "../connection/connection.ts";
import { CallFailed } from "../transport/transport.ts";
import { sdkName, sdkVersion } from "../value/version.ts";
import { wireDuration } from "../value/wire.ts";
import type { PollerType, Polling } from "./poll/polling.ts";
import type { RunCache } from "./run/run-cache.ts";
import type { Slots } from "./slot/slots.ts";
import type { WorkerSlots } from "./slot/tuner.ts";
import type { CompiledWorkerOptions } from "./worker-options.ts";

export interface WorkerHeartbeatParts {
  readonly connection: Connection;
  readonly options: CompiledWorkerOptions;
  readonly instanceKey: string;
  readonly intervalMs: number;
  readonly slots: WorkerSlots;
  readonly polling: Polling;
  readonly cache: RunCache | undefined;
}

const unimplemented = 12;

export class WorkerHeartbeat {
  readonly #parts: WorkerHeartbeatParts;
  readonly #startedAtMs = Date.now();
  #lastAtMs: number | undefined;

  constructor(parts: WorkerHeartbeatParts) {
    this.#parts = parts;
  }

  /** Until the signal aborts, or the server says that it takes none. */
  async run(signal: AbortSignal): Promise<void> {
    const { connection, options, intervalMs } = this.#parts;
    const { namespace, identity, logger } = options;
    while (!signal.aborted) {
      try {
        const request = { namespace, identity, workerHeartbeat: [this.now("RUNNING")] };
        await connection.call("RecordWorkerHeartbeat", request, { timeoutMs: intervalMs, signal, retry: false });
      } catch (error) {
        if (error instanceof CallFailed && error.code === unimplemented) return;
        if (!signal.aborted) logger.debug("A worker's heartbeat was not taken", { error: String(error) });
      }
      await delay(intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  now(status: "RUNNING" | "SHUTTING_DOWN"): Init<worker.WorkerHeartbeat> {
    const { options, instanceKey, slots, polling, cache } = this.#parts;
    const nowMs = Date.now();
    const sinceLastMs = this.#lastAtMs === undefined ? undefined : nowMs - this.#lastAtMs;
    this.#lastAtMs = nowMs;
    const poller = (type: PollerType) => {
      const found = polling.state.find((each) => each.type === type);
      if (!found) return undefined;
      const { minimum, maximum } = options[pollersOf[type]];
      return {
        currentPollers: found.polling,
        lastSuccessfulPollTime: found.lastTaskAtMs > 0 ? toTimestamp(found.lastTaskAtMs) : undefined,
        isAutoscaling: minimum < maximum,
      };
    };
    return {
      ...{ workerInstanceKey: instanceKey, workerIdentity: options.identity, taskQueue: options.taskQueue },
      ...{ sdkName, sdkVersion, status: enums.WorkerStatus[status], deploymentVersion: options.deployment?.version },
      hostInfo: {
        ...{ hostName: hostname(), processId: String(process.pid) },
        currentHostCpuUsage: Math.min(1, (loadavg()[0] ?? 0) / availableParallelism()),
        currentHostMemUsage: 1 - freemem() / totalmem(),
      },
      ...{ startTime: toTimestamp(this.#startedAtMs), heartbeatTime: toTimestamp(nowMs) },
      elapsedSinceLastHeartbeat: wireDuration(sinceLastMs),
      workflowTaskSlotsInfo: slotsInfo(slots.workflow),
      activityTaskSlotsInfo: slotsInfo(slots.activity),
      localActivitySlotsInfo: slotsInfo(slots.localActivity),
      nexusTaskSlotsInfo: slotsInfo(slots.nexus),
      workflowPollerInfo: poller("workflow_task"),
      workflowStickyPollerInfo: poller("sticky_workflow_task"),
      activityPollerInfo: poller("activity_task"),
      nexusPollerInfo: poller("nexus_task"),
      currentStickyCacheSize: cache?.size ?? 0,
    };
  }
}

const pollersOf = {
  workflow_task: "workflowPollers",
  sticky_workflow_task: "stickyPollers",
  activity_task: "activityPollers",
  nexus_task: "nexusPollers",
} as const satisfies Record<PollerType, keyof CompiledWorkerOptions>;

function slotsInfo({ kind, taken, max }: Slots) {
  return {
    currentUsedSlots: taken,
    currentAvailableSlots: max === undefined ? 0 : max - taken,
    slotSupplierKind: kind,
  };
}
