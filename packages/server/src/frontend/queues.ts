import type { QueueDescription } from "../matching/description.ts";
import type { Listing } from "../matching/listing.ts";
import type {
  AskedQueue,
  DeploymentVersion,
  Match,
  PollRequest,
  Question,
  QueueKind,
  QueuePartition,
} from "../matching/match.ts";
import type { Started } from "../shard/dispatcher.ts";

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
  /** As `Matching.shutdownWorker`. */
  shutdownWorker(worker: {
    namespaceId: string;
    stickyQueue: string;
    taskQueue: string;
    workerInstanceKey: string;
  }): number;
}
