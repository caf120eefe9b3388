/** What stories of schedules do to them. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Init, type RequestOf, type ResponseOf, type schedule, toTimestamp } from "@pawl/protocol";
import { seconds } from "./requests.ts";
import type { Play } from "./story.ts";

export type Schedule = Init<schedule.Schedule>;
type Patch = Init<schedule.SchedulePatch>;

/** Midnight, long after any story is played. */
export const farMs = Date.parse("2090-01-01T00:00:00Z");

type Start = NonNullable<NonNullable<Schedule["action"]>["startWorkflow"]>;

export function actionOf(s: Play): Start {
  return { workflowId: s.name, workflowType: { name: "Scheduled" }, taskQueue: { name: s.name } };
}

/** Acts by itself only after all stories have been played. */
export function scheduleOf(s: Play, given: Schedule = {}): Schedule {
  const spec = { interval: [{ interval: seconds(86_400) }], startTime: toTimestamp(farMs) };
  return { spec, action: { startWorkflow: actionOf(s) }, ...given };
}

export function createRequest(s: Play, given: Schedule = {}): Init<RequestOf<"CreateSchedule">> {
  return {
    ...{ namespace: "default", scheduleId: s.name, requestId: `${s.name}-request`, identity: "client" },
    schedule: scheduleOf(s, given),
  };
}

export function create(s: Play, given: Schedule = {}, more: Init<RequestOf<"CreateSchedule">> = {}): Promise<unknown> {
  return s.call("CreateSchedule", { ...createRequest(s, given), ...more });
}

export function describe(s: Play): Promise<unknown> {
  return s.call("DescribeSchedule", { namespace: "default", scheduleId: s.name });
}

export function patch(s: Play, given: Patch): Promise<unknown> {
  const named = { namespace: "default", scheduleId: s.name, requestId: randomUUID() };
  return s.call("PatchSchedule", { ...named, patch: given });
}

export function remove(s: Play): Promise<unknown> {
  return s.call("DeleteSchedule", { namespace: "default", scheduleId: s.name });
}

/** Until the schedule is as the story wants it: the reference server does some things behind the answer. */
export async function shown(s: Play, isSo: (described: ResponseOf<"DescribeSchedule">) => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (isSo(await s.unrecorded("DescribeSchedule", { namespace: "default", scheduleId: s.name }))) return;
    await delay(50);
  }
  throw new Error("the schedule did not become what the story wants");
}
