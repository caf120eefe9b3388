/** Build ids of task queues in the way that came before worker deployments: which are compatible, and which workflows still need which. */
import { enums, type taskqueue, type workflowservice } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { recognizeAcrossRealms } from "../value/errors.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { rethrowCallFailure } from "./errors.ts";
import { ServiceClient } from "./service-client.ts";

export class BuildIdNotFoundError extends Error {}
recognizeAcrossRealms(BuildIdNotFoundError, "BuildIdNotFoundError");

/** Workers without a build id. */
export const UnversionedBuildId: unique symbol = Symbol.for("__temporal_unversionedBuildId");
export type UnversionedBuildIdType = typeof UnversionedBuildId;

export interface AddNewIdInNewDefaultSet {
  operation: "addNewIdInNewDefaultSet";
  buildId: string;
}
export interface AddNewCompatibleVersion {
  operation: "addNewCompatibleVersion";
  buildId: string;
  existingCompatibleBuildId: string;
  promoteSet?: boolean;
}
export interface PromoteSetByBuildId {
  operation: "promoteSetByBuildId";
  buildId: string;
}
export interface PromoteBuildIdWithinSet {
  operation: "promoteBuildIdWithinSet";
  buildId: string;
}
export interface MergeSets {
  operation: "mergeSets";
  primaryBuildId: string;
  secondaryBuildId: string;
}
export type BuildIdOperation =
  | AddNewIdInNewDefaultSet
  | AddNewCompatibleVersion
  | PromoteSetByBuildId
  | PromoteBuildIdWithinSet
  | MergeSets;

export interface BuildIdVersionSet {
  readonly buildIds: string[];
  /** New work of the set goes here. */
  readonly default: string;
}
export interface WorkerBuildIdVersionSets {
  readonly versionSets: BuildIdVersionSet[];
  readonly defaultSet: BuildIdVersionSet;
  readonly defaultBuildId: string;
}

export const ReachabilityType = {
  NEW_WORKFLOWS: "NEW_WORKFLOWS",
  EXISTING_WORKFLOWS: "EXISTING_WORKFLOWS",
  OPEN_WORKFLOWS: "OPEN_WORKFLOWS",
  CLOSED_WORKFLOWS: "CLOSED_WORKFLOWS",
} as const;
export type ReachabilityType = (typeof ReachabilityType)[keyof typeof ReachabilityType];
export type ReachabilityTypeResponse = ReachabilityType | "NOT_FETCHED";

export interface ReachabilityOptions {
  buildIds: (string | UnversionedBuildIdType)[];
  /** Default: all that the build ids were on. */
  taskQueues?: string[];
  /** Default: `EXISTING_WORKFLOWS`. */
  reachability?: ReachabilityType;
}
export interface BuildIdReachability {
  taskQueueReachability: Record<string, ReachabilityTypeResponse[]>;
}
export interface ReachabilityResponse {
  buildIdReachability: Record<string | UnversionedBuildIdType, BuildIdReachability>;
}

const notFound = 5;

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
      throw new TypeError("BuildIdOperation.operation is none that there is");
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
