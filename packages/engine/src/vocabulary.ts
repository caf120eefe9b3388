/**
 * What can be asked of the engine (`Command`), what it answers (`Replies`), and what must happen after the commit (`Effect`): closed unions.
 *
 * Requests of the API are carried as they are where the engine needs most of their fields; they have been validated by the frontend.
 */
import type {
  activity,
  common,
  enums,
  failure,
  history,
  Init,
  protocol,
  update,
  workflow,
  workflowservice,
} from "@pawl/protocol";
import type { OptionsChange, Pause, Reset, Unpause } from "./activity/operator-command.ts";
import type { CallEffect, CallFailure } from "./outside-call.ts";
import type { Rejection } from "./rejection.ts";
import type { ReadChain } from "./reset/read-chain.ts";
import type { RunSelector, Sender } from "./state/execution.ts";
import type { Delivery, Message } from "./state/message.ts";
import type { EndedUpdate } from "./state/update.ts";
import type { DeploymentVersion } from "./state/versioning.ts";
import type { TaskVersioning } from "./versioning/versioning.ts";

/** Who polled a task: recorded in the started event. */
export interface Poller {
  readonly identity: string;
  /** Id of the poll, so that a repeated start of the same poll is recognised. */
  readonly requestId: string;
  readonly workerVersion?: common.WorkerVersionStamp | undefined;
  /** The worker's SDK, when it says. */
  readonly sdkName?: string | undefined;
  readonly sdkVersion?: string | undefined;
  /** Set by a versioned worker. */
  readonly deploymentVersion?: DeploymentVersion | undefined;
}

/** The part of a workflow task's token that the engine checks. */
export interface WorkflowTaskRef {
  readonly runId: string;
  readonly scheduledEventId: number;
  readonly startedEventId: number;
  readonly attempt: number;
  /** Grows with every workflow task of the run: tells apart two tasks with equal event ids (transient attempts). */
  readonly stamp: number;
}

export interface ActivityTaskRef {
  readonly runId: string;
  readonly scheduledEventId: number;
  readonly attempt: number;
  /** Of an activity that is an execution of its own: tells apart two attempts of one number. Absent where it is the number itself. */
  readonly stamp?: number | undefined;
}

/** By token, or by id: then the attempt is not checked. */
export type ActivitySelector =
  | ({ readonly by: "token" } & ActivityTaskRef)
  | { readonly by: "id"; readonly runId: RunSelector; readonly activityId: string };

