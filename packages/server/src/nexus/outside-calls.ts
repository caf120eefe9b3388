/**
 * Makes the requests that runs ask for, and submits what came of them.
 *
 *   O1. A request that is under way is not made twice at once: a run that asks again, after a commit of unknown outcome, means the same one.
 *   O2. What came of a request is submitted until the run has taken it or this process stops. After a restart the run asks again.
 *   O3. Only so many requests go to one target at a time; the others wait, in the order in which they were asked for.
 */
import type { Call, Command } from "@pawl/engine";
import { limits } from "../limits.ts";
import { insist } from "../shard/insist.ts";
import type { CallEnd, CallParts } from "./call-parts.ts";
import { deliverEnd } from "./callback-call.ts";
import { cancelOperation, startOperation } from "./operation-call.ts";

/** What a shard hands its requests to the outside to. */
export class OutsideCalls {
  #parts: CallParts | undefined;
  readonly #underWay = new Set<string>();
  readonly #targets = new Map<string, Target>();
  readonly #closing = new AbortController();
  /** Asked for before `open`. */
  #early: Call[] = [];

  /** From here on requests are made. Shards ask for some as soon as they start, before everything that requests need is there. */
  open(parts: CallParts): void {
    this.#parts = parts;
    for (const call of this.#early.splice(0)) this.make(call);
  }

  make(call: Call): void {
    const parts = this.#parts;
    if (!parts) {
      this.#early.push(call);
      return;
    }
    const id = idOf(call);
    if (this.#closing.signal.aborted || this.#underWay.has(id)) return; // O1
    this.#underWay.add(id);
    this.#make(parts, call)
      .catch((error: unknown) => parts.onFault(call.type, error))
      .finally(() => this.#underWay.delete(id));
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closing.abort("closed");
  }

  async #make(parts: CallParts, call: Call): Promise<void> {
    const { signal } = this.#closing;
    const isClosed = () => signal.aborted;
    const onFault = (error: unknown) => parts.onFault(call.type, error);
    const end = await this.#inTurn(targetOf(call), () =>
      // A read that fails is a fault of ours, no answer of anybody's.
      insist(() => perform(parts, call, signal), { clock: parts.clock, isClosed, onFault }),
    );
    if (!end || signal.aborted) return;
    await insist(() => parts.ring.submit(call.from as never, end as Command), {
      clock: parts.clock,
      isClosed,
      onFault,
    }); // O2
  }

  /** O3. */
  async #inTurn<T>(name: string, run: () => Promise<T>): Promise<T> {
    const target = this.#targets.get(name) ?? { underWay: 0, waiting: [] };
    this.#targets.set(name, target);
    if (target.underWay >= limits.outsideCallsPerTargetMax)
      await new Promise<void>((resolve) => target.waiting.push(resolve));
    target.underWay += 1;
    try {
      return await run();
    } finally {
      target.underWay -= 1;
      target.waiting.shift()?.();
      if (target.underWay === 0 && target.waiting.length === 0) this.#targets.delete(name);
    }
  }
}

interface Target {
  underWay: number;
  readonly waiting: (() => void)[];
}

function idOf(call: Call): string {
  const what = call.type === "completionCallback" ? call.callbackId : call.scheduledEventId;
  return `${call.from.runId}/${call.type}/${what}/${call.attempt}`;
}

function targetOf(call: Call): string {
  return call.type === "completionCallback" ? (call.callback.nexus?.url ?? "") : call.endpointId;
}

/** Undefined when there is nobody left to tell: the run has been deleted, or the server stops. */
async function perform(parts: CallParts, call: Call, signal: AbortSignal): Promise<CallEnd | undefined> {
  const { runId } = call.from;
  const { attempt } = call;
  switch (call.type) {
    case "startNexusOperation": {
      const outcome = await startOperation(parts, call, signal);
      const { scheduledEventId } = call;
      return outcome && { type: "startNexusOperationEnded", runId, scheduledEventId, attempt, outcome };
    }
    case "cancelNexusOperation": {
      const outcome = await cancelOperation(parts, call, signal);
      const { scheduledEventId } = call;
      return outcome && { type: "cancelNexusOperationEnded", runId, scheduledEventId, attempt, outcome };
    }
    case "completionCallback": {
      const told = await deliverEnd(parts, call, signal);
      return told && { type: "completionCallbackEnded", runId, callbackId: call.callbackId, attempt, ...told };
    }
    default:
      return call satisfies never;
  }
}
