/** Schedules as their users see them: made, shown, changed, triggered, removed. */
import { Rejection, scheduleKey } from "@pawl/engine";
import { timestampMs, toTimestamp } from "@pawl/protocol";
import { invalid } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { attributesToSet } from "../visibility/search-attribute.ts";
import { createProblem, patchProblem, rangeProblem, scheduleIdProblem, updateProblem } from "./schedule-rules.ts";

export function scheduleHandlers(parts: Parts) {
  const { namespaces, ring, random, searchAttributes: custom } = parts;
  const keyOf = ({ namespace: name, scheduleId }: { namespace: string; scheduleId: string }) => {
    const namespace = namespaces.byName(name);
    if (namespace instanceof Rejection) return namespace;
    return scheduleIdProblem(scheduleId) ?? scheduleKey(namespace.id, scheduleId);
  };
  return {
    CreateSchedule: async (given) => {
      const namespace = namespaces.forStart(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = createProblem(given);
      if (problem) return problem;
      const searchAttributes = attributesToSet(given.searchAttributes, namespace, custom);
      if (searchAttributes instanceof Rejection) return searchAttributes;
      const schedule = withTypedAction(parts, namespace, given.schedule!);
      if (schedule instanceof Rejection) return schedule;
      const request = { ...given, schedule, searchAttributes, requestId: given.requestId || random.uuid() };
      return ring.submit(scheduleKey(namespace.id, given.scheduleId), { type: "createSchedule", request });
    },

    DescribeSchedule: async (request) => {
      const key = keyOf(request);
      return key instanceof Rejection ? key : ring.submit(key, { type: "describeSchedule" });
    },

    UpdateSchedule: async (given) => {
      const namespace = namespaces.byName(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = updateProblem(given);
      if (problem) return problem;
      const searchAttributes = given.searchAttributes && attributesToSet(given.searchAttributes, namespace, custom);
      if (searchAttributes instanceof Rejection) return searchAttributes;
      const schedule = withTypedAction(parts, namespace, given.schedule!);
      if (schedule instanceof Rejection) return schedule;
      // Those that are given replace the old ones, even if there are none of them.
      const replaced = given.searchAttributes && (searchAttributes ?? { indexedFields: {} });
      const request = { ...given, schedule, searchAttributes: replaced };
      return ring.submit(scheduleKey(namespace.id, given.scheduleId), { type: "updateSchedule", request });
    },

    PatchSchedule: async (request) => {
      const key = keyOf(request);
      if (key instanceof Rejection) return key;
      const { patch, identity, requestId } = request;
      const problem = patch ? patchProblem(patch) : invalid("Patch is not set.");
      return problem ?? ring.submit(key, { type: "patchSchedule", patch: patch!, identity, requestId });
    },

    DeleteSchedule: async (request) => {
      const key = keyOf(request);
      return key instanceof Rejection ? key : ring.submit(key, { type: "deleteSchedule" });
    },

    ListScheduleMatchingTimes: async (request) => {
      const key = keyOf(request);
      if (key instanceof Rejection) return key;
      const { startTime, endTime } = request;
      const problem = rangeProblem(startTime, endTime);
      if (problem) return problem;
      const range = { fromMs: timestampMs(startTime!), untilMs: timestampMs(endTime!) };
      const listed = await ring.submit(key, { type: "listMatchingTimes", ...range });
      return listed instanceof Rejection ? listed : { startTime: listed.times.map(toTimestamp) };
    },
  } satisfies Handlers;
}

type Namespace = Exclude<ReturnType<Parts["namespaces"]["byName"]>, Rejection>;
type Schedule = NonNullable<Parameters<typeof createProblem>[0]["schedule"]>;

/** The search attributes of the workflows to be started are checked now, not when they fail. */
function withTypedAction(
  { searchAttributes: custom }: Pick<Parts, "searchAttributes">,
  namespace: Namespace,
  schedule: Schedule,
): Schedule | Rejection {
  const startWorkflow = schedule.action!.startWorkflow!;
  const searchAttributes = attributesToSet(startWorkflow.searchAttributes, namespace, custom);
  if (searchAttributes instanceof Rejection) return searchAttributes;
  return { ...schedule, action: { startWorkflow: { ...startWorkflow, searchAttributes } } };
}
