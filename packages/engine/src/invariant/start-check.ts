/**
 * I18: no request begins a run while one that it began is open, nor ends that one for it. When it had ended before, another may have been between them
 * that was deleted since, and with that the server has forgotten the request. Given the runs of a store in the order of their ids.
 */
import type { Run } from "../state/run.ts";
import { Violation } from "./violation.ts";

export class StartCheck {
  /** What began the newest chain of each workflow so far, by its namespace and id: both as numbers, since there may be very many. */
  readonly #begun = new Map<number, number>();
  /** When that chain ended, if it has, by the same numbers. */
  readonly #endedAtMs = new Map<number, number>();

  *violationsOf({ namespaceId, workflowId, runId, start, status }: Run): Generator<Violation> {
    const workflow = numberOf(`${namespaceId} ${workflowId}`);
    const endedAtMs = this.#endedAtMs.get(workflow) ?? Number.POSITIVE_INFINITY;
    if (status.type === "closed") this.#endedAtMs.set(workflow, status.closedAtMs);
    else this.#endedAtMs.delete(workflow);
    // A run that follows another was begun by that one, and one that came of a reset by the run that was reset.
    if (runId !== start.firstRunId || start.reset) return;
    const request = numberOf(start.requestId);
    if (start.requestId !== "" && this.#begun.get(workflow) === request && endedAtMs >= start.startedAtMs)
      yield new Violation(
        "I18",
        `run ${runId} was begun by request ${start.requestId}, which the run before it was begun by`,
      );
    this.#begun.set(workflow, request);
  }
}

/** 52 bits of a text: that two texts of one file have the same is not to be expected. */
function numberOf(text: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 2_654_435_761);
    low = Math.imul(low ^ unit, 1_597_334_677);
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return 2 ** 20 * (high >>> 0) + (low >>> 12);
}
