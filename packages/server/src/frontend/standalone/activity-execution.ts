/** Standalone activities as their clients see them: start, describe, wait for the outcome, cancel, terminate, delete. */
import { activityKey, type ExecutionKey, Rejection, type StandaloneDescription } from "@pawl/engine";
import type { common, Init, RequestOf, workflowservice } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { invalid } from "../field-rules.ts";
import type { Call, Handlers } from "../handler.ts";
import { Wait, waitUntilMs } from "../long-poll.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { attributesToSet } from "../visibility/search-attribute.ts";
import {
  activityExecutionProblem,
  callerProblem,
  reasonProblem,
  startActivityProblem,
} from "./activity-execution-rules.ts";

export function activityExecutionHandlers(parts: Parts) {
  return { ...startHandlers(parts), ...readHandlers(parts), ...endHandlers(parts) } satisfies Handlers;
}

function startHandlers({ namespaces, ring, random, searchAttributes: custom }: Parts) {
  return {
    StartActivityExecution: async (given) => {
      const namespace = namespaces.forStart(given.namespace);
      if (namespace instanceof Rejection) return namespace;
      const problem = startActivityProblem(given);
      if (problem) return problem;
      const searchAttributes = attributesToSet(given.searchAttributes, namespace, custom);
      if (searchAttributes instanceof Rejection) return searchAttributes;
      const request = { ...given, requestId: given.requestId || random.uuid(), searchAttributes };
      const reply = await ring.submit(activityKey(namespace.id, given.activityId), { type: "startActivity", request });
      if (reply instanceof Rejection) return reply;
      return { ...reply, link: activityLink(namespace, given.activityId, reply.runId) };
    },
  } satisfies Handlers;
}

function activityLink({ name }: Namespace, activityId: string, runId: string): Init<common.Link> {
  return { activity: { namespace: name, activityId, runId } };
}

interface Named {
  readonly namespace: string;
  readonly activityId: string;
  readonly runId: string;
}

/** The key of the activity that a request names, or why there is none. */
export function activityKeyOf(
  { namespaces }: Pick<Parts, "namespaces">,
  request: Named,
): ExecutionKey<"activity"> | Rejection {
  const namespace = namespaces.byName(request.namespace);
  if (namespace instanceof Rejection) return namespace;
  return activityExecutionProblem(request) ?? activityKey(namespace.id, request.activityId);
}

function readHandlers(parts: Parts) {
  const { ring } = parts;
  return {
    DescribeActivityExecution: async (request, call) => {
      const key = activityKeyOf(parts, request);
      if (key instanceof Rejection) return key;
      const seen = seenBy(parts, key, request);
      if (seen instanceof Rejection) return seen;
      const found = await ring.submit(key, { type: "describeActivity", runId: request.runId });
      if (found instanceof Rejection) return found;
      const changed = (now: StandaloneDescription) => now.stateTransitionCount !== seen;
      const description = await waitFor(parts, { key, found, call, until: changed });
      if (description instanceof Rejection || description === undefined) return description ?? {};
      return describeResponse(parts, key, description, request);
    },

    PollActivityExecution: async (request, call) => {
      const key = activityKeyOf(parts, request);
      if (key instanceof Rejection) return key;
      const found = await ring.submit(key, { type: "describeActivity", runId: request.runId });
      if (found instanceof Rejection) return found;
      const ended = await waitFor(parts, { key, found, call, until: ({ outcome }) => outcome !== undefined });
      if (ended instanceof Rejection || ended === undefined) return ended ?? {};
      return { runId: ended.runId, outcome: ended.outcome };
    },
  } satisfies Handlers;
}

const pollToken = "state of an activity";

/** The state that the caller has seen, when it wants to wait for another. */
function seenBy(
  { tokens }: Pick<Parts, "tokens">,
  { namespaceId }: ExecutionKey,
  { longPollToken, runId }: RequestOf<"DescribeActivityExecution">,
): number | undefined | Rejection {
  if (longPollToken.length === 0) return undefined;
  if (runId === "") return invalid("run id is required when long poll token is provided");
  const values = tokens.openPage(pollToken, namespaceId, longPollToken);
  if (!values || values instanceof Rejection) return invalid("invalid long poll token");
  const [ofRun, stateTransitionCount] = values as [string, number];
  return ofRun === runId ? stateTransitionCount : invalid("long poll token does not match execution");
}

interface Waiting {
  readonly key: ExecutionKey<"activity">;
  readonly found: StandaloneDescription;
  readonly call: Call;
  readonly until: (now: StandaloneDescription) => boolean;
}

/** Waits as long as such a call may be held open; undefined when nothing came of it: then the caller asks again. */
async function waitFor(
  { ring, clock }: Pick<Parts, "ring" | "clock">,
  { key, found, call, until }: Waiting,
): Promise<StandaloneDescription | undefined | Rejection> {
  if (until(found)) return found;
  const { runId } = found;
  using wait = new Wait(call.signal, clock, waitUntilMs(call, clock.nowMs(), limits.historyPollMsMax));
  while (!wait.isOver) {
    const changed = ring.changed(runId, wait.signal);
    const now = await ring.submit(key, { type: "describeActivity", runId });
    if (now instanceof Rejection || until(now)) return now;
    await changed;
  }
  return undefined;
}

function describeResponse(
  { tokens }: Pick<Parts, "tokens">,
  { namespaceId }: ExecutionKey,
  { runId, info, input, outcome, stateTransitionCount }: StandaloneDescription,
  asked: RequestOf<"DescribeActivityExecution">,
): Init<workflowservice.DescribeActivityExecutionResponse> {
  return {
    runId,
    info: {
      ...info,
      heartbeatDetails: asked.includeHeartbeatDetails ? info.heartbeatDetails : undefined,
      lastFailure: asked.includeLastFailure ? info.lastFailure : undefined,
    },
    ...(asked.includeInput && { input }),
    ...(asked.includeOutcome && { outcome }),
    longPollToken: tokens.sealPage(pollToken, namespaceId, [runId, stateTransitionCount]),
  };
}

function endHandlers(parts: Parts) {
  const { ring, random } = parts;
  const end = (type: "requestCancelActivity" | "terminateActivity") => {
    return async (
      request: RequestOf<"RequestCancelActivityExecution"> | RequestOf<"TerminateActivityExecution">,
    ): Promise<Record<never, never> | Rejection> => {
      const key = activityKeyOf(parts, request);
      if (key instanceof Rejection) return key;
      const problem = callerProblem(request) ?? reasonProblem(request.reason);
      if (problem) return problem;
      const { runId, reason, identity } = request;
      return ring.submit(key, { type, runId, reason, identity, requestId: request.requestId || random.uuid() });
    };
  };
  return {
    RequestCancelActivityExecution: end("requestCancelActivity"),
    TerminateActivityExecution: end("terminateActivity"),
    DeleteActivityExecution: async (request) => {
      const key = activityKeyOf(parts, request);
      return key instanceof Rejection ? key : ring.submit(key, { type: "delete", runId: request.runId });
    },
  } satisfies Handlers;
}
