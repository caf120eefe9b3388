/** JSON Web Tokens of somebody who issues them: their signature, for whom they are, until when, and the permissions in them. */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import type { Clock } from "../clock.ts";
import type { JwtConfig } from "../config.ts";
import { limits } from "../limits.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { WatchedFiles } from "../watched-files.ts";
import { type Principal, permissionsOf } from "./permission.ts";

/** Only those with a public key: a secret one would be known to everybody who checks. */
const algorithms = ["RS256", "ES256", "EdDSA"];

export type Verified = { readonly principal: Principal; readonly untilMs: number } | { readonly refusal: string };

/** The keys could not be had, which says nothing about the token. */
export class KeysUnreachable extends Error {}

export class Jwt {
  readonly #config: JwtConfig;
  readonly #clock: Clock;
  readonly #keys: () => JWTVerifyGetKey;
  readonly #files: WatchedFiles<JWTVerifyGetKey> | undefined;

  private constructor(config: JwtConfig, clock: Clock, keys: JWTVerifyGetKey | WatchedFiles<JWTVerifyGetKey>) {
    this.#config = config;
    this.#clock = clock;
    this.#files = keys instanceof WatchedFiles ? keys : undefined;
    this.#keys = keys instanceof WatchedFiles ? () => keys.value : () => keys;
  }

  /** Throws what reading a file of keys throws. A URL is asked when the first token comes. */
  static async open(config: JwtConfig, { clock, log }: { clock: Clock; log: Log }): Promise<Jwt> {
    const { jwks } = config;
    if (/^https?:/i.test(jwks)) return new Jwt(config, clock, remoteKeys(jwks));
    const options = { what: "keys of tokens", paths: [jwks], parse: localKeys, clock, log };
    return new Jwt(config, clock, await WatchedFiles.open(options));
  }

  /** Throws `KeysUnreachable`. */
  async verify(token: string): Promise<Verified> {
    const { audience, issuer, permissionsClaim } = this.#config;
    const nowMs = this.#clock.nowMs();
    try {
      const { payload } = await jwtVerify(token, this.#keys(), {
        ...{ algorithms, audience, clockTolerance: limits.jwtSkewMsMax / 1_000, currentDate: new Date(nowMs) },
        ...{ requiredClaims: ["exp", "sub"], ...(issuer !== undefined && { issuer }) },
      });
      const { sub } = payload;
      // The library asks that they are there, not that they say something: `""`, `null`, `1e400`.
      if (typeof sub !== "string" || sub === "") return { refusal: "the token's sub is not what is expected here" };
      if (!Number.isFinite(payload.exp)) return { refusal: "the token's exp is not what is expected here" };
      const untilMs = Math.min(payload.exp! * 1_000 + limits.jwtSkewMsMax, nowMs + limits.jwtRememberedMs);
      return { principal: { name: `jwt:${sub}`, ...permissionsIn(payload, permissionsClaim) }, untilMs };
    } catch (error) {
      const isWrong = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout);
      // A key set that could not be read is a plain error of the library; a token's own faults have classes.
      if (!isWrong || error.code === "ERR_JOSE_GENERIC") throw new KeysUnreachable("keys", { cause: error });
      return { refusal: reasonOf(error) };
    }
  }

  async reload(): Promise<boolean> {
    return (await this.#files?.reload()) ?? true;
  }

  close(): void {
    this.#files?.close();
  }
}

/** Follows no redirect, and asks again for a key that it does not know no more often than every half minute. */
function remoteKeys(url: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(url), { timeoutDuration: limits.jwksMsMax });
}

function localKeys([bytes]: readonly Buffer[]): JWTVerifyGetKey {
  let json: unknown;
  try {
    json = JSON.parse(String(bytes));
  } catch {
    throw new Error("the key set is no JSON");
  }
  return createLocalJWKSet(json as JSONWebKeySet);
}

function permissionsIn(payload: JWTPayload, claim: string) {
  const found = payload[claim];
  const texts = Array.isArray(found) ? found.filter((each): each is string => typeof each === "string") : [];
  return permissionsOf(texts);
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the token's ${error.claim} is not what is expected here`;
  if (error instanceof errors.JWKSNoMatchingKey) return "no key is known that the token could be signed with";
  return "the token is not valid";
}
