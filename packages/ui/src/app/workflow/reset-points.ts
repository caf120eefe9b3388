/** Where a run can be reset to: the ends of its workflow tasks. */
import { type HistoryEvent, typeOf } from "../history/event.ts";

export interface ResetPoint {
  readonly eventId: string;
  readonly label: string;
}

/** More than these nobody picks from; the first is always among them. */
const pointsMax = 200;

const ends = new Set(["WORKFLOW_TASK_COMPLETED", "WORKFLOW_TASK_TIMED_OUT", "WORKFLOW_TASK_FAILED"]);

/** The latest first. A point is told by what came just before the task: what the code will be told of again comes after it. */
export function resetPoints(events: readonly HistoryEvent[]): ResetPoint[] {
  const found: ResetPoint[] = [];
  let before = "";
  for (const event of events) {
    const type = typeOf(event);
    if (ends.has(type)) found.push({ eventId: event.eventId, label: `event ${event.eventId}, after ${before}` });
    else if (!type.startsWith("WORKFLOW_TASK_")) before = type.toLowerCase().replaceAll("_", " ");
  }
  const shown = found.length > pointsMax ? [found[0]!, ...found.slice(1 - pointsMax)] : found;
  return shown.reverse();
}