export type Command =
  | HostCommand
  | {
      readonly type: "startWorkflow";
      readonly request: workflowservice.StartWorkflowExecutionRequest;
      readonly eagerPoller?: Poller;
    }
  | { readonly type: "signalWithStart"; readonly request: workflowservice.SignalWithStartWorkflowExecutionRequest }
  | { readonly type: "signal"; readonly request: workflowservice.SignalWorkflowExecutionRequest }
  | { readonly type: "requestCancel"; readonly request: workflowservice.RequestCancelWorkflowExecutionRequest }
  | { readonly type: "terminate"; readonly request: workflowservice.TerminateWorkflowExecutionRequest }
  /** Instead of a command that would have made the run too large. */
  | { readonly type: "endOversized"; readonly runId: string; readonly reason: string }
  | {
      readonly type: "startWorkflowTask";
      readonly runId: string;
      readonly stamp: number;
      readonly poller: Poller /** Whether the poll was on the run's sticky queue. */;
      readonly sticky: boolean;
    }
  | {
      readonly type: "completeWorkflowTask";
      readonly task: WorkflowTaskRef;
      readonly request: workflowservice.RespondWorkflowTaskCompletedRequest;
      /** The ids of the Nexus endpoints that its commands name, as far as there are such. */
      readonly nexusEndpointIds?: ReadonlyMap<string, string>;
      /** Why the namespace does not allow what the worker answers: the task fails with this. */
      readonly unfit?: { readonly cause: enums.WorkflowTaskFailedCause; readonly message: string };
    }
  | {
      readonly type: "failWorkflowTask";
      readonly task: WorkflowTaskRef;
      readonly request: workflowservice.RespondWorkflowTaskFailedRequest;
    }
  /** Whether a worker still has this task, which changes nothing. */
  | { readonly type: "confirmWorkflowTask"; readonly task: WorkflowTaskRef }
  | { readonly type: "resetSticky"; readonly runId: RunSelector }
  | {
      readonly type: "startActivityTask";
      readonly runId: string;
      readonly scheduledEventId: number;
      readonly stamp: number;
      readonly poller: Poller;
    }
  | {
      readonly type: "completeActivity";
      readonly activity: ActivitySelector;
      readonly result: common.Payloads | undefined;
      readonly identity: string;
    }
  | {
      readonly type: "failActivity";
      readonly activity: ActivitySelector;
      readonly failure: failure.Failure | undefined;
      readonly lastHeartbeatDetails: common.Payloads | undefined;
      readonly identity: string;
    }
  | {
      readonly type: "cancelActivity";
      readonly activity: ActivitySelector;
      readonly details: common.Payloads | undefined;
      readonly identity: string;
    }
  | {
      readonly type: "heartbeatActivity";
      readonly activity: ActivitySelector;
      readonly details: common.Payloads | undefined;
      readonly identity: string;
    }
  | ({ readonly type: "pauseActivity"; readonly runId: RunSelector } & Pause)
  | ({ readonly type: "unpauseActivity"; readonly runId: RunSelector } & Unpause)
  | ({ readonly type: "resetActivity"; readonly runId: RunSelector } & Reset)
  | ({ readonly type: "updateActivityOptions"; readonly runId: RunSelector } & OptionsChange)
  | {
      readonly type: "startWithUpdate";
      readonly start: workflowservice.StartWorkflowExecutionRequest;
      readonly update: workflowservice.UpdateWorkflowExecutionRequest;
    }
  | { readonly type: "update"; readonly request: workflowservice.UpdateWorkflowExecutionRequest }
  | { readonly type: "pollUpdate"; readonly runId: RunSelector; readonly updateId: string }
  | {
      readonly type: "startNexusOperationEnded";
      readonly runId: string;
      readonly scheduledEventId: number;
      readonly attempt: number;
      readonly outcome: NexusStartOutcome;
    }
  | {
      readonly type: "cancelNexusOperationEnded";
      readonly runId: string;
      readonly scheduledEventId: number;
      readonly attempt: number;
      readonly outcome: NexusCancelOutcome;
    }
  | ({ readonly type: "completeNexusOperation"; readonly runId: RunSelector } & NexusCompletion)
  | {
      readonly type: "completionCallbackEnded";
      readonly runId: string;
      readonly callbackId: number;
      readonly attempt: number;
      /** undefined = it arrived. */
      readonly problem: CallFailure | undefined;
    }
  | ({ readonly type: "pause" | "unpause"; readonly runId: RunSelector } & PauseRequest)
  | { readonly type: "updateOptions"; readonly request: workflowservice.UpdateWorkflowExecutionOptionsRequest }
  | {
      readonly type: "reset";
      readonly request: workflowservice.ResetWorkflowExecutionRequest;
      readonly read: ReadChain;
    }
  | { readonly type: "delete"; readonly runId: RunSelector }
  | { readonly type: "describe"; readonly runId: RunSelector }
  | { readonly type: "locate"; readonly runId: RunSelector }
  | { readonly type: "locateActivity"; readonly activity: ActivitySelector };

