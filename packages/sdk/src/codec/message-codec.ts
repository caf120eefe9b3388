/** Payload codecs over whole messages: everything that a request says is encoded in one place, and everything that an answer says is decoded. */

import type { PayloadCodec } from "../value/data-converter.ts";
import { errorMessage, ValueError } from "../value/errors.ts";
import type { Payload } from "../value/payload-converter.ts";
import { type PayloadGroup, walkPayloads } from "./payload-walk.ts";

export class MessageCodec {
  readonly #codecs: readonly PayloadCodec[];

  constructor(codecs: readonly PayloadCodec[]) {
    for (const codec of codecs) {
      if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
        throw new TypeError("DataConverter.payloadCodecs must have the functions encode and decode");
      }
    }
    this.#codecs = codecs;
  }

  /** A copy with its payloads encoded; without codecs the message itself. Throws `ValueError` when a codec fails. */
  async encode<T>(message: T): Promise<T> {
    return await this.#through(message, "encode", this.#codecs);
  }

  /** A copy with its payloads decoded; without codecs the message itself. Throws `ValueError` when a codec fails. */
  async decode<T>(message: T): Promise<T> {
    return await this.#through(message, "decode", this.#codecs.toReversed());
  }

  async #through<T>(message: T, way: "encode" | "decode", codecs: readonly PayloadCodec[]): Promise<T> {
    if (codecs.length === 0) return message;
    const { copy, groups, finish } = walkPayloads(message);
    if (groups.length === 0) return message;
    await Promise.all(groups.map((group) => through(group, way, codecs)));
    finish();
    return copy;
  }
}

async function through(group: PayloadGroup, way: "encode" | "decode", codecs: readonly PayloadCodec[]): Promise<void> {
  let payloads: Payload[] = [...group.payloads];
  for (const codec of codecs) {
    try {
      payloads = await codec[way](payloads);
    } catch (error) {
      throw new ValueError(`a payload codec failed to ${way}: ${errorMessage(error)}`, error);
    }
    if (!Array.isArray(payloads) || payloads.length === 0) {
      throw new ValueError(`a payload codec must ${way} to an array of payloads`);
    }
  }
  group.put(payloads);
}
