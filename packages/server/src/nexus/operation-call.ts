/** Requests to the handlers of Nexus operations: to start one, and to cancel one. */
import {
  type Call,
  type NexusCancelOutcome,
  type NexusInput,
  type NexusStartOutcome,
  payloadBytes,
  Rejection,
} from "@pawl/engine";
import {
  common,
  enums,
  failure,
  fromNexusLinks,
  history,
  type Init,
  type nexus,
  toNexusLink,
  toTimestamp,
} from "@pawl/protocol";
import { readEvent } from "../frontend/history/history-page.ts";
import type { NexusEndpoint } from "../frontend/nexus/nexus-endpoint-registry.ts";
import { handlerFailure, isRetryable } from "../frontend/nexus/nexus-failure.ts";
import { operationTokenProblem } from "../frontend/nexus/nexus-task.ts";
import type { NexusAnswer } from "../frontend/nexus/nexus-tasks.ts";
import { systemCallback } from "../frontend/workflow/callback-rules.ts";
import { limits } from "../limits.ts";
import type { CallParts } from "./call-parts.ts";
import { askExternal } from "./external-call.ts";

type StartCall = Extract<Call, { type: "startNexusOperation" }>;
type CancelCall = Extract<Call, { type: "cancelNexusOperation" }>;

export const callbackTokenHeader = "temporal-callback-token";

/** Undefined when the run has been deleted meanwhile, or the server stops. */
export async function startOperation(
  parts: CallParts,
  call: StartCall,
  signal: AbortSignal,
): Promise<NexusStartOutcome | undefined> {
  const answer = await request(parts, call, { signal, ask: (scheduled) => startRequest(parts, call, scheduled) });
  if (answer === undefined || answer === "tooLate") return answer && { type: answer };
  switch (answer.type) {
    case "completed":
      if (answer.result && payloadBytes(answer.result) > limits.blobBytesMax)
        return callError("http: response body too large");
      return { type: "completed", result: answer.result, links: fromNexusLinks(answer.links) };
    case "started": {
      const problem = operationTokenProblem(answer.operationToken);
      if (problem !== undefined) return callError(`invalid operation token: ${problem}`);
      return { ...answer, links: fromNexusLinks(answer.links) };
    }
    case "failed":
    case "canceled":
      return { ...answer, links: [] };
    case "refused":
      return answer;
    case "done":
      return { type: "refused", retryable: true, failure: handlerFailure("INTERNAL", "empty outcome") };
    default:
      return answer satisfies never;
  }
}

/** Undefined as of `startOperation`. */
export async function cancelOperation(
  parts: CallParts,
  call: CancelCall,
  signal: AbortSignal,
): Promise<NexusCancelOutcome | undefined> {
  const answer = await request(parts, call, { signal, ask: (scheduled) => cancelRequest(call, scheduled) });
  if (answer === undefined || answer === "tooLate") return answer && { type: answer };
  return answer.type === "refused" ? answer : { type: "done" };
}

interface Asking {
  readonly signal: AbortSignal;
  readonly ask: (scheduled: NexusInput) => Init<nexus.Request>;
}

async function request(
  parts: CallParts,
  call: StartCall | CancelCall,
  { signal, ask }: Asking,
): Promise<NexusAnswer | "tooLate" | undefined> {
  const { nexusEndpoints, clock } = parts;
  const endpoint = nexusEndpoints.byId(call.endpointId) ?? nexusEndpoints.byName(call.endpoint);
  if (!endpoint) return refused("NOT_FOUND", "endpoint not registered");
  const scheduled = call.scheduled ?? (await readScheduled(parts.store, call));
  if (!scheduled) return undefined;
  const nowMs = clock.nowMs();
  const untilMs = Math.min(nowMs + limits.outsideCallMsMax, call.untilMs ?? Number.POSITIVE_INFINITY);
  if (untilMs - nowMs < limits.outsideCallMsMin) return "tooLate";
  const answer = await toTarget(parts, endpoint, {
    request: ask(scheduled),
    namespaceId: call.from.namespaceId,
    ...{ untilMs, signal },
  });
  if (signal.aborted) return undefined;
  return answer ?? refused("UPSTREAM_TIMEOUT", "upstream timeout");
}

