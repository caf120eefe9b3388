/** Faults that a caller may hear of, as refusals. Everything else is ours to look at, and leaves as "internal error". */
import { detail, Rejection } from "@pawl/engine";
import { enums, errordetails } from "@pawl/protocol";
import { StoreError, StoreFull } from "@pawl/store";
import { Unavailable } from "../shard/unavailable.ts";

const { SYSTEM_OVERLOADED, PERSISTENCE_STORAGE_LIMIT } = enums.ResourceExhaustedCause;

/** `undefined` for a bug. SDKs try again by themselves on each of these. */
export function refusalOf(fault: unknown): Rejection | undefined {
  if (fault instanceof Unavailable) {
    if (fault.reason === "busy") return exhausted(fault.message, SYSTEM_OVERLOADED);
    if (fault.reason === "full") return exhausted(fault.message, PERSISTENCE_STORAGE_LIMIT);
    return new Rejection("UNAVAILABLE", fault.message);
  }
  if (fault instanceof StoreFull)
    return exhausted("the store is full; try again when there is room", PERSISTENCE_STORAGE_LIMIT);
  // The store's own words may name files and hosts: they are for the log.
  if (fault instanceof StoreError) return new Rejection("UNAVAILABLE", "the store cannot be used now; try again");
  return undefined;
}

function exhausted(message: string, cause: enums.ResourceExhaustedCause): Rejection {
  const details = detail(errordetails.ResourceExhaustedFailure, { cause, scope: enums.ResourceExhaustedScope.SYSTEM });
  return new Rejection("RESOURCE_EXHAUSTED", message, details);
}
