/**
 * Requests to handlers of Nexus operations, from the moment that somebody waits for the answer to the moment that nobody does any more. Nothing
 * here is durable: who asks keeps asking.
 *
 *   offered ──a worker polls──▶ with the worker ──it responds──▶ answered
 *      └───────────────────────────────┴──time is up──▶ gone: a response that still comes is NOT_FOUND
 */
import type { common, failure, Init, nexus } from "@pawl/protocol";
import type { Clock } from "../../clock.ts";
import type { Random } from "../../random.ts";
import { Wait } from "../long-poll.ts";
import type { Queues } from "../queues.ts";
import { questionId } from "../workflow/query-registry.ts";

/** What a handler made of a request. */
export type NexusAnswer =
  | { readonly type: "completed"; readonly result: common.Payload | undefined; readonly links: readonly nexus.Link[] }
  | { readonly type: "started"; readonly operationToken: string; readonly links: readonly nexus.Link[] }
  /** `said`: in the handler's own words, where those were Nexus'. */
  | { readonly type: "failed" | "canceled"; readonly failure: failure.Failure; readonly said?: nexus.Failure }
  /** It did not get so far. `said`: the cause, as above. */
  | {
      readonly type: "refused";
      readonly retryable: boolean;
      readonly failure: failure.Failure;
      readonly said?: nexus.Failure;
    }
  /** It has passed on a request to cancel. */
  | { readonly type: "done" };

export type NexusRequest = Init<nexus.Request>;

export interface NexusAsking {
  readonly namespaceId: string;
  readonly taskQueue: string;
  readonly request: Init<nexus.Request>;
  readonly untilMs: number;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

type Asked = NexusAsking & { readonly answer: (answer: NexusAnswer) => void };

interface NexusTaskParts {
  readonly matching: Pick<Queues, "offerQuery" | "withdrawQuery">;
  readonly clock: Clock;
  readonly random: Random;
  /** The id of this node, when it is one of several. */
  readonly home?: string | undefined;
}

export class NexusTasks {
  readonly #parts: NexusTaskParts;
  readonly #asked = new Map<string, Asked>();

  constructor(parts: NexusTaskParts) {
    this.#parts = parts;
  }

  /** Undefined when no worker has answered in time. */
  async ask(asking: NexusAsking): Promise<NexusAnswer | undefined> {
    const { matching, clock, random, home = "" } = this.#parts;
    const { namespaceId, taskQueue, signal, untilMs } = asking;
    const id = questionId(random.uuid(), home);
    using wait = new Wait(signal, clock, untilMs);
    if (wait.isOver) return undefined;
    try {
      return await new Promise((resolve) => {
        this.#asked.set(id, { ...asking, answer: resolve });
        wait.signal.addEventListener("abort", () => resolve(undefined), { once: true });
        matching.offerQuery({ kind: "nexus", namespaceId, taskQueue, id });
      });
    } finally {
      this.#asked.delete(id);
      matching.withdrawQuery(id);
    }
  }

  /**
   * The request as a worker is given it now: with the time that is left for the answer. Undefined when nobody waits for that any more; a promise when
   * another node must be asked.
   */
  requestOf(id: string): NexusRequest | undefined | Promise<NexusRequest | undefined> {
    return this.requestHere(id);
  }

  requestHere(id: string): NexusRequest | undefined {
    const asked = this.#asked.get(id);
    if (!asked) return undefined;
    const { request, untilMs } = asked;
    const leftMs = Math.max(0, untilMs - this.#parts.clock.nowMs());
    return { ...request, header: { ...request.header, "request-timeout": `${leftMs}ms` } };
  }

  /** False when nobody waits for it any more. */
  answer(id: string, answer: NexusAnswer): boolean {
    const asked = this.#asked.get(id);
    asked?.answer(answer);
    return this.#asked.delete(id);
  }

  /** How many wait. */
  get size(): number {
    return this.#asked.size;
  }
}
