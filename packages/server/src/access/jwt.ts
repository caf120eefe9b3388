/** Verifies JSON Web Tokens (signature, issuer, audience, expiry) and reads the permissions in them. */
import {
  createLocalJWKSet,
  decodeProtectedHeader,
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
import { KeysUnreachable, RemoteKeys } from "./key-set.ts";
import { type Principal, permissionsOf } from "./permission.ts";

/** Only those with a public key: a secret one would be known to everybody who checks. */
const algorithms = ["RS256", "ES256", "EdDSA"];

export interface JwtParts {
  readonly clock: Clock;
  readonly log: Log;
}

export type Verified = { readonly principal: Principal; readonly untilMs: number } | { readonly refusal: string };

export class Jwt {
  readonly #config: JwtConfig;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keys: () => JWTVerifyGetKey;
  readonly #files: WatchedFiles<JWTVerifyGetKey> | undefined;

  /** Keys of which the log has said that they are of no use: the rest of it says nothing new. */
  readonly #useless = new Set<string>();

  private constructor(
    config: JwtConfig,
    { clock, log }: JwtParts,
    keys: JWTVerifyGetKey | WatchedFiles<JWTVerifyGetKey>,
  ) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#files = keys instanceof WatchedFiles ? keys : undefined;
    this.#keys = keys instanceof WatchedFiles ? () => keys.value : () => keys;
  }

  /** Throws what reading a file of keys throws. A URL is asked when the first token comes. */
  static async open(config: JwtConfig, parts: JwtParts): Promise<Jwt> {
    const { jwks } = config;
    if (/^https?:/i.test(jwks)) {
      const keys = new RemoteKeys(jwks, parts);
      return new Jwt(config, parts, (...asked) => keys.keyOf(...asked));
    }
    const options = { what: "keys of tokens", paths: [jwks], parse: localKeys, ...parts };
    return new Jwt(config, parts, await WatchedFiles.open(options));
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
      if (error instanceof KeysUnreachable) throw error;
      if (error instanceof errors.JOSEError) return { refusal: reasonOf(error) };
      this.#sayUseless(token, error);
      return { refusal: "the key that the token is signed with is of no use here: the server's log says why" };
    }
  }

  /** Such as a key of RSA with fewer than 2048 bits. */
  #sayUseless(token: string, error: unknown): void {
    const kid = String(decodeProtectedHeader(token).kid).slice(0, 200);
    if (this.#useless.has(kid) || this.#useless.size >= limits.jwtUselessKeysMax) return;
    this.#useless.add(kid);
    this.#log.warn("a key of tokens is of no use", { key: kid, error });
  }

  async reload(): Promise<boolean> {
    return (await this.#files?.reload()) ?? true;
  }

  close(): void {
    this.#files?.close();
  }
}

function localKeys([bytes]: readonly Buffer[]): JWTVerifyGetKey {
  let json: unknown;
  try {
    json = JSON.parse(String(bytes));
  } catch {
    throw new Error("the key set is not valid JSON");
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
