/** What operators have set for task queues: kept in the store, and in effect as soon as it is there. */
import { Rejection } from "@pawl/engine";
import { enums, type RequestOf, taskqueue, toTimestamp, type workflowservice } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import type { Clock } from "../../clock.ts";
import { limits } from "../../limits.ts";
import type { QueueConfig, QueueKind } from "../../matching/match.ts";
import { invalid, isLonger, taskQueueProblem } from "../field-rules.ts";
import { StoredMap } from "../stored-map.ts";

type UpdateRequest = RequestOf<"UpdateTaskQueueConfig">;
type RateLimitUpdate = workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate;

/** Whom the settings are for. */
interface ConfiguredQueues {
  configure(
    namespaceId: string,
    queue: { readonly kind: QueueKind; readonly taskQueue: string },
    config: QueueConfig | undefined,
  ): void;
}

interface Queue {
  readonly namespaceId: string;
  readonly type: enums.TaskQueueType;
  readonly name: string;
}

const none: taskqueue.TaskQueueConfig = { fairnessWeightOverrides: {} };

export class TaskQueueConfigs {
  readonly #configs: StoredMap<taskqueue.TaskQueueConfig>;
  readonly #queues: ConfiguredQueues;
  readonly #clock: Clock;

  private constructor(configs: StoredMap<taskqueue.TaskQueueConfig>, queues: ConfiguredQueues, clock: Clock) {
    this.#configs = configs;
    this.#queues = queues;
    this.#clock = clock;
  }

  static async load(store: Store, queues: ConfiguredQueues, clock: Clock): Promise<TaskQueueConfigs> {
    const stored = await StoredMap.load<taskqueue.TaskQueueConfig>(store, "task-queue", taskqueue.TaskQueueConfig);
    const configs = new TaskQueueConfigs(stored, queues, clock);
    for (const [key, config] of stored.entries()) configs.#apply(queueOf(key), config);
    return configs;
  }

