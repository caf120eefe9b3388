/** Why a run is where it is, in one sentence: what it waits for, and what is in the way. */
import { type Failure, failureText } from "../api/failure.ts";
import type { Description, PendingActivity, PendingTask } from "../api/workflows.ts";
import type { Group } from "../history/groups.ts";
import { spanText } from "../history/timeline.ts";
import { stackPlace } from "./stack-place.ts";

export interface Reason {
  /** `stuck`: somebody has to do something before it goes on. */
  readonly mood: "fine" | "waiting" | "stuck";
  readonly text: string;
}

export interface Situation {
  readonly description: Description;
  /** Of the history, as far as it has been read. */
  readonly groups: readonly Group[];
  /** How many workers ask the run's task queue for work; `undefined` while that is not known. */
  readonly pollerCount: number | undefined;
  readonly nowMs: number;
}

/** From the best to the worst. */
const moods = ["fine", "waiting", "stuck"] as const satisfies readonly Reason["mood"][];

/** A worker that has not taken a task for this long is missed. */
const patienceMs = 2_000;

/** `undefined` for a run that has closed: its status says it all. */
export function whyRunning(situation: Situation): Reason | undefined {
  const { description } = situation;
  if (!/_(RUNNING|PAUSED)$/.test(description.workflowExecutionInfo.status)) return undefined;
  if (description.workflowExecutionInfo.status.endsWith("_PAUSED"))
    return { mood: "stuck", text: "It is paused and goes on when it is unpaused." };
  const task = description.pendingWorkflowTask;
  const ofTask = task && whyTask(task, situation);
  if (ofTask) return ofTask;
  const reasons = [...activityReasons(situation), ...waitReasons(situation)];
  const [worst] = reasons.toSorted((a, b) => moods.indexOf(b.mood) - moods.indexOf(a.mood));
  if (!worst) return { mood: "fine", text: "It waits for a signal, an update, or a condition in its own code." };
  const others = reasons.length - 1;
  return others === 0
    ? worst
    : { ...worst, text: `${worst.text} ${others} more ${others === 1 ? "thing is" : "things are"} pending.` };
}

function whyTask(task: PendingTask, { description, groups, pollerCount, nowMs }: Situation): Reason | undefined {
  const queue = description.workflowExecutionInfo.taskQueue ?? description.executionConfig?.taskQueue?.name ?? "";
  const attempt = task.attempt ?? 1;
  if (attempt > 1) {
    const failure = lastTaskFailure(groups);
    const how = failure
      ? `“${failureText(failure)}”${placeOf(failure)}.`
      : "the workflow's code throws, or is not the code that wrote this history. The last WorkflowTaskFailed event says how.";
    const times = `${attempt - 1} ${attempt === 2 ? "time" : "times"}`;
    const missing = pollerCount === 0 ? ` No worker asks the task queue “${queue}” for work now.` : "";
    return { mood: "stuck", text: `Its workflow task has failed ${times} and is tried again: ${how}${missing}` };
  }
  const since = Date.parse(task.originalScheduledTime ?? task.scheduledTime ?? "");
  if (task.state.endsWith("_STARTED") || !(nowMs - since > patienceMs)) return undefined;
  const waited = spanText(nowMs - since);
  if (pollerCount === 0)
    return {
      mood: "stuck",
      text: `No worker asks the task queue “${queue}” for work. It has waited for one for ${waited}.`,
    };
  return {
    mood: "waiting",
    text: `It has waited ${waited} for a worker of “${queue}” to take its workflow task; all may be busy.`,
  };
}

/** The place in the code that threw, where its worker knew it. */
function placeOf(failure: Failure): string {
  const place = stackPlace(failure);
  return place === "" ? "" : `, ${place}`;
}

/** What the workflow task that came to its end last has failed of, if it has. */
function lastTaskFailure(groups: readonly Group[]): Failure | undefined {
  const last = groups.filter(({ kind, status }) => kind === "task" && status !== "open").at(-1);
  const failed = last?.events.at(-1)?.["workflowTaskFailedEventAttributes"] as { failure?: Failure } | undefined;
  return failed?.failure;
}

function activityReasons({ description, nowMs }: Situation): Reason[] {
  return (description.pendingActivities ?? []).map((activity) => activityReason(activity, nowMs));
}

function activityReason(activity: PendingActivity, nowMs: number): Reason {
  const name = activity.activityType.name;
  const attempt = activity.attempt ?? 1;
  const failed = activity.lastFailure === undefined ? "" : ` after “${failureText(activity.lastFailure)}”`;
  if (activity.paused || /_PAUSED?$/.test(activity.state))
    return { mood: "stuck", text: `Activity ${name} is paused at attempt ${attempt}.` };
  if (activity.state.endsWith("CANCEL_REQUESTED"))
    return { mood: "waiting", text: `Activity ${name} was asked to stop, and has not answered yet.` };
  if (activity.state.endsWith("_STARTED")) {
    const text = `Activity ${name} runs on ${activity.lastWorkerIdentity || "a worker"}${attempt > 1 ? `, attempt ${attempt}${failed}` : ""}.`;
    return { mood: attempt > 1 ? "waiting" : "fine", text };
  }
  const untilMs = Date.parse(activity.nextAttemptScheduleTime ?? "") - nowMs;
  if (untilMs > 0)
    return {
      mood: attempt > 2 ? "stuck" : "waiting",
      text: `Activity ${name} is tried again in ${spanText(wholeSeconds(untilMs))}, attempt ${attempt}${failed}.`,
    };
  return {
    mood: attempt > 1 ? "stuck" : "waiting",
    text: `Activity ${name} waits for a worker${attempt > 1 ? `, attempt ${attempt}${failed}` : ""}.`,
  };
}

function waitReasons({ description, groups, nowMs }: Situation): Reason[] {
  const children = (description.pendingChildren ?? []).map(
    ({ workflowTypeName, workflowId }): Reason => ({
      mood: "fine",
      text: `It waits for its child ${workflowTypeName} (${workflowId}).`,
    }),
  );
  const operations = (description.pendingNexusOperations ?? []).map(
    ({ endpoint, operation, attempt = 1 }): Reason => ({
      mood: attempt > 1 ? "waiting" : "fine",
      text: `It waits for the Nexus operation ${operation} of ${endpoint}${attempt > 1 ? `, attempt ${attempt}` : ""}.`,
    }),
  );
  const timers = groups
    .filter(({ kind, status }) => kind === "timer" && status === "open")
    .map((timer) => ({ timer, endMs: timerEndMs(timer) }));
  const next = timers
    .sort((a, b) => a.endMs - b.endMs)
    .map(({ endMs }): Reason => {
      return {
        mood: "fine",
        text:
          endMs > nowMs
            ? `It sleeps until ${new Date(endMs).toLocaleString()}, for another ${spanText(wholeSeconds(endMs - nowMs))}.`
            : "Its timer is due.",
      };
    });
  return [...children, ...operations, ...next];
}

function timerEndMs({ events, startMs }: Group): number {
  const { startToFireTimeout } = (events[0]?.["timerStartedEventAttributes"] ?? {}) as { startToFireTimeout?: string };
  return startMs + durationMs(startToFireTimeout ?? "0s");
}

/** Of a duration such as `1.5s`. */
function durationMs(text: string): number {
  return Number.parseFloat(text) * 1_000 || 0;
}

function wholeSeconds(ms: number): number {
  return Math.max(1, Math.round(ms / 1_000)) * 1_000;
}
