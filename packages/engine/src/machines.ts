/** The kinds of execution that there are. */
import type { CommandOfKind, Execution, HostedRun, Kind, Machine } from "./execution.ts";
import { memoryBytes } from "./run/memory-size.ts";
import { isPinned, type Run, type Workflow } from "./run/run.ts";
import { restore, takeChanges } from "./run/snapshot.ts";
import { visibilityRecord } from "./run/visibility.ts";
import { scheduleMachine } from "./schedule/schedule.ts";
import { standaloneMachine } from "./standalone/standalone-activity.ts";
import type { Command } from "./vocabulary.ts";
import { pendingEffects } from "./workflow/pending-effects.ts";
import { execute, needsCurrent, selectorOf } from "./workflow/workflow.ts";

const workflow: Machine<Run, Workflow, Command> = {
  empty: ({ namespaceId, businessId }, currentRunId) => ({
    namespaceId,
    workflowId: businessId,
    currentRunId,
    runs: new Map(),
  }),
  selectorOf,
  needsCurrent,
  execute,
  restore,
  takeChanges,
  listed: visibilityRecord,
  pendingEffects,
  heldBy: (run) => {
    if (run.status.type === "closed") return "nobody";
    if (run.workflowTask.type === "started") return "workflow";
    return [...run.activities.values()].some(({ status }) => status.type === "started") ? "activity" : "nobody";
  },
  isPinned,
  memoryBytes,
};

/** A machine whose kind the holder does not look at: what it is given must be what it has made itself, and commands of its kind. */
export type AnyMachine = Machine<HostedRun, Execution, CommandOfKind<Kind>>;

const machines: Readonly<Record<Kind, unknown>> = { workflow, activity: standaloneMachine, schedule: scheduleMachine };

export function machineOf(kind: Kind): AnyMachine {
  return machines[kind] as AnyMachine;
}
