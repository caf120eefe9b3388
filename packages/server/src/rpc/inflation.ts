/**
 * Unpacks the messages of calls. A message of some KB may unpack to the most that a message may have, a thousand times its size; so few of them are unpacked
 * at a time, and the others wait as they came.
 */
import { limits } from "../limits.ts";
import { decompressLater, decompressNow } from "./grpc-frame.ts";
import type { Status } from "./transport.ts";

const gone: Status = { code: "CANCELLED", message: "the caller has gone" };

export class Inflation {
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /** `isWanted`: whether somebody waits for it still, when its turn comes. */
  async inflate(encoding: string, bytes: Buffer, isWanted: () => boolean): Promise<Buffer | Status> {
    const now = decompressNow(encoding, bytes);
    if (now) return now;
    if (this.#underWay >= limits.inflatedAtOnceMax)
      await new Promise<void>((resolve) => this.#waiting.push(resolve)); // who goes leaves his place
    else this.#underWay++;
    try {
      return isWanted() ? await decompressLater(encoding, bytes) : gone;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#underWay--;
    }
  }
}
