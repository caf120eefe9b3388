/**
 * What nodes say to each other beside calls of the API: values of the engine's own, as V8 writes them. Nodes of neighbouring versions understand each other as
 * long as fields are only added.
 */
import { deserialize, serialize } from "node:v8";
import { Rejection, type RejectionCode } from "@pawl/engine";
import { Unavailable } from "../shard/shard.ts";

export function encode(value: unknown): Uint8Array {
  return serialize(value);
}

/** Throws when the bytes are none of `encode`. */
export function decode(bytes: Uint8Array): unknown {
  return deserialize(bytes);
}

/** How a command ended at its shard. */
export type Ended =
  | { readonly type: "reply"; readonly reply: unknown }
  | {
      readonly type: "rejected";
      readonly code: RejectionCode;
      readonly message: string;
      readonly detail: Rejection["detail"];
    }
  | { readonly type: "unavailable"; readonly reason: Unavailable["reason"]; readonly message: string };

/** Throws what is no `Unavailable`: a bug stays where it is. */
export async function endedOf(submitted: Promise<unknown>): Promise<Ended> {
  try {
    const reply = await submitted;
    if (!(reply instanceof Rejection)) return { type: "reply", reply };
    const { code, message, detail } = reply;
    return { type: "rejected", code, message, detail };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { type: "unavailable", reason: error.reason, message: error.message };
  }
}

/** The reply or the `Rejection`; throws `Unavailable`. */
export function replyOf(ended: Ended): unknown {
  switch (ended.type) {
    case "reply":
      return ended.reply;
    case "rejected":
      return new Rejection(ended.code, ended.message, ended.detail);
    case "unavailable":
      throw new Unavailable(ended.reason, ended.message);
    default:
      return ended satisfies never;
  }
}
