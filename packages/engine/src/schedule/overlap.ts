/** What becomes of actions whose time has come while earlier ones still run: one decision over all that wait, in their order. */
import { enums } from "@pawl/protocol";
import type { BufferedAction } from "./schedule-run.ts";

const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = enums.ScheduleOverlapPolicy;

export interface Verdict {
  /** To be started whatever runs. */
  readonly alongside: readonly BufferedAction[];
  /** To be started as the one that later ones wait for. */
  readonly next: BufferedAction | undefined;
  /** Wait on. */
  readonly waiting: readonly BufferedAction[];
  readonly skipped: number;
  /** How what runs is to make way. */
  readonly end: "requestCancel" | "terminate" | undefined;
}

export function decideOverlaps(
  buffer: readonly BufferedAction[],
  isRunning: boolean,
  policyOf: (action: BufferedAction) => enums.ScheduleOverlapPolicy,
): Verdict {
  const alongside: BufferedAction[] = [];
  let waiting: BufferedAction[] = [];
  let next: BufferedAction | undefined;
  let skipped = 0;
  let end: Verdict["end"];
  for (const action of buffer) {
    const policy = policyOf(action);
    if (policy === ALLOW_ALL) alongside.push(action);
    else if (!isRunning && next === undefined) next = action;
    else if (policy === BUFFER_ALL || (policy === BUFFER_ONE && waiting.length === 0)) waiting.push(action);
    else if (policy === CANCEL_OTHER || policy === TERMINATE_OTHER) {
      // Nothing has been started yet that would have to end: the later one simply takes its place.
      if (!isRunning) {
        next = action;
        skipped += 1;
        continue;
      }
      skipped += waiting.length;
      waiting = [action];
      end = policy === TERMINATE_OTHER ? "terminate" : (end ?? "requestCancel");
    } else {
      policy satisfies typeof SKIP | typeof BUFFER_ONE | 0;
      skipped += 1;
    }
  }
  return { alongside, next, waiting, skipped, end };
}
