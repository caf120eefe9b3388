import type { AnyMachine, Execution, ExecutionKey } from "@pawl/engine";

/** An execution in memory, with the laws of its kind. */
export interface Hosted {
  readonly key: ExecutionKey;
  readonly machine: AnyMachine;
  readonly execution: Execution;
}

/** For maps: the same for equal keys, and different for keys of different kinds. */
export function keyText({ kind, namespaceId, businessId }: ExecutionKey): string {
  return `${kind}/${namespaceId}/${businessId}`;
}
