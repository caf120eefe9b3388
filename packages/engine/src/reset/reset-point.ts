/** To which events a chain can be reset by the build that did them: one for each build of the worker that has completed a workflow task. */
import { type workflow as api, type Init, toTimestamp } from "@pawl/protocol";
import { limits } from "../limits.ts";
import type { Run } from "../state/run.ts";
import type { ResetPoint } from "../state/run-start.ts";
import type { Step } from "../step.ts";

/** The build that completed a workflow task, as far as its worker names it. */
export interface Build {
  readonly buildId: string;
  readonly binaryChecksum: string;
}

/** Remembers the build's first completed workflow task. False = it was known. */
export function addResetPoint(
  run: Run,
  { buildId, binaryChecksum }: Build,
  completed: { eventId: number; atMs: number },
): boolean {
  if (run.resetPoints.some((point) => point.buildId === buildId && point.binaryChecksum === binaryChecksum))
    return false;
  const point: ResetPoint = {
    buildId,
    binaryChecksum,
    runId: run.runId,
    completedEventId: completed.eventId,
    createdAtMs: completed.atMs,
    expiresAtMs: 0,
    resettable: !awaitsOthers(run),
  };
  run.resetPoints = [...run.resetPoints, point].slice(-limits.resetPointsMax);
  return true;
}

/** Whether the run waits for other workflows, of which a reset cannot take anything back. */
function awaitsOthers(run: Run): boolean {
  if (run.children.size > 0) return true;
  for (const { message } of run.outbox.values())
    if (message.type === "signalExternal" || message.type === "cancelExternal") return true;
  return false;
}

/** The points for the next run of the chain. From now on it is known when those of this run are deleted with it. */
export function handOn(run: Run, step: Step): readonly ResetPoint[] {
  const expiresAtMs = step.nowMs + step.retentionMs;
  run.resetPoints = run.resetPoints.map((point) => (point.runId === run.runId ? { ...point, expiresAtMs } : point));
  run.changes.core = true;
  return run.resetPoints;
}

export function wireResetPoints(points: readonly ResetPoint[]): Init<api.ResetPoints> {
  return {
    points: points.map(({ completedEventId, createdAtMs, expiresAtMs, ...rest }) => ({
      ...rest,
      firstWorkflowTaskCompletedId: completedEventId,
      createTime: toTimestamp(createdAtMs),
      ...(expiresAtMs > 0 && { expireTime: toTimestamp(expiresAtMs) }),
    })),
  };
}
