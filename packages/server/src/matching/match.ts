/** What waits in task queues, who polls them, and what a poll is answered with. */
import type { common, deployment } from "@pawl/protocol";

export type QueueKind = "workflow" | "activity" | "nexus";

export interface DeploymentVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

/** The version of a run's workers. */
export interface TaskVersioning {
  /** Its tasks go there, wherever others go. */
  readonly pinned: boolean;
  /** The version that the run belongs to now; null = workers without one. */
  readonly version: DeploymentVersion | null;
  /** Goes to the ramping version whatever the ramp's share. */
  readonly toRamping: boolean;
}

interface RoutedQueue {
  readonly namespaceId: string;
  readonly kind: QueueKind;
  readonly taskQueue: string;
}

/** Which version of the workers takes tasks of a queue that are not pinned; null = those without a version. */
export interface Routing {
  target(
    task: RoutedQueue & { readonly workflowId: string },
    toRamping: boolean,
  ): { readonly version: DeploymentVersion | null };
  /** Whether workers of the version have polled the queue. */
  has(queue: RoutedQueue, version: DeploymentVersion): boolean;
}

/** Something durable that a worker must start: a command of its own, which tells a stale task from a live one. */
export interface Task {
  readonly kind: "workflow" | "activity";
  readonly namespaceId: string;
  /** "" for a standalone activity, which `activityId` then names. */
  readonly workflowId: string;
  readonly activityId?: string;
  readonly runId: string;
  readonly taskQueue: string;
  /** The queue of the worker that has the run in its cache: tried first. */
  readonly stickyQueue?: string | undefined;
  readonly scheduledEventId: number;
  readonly stamp: number;
  readonly scheduledAtMs: number;
  readonly priority?: common.Priority | undefined;
  /** Absent: no deployment has to do with the run. */
  readonly versioning?: TaskVersioning | undefined;
}

/** A question to a worker of the workflow: nothing to start, nothing stored, gone when its caller is. */
export interface QueryTask {
  readonly kind: "query";
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly taskQueue: string;
  readonly stickyQueue?: string | undefined;
  readonly versioning?: TaskVersioning | undefined;
  /** Unique among the queries of the process. */
  readonly id: string;
}

/** A request to the handler of a Nexus operation: like a query, it waits for a worker no longer than its caller does. */
export interface NexusTask {
  readonly kind: "nexus";
  readonly namespaceId: string;
  readonly taskQueue: string;
  readonly stickyQueue?: undefined;
  /** Unique among the queries and requests of the process. */
  readonly id: string;
}

/** What is asked of workers by somebody who waits for the answer. */
export type Question = QueryTask | NexusTask;

/** A poller as its request describes it. */
export interface Waiting {
  readonly identity: string;
  /** Id of the poll, so that a start that is repeated for it is recognised. */
  readonly requestId: string;
  readonly workerVersion?: common.WorkerVersionStamp | undefined;
  /** The worker's SDK, when it says. */
  readonly sdkName?: string | undefined;
  readonly sdkVersion?: string | undefined;
  readonly capabilities?: common.WorkerVersionCapabilities | undefined;
  readonly deploymentOptions?: deployment.WorkerDeploymentOptions | undefined;
  /** Set by a versioned worker: it takes tasks of this version alone. */
  readonly deploymentVersion?: DeploymentVersion | undefined;
}

export interface PollRequest {
  readonly namespaceId: string;
  readonly kind: QueueKind;
  readonly taskQueue: string;
  /** The normal queue's name, when `taskQueue` is a sticky queue. */
  readonly stickyOf?: string | undefined;
  readonly poller: Waiting;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
  /** When to answer null, by the clock. */
  readonly untilMs: number;
  /** The worker as a process; "" and absent mean unknown. */
  readonly workerInstanceKey?: string | undefined;
  /** It may be answered with a workflow task before the commit that starts it: its worker ends with this process, and keeps what it makes of it to itself. */
  readonly takesEarly?: boolean;
  /** Sets the rate at which the whole queue hands out activity tasks: the last word counts, 0 stops it, absent leaves it. */
  readonly maxTasksPerSecond?: number | undefined;
}

