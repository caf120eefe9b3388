/** Payload codecs over whole messages: everything that a request says is encoded in one place, and everything that an answer says is decoded. */

import type { PayloadCodec } from "../value/data-converter.ts";
import { errorMessage, ValueError } from "../value/errors.ts";
import type { ExternalStorage, StorageDriverTargetInfo } from "../value/external-storage.ts";
import type { Payload } from "../value/payload.ts";
import { fetchedFromOutside, storedOutside } from "./external-storage-codec.ts";
import { walkPayloads } from "./payload-walk.ts";

/**
 * Encodes and decodes every payload of a message, however deep it lies, by codecs and external storage. For proxies and codec servers; the SDK itself
 * works by it.
 */
export class MessageCodec {
  readonly #codecs: readonly PayloadCodec[];
  readonly #storage: ExternalStorage | undefined;

  /** `storage`: where payloads go that are too large, when all codecs have done their part. */
  constructor(codecs: readonly PayloadCodec[], storage?: ExternalStorage) {
    for (const codec of codecs) {
      if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
        throw new TypeError("DataConverter.payloadCodecs must have the functions encode and decode");
      }
    }
    this.#codecs = codecs;
    this.#storage = storage;
  }

  /**
   * A copy with its payloads encoded; the message itself when there is nothing to do it with. Throws `ValueError` when a codec or a storage driver
   * fails. `target`: whose payloads they are, for drivers.
   */
  async encode<T>(message: T, target?: StorageDriverTargetInfo): Promise<T> {
    return await this.#changed(message, async (payloads) => {
      const encoded = await through(payloads, "encode", this.#codecs);
      return this.#storage ? await storedOutside(this.#storage, encoded, target) : encoded;
    });
  }

  /** The other way round. */
  async decode<T>(message: T): Promise<T> {
    const codecs = this.#codecs.toReversed();
    return await this.#changed(message, async (payloads) => {
      const fetched = this.#storage ? await fetchedFromOutside(this.#storage, payloads) : payloads;
      return await through(fetched, "decode", codecs);
    });
  }

  async #changed<T>(message: T, change: (payloads: readonly Payload[]) => Promise<readonly Payload[]>): Promise<T> {
    if (this.#codecs.length === 0 && !this.#storage) return message;
    const { copy, groups, finish } = walkPayloads(message);
    if (groups.length === 0) return message;
    await Promise.all(groups.map(async (group) => group.put(await change(group.payloads))));
    finish();
    return copy;
  }
}

async function through(
  given: readonly Payload[],
  way: "encode" | "decode",
  codecs: readonly PayloadCodec[],
): Promise<Payload[]> {
  let payloads: Payload[] = [...given];
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
  return payloads;
}
