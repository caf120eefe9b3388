/**
 * Links to complete an activity: for a person or a program that has no SDK and should be able to do nothing else. Whoever has the link may answer for one
 * attempt of one activity until the link expires. It is good for one answer, because an attempt that was answered is no longer there.
 */
import { type ActivitySelector, Rejection } from "@pawl/engine";
import { limits } from "../../limits.ts";
import { invalid } from "../field-rules.ts";
import type { Parts } from "../parts.ts";
import { activityIdProblem, ownerKey } from "./activity.ts";

/** An activity by its ids (its current attempt; "" for the workflow id where there is none), or the attempt that a task token is for. */
export type LinkTarget =
  | { readonly taskToken: Uint8Array }
  | { readonly namespace: string; readonly workflowId: string; readonly runId: string; readonly activityId: string };

/** What a link is for. */
export interface LinkedActivity {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly activityId: string;
  readonly activityType: string;
  readonly attempt: number;
  /** Tells apart two attempts of one number. */
  readonly stamp?: number | undefined;
  readonly startedAtMs: number;
}

export interface ActivityLink {
  readonly activity: LinkedActivity;
  readonly expiresAtMs: number;
}

type LinkParts = Pick<Parts, "ring" | "namespaces" | "tokens" | "clock">;

/** `token`: what the link ends with, for URLs as it is. */
export async function makeActivityLink(
  parts: LinkParts,
  target: LinkTarget,
  expiresInMs: number = limits.activityLinkMsDefault,
): Promise<(ActivityLink & { readonly token: string }) | Rejection> {
  const { activityLinkMsMin, activityLinkMsMax } = limits;
  if (!(expiresInMs >= activityLinkMsMin && expiresInMs <= activityLinkMsMax))
    return invalid(`expiresIn must be from ${activityLinkMsMin / 1_000} to ${activityLinkMsMax / 1_000} seconds`);
  const found = settled(parts, target);
  if (found instanceof Rejection) return found;
  const activity = await locate(parts, found, found.selector);
  if (activity instanceof Rejection) return activity;
  const expiresAtMs = parts.clock.nowMs() + Math.floor(expiresInMs);
  const { workflowId, runId, activityId, attempt, scheduledEventId, stamp } = activity;
  const ids = { namespaceId: found.namespaceId, workflowId, runId, scheduledEventId, attempt, stamp, activityId };
  const bytes = parts.tokens.seal({ kind: "activityLink", ...ids, expiresAtMs });
  return { activity, expiresAtMs, token: Buffer.from(bytes).toString("base64url") };
}

export type OpenedLink =
  /** `taskToken` is the attempt's: an answer to it is the answer to the activity. */
  | ({ readonly type: "open"; readonly taskToken: Uint8Array } & ActivityLink)
  | { readonly type: "unknown" | "expired" | "over"; readonly message: string };

/** Throws what reading the workflow throws. */
export async function openActivityLink(parts: LinkParts, text: string): Promise<OpenedLink> {
  const link = /^[A-Za-z0-9_-]+$/.test(text)
    ? parts.tokens.openActivityLink(Buffer.from(text, "base64url"))
    : undefined;
  if (!link) return { type: "unknown", message: "there is no such link: it was changed, or another server made it" };
  const { kind: _, expiresAtMs, ...ids } = link;
  if (parts.clock.nowMs() >= expiresAtMs)
    return { type: "expired", message: `this link expired at ${new Date(expiresAtMs).toISOString()}` };
  const { runId, scheduledEventId, attempt, stamp } = ids;
  const activity = await locate(parts, ids, { by: "token", runId, scheduledEventId, attempt, stamp });
  if (activity instanceof Rejection) return { type: "over", message: overMessage };
  return { type: "open", activity, expiresAtMs, taskToken: parts.tokens.seal({ kind: "activity", ...ids }) };
}

export const overMessage =
  "this link has been used, or what it was for is over: the activity no longer waits for this answer";

function settled({ tokens, namespaces }: LinkParts, target: LinkTarget) {
  if (!("taskToken" in target)) {
    const namespace = namespaces.byName(target.namespace);
    if (namespace instanceof Rejection) return namespace;
    const problem = activityIdProblem({ ...target, identity: "" });
    const { workflowId, runId, activityId } = target;
    const selector = { by: "id", runId, activityId } as const;
    return problem ?? { namespaceId: namespace.id, workflowId, activityId, selector };
  }
  const token = tokens.open("activity", target.taskToken);
  if (token instanceof Rejection) return token;
  const { namespaceId, workflowId, activityId, runId, scheduledEventId, attempt, stamp } = token;
  const selector = { by: "token", runId, scheduledEventId, attempt, stamp } as const;
  return { namespaceId, workflowId, activityId, selector };
}

async function locate(
  { ring, namespaces }: LinkParts,
  ids: { readonly namespaceId: string; readonly workflowId: string; readonly activityId: string },
  selector: ActivitySelector,
) {
  const { namespaceId, workflowId } = ids;
  const namespace = namespaces.byId(namespaceId);
  if (namespace instanceof Rejection) return namespace;
  const found = await ring.submit(ownerKey(namespaceId, ids), { type: "locateActivity", activity: selector });
  if (found instanceof Rejection) return found;
  const { activity: attempt, startedAtMs, info: _, ...what } = found;
  if (startedAtMs === undefined)
    return new Rejection(
      "FAILED_PRECONDITION",
      `activity ${JSON.stringify(what.activityId)} waits for a worker; a link is for an attempt that a worker has begun`,
    );
  return { namespace: namespace.name, workflowId, ...attempt, ...what, startedAtMs };
}
