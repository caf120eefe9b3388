/**
 * The public keys of an issuer of tokens, fetched from a URL (JWKS).
 *
 *   K1. Keys that have been fetched stay valid for `limits.jwksStaleMsMax` while the issuer cannot be reached, so that its outage is not ours.
 *   K2. How often the issuer is asked does not depend on how many tokens with unknown keys callers send.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Log } from "../telemetry/telemetry.ts";

/** The keys could not be had, which says nothing about the token. */
export class KeysUnreachable extends Error {}

export class RemoteKeys {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #current: { readonly keys: JWTVerifyGetKey; readonly readAtMs: number } | undefined;
  #reading: Promise<JWTVerifyGetKey> | undefined;
  /** The last attempt to read them, if it failed. */
  #failed: { readonly atMs: number; readonly error: KeysUnreachable } | undefined;

  constructor(url: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#url = url;
    this.#clock = clock;
    this.#log = log;
  }

  /** The key that a token says it is signed with. Throws `KeysUnreachable`, and the library's errors for what is no key of the set. */
  async keyOf(...asked: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    const keys = await this.#keysNow();
    try {
      return await keys(...asked);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // A new key of theirs, or anything that somebody has made up.
      return (await this.#readUnlessJustNow())(...asked);
    }
  }

  async #keysNow(): Promise<JWTVerifyGetKey> {
    const current = this.#current;
    const ageMs = current ? this.#clock.nowMs() - current.readAtMs : Number.POSITIVE_INFINITY;
    if (current && ageMs < limits.jwksFreshMs) return current.keys;
    try {
      return await this.#readUnlessJustNow();
    } catch (error) {
      if (current && ageMs < limits.jwksStaleMsMax) return current.keys; // K1
      throw error;
    }
  }

  /** K2. Throws `KeysUnreachable`. */
  #readUnlessJustNow(): Promise<JWTVerifyGetKey> {
    if (this.#reading) return this.#reading;
    const nowMs = this.#clock.nowMs();
    if (this.#current && nowMs - this.#current.readAtMs < limits.jwksRestMs) return Promise.resolve(this.#current.keys);
    if (this.#failed && nowMs - this.#failed.atMs < limits.jwksRetryMs) return Promise.reject(this.#failed.error);
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<JWTVerifyGetKey> {
    try {
      const keys = createLocalJWKSet(await fetched(this.#url));
      this.#current = { keys, readAtMs: this.#clock.nowMs() };
      this.#failed = undefined;
      return keys;
    } catch (cause) {
      this.#log.warn("keys of tokens cannot be had", { error: cause });
      const error = new KeysUnreachable("keys", { cause });
      this.#failed = { atMs: this.#clock.nowMs(), error };
      throw error;
    }
  }
}

/** Follows no redirect. */
async function fetched(url: string): Promise<JSONWebKeySet> {
  const headers = { accept: "application/json, application/jwk-set+json", "user-agent": "pawl" };
  const answer = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(limits.jwksMsMax) });
  if (answer.status !== 200) throw new Error(`the server of keys answered ${answer.status}`);
  return (await answer.json()) as JSONWebKeySet;
}
