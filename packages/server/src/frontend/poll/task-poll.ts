/**
 * A worker's poll for a task, from the queue to the answer.
 *
 *   P1. A task that was taken out of its queue is answered, or goes back: none is swallowed by a caller that has gone.
 *   P2. A stale task is skipped within the same poll.
 *   P3. While it is unknown whether a task was started, the same poll asks again under the same request id, so that it gets the task if it was.
 */
import { activityKey, type Poller, Rejection, workflowKey } from "@pawl/engine";
import { shardLimits } from "../../limits.ts";
import type { Match, PollRequest } from "../../matching/match.ts";
import type { Started } from "../../shard/dispatcher.ts";
import { Unavailable } from "../../shard/unavailable.ts";
import type { Call } from "../handler.ts";
import { isGone, pause, taskPollUntilMs } from "../long-poll.ts";
import type { Parts } from "../parts.ts";
import type { PollWatch } from "./poll-watch.ts";

export type StartedMatch = Extract<Match<Started>, { type: "started" }>;
export type QueryMatch = Extract<Match<Started>, { type: "query" }>;
/** What the worker is told about its number of pollers. */
export function scalingOf({ pollerDelta }: Match<Started>) {
  return pollerDelta && { pollerScalingDecision: { pollRequestDeltaSuggestion: pollerDelta } };
}

type TaskMatch = Extract<Match<Started>, { type: "task" }>;

export type TaskPoll = Omit<PollRequest, "signal" | "untilMs">;

export interface PollParts extends Pick<Parts, "ring" | "matching" | "clock"> {
  readonly watch: PollWatch;
}

/** `answer` makes the response; undefined = what was matched is no longer wanted. Gives undefined when the time is up. */
export async function pollForTask<Response>(
  parts: PollParts,
  call: Call,
  poll: TaskPoll,
  answer: (match: StartedMatch | QueryMatch) => Promise<Response | undefined>,
): Promise<Response | undefined | Rejection> {
  const { matching, clock, watch } = parts;
  const untilMs = taskPollUntilMs(call, clock.nowMs());
  if (untilMs instanceof Rejection) return untilMs;
  const begunAt = watch.begun();
  for (;;) {
    const match = await matching.poll({ ...poll, untilMs, signal: call.signal });
    if (match === null) {
      watch.ended();
      return undefined;
    }
    const started = match.type === "task" ? await start(parts, { call, poller: poll.poller, untilMs }, match) : match;
    if (started === "unknown") return undefined;
    if (started === "stale") continue;
    const response = await answerOrReturn(parts, call, started, answer);
    if (response !== undefined) {
      watch.succeeded(match, started, { begunAt, nowMs: clock.nowMs() });
      return response;
    }
    if (isGone(call)) return undefined;
  }
}

async function answerOrReturn<Response>(
  parts: Pick<Parts, "matching" | "ring">,
  call: Call,
  match: StartedMatch | QueryMatch,
  answer: (match: StartedMatch | QueryMatch) => Promise<Response | undefined>,
): Promise<Response | undefined> {
  let response: Response | undefined;
  try {
    response = await answer(match);
  } catch (error) {
    giveBack(parts, match);
    throw error;
  }
  if (response === undefined || !isGone(call)) return response;
  giveBack(parts, match);
  return undefined;
}

/** P1. What was handed out before its commit is anybody else's only after it. */
function giveBack({ matching, ring }: Pick<Parts, "matching" | "ring">, match: StartedMatch | QueryMatch): void {
  if (match.type === "query" || !match.isEarly || match.started.kind !== "workflow") return matching.giveBack(match);
  const { namespaceId, workflowId, task } = match.started.task;
  const confirmed = ring.submit(workflowKey(namespaceId, workflowId), { type: "confirmWorkflowTask", task });
  confirmed.then(
    (reply) => reply instanceof Rejection || matching.giveBack({ ...match, isEarly: false }),
    // Its shard dispatches what it has, or lets the task time out.
    () => undefined,
  );
}

async function start(
  { ring, matching, clock }: Pick<Parts, "ring" | "matching" | "clock">,
  { call, poller, untilMs }: { call: Call; poller: Poller; untilMs: number },
  match: TaskMatch,
): Promise<StartedMatch | "stale" | "unknown"> {
  while (!isGone(call)) {
    try {
      const started = await submitStart(ring, poller, match);
      if (started === "stale") return "stale";
      return { ...match, type: "started", started, version: poller.deploymentVersion ?? null };
    } catch (error) {
      if (!(error instanceof Unavailable)) {
        matching.giveBack(match); // P1
        throw error;
      }
    }
    if (call.signal.aborted || clock.nowMs() + shardLimits.retryMs > untilMs) break;
    await pause(clock, shardLimits.retryMs, call.signal); // P3
  }
  matching.giveBack(match); // P1
  return "unknown";
}

async function submitStart(
  ring: Parts["ring"],
  poller: Poller,
  { task, sticky }: TaskMatch,
): Promise<Started | "stale"> {
  const { namespaceId, workflowId, activityId, runId, stamp, scheduledEventId } = task;
  if (task.kind === "workflow") {
    const reply = await ring.submit(workflowKey(namespaceId, workflowId), {
      type: "startWorkflowTask",
      runId,
      stamp,
      poller,
      sticky,
    });
    return reply instanceof Rejection ? "stale" : { kind: "workflow", task: reply };
  }
  const key = activityId === undefined ? workflowKey(namespaceId, workflowId) : activityKey(namespaceId, activityId);
  const reply = await ring.submit(key, { type: "startActivityTask", runId, scheduledEventId, stamp, poller });
  // Without a task the run moves to this worker's version first; the activity is dispatched again when it has got there.
  return reply instanceof Rejection || reply === undefined ? "stale" : { kind: "activity", task: reply };
}
