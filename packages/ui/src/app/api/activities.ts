/** Standalone activities, and pending ones across executions, as the API shows them. */
import { type Startable, withEncoded } from "../codec/encode.ts";
import { attributesOf, type HistoryEvent, typeOf } from "../history/event.ts";
import { ask } from "./ask.ts";
import type { Failure } from "./failure.ts";
import { identity, type PendingActivity, type RunAddress } from "./workflows.ts";

export interface ListedActivity {
  readonly activityId: string;
  readonly runId: string;
  readonly activityType?: { readonly name: string };
  readonly status: string;
  readonly taskQueue?: string;
  readonly scheduleTime?: string;
  readonly closeTime?: string;
}

export interface ActivityInfo extends ListedActivity {
  readonly runState?: string;
  readonly attempt?: number;
  readonly heartbeatDetails?: readonly unknown[];
  readonly lastHeartbeatTime?: string;
  readonly lastStartedTime?: string;
  readonly nextAttemptScheduleTime?: string;
  readonly expirationTime?: string;
  readonly lastFailure?: Failure;
  readonly lastWorkerIdentity?: string;
  readonly canceledReason?: string;
  readonly scheduleToCloseTimeout?: string;
  readonly startToCloseTimeout?: string;
  readonly heartbeatTimeout?: string;
  readonly retryPolicy?: { readonly maximumAttempts?: number; readonly initialInterval?: string };
  readonly searchAttributes?: { readonly indexedFields?: Readonly<Record<string, unknown>> };
}

export interface ActivityDescription {
  readonly runId: string;
  readonly info: ActivityInfo;
  readonly input?: readonly unknown[];
  readonly outcome?: { readonly result?: readonly unknown[]; readonly failure?: Failure };
}

/** One run of a standalone activity; the latest of its id when `runId` is empty. */
export interface ActivityAddress {
  readonly namespace: string;
  readonly activityId: string;
  readonly runId: string;
}

export function listActivities(
  namespace: string,
  { query, after }: { readonly query: string; readonly after: string | undefined },
  signal: AbortSignal,
) {
  const asked = { query, pageSize: "50", nextPageToken: after };
  return ask<{ executions?: readonly ListedActivity[]; nextPageToken?: string }>(
    ["namespaces", namespace, "activities"],
    { query: asked, signal },
  );
}

export function describeActivity({ namespace, activityId, runId }: ActivityAddress, signal: AbortSignal) {
  const all = {
    ...{ includeInput: "true", includeOutcome: "true", includeHeartbeatDetails: "true", includeLastFailure: "true" },
  };
  return ask<ActivityDescription>(["namespaces", namespace, "activities", activityId], {
    query: { runId, ...all },
    signal,
  });
}

/** `body`: all but the ids; see StartActivityExecution. */
export async function startActivity(namespace: string, activityId: string, body: Startable) {
  const path = ["namespaces", namespace, "activities", activityId];
  return ask<{ runId: string }>(path, { body: await withEncoded(namespace, body) });
}

export function endActivity(
  { namespace, activityId, runId }: ActivityAddress,
  verb: "cancel" | "terminate",
  reason: string,
) {
  const body = { runId, identity, reason, requestId: crypto.randomUUID() };
  return ask(["namespaces", namespace, "activities", activityId, verb], { body });
}

export function deleteActivity({ namespace, activityId, runId }: ActivityAddress) {
  return ask(["namespaces", namespace, "activities", activityId, "delete"], { body: { runId } });
}

export const pendingStates = ["any", "started", "retrying", "paused"] as const;
export type PendingState = (typeof pendingStates)[number];

export interface FoundActivity {
  /** "" for a standalone one. */
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly activity: PendingActivity;
}

export interface PendingQuestion {
  readonly kind: "workflow" | "activity";
  readonly state: PendingState;
  readonly activityType: string;
  /** Such as "60s"; "" for all. */
  readonly startedFor: string;
  /** A filter of the kind's list. */
  readonly query: string;
}

export interface PendingFound {
  readonly activities: readonly FoundActivity[];
  readonly examinedCount: number;
  /** Where to look further; absent when all have been looked at. */
  readonly nextPageToken?: string;
}

/** A page reads a bounded number of executions, so some are asked for until there is a screenful. */
const pagesMax = 10;
const enough = 50;

export async function findPending(
  namespace: string,
  question: PendingQuestion,
  after: string | undefined,
  signal: AbortSignal,
): Promise<PendingFound> {
  const activities: FoundActivity[] = [];
  let examinedCount = 0;
  let token = after;
  for (let page = 0; page < pagesMax && activities.length < enough; page++) {
    const query = { ...question, nextPageToken: token, pageSize: String(enough) };
    const found = await ask<PendingFound>(["namespaces", namespace, "pending-activities"], { query, signal });
    activities.push(...found.activities);
    examinedCount += found.examinedCount;
    token = found.nextPageToken;
    if (token === undefined) break;
  }
  return { activities, examinedCount, ...(token !== undefined && { nextPageToken: token }) };
}

export interface ScheduledActivity {
  readonly input?: readonly unknown[];
  /** One line for people. */
  readonly summary?: unknown;
}

const historyPagesMax = 20;

/** What a workflow's activity was given: the latest event that scheduled one of this id. */
export async function scheduledActivity(
  { namespace, workflowId, runId }: RunAddress,
  activityId: string,
  signal: AbortSignal,
): Promise<ScheduledActivity | undefined> {
  let token: string | undefined;
  for (let page = 0; page < historyPagesMax; page++) {
    const query = { "execution.runId": runId, nextPageToken: token };
    const path = ["namespaces", namespace, "workflows", workflowId, "history-reverse"];
    const read = await ask<{ history?: { events?: readonly HistoryEvent[] }; nextPageToken?: string }>(path, {
      ...{ query, signal },
    });
    const event = read.history?.events?.find(
      (each) => typeOf(each) === "ACTIVITY_TASK_SCHEDULED" && attributesOf(each)["activityId"] === activityId,
    );
    if (event) {
      const input = attributesOf(event)["input"] as readonly unknown[] | undefined;
      const summary = event.userMetadata?.summary;
      return { ...(input && { input }), ...(summary !== undefined && { summary }) };
    }
    token = read.nextPageToken;
    if (token === undefined || token === "") return undefined;
  }
  return undefined;
}
