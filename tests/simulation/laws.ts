/** The laws of a kind of execution, exchanged for those of a mutant for as long as one simulation goes on. */
import {
  type AnyMachine,
  type CommandOfKind,
  type Execution,
  type HostedRun,
  type Kind,
  machineOf,
  type Step,
} from "@pawl/engine";
import type { World } from "./world.ts";

type Execute = AnyMachine["execute"];

interface LawsOfKind<K extends Kind> {
  readonly kind: K;
  readonly execute: (
    next: Execute,
    execution: Execution,
    command: CommandOfKind<K>,
    step: Step,
    world: World,
  ) => ReturnType<Execute>;
}

export type LawsOf = { readonly [K in Kind]: LawsOfKind<K> }[Kind];

/** What it returns puts the engine's own laws back. */
export function exchangeLaws({ kind, execute }: LawsOf, world: World): () => void {
  const machine = machineOf(kind);
  const own = machine.execute;
  const changed = execute as LawsOfKind<Kind>["execute"];
  machine.execute = (execution, command, step) => changed(own, execution, command, step, world);
  return () => {
    machine.execute = own;
  };
}

/** The run that the execution means when none is named. */
export function currentOf<R extends HostedRun>({ currentRunId, runs }: Execution): R | undefined {
  return currentRunId === null ? undefined : (runs.get(currentRunId) as R | undefined);
}
