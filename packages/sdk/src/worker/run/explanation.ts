/** Where in the user's code a replay left its history: found by replaying once more with every command traced to its line. */
import type { history } from "@pawl/protocol";
import { Nondeterminism } from "../../replay/nondeterminism.ts";
import type { RunIdentity } from "../../replay/run-start.ts";
import { CachedRun } from "./cached-run.ts";
import type { Sandbox } from "./sandbox.ts";

export interface ReplayedTask {
  readonly events: readonly history.HistoryEvent[];
  readonly startedEventId: number;
}

/** The error with the line at fault, or as it was when that cannot be told. */
export function explained(
  error: Nondeterminism,
  sandbox: Sandbox,
  identity: RunIdentity,
  { events, startedEventId }: ReplayedTask,
): Nondeterminism {
  const code = sandbox.newRun({ isTraced: true });
  try {
    new CachedRun(identity, code, 0).feed(events, startedEventId);
  } catch (again) {
    if (!(again instanceof Nondeterminism) || again.commandStack === undefined) return error;
    const place = sandbox.placeIn(again.commandStack);
    if (place !== undefined) return again.at(place);
  }
  return error;
}
