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
  /** When it followed another run of its chain or came of a reset; undefined: it is the first, and came of none. */
  readonly followedAtMs: number | undefined;
}

/** What a parent has told a child with its end. */
interface Farewell {
  readonly policy: "terminate" | "requestCancel";
  readonly atMs: number;
}

export class FamilyCheck {
  /** The first run of each child, by the event of the parent that asked for it. */
  readonly #children = new Map<string, string>();
  readonly #open: OpenChild[] = [];
  /** Those whose parents have closed and have told them so, by the event that asked for them. */
  readonly #left = new Map<string, Farewell>();

  /** What a parent asked for once was started once. */
  *violationsOf(run: Run, history: RunHistory | undefined): Generator<Violation> {
    const { runId, start, status, cancelRequest } = run;
    if (history && status.type === "closed" && run.resetRunId === "") this.#leave(run, history, status.closedAtMs);
    const { parent, firstRunId } = start;
    if (!parent) return;
    const asked = eventOf(parent.runId, parent.initiatedEventId);
    // An operator has made the server forget it, and who asks for it again gets another.
    if (run.deletion?.asked) return;
    const followedAtMs = runId !== firstRunId || start.reset ? start.startedAtMs : undefined;
    if (status.type === "open")
      this.#open.push({ run, parent, isCancelRequested: cancelRequest !== null, followedAtMs });
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
    for (const { run, parent, isCancelRequested, followedAtMs } of this.#open) {
      const farewell = this.#left.get(eventOf(parent.runId, parent.initiatedEventId));
      if (!farewell || (farewell.policy === "requestCancel" && isCancelRequested)) continue;
      // The run before it was told, and that is over: it went on all the same, or an operator has reset it.
      if (followedAtMs !== undefined && followedAtMs >= farewell.atMs) continue;
      const { namespaceId, workflowId, runId } = run;
      const wanted = farewell.policy === "terminate" ? "is open" : "does not know that it is to be cancelled";
      const violation = new Violation("I21", `run ${runId} ${wanted}, and its parent ${parent.runId} has closed`);
      yield { violation, of: { namespaceId, workflowId, runId, kind: "workflow", businessId: workflowId } };
    }
  }

  #leave(run: Run, history: RunHistory, atMs: number): void {
    const toldYet = new Set<number>();
    for (const { message } of run.outbox.values())
      if ("initiatedEventId" in message) toldYet.add(message.initiatedEventId);
    for (const initiatedEventId of history.children.keys()) {
      const asked = history.events[initiatedEventId - 1]?.startChildWorkflowExecutionInitiatedEventAttributes;
      if (!asked || toldYet.has(initiatedEventId)) continue;
      const policy = policies[asked.parentClosePolicy];
      if (policy) this.#left.set(eventOf(run.runId, initiatedEventId), { policy, atMs });
    }
  }
}

const { ParentClosePolicy } = enums;
const policies: Readonly<Record<number, Farewell["policy"]>> = {
  [ParentClosePolicy.TERMINATE]: "terminate",
  [ParentClosePolicy.REQUEST_CANCEL]: "requestCancel",
};

function eventOf(runId: string, eventId: number): string {
  return `${runId} ${eventId}`;
}