/** What operators have set for one queue. */
export interface QueueConfig {
  /** Goes before what workers set; undefined = not set, 0 stops the queue. */
  readonly maxTasksPerSecond: number | undefined;
  /** For each fairness key of weight 1, and for others in proportion. */
  readonly maxKeyTasksPerSecond: number | undefined;
  /** By fairness key; goes before what tasks say of themselves. */
  readonly weights: ReadonlyMap<string, number>;
}

/**
 * What a poll is answered with. `sticky` tells whether the poll was on a sticky queue; `backlogCount` how many tasks still waited in its queue;
 * `pollerDelta` whether one poller more (1) would help or one less (-1) would do.
 *
 * A `started` match may reach another poller than the one it was started for (that one's call had gone): when it was started for a sticky queue
 * and `sticky` is false, the receiver has no cached state and needs the history from its first event.
 */
export type Match<Started> = (
  | { readonly type: "task"; readonly task: Task }
  | {
      readonly type: "started";
      readonly task: Task;
      readonly started: Started;
      /** Of the worker that it was started for: no other version may have it. */
      readonly version: DeploymentVersion | null;
      /** The commit that starts it has not been made: nobody but this poller may have it. */
      readonly isEarly?: boolean;
    }
  | { readonly type: "query"; readonly query: Question }
) & { readonly sticky: boolean; readonly backlogCount: number; readonly pollerDelta?: -1 | 1 | undefined };

/**
 * A poller taken out of its line for a task that is about to be started. Exactly one of `deliver`, `release` and a `deliverEarly` that succeeds must be
 * called, once.
 */
export interface Reservation<Started> {
  readonly poller: Waiting;
  readonly sticky: boolean;
  /** After the commit. When the poller's call has gone meanwhile, the next poller gets the task. */
  deliver(started: Started): void;
  /** Before the commit. False: this poller has to wait for it, and still waits. */
  deliverEarly(started: Started): boolean;
  /** The task was not started: the poller goes back to the head of its line. */
  release(): void;
}

/** A workflow poll taken out of its line for a task that may be started for it elsewhere. */
export interface LentPoll<Started> {
  readonly poller: Waiting;
  /** After the commit. When the poller's call has gone, or was released before, the next poller gets the task. At most once. */
  deliver(task: Task, started: Started): void;
  /** Back to the head of the line, unless it is there already or has got a task. */
  release(): void;
}

export interface QueueName {
  readonly kind: QueueKind;
  readonly taskQueue: string;
}

/** The part of a queue that a node holds of one version's tasks; null = of those without one. */
export interface QueuePart extends QueueName {
  readonly namespaceId: string;
  readonly version: DeploymentVersion | null;
}

/** One of the pieces into which a queue is divided. */
export interface QueuePartition {
  /** Of the node that has it; undefined = this one. */
  readonly ownerName: string | undefined;
}

/** What there is in it. */
export interface PartLoad {
  readonly waitingPolls: number;
  /** When the first that waits was scheduled; 0 = a question, whose caller waits; undefined = nothing does that rates would let go now. */
  readonly oldestAtMs: number | undefined;
  /** When rates let something go; undefined = nothing waits, or never. */
  readonly readyAtMs: number | undefined;
  /** Since the queue was made. */
  readonly handedOut: number;
}

/** `version`: of its workers of one version; null = of those without one; absent = of all. */
export interface AskedQueue extends QueueName {
  readonly version?: DeploymentVersion | null | undefined;
}

/** 1 (first) to 5; what is absent or zero counts as 3, what is above 5 as 5. */
export function priorityKeyOf(task: Task): number {
  const key = task.priority?.priorityKey ?? 0;
  return key <= 0 ? 3 : Math.min(key, 5);
}
