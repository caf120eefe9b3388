/** What one execution has to tell another, of whatever kind. */
import type { common, enums } from "@pawl/protocol";
import type { Rejection } from "../rejection.ts";
import type { Kind, RunSelector } from "./execution.ts";
import type { ParentRef } from "./run-start.ts";
import type { Heirloom } from "./versioning.ts";

/**
 * The receiver is in the sender's namespace: a workflow by its `workflowId`, or what `to` names. Attributes are those of the sender's initiated
 * event, encoded.
 */
export type Message =
  | {
      readonly type: "startChild";
      readonly workflowId: string;
      readonly initiatedEventId: number;
      readonly attributes: Uint8Array;
      readonly parent: ParentRef;
      readonly root: { readonly workflowId: string; readonly runId: string };
      /** The parent's, for what the child does not set. */
      readonly priority?: common.Priority;
      /** By a run that came of a reset: the child may be there already, started for the run before. */
      readonly again?: boolean;
      /** Absent when the parent has nothing to pass on. */
      readonly heirloom?: Heirloom;
    }
  | {
      readonly type: "signalExternal";
      readonly workflowId: string;
      readonly runId: RunSelector;
      readonly initiatedEventId: number;
      readonly attributes: Uint8Array;
      readonly sender: common.WorkflowExecution;
    }
  | {
      readonly type: "cancelExternal";
      readonly workflowId: string;
      readonly runId: RunSelector;
      readonly initiatedEventId: number;
      readonly attributes: Uint8Array;
      readonly sender: common.WorkflowExecution;
    }
  /** The parent has closed: for the chain that this initiated event started, if it did. */
  | {
      readonly type: "parentClosed";
      readonly workflowId: string;
      readonly parentRunId: string;
      readonly initiatedEventId: number;
      readonly policy: "terminate" | "requestCancel";
    }
  /** The child's chain has ended: `event` is what the parent writes, encoded, but for the ids that only the parent knows. */
  | {
      readonly type: "childClosed";
      readonly workflowId: string;
      readonly runId: string;
      readonly initiatedEventId: number;
      /** The child's first run, for a parent that has not heard yet that it started. */
      readonly firstRunId: string;
      readonly event: Uint8Array;
    }
  /** An execution of another kind wants a workflow to run, and to hear how its chain ends. Known again by the follower's request id. */
  | {
      readonly type: "startWorkflow";
      readonly workflowId: string;
      /** A `StartWorkflowExecutionRequest`, encoded. */
      readonly request: Uint8Array;
      readonly follower: Follower;
    }
  /** To the chain that began with `firstRunId`; taken also when that has ended. */
  | {
      readonly type: "endWorkflow";
      readonly workflowId: string;
      readonly firstRunId: string;
      readonly how: "terminate" | "requestCancel";
      readonly reason: string;
      readonly identity: string;
      /** Of a cancellation, so that a repeated one is dropped. */
      readonly requestId: string;
    }
  /** To each follower: the chain has ended. */
  | {
      readonly type: "workflowClosed";
      readonly to: Follower;
      readonly workflowId: string;
      readonly firstRunId: string;
      /** The last run of the chain. */
      readonly lastRunId: string;
      readonly status: enums.WorkflowExecutionStatus;
      readonly closedAtMs: number;
      /** `common.Payloads` of a run that completed, `failure.Failure` of one that failed, encoded. */
      readonly result?: Uint8Array | undefined;
      readonly failure?: Uint8Array | undefined;
    };

/** An execution that hears how a workflow's chain ends, in the workflow's namespace. */
export interface Follower {
  readonly kind: Kind;
  readonly businessId: string;
  readonly runId: RunSelector;
  /** The request id of the start that it asked for. */
  readonly requestId: string;
}

/** What became of a message: the run that took it, or why it was refused. */
export type Delivery =
  | { readonly type: "taken"; readonly runId: string }
  | { readonly type: "refused"; readonly rejection: Rejection };

export interface Outgoing {
  readonly id: number;
  readonly message: Message;
}