function toTarget(
  parts: CallParts,
  { target }: NexusEndpoint,
  asking: { request: Init<nexus.Request>; untilMs: number; signal: AbortSignal; namespaceId: string },
): Promise<NexusAnswer | undefined> | NexusAnswer {
  const { nexusTasks, namespaces } = parts;
  if (target.type === "external") {
    const caller = namespaces.byId(asking.namespaceId);
    const callbackUrl = caller instanceof Rejection ? undefined : parts.callbackUrl?.(caller.name);
    return askExternal(parts, target.url, { ...asking, callbackUrl });
  }
  const namespace = namespaces.byId(target.namespaceId);
  if (namespace instanceof Rejection) return refused("NOT_FOUND", namespace.message);
  return nexusTasks.ask({ ...asking, namespaceId: namespace.id, taskQueue: target.taskQueue });
}

function startRequest(parts: CallParts, call: StartCall, { input, nexusHeader }: NexusInput): Init<nexus.Request> {
  const { namespaces, clock, tokens } = parts;
  const { from, scheduledEventId, requestId, service, operation } = call;
  const { namespaceId, businessId: workflowId, runId } = from;
  const nowMs = clock.nowMs();
  const namespace = namespaces.byId(namespaceId);
  const link = toNexusLink(
    common.Link.create({
      workflowEvent: {
        namespace: namespace instanceof Rejection ? "" : namespace.name,
        ...{ workflowId, runId },
        eventRef: { eventId: scheduledEventId, eventType: enums.EventType.NEXUS_OPERATION_SCHEDULED },
      },
    }),
  );
  const token = tokens.sealCallback({ namespaceId, workflowId, runId, scheduledEventId, requestId });
  return {
    header: { ...timeoutHeader(call, nowMs), ...nexusHeader },
    scheduledTime: toTimestamp(nowMs),
    capabilities: { temporalFailureResponses: true },
    endpoint: call.endpoint,
    startOperation: {
      ...{ service, operation, requestId, payload: input, links: link ? [link] : [] },
      callback: systemCallback,
      callbackHeader: { [callbackTokenHeader]: token },
    },
  };
}

/** How long the handler may take for the whole operation, if anything bounds it. */
function timeoutHeader({ timeout: { startToCloseMs, closeAtMs } }: StartCall, nowMs: number): Record<string, string> {
  const times = [...(startToCloseMs > 0 ? [startToCloseMs] : []), ...(closeAtMs === null ? [] : [closeAtMs - nowMs])];
  return times.length === 0 ? {} : { "operation-timeout": `${Math.min(...times)}ms` };
}

function cancelRequest(
  { service, operation, operationToken, endpoint }: CancelCall,
  { nexusHeader }: NexusInput,
): Init<nexus.Request> {
  return {
    header: nexusHeader,
    capabilities: { temporalFailureResponses: true },
    endpoint,
    cancelOperation: { service, operation, operationToken, operationId: operationToken },
  };
}

/** What the scheduled event says; undefined when the run is no longer there. */
async function readScheduled(store: CallParts["store"], call: StartCall | CancelCall): Promise<NexusInput | undefined> {
  const { scheduledEventId, from } = call;
  const event = await readEvent(store, from.runId, scheduledEventId);
  const attributes = event && history.History.decode(event).events[0]?.nexusOperationScheduledEventAttributes;
  if (attributes) return attributes as NexusInput;
  const [stored] = await store.loadRuns([from.runId]);
  if (!stored) return undefined;
  throw new Error(`event ${scheduledEventId} of run ${from.runId} does not schedule a Nexus operation`);
}

function refused(type: string, message: string): NexusAnswer {
  const given = handlerFailure(type, message);
  return { type: "refused", retryable: isRetryable(given), failure: given };
}

function callError(message: string): NexusStartOutcome {
  const info = failure.ApplicationFailureInfo.create({ type: "CallError", nonRetryable: true });
  return {
    type: "refused",
    retryable: false,
    failure: failure.Failure.create({ message, applicationFailureInfo: info }),
  };
}
