/** Who calls: by an API key, a token, the session of the web UI, or the certificate that came with the connection. */
import type { Clock } from "../clock.ts";
import type { AuthConfig } from "../config.ts";
import { limits } from "../limits.ts";
import type { Incoming, Status } from "../rpc/transport.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { WatchedFiles } from "../watched-files.ts";
import { idOfKey, isKey, keyPrefix } from "./api-key.ts";
import { type AuthFile, parseAuthFile } from "./auth-file.ts";
import { Jwt, type Verified } from "./jwt.ts";
import { KeysUnreachable } from "./key-set.ts";
import { type Principal, permissionsOf } from "./permission.ts";
import type { Sessions } from "./session.ts";

const plainCookie = "pawl-session";
/** Such a cookie is taken by browsers from this very host alone, over TLS: another host of the same domain cannot put one of its own in its place. */
const secureCookie = `__Host-${plainCookie}`;
const proofHeader = "x-pawl-session-proof";

export interface AuthenticatorParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly sessions: Sessions;
  /** Whether callers reach this server over TLS, be it a proxy's. */
  readonly isSecure: boolean;
}

/** What the file says, ready to be looked up. */
interface Known {
  readonly keys: ReadonlyMap<string, KnownKey>;
  readonly certificates: ReadonlyMap<string, Principal>;
}

interface KnownKey {
  readonly hash: string;
  readonly expiresAtMs: number;
  readonly principal: Principal;
}

export class Authenticator {
  readonly #parts: AuthenticatorParts;
  readonly #files: WatchedFiles<Known> | undefined;
  readonly #jwt: Jwt | undefined;
  /** Tokens that were good a moment ago: a signature costs more than the rest of a call. */
  readonly #verified = new Map<string, Extract<Verified, { principal: Principal }>>();

  private constructor(parts: AuthenticatorParts, files: WatchedFiles<Known> | undefined, jwt: Jwt | undefined) {
    this.#parts = parts;
    this.#files = files;
    this.#jwt = jwt;
  }

  /** Throws what reading the files throws. */
  static async open({ file, jwt }: AuthConfig, parts: AuthenticatorParts): Promise<Authenticator> {
    const { clock, log } = parts;
    const parse = ([bytes]: readonly Buffer[]) => knownOf(parseAuthFile(String(bytes)));
    const files =
      file === undefined
        ? undefined
        : await WatchedFiles.open({ what: "who may call", paths: [file], parse, clock, log });
    try {
      return new Authenticator(parts, files, jwt && (await Jwt.open(jwt, { clock, log })));
    } catch (error) {
      files?.close();
      throw error;
    }
  }

  /** Of the credentials that a call carries the most explicit counts: one that is wrong is not made good by another. */
  identify(incoming: Incoming): Principal | Status | Promise<Principal | Status> {
    const header = incoming.header("authorization");
    if (header !== "") {
      const [, credential] = /^Bearer +(\S+)$/i.exec(header) ?? [];
      return credential === undefined
        ? unknown("the authorization is not a Bearer credential")
        : this.check(credential);
    }
    const cookie = this.cookieOf(incoming);
    if (cookie !== undefined) return this.#ofSession(incoming, cookie);
    return this.#ofCertificate(incoming);
  }

  /** What the session's cookie is called. */
  get sessionCookie(): string {
    return this.#parts.isSecure ? secureCookie : plainCookie;
  }

  /** The session's cookie. Only a browser's request has one, and only over HTTP. */
  cookieOf(incoming: Incoming): string | undefined {
    if (incoming.verb === undefined) return undefined;
    const name = `${this.sessionCookie}=`;
    const cookies = incoming.header("cookie").split(/; */);
    return cookies.find((each) => each.startsWith(name))?.slice(name.length);
  }

  /** An API key or a token by itself. */
  check(credential: string): Principal | Status | Promise<Principal | Status> {
    if (credential.startsWith(keyPrefix)) return this.#ofKey(credential);
    return this.#jwt ? this.#ofToken(this.#jwt, credential) : unknown("the credential is not known");
  }

  async reload(): Promise<boolean> {
    const read = await Promise.all([this.#files?.reload(), this.#jwt?.reload()]);
    this.#verified.clear();
    return !read.includes(false);
  }

  close(): void {
    this.#files?.close();
    this.#jwt?.close();
  }

  #ofKey(text: string): Principal | Status {
    const key = this.#files?.value.keys.get(idOfKey(text) ?? "");
    if (!key || !isKey(text, key.hash)) return unknown("the API key is not known");
    if (this.#parts.clock.nowMs() >= key.expiresAtMs) return unknown("the API key has expired");
    return key.principal;
  }

  #ofToken(jwt: Jwt, token: string): Principal | Promise<Principal | Status> {
    const before = this.#verified.get(token);
    if (before && this.#parts.clock.nowMs() < before.untilMs) return before.principal;
    return this.#verify(jwt, token);
  }

  async #verify(jwt: Jwt, token: string): Promise<Principal | Status> {
    try {
      const verified = await jwt.verify(token);
      if ("refusal" in verified) return unknown(verified.refusal);
      if (this.#verified.size >= limits.jwtRememberedMax) this.#verified.clear();
      this.#verified.set(token, verified);
      return verified.principal;
    } catch (error) {
      if (!(error instanceof KeysUnreachable)) throw error;
      return { code: "UNAVAILABLE", message: "the keys that tokens are signed with cannot be had; try again" };
    }
  }

  /** A page of another origin can make a browser send the cookie, but does not know its proof. */
  #ofSession(incoming: Incoming, cookie: string): Principal | Status | Promise<Principal | Status> {
    const { sessions } = this.#parts;
    const credential = sessions.open(cookie);
    if (credential === undefined) return unknown("the session is over; log in again");
    if (incoming.verb !== "GET" && incoming.verb !== "HEAD" && !sessions.isProof(cookie, incoming.header(proofHeader)))
      return { code: "PERMISSION_DENIED", message: "the request does not come from a page of this server" };
    return this.check(credential);
  }

  #ofCertificate(incoming: Incoming): Principal | Status {
    for (const name of incoming.certificateNames?.() ?? []) {
      const principal = this.#files?.value.certificates.get(name);
      if (principal) return principal;
    }
    return unknown("a credential is needed: an API key or a token");
  }
}

function unknown(message: string): Status {
  return { code: "UNAUTHENTICATED", message };
}

function knownOf({ apiKeys, certificates }: AuthFile): Known {
  return {
    keys: new Map(
      apiKeys.map(({ id, name, hash, permissions, expiresAt }) => [
        id,
        {
          hash,
          expiresAtMs: expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt),
          principal: { name: `key:${name}`, ...permissionsOf(permissions) },
        },
      ]),
    ),
    certificates: new Map(
      certificates.map(({ name, permissions }) => [
        name,
        { name: `certificate:${name}`, ...permissionsOf(permissions) },
      ]),
    ),
  };
}
