/**
 * API keys: `pawl_ID_SECRET`. The secret is 256 random bits, so one round of SHA-256 keeps it as well as any slow hash would; only the hash is kept.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

export const keyPrefix = "pawl_";

const idBytes = 6;
const secretBytes = 32;
const pattern = /^pawl_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** A new key: the text for its owner, which nobody can have back, and what is kept of it. */
export function makeApiKey(): { readonly text: string; readonly id: string; readonly hash: string } {
  const id = randomBytes(idBytes).toString("hex");
  const text = `${keyPrefix}${id}_${randomBytes(secretBytes).toString("base64url")}`;
  return { text, id, hash: hashOf(text) };
}

/** Which key a text claims to be; undefined when it cannot be one. */
export function idOfKey(text: string): string | undefined {
  return pattern.exec(text)?.[1];
}

/** In time that does not depend on where they differ. */
export function isKey(text: string, hash: string): boolean {
  const expected = Buffer.from(hash, "hex");
  const given = Buffer.from(hashOf(text), "hex");
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
