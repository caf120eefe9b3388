/**
 * Sessions of the web UI: what its user has pasted, sealed with a key of the cluster's, in a cookie that no script can read. So a session needs no memory
 * here, outlives a restart, and ends with the key or token that it carries.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Store } from "@pawl/store";
import type { Clock } from "../clock.ts";
import { settle } from "../frontend/stored-map.ts";
import { limits } from "../limits.ts";

const keySetting = "session-key";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export class Sessions {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  static async load(store: Store, clock: Clock): Promise<Sessions> {
    return new Sessions(await settle(store, keySetting, () => randomBytes(keyBytes)), clock);
  }

  /** The value of a cookie. */
  seal(credential: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const content = JSON.stringify({ credential, untilMs: this.#clock.nowMs() + limits.sessionMsMax });
    const sealed = Buffer.concat([cipher.update(content, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
  }

  /** What was sealed; undefined for what this cluster has not sealed, or too long ago. */
  open(cookie: string): string | undefined {
    const bytes = Buffer.from(cookie, "base64url");
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
    const { credential, untilMs } = JSON.parse(text) as { credential: string; untilMs: number };
    return this.#clock.nowMs() < untilMs ? credential : undefined;
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
