/**
 * Sessions of the web UI: what its user has pasted, sealed with a key of the cluster's, in a cookie that no script can read. So a session needs no memory
 * here, outlives a restart, and ends with the key or token that it carries. Only those that were closed early are remembered, for as long as a copy of their
 * cookie would be good.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Store } from "@pawl/store";
import type { Clock } from "../clock.ts";
import { StoredMap, settle } from "../frontend/stored-map.ts";
import { limits } from "../limits.ts";

const keySetting = "session-key";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Sessions that were closed before their time, by id, and when that would have been. */
export type ClosedSessions = StoredMap<number>;

export function loadClosedSessions(store: Store): Promise<ClosedSessions> {
  const encode = (untilMs: number) => Buffer.from(String(untilMs));
  const decode = (bytes: Uint8Array) => Number(Buffer.from(bytes).toString());
  return StoredMap.load(store, "closed-session", { encode, decode });
}

interface Opened {
  /** What was sealed. */
  readonly credential: string;
  readonly untilMs: number;
}

export class Sessions {
  readonly #key: Uint8Array;
  readonly #clock: Clock;
  readonly #closed: ClosedSessions;

  constructor(key: Uint8Array, clock: Clock, closed: ClosedSessions) {
    this.#key = key;
    this.#clock = clock;
    this.#closed = closed;
  }

  static async load(store: Store, clock: Clock, closed: ClosedSessions): Promise<Sessions> {
    return new Sessions(await settle(store, keySetting, () => randomBytes(keyBytes)), clock, closed);
  }

  /** The value of a cookie. */
  seal(credential: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const content = JSON.stringify({ credential, untilMs: this.#clock.nowMs() + limits.sessionMsMax });
    const sealed = Buffer.concat([cipher.update(content, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
  }

  /** What was sealed; undefined for what this cluster has not sealed, or too long ago, and for what was closed. */
  open(cookie: string): string | undefined {
    const bytes = Buffer.from(cookie, "base64url");
    const opened = this.#opened(bytes);
    if (!opened || this.#clock.nowMs() >= opened.untilMs) return undefined;
    return this.#closed.get(idOf(bytes)) === undefined ? opened.credential : undefined;
  }

  /** From now on the cookie is good for nothing, wherever a copy of it may be. Throws `StoreError` when that may not have been written. */
  async close(cookie: string): Promise<void> {
    const bytes = Buffer.from(cookie, "base64url");
    const opened = this.#opened(bytes);
    if (!opened) return;
    await this.#forget();
    await this.#closed.change(idOf(bytes), () => opened.untilMs);
  }

  /** Those whose time is over by now; when there are too many, those whose time is over first. */
  async #forget(): Promise<void> {
    const byEnd = [...this.#closed.entries()].toSorted(([, a], [, b]) => a - b);
    const excess = byEnd.length + 1 - limits.closedSessionsMax;
    const nowMs = this.#clock.nowMs();
    for (const [index, [id, untilMs]] of byEnd.entries())
      if (index < excess || nowMs >= untilMs) await this.#closed.change(id, () => undefined);
  }

  #opened(bytes: Buffer): Opened | undefined {
    if (bytes.length < nonceBytes + tagBytes) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    let text: string;
    try {
      text = decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, "utf8") + decipher.final("utf8");
    } catch {
      return undefined;
    }
    return JSON.parse(text) as Opened;
  }

  /** What a page of ours shows with each request that changes something, and a page of others cannot know. */
  proof(cookie: string): string {
    return createHmac("sha256", this.#key).update(`proof ${cookie}`).digest("base64url");
  }

  isProof(cookie: string, proof: string): boolean {
    const [expected, given] = [Buffer.from(this.proof(cookie)), Buffer.from(proof)];
    return expected.length === given.length && timingSafeEqual(expected, given);
  }
}

/** No two sessions are sealed with the same. */
function idOf(cookie: Buffer): string {
  return cookie.toString("base64url", 0, nonceBytes);
}
