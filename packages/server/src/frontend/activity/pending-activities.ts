/**
 * Pending activities across executions, in pages. There is no index of them, because every start and end of an activity would have to pay for it. A page is
 * made from a bounded number of open executions, so it may be empty although a later page is not.
 */
import { Rejection, type StoredActivity, storedActivities } from "@pawl/engine";
import type { StoredRun, VisibilityFilter, VisibilityPosition, VisibilityRow } from "@pawl/store";
import { limits } from "../../limits.ts";
import { invalid } from "../field-rules.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { activityResolver } from "../standalone/activity-execution-list.ts";
import { withUnservedQueues } from "../visibility/unserved-queue.ts";
import { readQuery, workflowResolver } from "../visibility/visibility.ts";

export const pendingStates = ["any", "started", "retrying", "paused"] as const;
export type PendingState = (typeof pendingStates)[number];

export const pendingKinds = ["workflow", "activity"] as const;
export type PendingKind = (typeof pendingKinds)[number];

export interface PendingQuestion {
  readonly namespace: string;
  /** Activities of workflows, or standalone ones. */
  readonly kind: PendingKind;
  /** `started`: a worker has it, or has left its end to somebody else: nobody tells the server which. */
  readonly state: PendingState;
  /** "" for every type. */
  readonly activityType: string;
  /** Only those that were begun at least so long ago. */
  readonly startedForMs: number;
  /** A filter of the kind's list, "" for all. */
  readonly query: string;
  /** Up to `pendingPageMax`, 0 for the default. */
  readonly pageSize: number;
  readonly pageToken: Uint8Array;
}

export interface FoundActivity extends StoredActivity {
  /** The workflow's id, or the activity's own. */
  readonly businessId: string;
  readonly runId: string;
}

export interface PendingPage {
  /** Those of the executions that were started last come first. */
  readonly activities: readonly FoundActivity[];
  /** How many executions were read for them. */
  readonly examinedCount: number;
  /** Empty when all have been read. */
  readonly nextPageToken: Uint8Array;
}

type PendingParts = Pick<Parts, "store" | "namespaces" | "searchAttributes" | "matching" | "tokens" | "clock">;

/** Behind the last execution that was read whole, and within the next one behind this activity. */
interface Place {
  readonly after: VisibilityPosition | undefined;
  readonly afterEventId: number;
}

export async function pendingActivities(
  parts: PendingParts,
  question: PendingQuestion,
): Promise<PendingPage | Rejection> {
  const { store, namespaces, tokens } = parts;
  const { kind, pageSize } = question;
  const namespace = namespaces.byName(question.namespace);
  if (namespace instanceof Rejection) return namespace;
  if (pageSize < 0 || pageSize > limits.pendingPageMax)
    return invalid(`pageSize must be from 0 to ${limits.pendingPageMax}`);
  const filter = await filterOf(parts, namespace, question);
  if (filter instanceof Rejection) return filter;
  const of = `pending ${kind} activities`;
  const values = tokens.openPage(of, namespace.id, question.pageToken);
  if (values instanceof Rejection) return values;
  const place = placeOf(values as PlaceValues | undefined);
  const limit = limits.pendingScanMax;
  const rows = await store.listVisibility({
    ...{ kind, namespaceId: namespace.id, filter, limit },
    ...(place.after && { after: place.after }),
  });
  const runs = await store.loadRuns(rows.map(({ runId }) => runId));
  const sizeMax = pageSize || limits.pendingPageDefault;
  const gathered = gather(rows, runs, { question, place, sizeMax, nowMs: parts.clock.nowMs() });
  const isDone = gathered.next === undefined && rows.length < limit;
  const next = gathered.next ?? { after: rows.at(-1), afterEventId: 0 };
  return {
    activities: gathered.activities,
    examinedCount: gathered.examinedCount,
    nextPageToken: isDone ? new Uint8Array(0) : tokens.sealPage(of, namespace.id, valuesOf(next)),
  };
}

async function filterOf(
  { searchAttributes, matching }: PendingParts,
  namespace: Namespace,
  { kind, state, query }: PendingQuestion,
): Promise<VisibilityFilter | Rejection> {
  const resolve = (kind === "workflow" ? workflowResolver : activityResolver)(namespace, searchAttributes);
  const read = readQuery(query, resolve);
  if (read instanceof Rejection) return read;
  if (read.groupBy !== undefined) return invalid("invalid query: operation is not supported: 'GROUP BY' clause");
  const open: VisibilityFilter = { op: "isNull", name: "CloseTime" };
  // Workflows that have such activities can be found; of standalone ones the list does not know it.
  const retrying: VisibilityFilter = { op: "isNotNull", name: "PawlRetryingActivities" };
  const filter = kind === "workflow" ? await withUnservedQueues(matching, namespace.id, read.filter) : read.filter;
  return { op: "and", all: [filter, open, ...(state === "retrying" && kind === "workflow" ? [retrying] : [])] };
}

interface Gathering {
  readonly question: PendingQuestion;
  readonly place: Place;
  readonly sizeMax: number;
  readonly nowMs: number;
}

/** `next` is set when the page is full before the rows are over. */
function gather(
  rows: readonly VisibilityRow[],
  runs: readonly (StoredRun | null)[],
  { question, place, sizeMax, nowMs }: Gathering,
): { activities: FoundActivity[]; examinedCount: number; next: Place | undefined } {
  const activities: FoundActivity[] = [];
  let { after, afterEventId } = place;
  for (const [at, row] of rows.entries()) {
    const run = runs[at];
    // Deleted between the two reads.
    const pending = run ? storedActivities({ ...run, kind: question.kind }) : [];
    for (const activity of pending) {
      if (activity.scheduledEventId <= afterEventId && afterEventId > 0) continue;
      if (!isAsked(activity, question, nowMs)) continue;
      if (activities.length === sizeMax) return { activities, examinedCount: at + 1, next: { after, afterEventId } };
      activities.push({ ...activity, businessId: run!.businessId, runId: row.runId });
      afterEventId = activity.scheduledEventId;
    }
    after = row;
    afterEventId = 0;
  }
  return { activities, examinedCount: rows.length, next: undefined };
}

function isAsked(activity: StoredActivity, question: PendingQuestion, nowMs: number): boolean {
  const { activityType, startedForMs } = question;
  const { info, startedAtMs } = activity;
  if (activityType !== "" && info.activityType?.name !== activityType) return false;
  if (startedForMs > 0 && (startedAtMs === null || nowMs - startedAtMs < startedForMs)) return false;
  return isInState(activity, question.state);
}

function isInState({ info, startedAtMs }: StoredActivity, asked: PendingState): boolean {
  switch (asked) {
    case "any":
      return true;
    case "started":
      return startedAtMs !== null;
    case "retrying":
      return (info.attempt ?? 1) > 1;
    case "paused":
      return info.paused === true;
    default:
      return asked satisfies never;
  }
}

/** Close times are absent: all of them are open. */
type PlaceValues = [isBehindOne: number, startTimeMs: number, runId: string, afterEventId: number];

function placeOf(values: PlaceValues | undefined): Place {
  if (!values) return { after: undefined, afterEventId: 0 };
  const [isBehindOne, startTimeMs, runId, afterEventId] = values;
  return { after: isBehindOne ? { closeTimeMs: null, startTimeMs, runId } : undefined, afterEventId };
}

function valuesOf({ after, afterEventId }: Place): PlaceValues {
  return [after ? 1 : 0, after?.startTimeMs ?? 0, after?.runId ?? "", afterEventId];
}
