import type { CommandOf } from "@pawl/engine";
import type { Parts } from "../frontend/parts.ts";

/** What the run is told of the request. */
export type CallEnd = CommandOf<"startNexusOperationEnded" | "cancelNexusOperationEnded" | "completionCallbackEnded">;

/** What making a request needs. */
export type CallParts = Pick<
  Parts,
  "ring" | "store" | "namespaces" | "nexusEndpoints" | "nexusTasks" | "tokens" | "addresses" | "clock"
> & {
  /** Where handlers outside tell of the end of an operation that a run of this namespace calls, if they can reach this server over HTTP. */
  readonly callbackUrl?: (namespace: string) => string | undefined;
  readonly onFault: (what: string, error: unknown) => void;
};
