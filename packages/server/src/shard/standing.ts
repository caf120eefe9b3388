/** What the runs in memory wait for. A clock that skips time asks it, so that time does not jump while somebody is still working. */
import type { Hosted } from "./hosted.ts";

/** What all runs of a server wait for, taken together. */
export interface Standing {
  /**
   * `itself`: commands, messages or workflow tasks are under way, which end by themselves soon. `activity`: nothing but activities are. `time`: only
   * the clock or a caller brings anything on.
   */
  readonly waitsFor: "itself" | "activity" | "time";
  /** When the next run falls due; Infinity when none does. */
  readonly nextDueMs: number;
}

const order = ["time", "activity", "itself"] as const;

export function waitsForOf(executions: readonly Hosted[]): Standing["waitsFor"] {
  return executions.map(waitsForOne).reduce(busier, "time");
}

export function joined(a: Standing, b: Standing): Standing {
  return { waitsFor: busier(a.waitsFor, b.waitsFor), nextDueMs: Math.min(a.nextDueMs, b.nextDueMs) };
}

function waitsForOne({ machine, execution }: Hosted): Standing["waitsFor"] {
  return [...execution.runs.values()]
    .map((run): Standing["waitsFor"] => {
      const pending = machine.pendingEffects(run);
      const isActivity = (effect: (typeof pending)[number]) =>
        effect.type === "dispatch" && effect.task.kind === "activity";
      if (pending.some((effect) => !isActivity(effect))) return "itself";
      return busier(pending.length > 0 ? "activity" : "time", heldTasks[machine.heldBy(run)]);
    })
    .reduce(busier, "time");
}

const heldTasks = { nobody: "time", activity: "activity", workflow: "itself" } as const;

function busier(a: Standing["waitsFor"], b: Standing["waitsFor"]): Standing["waitsFor"] {
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}
