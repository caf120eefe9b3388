/** Build ids of task queues in the way that came before worker deployments: which are compatible, and which workflows still need which. */
import { enums, type taskqueue, type workflowservice } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { recognizeAcrossRealms } from "../value/errors.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { rethrowCallFailure } from "./errors.ts";
import { ServiceClient } from "./service-client.ts";

/** The task queue has no such build id. */
export class BuildIdNotFoundError extends Error {}
recognizeAcrossRealms(BuildIdNotFoundError, "BuildIdNotFoundError");

/** Workers without a build id. */
export const UnversionedBuildId: unique symbol = Symbol.for("__temporal_unversionedBuildId");
/** The type of {@link UnversionedBuildId}. */
export type UnversionedBuildIdType = typeof UnversionedBuildId;

/** A new build id that is compatible with none: new workflows go to it from now on. */
export interface AddNewIdInNewDefaultSet {
  operation: "addNewIdInNewDefaultSet";
  buildId: string;
}
/** A new build id that takes over the workflows of the existing one's set. `promoteSet`: that set becomes the queue's default. */
export interface AddNewCompatibleVersion {
  operation: "addNewCompatibleVersion";
  buildId: string;
  existingCompatibleBuildId: string;
  promoteSet?: boolean;
}
/** The set that holds the build id becomes the queue's default. */
export interface PromoteSetByBuildId {
  operation: "promoteSetByBuildId";
  buildId: string;
}
/** The build id becomes the default of its set. */
export interface PromoteBuildIdWithinSet {
  operation: "promoteBuildIdWithinSet";
  buildId: string;
}
/** Two sets become one: the primary's default is its default. */
export interface MergeSets {
  operation: "mergeSets";
  primaryBuildId: string;
  secondaryBuildId: string;
}
/** A change to what the build ids of a task queue are to each other. */
export type BuildIdOperation =
  | AddNewIdInNewDefaultSet
  | AddNewCompatibleVersion
  | PromoteSetByBuildId
  | PromoteBuildIdWithinSet
  | MergeSets;

/** Build ids that can take over each other's workflows. */
export interface BuildIdVersionSet {
  readonly buildIds: string[];
  /** New work of the set goes here. */
  readonly default: string;
}
/** The version sets of a task queue, the default one last. */
export interface WorkerBuildIdVersionSets {
  readonly versionSets: BuildIdVersionSet[];
  readonly defaultSet: BuildIdVersionSet;
  readonly defaultBuildId: string;
}

/** Which workflows count when it is asked whether a build id is still needed. */
export const ReachabilityType = {
  NEW_WORKFLOWS: "NEW_WORKFLOWS",
  EXISTING_WORKFLOWS: "EXISTING_WORKFLOWS",
  OPEN_WORKFLOWS: "OPEN_WORKFLOWS",
  CLOSED_WORKFLOWS: "CLOSED_WORKFLOWS",
} as const;
export type ReachabilityType = (typeof ReachabilityType)[keyof typeof ReachabilityType];
/** `NOT_FETCHED`: the server looked at so many task queues only, and this is none of them. Ask for it alone. */
export type ReachabilityTypeResponse = ReachabilityType | "NOT_FETCHED";

/** Which build ids are asked about, on which task queues. */
export interface ReachabilityOptions {
  buildIds: (string | UnversionedBuildIdType)[];
  /** Default: all that the build ids were on. */
  taskQueues?: string[];
  /** Default: `EXISTING_WORKFLOWS`. */
  reachability?: ReachabilityType;
}
/** For each task queue, the workflows for which the build id is still needed. An empty list means none: its workers of that queue can be stopped. */
export interface BuildIdReachability {
  taskQueueReachability: Record<string, ReachabilityTypeResponse[]>;
}
/** The answer for each build id. */
export interface ReachabilityResponse {
  buildIdReachability: Record<string | UnversionedBuildIdType, BuildIdReachability>;
}

const notFound = 5;

/** Build ids of task queues, for servers and workers that do not use worker deployments yet. */
export class TaskQueueClient extends ServiceClient {
  readonly options: ResolvedClientOptions;

