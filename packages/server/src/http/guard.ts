/**
 * Protection from web pages of others. Any page that a person on this machine opens can send requests to this server, which may serve callers without
 * authentication. So requests of pages of another origin are refused unless that origin was configured (cross-site requests), and so are requests for a host
 * name that is not this server's (a page whose own name was made to point here, "DNS rebinding").
 */

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { problem, type Reply } from "./reply.ts";

export interface GuardOptions {
  /** The address or name listened on. */
  readonly ip: string;
  readonly isLoopback: boolean;
  /** Under which callers know the server, such as `https://pawl.example.org`. */
  readonly publicUrl: string | undefined;
  /** Origins whose pages may ask and read the answers, such as `https://console.example.org`. */
  readonly corsOrigins: readonly string[];
}

const corsMaxAgeSeconds = 600;

export class Guard {
  readonly #names: ReadonlySet<string>;
  readonly #isLoopback: boolean;
  readonly #origins: ReadonlySet<string>;

  constructor({ ip, isLoopback, publicUrl, corsOrigins }: GuardOptions) {
    this.#names = new Set([
      "localhost",
      ip.toLowerCase(),
      ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname]),
    ]);
    this.#isLoopback = isLoopback;
    this.#origins = new Set([...corsOrigins, ...(publicUrl === undefined ? [] : [new URL(publicUrl).origin])]);
  }

  /** The refusal, if there is one. */
  check({ headers, method }: IncomingMessage): Reply | undefined {
    const { host = "", origin } = headers;
    const site = headers["sec-fetch-site"];
    const isBrowser = origin !== undefined || site !== undefined;
    if ((this.#isLoopback || isBrowser) && !this.#isOurs(host))
      return refused(
        `this server is not known as ${shown(host)}; ask for it by its address, or start it with --http-public-url`,
      );
    if (origin === undefined) {
      // A person who follows a link to here from elsewhere, as from a mail.
      const isVisit = headers["sec-fetch-mode"] === "navigate" && (method === "GET" || method === "HEAD");
      return site === "cross-site" && !isVisit ? refused("requests of pages of other sites are refused") : undefined;
    }
    if (this.#origins.has(origin) || originHost(origin) === host.toLowerCase()) return undefined;
    return refused(`pages of ${shown(origin)} may not ask this server; --http-cors-origin names those that may`);
  }

  /** The answer to the question that browsers ask before a request of a named origin. */
  preflight({ headers, method }: IncomingMessage): Reply | undefined {
    const isAsked = method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"];
    if (!isAsked) return undefined;
    const asked = headers["access-control-request-headers"];
    return {
      status: 204,
      headers: {
        "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
        ...(asked !== undefined && { "access-control-allow-headers": asked }),
        "access-control-max-age": String(corsMaxAgeSeconds),
      },
    };
  }

  /** Lets the page of a named origin read the answer. */
  headersFor({ headers: { origin } }: IncomingMessage): Readonly<Record<string, string>> {
    if (this.#origins.size === 0) return {};
    const isNamed = origin !== undefined && this.#origins.has(origin);
    return { vary: "origin", ...(isNamed && { "access-control-allow-origin": origin }) };
  }

  /** An address cannot be made to point elsewhere; a name can. */
  #isOurs(host: string): boolean {
    const name = hostName(host);
    return name !== undefined && (isIP(name) !== 0 || this.#names.has(name));
  }
}

function refused(message: string): Reply {
  return problem({ code: "PERMISSION_DENIED", message });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** Without port and brackets. */
function hostName(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d+)?$/.exec(host) ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}
