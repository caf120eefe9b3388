/** What a failed call means to whoever typed the command, and what they may try next. */
import { CallFailed } from "@pawl/sdk/client";
import { Failure } from "../failure.ts";

export interface Reached {
  readonly address: string;
  readonly namespace: string;
}

const status = {
  deadline: 4,
  notFound: 5,
  denied: 7,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Whether this is the {@link Failure} of a call about something that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Failure && error.cause instanceof CallFailed && error.cause.code === status.notFound;
}

/** A {@link Failure} for what a server said or did not say; anything else as it is. */
export function refusalText(error: unknown, { address, namespace }: Reached): unknown {
  if (!(error instanceof CallFailed)) return error;
  const { code, details } = error;
  const said = details === "" ? `the server answered with status ${code}` : details;
  const cause = { cause: error };
  switch (code) {
    case status.unavailable:
      return new Failure("environment", unreachable(said, address));
    case status.deadline:
      return new Failure("environment", `${address} did not answer in time (${said})`);
    case status.notFound:
      if (/namespace .*not found/i.test(said))
        return new Failure("environment", `${said}; "pawl namespace list" shows those of ${address}`, cause);
      // What is closed has been found, and is no other in another namespace.
      if (/already completed/.test(said)) return new Failure("environment", said, cause);
      return new Failure("environment", `${said} (namespace ${namespace}; --namespace names another)`, cause);
    case status.denied:
    case status.unauthenticated:
      return new Failure("environment", `${said.replace(/\.$/, "")}; --api-key or the profile says who is asking`);
    case status.unimplemented:
      return new Failure("environment", `the server at ${address} cannot do this: ${said}`);
    default:
      return new Failure("environment", said);
  }
}

/** What to try, by what the connection ended of: the texts of OpenSSL, of Node and of the transport. */
const remedies: readonly (readonly [sign: RegExp, text: (address: string, sign: string) => string])[] = [
  [
    /wrong version number/,
    (address) =>
      `the server at ${address} speaks no TLS; leave out --tls, or say --tls=false where a key implies it, or name another with --address`,
  ],
  [
    /alert certificate required/,
    (address) =>
      `the server at ${address} asks for a certificate; --tls-cert-path and --tls-key-path name this client's`,
  ],
  [
    /alert [a-z ]*(certificate|unknown ca)[a-z ]*/,
    (address, sign) => `the server at ${address} does not take this client's certificate (${sign})`,
  ],
  [
    /does not match certificate's altnames.*/,
    (address, sign) =>
      `the certificate of ${address} is another host's (${sign}); --tls-server-name says whose it should be`,
  ],
  [
    /[^:]*(certificate|issuer)[^:;]*/,
    (address, sign) =>
      `the certificate of ${address} is not trusted (${sign.trim()}); --tls-ca-path names the authority that signed it`,
  ],
  [
    /does not speak HTTP\/2/,
    (address) => `what listens at ${address} speaks no gRPC; --address names the port of gRPC, 7233 unless told`,
  ],
  [
    /the connection was closed/,
    (address) => `the server at ${address} has hung up; if it speaks TLS, say so with --tls or --tls-ca-path`,
  ],
];

function unreachable(said: string, address: string): string {
  for (const [sign, text] of remedies) {
    const found = sign.exec(said);
    if (found) return text(address, found[0]);
  }
  const why = /connect \w+|getaddrinfo \w+/.exec(said)?.[0] ?? said;
  return `no server answers at ${address} (${why}); start one with "pawl dev", or name another with --address`;
}
