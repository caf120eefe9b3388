/** Tokens sealed with this cluster's key: what the server gives to workers and callers, and believes only when it comes back unchanged. */

import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { Rejection } from "@pawl/engine";
import {
  type ActivityTaskToken,
  type CallbackToken,
  decodeToken,
  encodeToken,
  type PageToken,
  type PageValue,
  type Token,
  type TokenMac,
  type TokenOf,
  type WorkflowTaskToken,
} from "@pawl/protocol";
import type { Store } from "@pawl/store";
import { settle } from "./stored-map.ts";

const keySetting = "token-key";
const keyBytes = 32;
const macBytes = 16;

/** The bytes that SHA-256 takes at a time. */
const blockBytes = 64;

/** Tokens of tasks that are remembered, twice over. A few hundred bytes each. */
const rememberedMax = 4_096;

export class Tokens {
  readonly #mac: TokenMac;
  readonly #recent = new RecentTokens();

  /** `key` is 32 secret bytes, the same on every node of the cluster and after every restart. */
  constructor(key: Uint8Array) {
    if (key.length !== keyBytes) throw new RangeError(`a token key has ${keyBytes} bytes, this one ${key.length}`);
    this.#mac = hmac(key);
  }

  /** With the key that the store keeps; the first start of a cluster makes it. */
  static async load(store: Store): Promise<Tokens> {
    return new Tokens(await settle(store, keySetting, () => randomBytes(keyBytes)));
  }

  seal(token: Token): Uint8Array {
    const bytes = encodeToken(token, this.#mac);
    if (token.kind === "activity" || token.kind === "workflow") this.#recent.add(bytes, token);
    return bytes;
  }

  /** A task's token, as a worker sends it back. */
  open<K extends "workflow" | "activity" | "query" | "nexus">(kind: K, bytes: Uint8Array): TokenOf<K> | Rejection {
    if (bytes.length === 0) return new Rejection("INVALID_ARGUMENT", "Task token not set on request.");
    const token = this.#recent.get(bytes) ?? this.#checked(kind, bytes);
    if (token?.kind === kind) return token as TokenOf<K>;
    const message = kind === "query" ? "Invalid TaskToken." : "Error deserializing task token.";
    return new Rejection("INVALID_ARGUMENT", message);
  }

  #checked(kind: "workflow" | "activity" | "query" | "nexus", bytes: Uint8Array): Token | undefined {
    const token = decodeToken(kind, bytes, this.#mac);
    // The same one comes at every heartbeat.
    if (token?.kind === "activity") this.#recent.add(bytes, token);
    return token;
  }

  /** What a handler gives back with the end of a Nexus operation, as the text of a header. */
  sealCallback(token: Omit<CallbackToken, "kind">): string {
    return Buffer.from(encodeToken({ kind: "callback", ...token }, this.#mac)).toString("base64url");
  }

  /** undefined for a text that is not of this cluster. */
  openCallback(text: string): CallbackToken | undefined {
    return decodeToken("callback", Buffer.from(text, "base64url"), this.#mac);
  }

  /** `undefined` for what is no link of this cluster. Whether it has expired is for the caller to see. */
  openActivityLink(bytes: Uint8Array): TokenOf<"activityLink"> | undefined {
    return decodeToken("activityLink", bytes, this.#mac);
  }

  sealPage(of: string, namespaceId: string, values: readonly PageValue[]): Uint8Array {
    return encodeToken({ kind: "page", of, namespaceId, values }, this.#mac);
  }

  /** The values of a page token of the same list and namespace; `undefined` for the first page. */
  openPage(of: string, namespaceId: string, bytes: Uint8Array): PageToken["values"] | undefined | Rejection {
    if (bytes.length === 0) return undefined;
    const token = decodeToken("page", bytes, this.#mac);
    if (token?.of === of && token.namespaceId === namespaceId) return token.values;
    return new Rejection("INVALID_ARGUMENT", "Invalid NextPageToken.");
  }
}

type TaskToken = ActivityTaskToken | WorkflowTaskToken;

/**
 * Tokens that were made or checked lately, by all of their bytes: a worker comes back with one soon, and with the same one at every heartbeat.
 * Two generations, so that those in use stay while the others go.
 */
class RecentTokens {
  #young = new Map<string, TaskToken>();
  #old: ReadonlyMap<string, TaskToken> = new Map();

  get(bytes: Uint8Array): TaskToken | undefined {
    const text = textOf(bytes);
    const young = this.#young.get(text);
    if (young) return young;
    const old = this.#old.get(text);
    if (old) this.#keep(text, old);
    return old;
  }

  add(bytes: Uint8Array, token: TaskToken): void {
    this.#keep(textOf(bytes), token);
  }

  #keep(text: string, token: TaskToken): void {
    if (this.#young.size >= rememberedMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, token);
  }
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

/** HMAC-SHA256 as RFC 2104 defines it. An `Hmac` of Node's is made for each message, and costs twice what these two hashes do. */
function hmac(key: Uint8Array): TokenMac {
  const inner = padded(key, 0x36);
  const outer = Buffer.concat([padded(key, 0x5c), Buffer.alloc(32)]);
  const sign = (bytes: Uint8Array) => {
    const message = Buffer.allocUnsafe(blockBytes + bytes.length);
    message.set(inner);
    message.set(bytes, blockBytes);
    outer.set(hash("sha256", message, "buffer"), blockBytes);
    return hash("sha256", outer, "buffer").subarray(0, macBytes);
  };
  return { sign, verify: (bytes, mac) => mac.length === macBytes && timingSafeEqual(sign(bytes), mac) };
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  return new Uint8Array(blockBytes).map((_, at) => (key[at] ?? 0) ^ pad);
}
