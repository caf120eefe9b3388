/** Completion callbacks that a start carries: how many, how large, and where they may go. */
import { Rejection } from "@pawl/engine";
import type { common } from "@pawl/protocol";
import type { AddressRules } from "../../address-rules.ts";
import { limits } from "../../limits.ts";
import { invalid, isLonger } from "../field-rules.ts";
import { linksProblem } from "../link-rules.ts";

/** The address that stands for this cluster: what is sent there never leaves it. */
export const systemCallback = "temporal://system";

export function callbacksProblem(
  callbacks: readonly common.Callback[],
  addresses: AddressRules,
): Rejection | undefined {
  if (callbacks.length > limits.callbacksMax)
    return invalid(`cannot attach more than ${limits.callbacksMax} callbacks to a workflow`);
  for (const callback of callbacks) {
    const problem = callbackProblem(callback, addresses) ?? linksProblem(callback.links);
    if (problem) return problem;
  }
  return undefined;
}

function callbackProblem({ nexus, internal }: common.Callback, addresses: AddressRules): Rejection | undefined {
  if (internal) return invalid("unsupported callback variant: internal callbacks are the server's own");
  if (!nexus) return new Rejection("UNIMPLEMENTED", "unknown callback variant: the callback says nothing");
  const { callbackUrlBytesMax, callbackHeaderBytesMax } = limits;
  if (isLonger(nexus.url, callbackUrlBytesMax))
    return invalid(`invalid url: url length longer than max length allowed of ${callbackUrlBytesMax}`);
  const problem = nexus.url === systemCallback ? undefined : addresses.problemOf(nexus.url);
  if (problem !== undefined) return invalid(problem);
  let bytes = 0;
  for (const [name, value] of Object.entries(nexus.header)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes > callbackHeaderBytesMax
    ? invalid(`invalid header: header size longer than max allowed size of ${callbackHeaderBytesMax}`)
    : undefined;
}

/** As they are kept: names of headers in lower case, as HTTP/2 has them. */
export function keptCallbacks(callbacks: readonly common.Callback[]): common.Callback[] {
  return callbacks.map(({ nexus, ...rest }) => ({
    ...rest,
    nexus: nexus && { ...nexus, header: lowerCase(nexus.header) },
  }));
}

function lowerCase(header: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(header).map(([name, value]) => [name.toLowerCase(), value]));
}
