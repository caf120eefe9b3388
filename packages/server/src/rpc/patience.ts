/**
 * Calls that wait for their callers: for the rest of a request, or for the answer to be read. Both take memory, the first even before the caller has been
 * authenticated, so all of them share one budget. When it is spent, the call that has kept the server waiting for longest is ended: an honest caller keeps it
 * waiting for milliseconds.
 */
import { limits } from "../limits.ts";

export interface Waiting {
  /** Its caller was too slow. */
  giveUp(): void;
}

interface Seat {
  bytes: number;
  readonly sinceMs: number;
}

export class Patience {
  /** Those that began to wait first come first. */
  readonly #waiting = new Map<Waiting, Seat>();
  #bytes = 0;

  get count(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `bytes` is what the call holds already. One that waits starts anew: for its answer to be taken, after its request has come. */
  begin(call: Waiting, bytes: number, nowMs: number): void {
    this.end(call);
    this.#waiting.set(call, { bytes: limits.metadataBytesMax, sinceMs: nowMs });
    this.#bytes += limits.metadataBytesMax;
    this.grow(call, bytes);
  }

  /** It holds so much more. Others may be given up for it, or itself. */
  grow(call: Waiting, bytes: number): void {
    const seat = this.#waiting.get(call);
    if (!seat) return;
    seat.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > limits.waitingBytesMax) this.#giveUpOldest();
  }

  end(call: Waiting): void {
    const seat = this.#waiting.get(call);
    if (!seat) return;
    this.#bytes -= seat.bytes;
    this.#waiting.delete(call);
  }

  /** Gives up those that have waited for too long. */
  look(nowMs: number): void {
    for (const [call, { sinceMs }] of this.#waiting) {
      if (nowMs - sinceMs < limits.callerMsMax) return;
      this.end(call);
      call.giveUp();
    }
  }

  #giveUpOldest(): void {
    const [oldest] = this.#waiting.keys();
    if (!oldest) return;
    this.end(oldest);
    oldest.giveUp();
  }
}