  /** Reads what other nodes have changed. */
  async refresh(): Promise<void> {
    for (const key of await this.#configs.refresh()) this.#apply(queueOf(key), this.#configs.get(key));
  }

  /** Undefined when nothing was ever set. */
  of(queue: Queue): taskqueue.TaskQueueConfig | undefined {
    return this.#configs.get(keyOf(queue));
  }

  /** What the settings are now. Throws `StoreError` when it may not have been written. */
  async update(namespaceId: string, request: UpdateRequest): Promise<taskqueue.TaskQueueConfig | Rejection> {
    const queue = { namespaceId, type: request.taskQueueType, name: request.taskQueue };
    const key = keyOf(queue);
    if (changesNothing(request)) return this.#configs.get(key) ?? none;
    const after = await this.#configs.change(key, (before) => {
      if (before === undefined && this.#configs.size >= limits.queueConfigsMax)
        return new Rejection("RESOURCE_EXHAUSTED", `${limits.queueConfigsMax} task queues are configured: the most.`);
      return updated(before ?? none, request, this.#clock.nowMs());
    });
    if (!(after instanceof Rejection)) this.#apply(queue, after);
    return after;
  }

  /** Takes back all that was set in a namespace that has gone. */
  async forget(namespaceId: string): Promise<void> {
    const keys = [...this.#configs.entries()].map(([key]) => key).filter((key) => key.startsWith(`${namespaceId}/`));
    for (const key of keys) {
      await this.#configs.change(key, () => undefined);
      this.#apply(queueOf(key), undefined);
    }
  }

  #apply({ namespaceId, type, name }: Queue, config: taskqueue.TaskQueueConfig | undefined): void {
    const kind = queueKindOf(type);
    if (kind !== undefined) this.#queues.configure(namespaceId, { kind, taskQueue: name }, config && effectOf(config));
  }
}

const queueKinds: Readonly<Record<number, QueueKind>> = {
  [enums.TaskQueueType.WORKFLOW]: "workflow",
  [enums.TaskQueueType.ACTIVITY]: "activity",
  [enums.TaskQueueType.NEXUS]: "nexus",
};

/** Undefined for a type that no tasks are of. */
export function queueKindOf(type: enums.TaskQueueType): QueueKind | undefined {
  return queueKinds[type];
}

export function configProblem(request: UpdateRequest): Rejection | undefined {
  const { identity, taskQueue: name, taskQueueType: type } = request;
  const { updateQueueRateLimit: queueRate, updateFairnessKeyRateLimitDefault: keyRate } = request;
  if (isLonger(identity, limits.idBytesMax)) return invalid(tooLong("Identity"));
  const problem = taskQueueProblem(taskqueue.TaskQueue.create({ name }));
  if (problem) return problem;
  if (queueKindOf(type) === undefined) return invalid("TaskQueueType is not set on request, or unknown.");
  if (type === enums.TaskQueueType.WORKFLOW && (queueRate || keyRate)) {
    const what = queueRate ? "rate limit" : "fairness key rate limit";
    return invalid(`Setting ${what} on workflow task queues is not allowed.`);
  }
  return (
    rateProblem("UpdateQueueRateLimit", queueRate) ??
    rateProblem("UpdateFairnessKeyRateLimitDefault", keyRate) ??
    weightsProblem(request)
  );
}

function rateProblem(field: string, update: RateLimitUpdate | undefined): Rejection | undefined {
  const rate = update?.rateLimit?.requestsPerSecond ?? 0;
  if (rate < 0) return invalid(`RequestsPerSecond for ${field} rate limit must be non-negative.`);
  if (!Number.isFinite(rate)) return invalid(`RequestsPerSecond for ${field} rate limit must be a finite number.`);
  return update && isLonger(update.reason, limits.idBytesMax) ? invalid(tooLong(`${field}.Reason`)) : undefined;
}

function tooLong(field: string): string {
  return `${field} field too long (max ${limits.idBytesMax} characters).`;
}

function weightsProblem({ setFairnessWeightOverrides, unsetFairnessWeightOverrides }: UpdateRequest) {
  const set = Object.entries(setFairnessWeightOverrides);
  const count = Math.max(set.length, unsetFairnessWeightOverrides.length);
  const { fairnessWeightsMax, fairnessKeyBytesMax } = limits;
  if (count > fairnessWeightsMax)
    return invalid(`too many fairness weight overrides in request: got ${count}, maximum ${fairnessWeightsMax}`);
  for (const key of [...set.map(([name]) => name), ...unsetFairnessWeightOverrides]) {
    if (key === "") return invalid("fairness weight override key must not be empty");
    if (isLonger(key, fairnessKeyBytesMax)) return invalid("fairness key length exceeds limit");
  }
  const both = unsetFairnessWeightOverrides.find((key) => Object.hasOwn(setFairnessWeightOverrides, key));
  if (both !== undefined)
    return invalid(`fairness weight override key ${JSON.stringify(both)} present in both set and unset lists`);
  // Written so that NaN is refused too.
  const wrong = set.find(([, weight]) => !(weight > 0));
  return (
    wrong && invalid(`invalid fairness weight weight for key ${JSON.stringify(wrong[0])}: must be greater than zero`)
  );
}

function changesNothing(request: UpdateRequest): boolean {
  return (
    request.updateQueueRateLimit === undefined &&
    request.updateFairnessKeyRateLimitDefault === undefined &&
    Object.keys(request.setFairnessWeightOverrides).length === 0 &&
    request.unsetFairnessWeightOverrides.length === 0
  );
}

/** What the request changes is what it has; the rest stays. */
function updated(
  before: taskqueue.TaskQueueConfig,
  request: UpdateRequest,
  nowMs: number,
): taskqueue.TaskQueueConfig | Rejection {
  const weights = new Map(Object.entries(before.fairnessWeightOverrides));
  for (const key of request.unsetFairnessWeightOverrides) weights.delete(key);
  for (const [key, weight] of Object.entries(request.setFairnessWeightOverrides)) weights.set(key, weight);
  if (weights.size > limits.fairnessWeightsMax)
    return invalid("fairness weight overrides update rejected: exceeding maximum key size");
  const rate = (update: RateLimitUpdate | undefined, kept: taskqueue.RateLimitConfig | undefined) => {
    if (update === undefined) return kept;
    const metadata = { reason: update.reason, updateIdentity: request.identity, updateTime: toTimestamp(nowMs) };
    // Without a rate the limit is taken away; who did so stays known.
    return { rateLimit: update.rateLimit, metadata };
  };
  return {
    queueRateLimit: rate(request.updateQueueRateLimit, before.queueRateLimit),
    fairnessKeysRateLimitDefault: rate(request.updateFairnessKeyRateLimitDefault, before.fairnessKeysRateLimitDefault),
    fairnessWeightOverrides: Object.fromEntries(weights),
  };
}

function effectOf(config: taskqueue.TaskQueueConfig): QueueConfig {
  return {
    maxTasksPerSecond: config.queueRateLimit?.rateLimit?.requestsPerSecond,
    maxKeyTasksPerSecond: config.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond,
    weights: new Map(Object.entries(config.fairnessWeightOverrides)),
  };
}

/** Namespace ids are UUIDs and types are numbers, so the name may hold what it likes. */
function keyOf({ namespaceId, type, name }: Queue): string {
  return `${namespaceId}/${type}/${name}`;
}

function queueOf(key: string): Queue {
  const [namespaceId = "", type = "", ...name] = key.split("/");
  return { namespaceId, type: Number(type) as enums.TaskQueueType, name: name.join("/") };
}
