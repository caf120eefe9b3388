/**
 * What one execution has to tell another, of whatever kind. A message is kept with the sender until the receiver has taken it, so that it survives a crash between
 * the two commits; receivers recognise a message that comes again.
 */
import { type ExecutionKey, type Sender, workflowKey } from "./state/execution.ts";
import type { Message, Outgoing } from "./state/message.ts";
import type { Run } from "./state/run.ts";
import type { Step } from "./step.ts";
import type { Effect } from "./vocabulary.ts";

/** The outbox of a run, of any kind that sends messages. Each message is a part `o/<id>` of the run. */
export interface OutboxOwner {
  readonly outbox: Map<number, Outgoing>;
  lastMessageId: number;
  readonly changes: { core: boolean; readonly parts: Set<string> };
}

export function post(run: OutboxOwner, from: Sender, step: Step, message: Message): void {
  const outgoing = { id: ++run.lastMessageId, message };
  run.outbox.set(outgoing.id, outgoing);
  run.changes.parts.add(`o/${outgoing.id}`);
  run.changes.core = true;
  step.effects.push({ type: "send", from, ...outgoing });
}

/** Everything on its way, to be sent again after a restart. */
export function pendingMessages({ outbox }: OutboxOwner, from: Sender): Effect[] {
  return [...outbox.values()]
    .sort((a, b) => a.id - b.id)
    .map((outgoing) => ({ type: "send", from, ...outgoing }) as const);
}

/** As a workflow. */
export function send(run: Run, step: Step, message: Message): void {
  post(run, senderOf(run), step, message);
}

export function senderOf(run: Run): Sender {
  return { ...workflowKey(run.namespaceId, run.workflowId), runId: run.runId };
}

/** Whom a message is for, in the sender's namespace. */
export function receiverOf(message: Message): Omit<ExecutionKey, "namespaceId"> {
  if ("to" in message) return { kind: message.to.kind, businessId: message.to.businessId };
  return { kind: "workflow", businessId: message.workflowId };
}

/** Forgets a message that arrived; undefined when that was known already. */
export function take(run: OutboxOwner, id: number): Message | undefined {
  const outgoing = run.outbox.get(id);
  if (!outgoing) return undefined;
  run.outbox.delete(id);
  run.changes.parts.add(`o/${id}`);
  return outgoing.message;
}
