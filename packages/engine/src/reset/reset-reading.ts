/**
 * What a reset knows of the history of its base, which the engine does not hold: read by the caller before the command, batch by batch and a few
 * events at a time, so that nobody else waits while a long history is folded.
 */
import { history } from "@pawl/protocol";
import { Rebuilding, type RebuildTarget } from "../rebuild/rebuild.ts";
import type { EventBatch } from "../state/run.ts";
import type { ReadBase } from "./read-chain.ts";
import { isTakenOver } from "./reapply.ts";

/** Events that are dealt with at once: some milliseconds. */
const sliceEvents = 500;

export class BaseReading {
  readonly #finishEventId: number;
  readonly #target: RebuildTarget;
  readonly #prefix: EventBatch[] = [];
  readonly #since: history.HistoryEvent[] = [];
  #rebuilding: Rebuilding | undefined;
  #lastEventId = 0;

  /** `finishEventId`: the point, a workflow task's end. */
  constructor(finishEventId: number, target: RebuildTarget) {
    this.#finishEventId = finishEventId;
    this.#target = target;
  }

  /** Takes the next batch; yields when it has worked for a while and has more to do. Throws when the history does not begin as one must. */
  *take(batch: EventBatch): Generator<void, void> {
    const { events } = history.History.decode(batch.bytes);
    const inPrefix = batch.lastEventId < this.#finishEventId;
    for (let from = 0; from < events.length; from += sliceEvents) {
      if (from > 0) yield;
      const slice = events.slice(from, from + sliceEvents);
      if (!inPrefix) this.#since.push(...slice.filter(isTakenOver));
      else if (this.#rebuilding) this.#rebuilding.add(slice);
      else this.#rebuilding = new Rebuilding(slice, this.#target);
    }
    if (inPrefix) this.#prefix.push(batch);
    this.#lastEventId = batch.lastEventId;
  }

  get read(): ReadBase {
    return {
      prefix: this.#prefix,
      folded: this.#rebuilding?.done(),
      since: this.#since,
      lastEventId: this.#lastEventId,
    };
  }
}
