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
      return new Failure(
        "environment",
        `no server answers at ${address} (${/connect \w+/.exec(said)?.[0] ?? said}); start one with "pawl dev", or name another with --address`,
      );
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
      return new Failure("environment", `${said}; --api-key or the profile says who is asking`);
    case status.unimplemented:
      return new Failure("environment", `the server at ${address} cannot do this: ${said}`);
    default:
      return new Failure("environment", said);
  }
}
