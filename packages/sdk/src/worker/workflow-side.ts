/** What a worker has that runs workflows: their code, a cache of their runs, and who does their tasks. */
import { createHash, randomUUID } from "node:crypto";
import type { MessageCodec } from "../codec/message-codec.ts";
import type { Connection } from "../connection/connection.ts";
import { Runtime } from "../telemetry/runtime.ts";
import type { ActivityRunner } from "./activity/activity-runner.ts";
import type { EagerActivities } from "./activity/eager-activities.ts";
import { bundleOf, runtimeOf, type Script } from "./bundle.ts";
import type { PayloadLimits } from "./payload-limits.ts";
import { RunCache } from "./run/run-cache.ts";
import { type RunOutlets, Sandbox, watchRejections } from "./run/sandbox.ts";
import { SinkCalls } from "./run/sinks.ts";
import { WorkflowRunner } from "./run/workflow-runner.ts";
import type { WorkerSlots } from "./slot/tuner.ts";
import type { CompiledWorkerOptions, PatchActivationCallback, WorkerOptions } from "./worker-options.ts";

export interface WorkflowSide {
  readonly runner: WorkflowRunner;
  readonly cache: RunCache;
  readonly stickyQueue: string;
}

/** The SDK's own runtime, and the bundle of the user. */
export interface Code {
  readonly runtime: Script;
  readonly user: Script;
}

/** Undefined for a worker without workflows. Throws where the code cannot be bundled. */
export async function loadCode(options: WorkerOptions): Promise<Code | undefined> {
  if (options.workflowsPath === undefined && options.workflowBundle === undefined) return undefined;
  const user = await bundleOf(options);
  return { runtime: await runtimeOf(user), user };
}

/** Throws `TypeError` for an answer that is none, which fails the workflow task. */
function activation(callback: PatchActivationCallback | undefined): RunOutlets["activatesPatch"] {
  if (!callback) return undefined;
  return (workflowInfo, patchId) => {
    const answer: unknown = callback({ workflowInfo, patchId });
    if (typeof answer === "boolean") return answer;
    throw new TypeError(`WorkerOptions.patchActivationCallback must return true or false, not ${String(answer)}`);
  };
}

export function workflowSide(
  options: CompiledWorkerOptions,
  connection: Connection,
  code: Code,
  parts: {
    activities: ActivityRunner;
    eager: EagerActivities;
    codec: MessageCodec;
    limits: PayloadLimits;
    slots: WorkerSlots;
  },
): WorkflowSide {
  const { namespace, taskQueue, identity, logger, stickyTimeoutMs, deadlockTimeoutMs } = options;
  const runtime = Runtime.instance();
  watchRejections();
  const cache = new RunCache({
    ...{ bytesMax: options.cacheBytes, runsMax: options.cacheRuns },
    onEviction: () => {
      runtime.sdkMetrics.count("sticky_cache_total_forced_eviction", { namespace, task_queue: taskQueue });
    },
  });
  const stickyQueue = `${identity}-${randomUUID()}`;
  const buildId = options.buildId || createHash("sha256").update(code.user.code).digest("hex").slice(0, 16);
  const runner = new WorkflowRunner({
    ...{ connection, namespace, taskQueue, stickyQueue, identity, buildId, logger, cache, ...parts },
    activatesPatch: activation(options.patchActivationCallback),
    ...{ stickyTimeoutMs, deadlockTimeoutMs, recordMetric: runtime.recordMetric, metrics: runtime.sdkMetrics },
    sinks: new SinkCalls(options.sinks, logger),
    sandbox: new Sandbox(code.runtime, code.user),
    localSlots: parts.slots.localActivity,
    deployment: options.deployment,
    failureErrorTypes: options.failureErrorTypes,
    showStackTraceSources: options.showStackTraceSources,
    converters: options.loadedDataConverter,
    // Closures and objects take about as much as the text that makes them.
    bytesOfBundle: code.user.code.length,
  });
  return { runner, cache, stickyQueue };
}
