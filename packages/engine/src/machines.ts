/** The kinds of execution that there are. */
import type { Machine } from "./machine.ts";
import { memoryBytes } from "./run/memory-size.ts";
import { restore, takeChanges } from "./run/snapshot.ts";
import { visibilityRecord } from "./run/visibility.ts";
import { type ScheduleCommand, type ScheduleReplies, scheduleMachine } from "./schedule/schedule.ts";
import { type StandaloneCommand, type StandaloneReplies, standaloneMachine } from "./standalone/standalone-activity.ts";
import type { Execution, HostedRun, Kind } from "./state/execution.ts";
import { isPinned, type Run, type Workflow } from "./state/run.ts";
import type { Command, Replies } from "./vocabulary.ts";
import { pendingEffects } from "./workflow/pending-effects.ts";
import { execute, needsCurrent, selectorOf } from "./workflow/workflow.ts";

/** For each kind of execution: what can be asked of it, and its answers by type of command. */
export interface Kinds extends Record<Kind, { readonly command: { readonly type: string }; readonly replies: object }> {
  workflow: { readonly command: Command; readonly replies: Replies };
  schedule: { readonly command: ScheduleCommand; readonly replies: ScheduleReplies };
  activity: { readonly command: StandaloneCommand; readonly replies: StandaloneReplies };
}

export type CommandOfKind<K extends Kind> = Kinds[K]["command"];
export type ReplyOfKind<K extends Kind, C extends CommandOfKind<K>> = K extends Kind
  ? Kinds[K]["replies"][C["type"] & keyof Kinds[K]["replies"]]
  : never;

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
