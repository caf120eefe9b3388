/**
 * What one execution has to tell another, of whatever kind. A message is kept with the sender until the receiver has taken it, so that it survives a crash between
 * the two commits; receivers recognise a message that comes again.
 */
import type { common } from "@pawl/protocol";
import { type ExecutionKey, workflowKey } from "./execution.ts";
import type { Rejection } from "./rejection.ts";
import type { ParentRef, Run } from "./run.ts";
import type { Step } from "./step.ts";
import type { RunSelector } from "./vocabulary.ts";

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
    };

/** What became of a message: the run that took it, or why it was refused. */
export type Delivery =
  | { readonly type: "taken"; readonly runId: string }
  | { readonly type: "refused"; readonly rejection: Rejection };

export interface Outgoing {
  readonly id: number;
  readonly message: Message;
}

export function send(run: Run, step: Step, message: Message): void {
  const outgoing = { id: ++run.lastMessageId, message };
  run.outbox.set(outgoing.id, outgoing);
  run.changes.parts.add(`o/${outgoing.id}`);
  run.changes.core = true;
  step.effects.push(sendEffect(run, outgoing));
}

export function sendEffect(run: Run, outgoing: Outgoing) {
  return {
    type: "send",
    from: { ...workflowKey(run.namespaceId, run.workflowId), runId: run.runId },
    ...outgoing,
  } as const;
}

/** Whom a message is for, in the sender's namespace. */
export function receiverOf(message: Message): Omit<ExecutionKey, "namespaceId"> {
  return { kind: "workflow", businessId: message.workflowId };
}

/** Forgets a message that arrived; undefined when that was known already. */
export function take(run: Run, id: number): Message | undefined {
  const outgoing = run.outbox.get(id);
  if (!outgoing) return undefined;
  run.outbox.delete(id);
  run.changes.parts.add(`o/${id}`);
  return outgoing.message;
}
