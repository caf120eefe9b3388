/** How far an activity says it is, read from its last heartbeat. */
import { shownPayload } from "../api/payload.ts";

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly label: string;
}

const wholes = ["total", "totalItems", "max", "count", "size"];
const dones = ["done", "completed", "processed", "current", "progress", "index", "position"];

/** From `{done, total}` and its like, `{percent}`, or a share from 0 to 1 called `progress`. `undefined`: the details say something else. */
export function progressOf(details: readonly unknown[] | undefined): Progress | undefined {
  const value = shownPayload(details?.[0]);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const percent = fields["percent"] ?? fields["percentage"];
  if (isCount(percent)) return { share: Math.min(percent / 100, 1), label: `${Math.round(percent)} %` };
  const whole = wholes.map((name) => fields[name]).find(isCount);
  const done = dones.map((name) => fields[name]).find(isCount);
  if (done === undefined) return undefined;
  if (whole !== undefined && whole > 0) return { share: Math.min(done / whole, 1), label: `${done} of ${whole}` };
  const share = fields["progress"];
  return isCount(share) && share <= 1 ? { share, label: `${Math.round(share * 100)} %` } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