export interface Replies {
  startWorkflow: {
    readonly runId: string;
    readonly firstRunId: string;
    /** False when an existing run was used instead. */
    readonly started: boolean;
    readonly status: enums.WorkflowExecutionStatus;
    /** The request has joined a run that another one started. */
    readonly attached?: boolean;
    readonly eagerTask?: StartedWorkflowTask;
  };
  signalWithStart: { readonly runId: string; readonly firstRunId: string; readonly started: boolean };
  signal: { readonly runId: string };
  requestCancel: Record<never, never>;
  terminate: Record<never, never>;
  endOversized: Record<never, never>;
  startWorkflowTask: StartedWorkflowTask;
  completeWorkflowTask: {
    /** Present when the caller asked for the next task inline and there is one. */
    readonly newTask?: StartedWorkflowTask;
    /** Activities started together with the completion, for the same worker. */
    readonly eagerActivities: readonly StartedActivityTask[];
    readonly resetHistoryEventId: number;
    /** The completion was refused, and yet something changed, as its failure was recorded or updates were given up: the caller gets this, the change stays. */
    readonly refused?: Rejection;
    /** The run, for what follows a completion outside the engine (queries). */
    readonly runId: string;
    readonly open: boolean;
    readonly hasPendingTask: boolean;
  };
  failWorkflowTask: Record<never, never>;
  confirmWorkflowTask: Record<never, never>;
  resetSticky: Record<never, never>;
  /** Undefined: the run has set out to the version that took the task, which will be dispatched again when it has got there. */
  startActivityTask: StartedActivityTask | undefined;
  completeActivity: Record<never, never>;
  failActivity: Record<never, never>;
  cancelActivity: Record<never, never>;
  heartbeatActivity: {
    readonly cancelRequested: boolean;
    readonly activityPaused: boolean;
    readonly activityReset: boolean;
  };
  pauseActivity: Record<never, never>;
  unpauseActivity: Record<never, never>;
  resetActivity: Record<never, never>;
  updateActivityOptions: { readonly options: Init<activity.ActivityOptions> };
  /** Both were done, or neither was; then the one that could not be is named. */
  startWithUpdate:
    | { readonly start: Replies["startWorkflow"]; readonly update: UpdateProgress }
    | { readonly refused: "start" | "update"; readonly rejection: Rejection };
  update: UpdateProgress;
  pollUpdate: UpdateProgress;
  receive: Delivery;
  delivered: Record<never, never>;
  startNexusOperationEnded: Record<never, never>;
  cancelNexusOperationEnded: Record<never, never>;
  completeNexusOperation: Record<never, never>;
  completionCallbackEnded: Record<never, never>;
  pause: Record<never, never>;
  unpause: Record<never, never>;
  updateOptions: { readonly options: Init<workflow.WorkflowExecutionOptions> };
  /** `stale`: more has happened since the histories were read than memory knows of; read again. */
  reset: { readonly type: "reset"; readonly runId: string } | { readonly type: "stale" };
  delete: Record<never, never>;
  wake: Record<never, never>;
  describe: Init<workflowservice.DescribeWorkflowExecutionResponse>;
  locate: Located;
  locateActivity: LocatedActivity;
}

/** How an operation ended. A result that there is not is a null. */
export type NexusOutcome =
  | { readonly type: "completed"; readonly result: common.Payload | undefined }
  | { readonly type: "failed" | "canceled"; readonly failure: failure.Failure };

/** What came of a request to start an operation. `tooLate`: it was not made, because its answer would have been. */
export type NexusStartOutcome =
  | (NexusOutcome & { readonly links: readonly common.Link[] })
  | { readonly type: "started"; readonly operationToken: string; readonly links: readonly common.Link[] }
  | ({ readonly type: "refused" } & CallFailure)
  | { readonly type: "tooLate" };

export type NexusCancelOutcome =
  | { readonly type: "done" }
  | ({ readonly type: "refused" } & CallFailure)
  | { readonly type: "tooLate" };

/** The end of a started operation, as its handler tells it. What is said of its start counts only if nobody has said it before. */
export interface NexusCompletion {
  readonly scheduledEventId: number;
  readonly requestId: string;
  readonly operationToken: string;
  readonly startedAtMs: number | null;
  readonly startedLinks: readonly common.Link[];
  readonly outcome: NexusOutcome;
}

/** How far an update has come. The outcome is there once it is completed. */
export interface UpdateProgress {
  readonly runId: string;
  readonly updateId: string;
  /** Until it is accepted: by which who waits for it recognises its rejection. 0: of another run, which was reset. */
  readonly admission?: number;
  readonly stage: enums.UpdateWorkflowExecutionLifecycleStage;
  readonly outcome: Init<update.Outcome> | undefined;
}

export type CommandType = Command["type"];
export type CommandOf<T extends CommandType> = Extract<Command, { type: T }>;
export type ReplyTo<C extends Command> = Replies[C["type"]];

