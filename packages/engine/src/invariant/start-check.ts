/**
 * I18: no request begins a run while one that it began is open, nor ends that one for it. When it had ended otherwise, another may have been between
 * them that was deleted since, and with that the server has forgotten the request. Given the runs of a store in the order of their ids.
 */
import type { common } from "@pawl/protocol";
import type { Run } from "../state/run.ts";
import { textPayloads } from "../text-payload.ts";
import { replacedBy } from "../workflow/start.ts";
import type { RunHistory } from "./run-history.ts";
import { Violation } from "./violation.ts";

const otherwise = 0;

export class StartCheck {
  /** What began the chain of each workflow's newest run so far, by its namespace and id: both as numbers, since there may be very many. */
  readonly #begun = new Map<number, number>();
  /** For which start that run was ended, if it was for one, by the same numbers. Absent while it is open. */
  readonly #ended = new Map<number, number>();

  *violationsOf(run: Run, history: RunHistory | undefined): Generator<Violation> {
    const { namespaceId, workflowId, runId, start, status } = run;
    const workflow = numberOf(`${namespaceId} ${workflowId}`);
    const request = numberOf(start.chainRequestId ?? start.requestId);
    const [begun, ended] = [this.#begun.get(workflow), this.#ended.get(workflow)];
    this.#begun.set(workflow, request);
    if (status.type === "closed") this.#ended.set(workflow, endOf(history));
    else this.#ended.delete(workflow);
    // A run that follows another was begun by that one, and one that came of a reset by the run that was reset.
    if (runId !== start.firstRunId || start.reset || start.requestId === "") return;
    const isEndedBefore = ended !== undefined && ended !== numberOf(endFor(runId));
    if (begun === request && !isEndedBefore)
      yield new Violation(
        "I18",
        `run ${runId} was begun by request ${start.requestId}, which the run before it was begun by`,
      );
  }
}

function endOf(history: RunHistory | undefined): number {
  const details = history?.closing?.workflowExecutionTerminatedEventAttributes?.details;
  return details ? numberOf(textOf(details)) : otherwise;
}

function endFor(runId: string): string {
  return textOf(textPayloads(replacedBy(runId)));
}

function textOf({ payloads }: common.Payloads): string {
  return new TextDecoder().decode(payloads[0]?.data);
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
