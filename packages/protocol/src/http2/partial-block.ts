/** A block of headers that goes on in further frames (RFC 9113 §6.10). */
import { type Frame, frameFlags, frameTypes } from "./frame-reader.ts";

export interface BlockLimits {
  readonly bytesMax: number;
  readonly framesMax: number;
}

export class PartialBlock {
  /** The frame that began it. */
  readonly head: Frame;
  readonly #limits: BlockLimits;
  readonly #pieces: Buffer[];
  #bytes: number;

  constructor(head: Frame, content: Buffer, limits: BlockLimits) {
    this.head = head;
    this.#limits = limits;
    this.#pieces = [content];
    this.#bytes = content.length;
  }

  /** The whole block when this was the end of it; "foreign": only its continuation may stand here. */
  take({ type, flags, streamId, payload }: Frame): Buffer | "more" | "foreign" | "tooLarge" {
    if (type !== frameTypes.continuation || streamId !== this.head.streamId) return "foreign";
    this.#pieces.push(payload);
    this.#bytes += payload.length;
    if (this.#bytes > this.#limits.bytesMax || this.#pieces.length > this.#limits.framesMax) return "tooLarge";
    return flags & frameFlags.endOfHeaders ? Buffer.concat(this.#pieces) : "more";
  }
}
