/** A schedule as the command line makes or changes it. */
import { jsonValue } from "../api/payload.ts";
import { type Flag, pawlCommand } from "../parts/command-line.ts";
import { calendarFields, type Json, type ScheduleDraft, spanWord, whensOf } from "./draft.ts";

export interface Asked {
  readonly namespace: string;
  readonly scheduleId: string;
  readonly verb: "create" | "update";
}

/** Undefined for one that says more than the command line has words for. */
export function scheduleCommand({ namespace, scheduleId, verb }: Asked, draft: ScheduleDraft): string | undefined {
  if (!isSayable(draft)) return undefined;
  const { spec = {}, policies = {}, state = {} } = draft;
  const start = draft.action?.startWorkflow ?? {};
  const whens = whensOf(draft);
  const flags: Record<string, Flag> = {
    ...{ namespace, "schedule-id": scheduleId, type: start.workflowType?.name ?? "" },
    ...{ "task-queue": start.taskQueue?.name ?? "", "workflow-id": start.workflowId ?? "" },
    input: (start.input ?? []).map((value) => JSON.stringify(jsonValue(value))),
    interval: whens.flatMap((when) =>
      when.type === "interval" ? [when.offset === "" ? when.every : `${when.every}/${when.offset}`] : [],
    ),
    calendar: whens.flatMap((when) => (when.type === "calendar" ? [JSON.stringify(when.calendar)] : [])),
    cron: whens.flatMap((when) => (when.type === "cron" ? [when.text] : [])),
    ...{ jitter: spanWord(spec.jitter ?? ""), "time-zone": spec.timezoneName ?? "" },
    ...{ "start-time": spec.startTime ?? "", "end-time": spec.endTime ?? "" },
    "catchup-window": spanWord(policies.catchupWindow ?? ""),
    "overlap-policy": policyWord(policies.overlapPolicy ?? ""),
    ...{ "pause-on-failure": policies.pauseOnFailure ?? false, notes: state.notes ?? "" },
    paused: verb === "create" && (state.paused ?? false),
  };
  return pawlCommand(["schedule", verb], flags);
}

/** `SCHEDULE_OVERLAP_POLICY_BUFFER_ONE` as `BufferOne`; nothing for the default. */
function policyWord(policy: string): string {
  const words = policy.replace("SCHEDULE_OVERLAP_POLICY_", "").split("_");
  const word = words.map((each) => each.slice(0, 1) + each.slice(1).toLowerCase()).join("");
  return word === "Unspecified" || word === "Skip" ? "" : word;
}

const sayable = {
  spec: ["interval", "calendar", "cronString", "jitter", "timezoneName", "startTime", "endTime"],
  start: ["workflowId", "workflowType", "taskQueue", "input"],
  policies: ["overlapPolicy", "catchupWindow", "pauseOnFailure"],
  state: ["notes", "paused"],
} as const;

function isSayable({ spec = {}, action, policies = {}, state = {} }: ScheduleDraft): boolean {
  return (
    isWithin(spec, sayable.spec) &&
    isWithin(action?.startWorkflow ?? {}, sayable.start) &&
    isWithin(policies, sayable.policies) &&
    isWithin(state, sayable.state) &&
    (spec.calendar ?? []).every((calendar) => isWithin(calendar, [...calendarFields, "comment"]))
  );
}

/** Whether nothing else is in it; what says nothing does not count. */
function isWithin(object: Json, names: readonly string[]): boolean {
  return Object.entries(object).every(([name, value]) => names.includes(name) || isNothing(value));
}

function isNothing(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(isNothing);
  return value === undefined || value === null || value === "" || value === false || value === 0 || value === "0s";
}
