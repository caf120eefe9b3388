/** What every handler is given, and the shape of a handler: one table for all RPCs, filled noun by noun and joined in `handlers.ts`. */
import assert from "node:assert/strict";
import {
  type CommandOfKind,
  type ExecutionKey,
  engineLimits,
  type Kind,
  Rejection,
  type RejectionCode,
  type RejectionDetail,
  type ReplyOfKind,
} from "@pawl/engine";
import type { Init, MethodName, RequestOf, ResponseOf } from "@pawl/protocol";
import type { Store } from "@pawl/store";
import type { AddressRules } from "../address-rules.ts";
import type { Clock } from "../clock.ts";
import { type Limits, limits } from "../limits.ts";
import type { Listing } from "../matching/listing.ts";
import type {
  AskedQueue,
  DeploymentVersion,
  Match,
  PollRequest,
  Question,
  QueueDescription,
  QueueKind,
  QueuePartition,
} from "../matching/match.ts";
import type { Random } from "../random.ts";
import type { Started } from "../shard/dispatcher.ts";
import type { AwaitedVerdict } from "../shard/verdicts.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { BatchJobs } from "./batch/batch-job.ts";
import type { BatchRunner } from "./batch/batch-runner.ts";
import type { DeploymentRegistry } from "./deployment/deployment-registry.ts";
import type { NamespaceDeletions } from "./namespace/namespace-deletion.ts";
import type { NamespaceRegistry } from "./namespace/namespace-registry.ts";
import type { NexusEndpointRegistry } from "./nexus/nexus-endpoint-registry.ts";
import type { NexusTasks } from "./nexus/nexus-tasks.ts";
import type { Tokens } from "./tokens.ts";
import type { SearchAttributeRegistry } from "./visibility/search-attribute-registry.ts";
import type { TaskQueueConfigs } from "./worker/task-queue-config.ts";
import type { QueryRegistry } from "./workflow/query-registry.ts";

export { type Limits, limits, Rejection, type RejectionCode, type RejectionDetail, type Started };

/** Who calls, and until when the answer is of use. */
export interface Call {
  /** On the server's clock; undefined when the caller set none. */
  readonly deadlineMs: number | undefined;
  /** Aborts when the caller has gone, its deadline has passed, or the server stops: then long polls answer that there is nothing yet. */
  readonly signal: AbortSignal;
  /** Why the signal aborted. An answer still reaches the caller only when the server stops. */
  ended(): "no" | "cancelled" | "deadline" | "stopping";
  /** The SDK's name and version as it gives them, "" when it gives none. */
  readonly clientName: string;
  readonly clientVersion: string;
  /** What the caller says it understands beyond the first version of the API. */
  readonly supportedFeatures: readonly string[];
  /** What it came over, for who counts connections; undefined for what comes from within this process. */
  readonly connection?: { once(event: "close", listener: () => void): unknown } | undefined;
}

export type Handler<N extends MethodName> = (
  request: RequestOf<N>,
  call: Call,
) => Promise<Init<ResponseOf<N>> | Rejection> | Init<ResponseOf<N>> | Rejection;

export type Handlers = { readonly [N in MethodName]?: Handler<N> };

/** What the table's many types come down to: the message that the codec decoded is the one that the handler takes. */
export type AnyHandler = (request: unknown, call: Call) => unknown;

/** What the frontend asks of the shards; `shard/ring.ts` is one. */
export interface Submitter {
  /** Resolves after the commit. A Rejection changed nothing; throws `Unavailable` when the caller may try again. */
  submit<K extends Kind, C extends CommandOfKind<K>>(
    key: ExecutionKey<K>,
    command: C,
  ): Promise<ReplyOfKind<K, C> | Rejection>;
  /**
   * Resolves at the next commit that touches the run, with `end` only at one after which it is closed, or when the signal aborts. Call it before
   * reading, so that nothing is missed.
   */
  changed(runId: string, signal: AbortSignal, news?: "change" | "end"): Promise<void>;
  /** Hears of the rejection of an update of this id from now on, until it is disposed of. Call it before asking for the update, so that nothing is missed. */
  awaitVerdict(key: ExecutionKey<"workflow">, updateId: string): AwaitedVerdict;
}

/** What the frontend asks of the task queues; `matching` is one. */
export interface Queues {
  offerQuery(query: Question): void;
  withdrawQuery(id: string): void;
  /** null when `untilMs` came or the signal aborted. */
  poll(request: PollRequest): Promise<Match<Started> | null>;
  /** What could not be handed over, because its poller has gone: the next one gets it. */
  giveBack(match: Match<Started>): void;
  /** Of what is here of a queue: all of a sticky one, to where a call for it comes. `version`: of its workers of one version alone. */
  describe(
    namespaceId: string,
    kind: QueueKind,
    taskQueue: string,
    version?: DeploymentVersion | null,
  ): QueueDescription;
  /** Of queues wherever they are, in the order in which they are asked for. Throws `Unavailable` when one is not found. */
  survey(namespaceId: string, asked: readonly AskedQueue[]): Promise<readonly QueueDescription[]>;
  /** Into which partitions a queue is divided. */
  partitions(namespaceId: string, taskQueue: string): readonly QueuePartition[];
  /** Those of a namespace that were used lately, wherever they are, sticky ones left out. */
  list(namespaceId: string, countMax: number): Promise<Listing>;
  shutdownWorker(worker: { namespaceId: string; stickyQueue: string; workerInstanceKey: string }): void;
}

/** Who this server is. */
export interface Cluster {
  /** A UUID made at the first start, the same ever after. */
  readonly id: string;
  readonly name: string;
  readonly shardCount: number;
  /** Where it listens for gRPC, as `host:port`; "" when it does not. */
  readonly address: string;
}

export interface Parts {
  readonly ring: Submitter;
  readonly matching: Queues;
  readonly store: Store;
  readonly namespaces: NamespaceRegistry;
  readonly namespaceDeletions: NamespaceDeletions;
  readonly searchAttributes: SearchAttributeRegistry;
  readonly nexusEndpoints: NexusEndpointRegistry;
  readonly queueConfigs: TaskQueueConfigs;
  readonly nexusTasks: NexusTasks;
  readonly deployments: DeploymentRegistry;
  readonly batchJobs: BatchJobs;
  readonly batches: BatchRunner;
  /** Questions that one call asks and another answers. */
  readonly queries: QueryRegistry;
  readonly tokens: Tokens;
  /** What may be called outside this server. */
  readonly addresses: AddressRules;
  readonly clock: Clock;
  readonly random: Random;
  readonly cluster: Cluster;
  readonly telemetry: Telemetry;
}

// What the frontend lets through, the engine accepts, and the other way round: a limit that differs would refuse after half of the work.
assert(limits.blobBytesMax === engineLimits.blobBytesMax);
assert(limits.idBytesMax === engineLimits.idBytesMax);
assert(limits.callbacksMax === engineLimits.callbacksMax);
