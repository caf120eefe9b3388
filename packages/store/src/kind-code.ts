/** How databases keep the kind of an execution: as its place in the list of kinds. */

import { type ExecutionKind, executionKinds } from "./store.ts";

export function kindCode(kind: ExecutionKind): number {
  return executionKinds.indexOf(kind);
}

export function kindOfCode(code: number): ExecutionKind {
  const kind = executionKinds[code];
  if (kind === undefined) throw new Error(`a row of unknown kind ${code}`);
  return kind;
}
