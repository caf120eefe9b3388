/** What handlers are given. Each gets all of it; what it uses is what it destructures, and functions below it ask for their `Pick` of it. */
import assert from "node:assert/strict";
import { engineLimits } from "@pawl/engine";
import type { Store } from "@pawl/store";
import type { AddressRules } from "../address-rules.ts";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Random } from "../random.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { BatchJob, BatchJobs } from "./batch/batch-job.ts";
import type { DeploymentRegistry } from "./deployment/deployment-registry.ts";
import type { NamespaceDeletions } from "./namespace/namespace-deletion.ts";
import type { NamespaceRegistry } from "./namespace/namespace-registry.ts";
import type { NexusEndpointRegistry } from "./nexus/nexus-endpoint-registry.ts";
import type { NexusTasks } from "./nexus/nexus-tasks.ts";
import type { Queues } from "./queues.ts";
import type { Submitter } from "./submitter.ts";
import type { Tokens } from "./tokens.ts";
import type { SearchAttributeRegistry } from "./visibility/search-attribute-registry.ts";
import type { TaskQueueConfigs } from "./worker/task-queue-config.ts";
import type { QueryRegistry } from "./workflow/query-registry.ts";

/** Who this server is. */
export interface Cluster {
  /** A UUID made at the first start, the same ever after. */
  readonly id: string;
  readonly name: string;
  readonly shardCount: number;
  /** Where it listens for gRPC, as `host:port`; "" when it does not. */
  readonly address: string;
}

/** What the frontend asks of the batch operations under way; `batch/batch-runner.ts` is one. */
export interface Batches {
  /** From now on the job is this node's, if jobs are; again for one that is under way changes nothing. */
  begin(job: BatchJob): void;
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
  readonly batches: Batches;
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
assert(limits.backfillsOfPatchMax <= engineLimits.backfillsMax); // A schedule that has nothing to fill in takes any patch.
assert(limits.blobBytesMax === engineLimits.blobBytesMax);
assert(limits.idBytesMax === engineLimits.idBytesMax);
assert(limits.callbacksMax === engineLimits.callbacksMax);
