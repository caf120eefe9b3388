/** I21: what must hold between a parent and its children. Given every run of a store, in any order. */
import { enums } from "@pawl/protocol";
import type { Run } from "../state/run.ts";
import type { ParentRef } from "../state/run-start.ts";
import type { RunHistory } from "./run-history.ts";
import { Violation } from "./violation.ts";

/** A run, as a finding names it. */
type Named = Pick<Run, "namespaceId" | "workflowId" | "runId">;

interface OpenChild {
  readonly run: Named;
  readonly parent: ParentRef;
  readonly isCancelRequested: boolean;
}

export class FamilyCheck {
  /** The first run of each child, by the event of the parent that asked for it. */
  readonly #children = new Map<string, string>();
  readonly #open: OpenChild[] = [];
  /** Those whose parents have closed and have told them so, by the event that asked for them: whether they were to end. */
  readonly #left = new Map<string, "terminate" | "requestCancel">();

  /** What a parent asked for once was started once. */
  *violationsOf(run: Run, history: RunHistory | undefined): Generator<Violation> {
    const { runId, start, status, cancelRequest } = run;
    if (history && status.type === "closed" && run.resetRunId === "") this.#leave(run, history);
    const { parent, firstRunId } = start;
    if (!parent) return;
    const asked = eventOf(parent.runId, parent.initiatedEventId);
    if (status.type === "open") this.#open.push({ run, parent, isCancelRequested: cancelRequest !== null });
    const first = this.#children.get(asked) ?? firstRunId;
    this.#children.set(asked, first);
    if (first !== firstRunId)
      yield new Violation(
        "I21",
        `run ${runId} and run ${first} are children for the same event ${parent.initiatedEventId} of run ${parent.runId}`,
      );
  }

  /** Of children whose parents have closed: the policy of each was applied. Asked for when every run was given. */
  *left(): Generator<{ readonly violation: Violation; readonly of: Named & { kind: "workflow"; businessId: string } }> {
    for (const { run, parent, isCancelRequested } of this.#open) {
      const policy = this.#left.get(eventOf(parent.runId, parent.initiatedEventId));
      if (policy === undefined || (policy === "requestCancel" && isCancelRequested)) continue;
      const { namespaceId, workflowId, runId } = run;
      const wanted = policy === "terminate" ? "is open" : "does not know that it is to be cancelled";
      const violation = new Violation("I21", `run ${runId} ${wanted}, and its parent ${parent.runId} has closed`);
      yield { violation, of: { namespaceId, workflowId, runId, kind: "workflow", businessId: workflowId } };
    }
  }

  #leave(run: Run, history: RunHistory): void {
    const toldYet = new Set<number>();
    for (const { message } of run.outbox.values())
      if ("initiatedEventId" in message) toldYet.add(message.initiatedEventId);
    for (const initiatedEventId of history.children.keys()) {
      const asked = history.events[initiatedEventId - 1]?.startChildWorkflowExecutionInitiatedEventAttributes;
      if (!asked || toldYet.has(initiatedEventId)) continue;
      const policy = policies[asked.parentClosePolicy];
      if (policy) this.#left.set(eventOf(run.runId, initiatedEventId), policy);
    }
  }
}

const { ParentClosePolicy } = enums;
const policies: Readonly<Record<number, "terminate" | "requestCancel">> = {
  [ParentClosePolicy.TERMINATE]: "terminate",
  [ParentClosePolicy.REQUEST_CANCEL]: "requestCancel",
};

function eventOf(runId: string, eventId: number): string {
  return `${runId} ${eventId}`;
}