  constructor(options?: BaseClientOptions) {
    super();
    this.options = resolveClientOptions(options);
  }

  /** Throws `BuildIdNotFoundError` when the operation names one that is not there. */
  async updateBuildIdCompatibility(taskQueue: string, operation: BuildIdOperation): Promise<void> {
    const { call, namespace } = this.options;
    const request = { namespace, taskQueue, ...operationFields(operation) };
    await call("UpdateWorkerBuildIdCompatibility", request).catch((error) => {
      if (error instanceof CallFailed && error.code === notFound) throw new BuildIdNotFoundError(error.details);
      return rethrowCallFailure(error, "Unexpected error updating Build Id compatibility", { namespace });
    });
  }

  /** `undefined` when the queue has no version sets. */
  async getBuildIdCompatability(taskQueue: string): Promise<WorkerBuildIdVersionSets | undefined> {
    const { call, namespace } = this.options;
    const response = await call("GetWorkerBuildIdCompatibility", { namespace, taskQueue }).catch((error) =>
      rethrowCallFailure(error, "Unexpected error fetching Build Id compatibility", { namespace }),
    );
    const versionSets = response.majorVersionSets.map(versionSet);
    const defaultSet = versionSets.at(-1);
    return defaultSet && { versionSets, defaultSet, defaultBuildId: defaultSet.default };
  }

  async getReachability(options: ReachabilityOptions): Promise<ReachabilityResponse> {
    const { call, namespace } = this.options;
    const { buildIds, taskQueues = [], reachability } = options;
    if (buildIds.length === 0) throw new TypeError("ReachabilityOptions.buildIds must not be empty");
    const request = {
      ...{
        namespace,
        taskQueues,
        buildIds: buildIds.map((each) => (each === UnversionedBuildId ? "" : (each as string))),
      },
      reachability: enums.TaskReachability[reachability ?? "UNSPECIFIED"],
    };
    const response = await call("GetWorkerTaskReachability", request).catch((error) =>
      rethrowCallFailure(error, "Unexpected error fetching Build Id reachability", { namespace }),
    );
    return reachabilityOf(response);
  }
}

function operationFields(operation: BuildIdOperation) {
  switch (operation.operation) {
    case "addNewIdInNewDefaultSet":
      return { addNewBuildIdInNewDefaultSet: operation.buildId };
    case "addNewCompatibleVersion": {
      const { buildId: newBuildId, existingCompatibleBuildId, promoteSet: makeSetDefault = false } = operation;
      return { addNewCompatibleBuildId: { newBuildId, existingCompatibleBuildId, makeSetDefault } };
    }
    case "promoteSetByBuildId":
      return { promoteSetByBuildId: operation.buildId };
    case "promoteBuildIdWithinSet":
      return { promoteBuildIdWithinSet: operation.buildId };
    case "mergeSets": {
      const { primaryBuildId: primarySetBuildId, secondaryBuildId: secondarySetBuildId } = operation;
      return { mergeSets: { primarySetBuildId, secondarySetBuildId } };
    }
    default:
      operation satisfies never;
      throw new TypeError("BuildIdOperation.operation is not a known operation");
  }
}

function versionSet({ buildIds }: taskqueue.CompatibleVersionSet): BuildIdVersionSet {
  return { buildIds, default: buildIds.at(-1) ?? "" };
}

function reachabilityOf(response: workflowservice.GetWorkerTaskReachabilityResponse): ReachabilityResponse {
  const names = Object.entries(enums.TaskReachability);
  const nameOf = (value: number) =>
    (names.find(([, number]) => number === value && value !== 0)?.[0] ?? "NOT_FETCHED") as ReachabilityTypeResponse;
  const entries = response.buildIdReachability.map(({ buildId, taskQueueReachability }) => [
    buildId || UnversionedBuildId,
    {
      taskQueueReachability: Object.fromEntries(
        taskQueueReachability.map(({ taskQueue, reachability }) => [taskQueue, reachability.map(nameOf)]),
      ),
    },
  ]);
  return { buildIdReachability: Object.fromEntries(entries) };
}