/** Where a run stands: what history reads, long polls and queries need. */
export interface Located {
  readonly runId: string;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly status: enums.WorkflowExecutionStatus;
  readonly open: boolean;
  /** The last event written; buffered events are not counted. */
  readonly lastEventId: number;
  readonly taskQueue: string;
  readonly stickyQueue: string | undefined;
  readonly stickyScheduleToStartTimeoutMs: number;
  /** Started event id of the last completed workflow task; 0 = none completed yet. */
  readonly lastCompletedStartedEventId: number;
  readonly workflowTask:
    | { readonly type: "none" }
    | { readonly type: "scheduled" | "started"; readonly attempt: number; readonly stamp: number };
  /** Set while the first workflow task waits (start delay, cron, retry). */
  readonly firstTaskAtMs: number | undefined;
  readonly historySizeBytes: number;
  readonly versioning?: TaskVersioning;
  /** Scheduled and started event of a workflow task that history does not hold yet (transient), as encoded `events` fields. */
  readonly virtualEvents: Uint8Array;
  /** Of a closed run, while memory holds it: its last batch, which ends with the closing event, as encoded `events` fields. */
  readonly closingEvents?: Uint8Array;
}

/** A pending activity and its current attempt. */
export interface LocatedActivity {
  readonly activity: ActivityTaskRef;
  readonly workflowType: string;
  readonly activityId: string;
  readonly activityType: string;
  /** `undefined` while the attempt waits for a worker, or to be made. */
  readonly startedAtMs: number | undefined;
  /** As Describe shows it. */
  readonly info: Init<workflow.PendingActivityInfo>;
}

/** A workflow task given to a worker: everything its poll response needs but the history bytes that are not in memory. */
export interface StartedWorkflowTask {
  readonly task: WorkflowTaskRef;
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly previousStartedEventId: number;
  readonly scheduledAtMs: number;
  readonly startedAtMs: number;
  /** The events to send: `fromEventId..toEventId` of stored history, then `virtualEvents`. */
  readonly fromEventId: number;
  readonly toEventId: number;
  readonly virtualEvents: Uint8Array;
  /** The stored part of the events when memory still has all of it, as encoded `events` fields. */
  readonly events: Uint8Array | undefined;
  readonly historySizeBytes: number;
  /** Updates that go with it. */
  readonly messages: readonly Init<protocol.Message>[];
}

export interface StartedActivityTask {
  readonly activity: ActivityTaskRef;
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly workflowType: string;
  readonly activityId: string;
  readonly activityType: string;
  readonly scheduledAtMs: number;
  readonly attemptScheduledAtMs: number;
  readonly startedAtMs: number;
  readonly attempt: number;
  readonly scheduleToCloseTimeoutMs: number;
  readonly startToCloseTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly retryPolicy: common.RetryPolicy;
  readonly heartbeatDetails: common.Payloads | undefined;
  readonly priority: common.Priority | undefined;
  /** Input and header when memory still has them; otherwise read them from the scheduled event. */
  readonly scheduled: Pick<history.ActivityTaskScheduledEventAttributes, "input" | "header"> | undefined;
}

/** What a queue needs to know of a task. Starting it is a command of its own; a stale one is rejected there. */
export interface Task {
  readonly kind: "workflow" | "activity";
  readonly namespaceId: string;
  /** "" for a standalone activity, which `activityId` then names. */
  readonly workflowId: string;
  readonly activityId?: string;
  readonly runId: string;
  readonly taskQueue: string;
  /** The worker's own queue, tried first. */
  readonly stickyQueue?: string;
  readonly scheduledEventId: number;
  readonly stamp: number;
  readonly scheduledAtMs: number;
  readonly priority?: common.Priority | undefined;
  readonly versioning?: TaskVersioning;
}

export type Effect =
  /** Submit `receive` to the receiver, then `delivered` to the sender; until then the sender keeps the message. */
  | { readonly type: "send"; readonly from: Sender; readonly id: number; readonly message: Message }
  /** Tell who watches the run, and look at it again in time, although nothing was committed. */
  | { readonly type: "noticed"; readonly runId: string; readonly ended: readonly EndedUpdate[] }
  /** Hand the task to its queue. */
  | { readonly type: "dispatch"; readonly task: Task }
  /** Make the request, and submit what came of it; until then the run keeps it. */
  | CallEffect;

/** Commands that the machinery gives by itself; every kind knows them. */
export type HostCommand =
  /** Something is due: the run does what is, and nothing early. */
  | { readonly type: "wake"; readonly runId: string }
  /** Another execution says something. Answered with a `Delivery`. */
  | { readonly type: "receive"; readonly message: Message }
  /** What became of a message that this run sent. */
  | { readonly type: "delivered"; readonly runId: string; readonly messageId: number; readonly delivery: Delivery };

export interface PauseRequest {
  readonly identity: string;
  readonly reason: string;
  readonly requestId: string;
}
