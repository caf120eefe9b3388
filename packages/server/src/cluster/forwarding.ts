/**
 * Calls of the API that belong to another node are sent on to it, and what came of them is the caller's answer.
 *
 *   F1. Only calls from outside are sent on. What comes from another node by its own port (`node-service.ts`) is done here or not at all.
 *   F2. Who may make a call is asked where it comes in, before it is sent on.
 *   F3. When this node stops, a poll of a caller of its own ends, and no task is lost by that: the other node is told to end it, and the answer that may already
 *       be on its way is waited for.
 */
import { Rejection, type RejectionCode, workflowKey } from "@pawl/engine";
import { googleRpc, type MethodName, methods, type RequestOf, type StatusCode } from "@pawl/protocol";
import type { Clock } from "../clock.ts";
import type { AnyHandler, Call, Handlers } from "../frontend/handler.ts";
import type { Tokens } from "../frontend/tokens.ts";
import { clusterLimits } from "../limits.ts";
import type { Status } from "../rpc/transport.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { traceHeadersOf } from "../telemetry/trace-context.ts";
import type { Lender } from "./loans.ts";
import { type ClusterNode, isMoved, notThere } from "./node.ts";
import type { Place } from "./placement.ts";
import type { PlaceOfCall } from "./places.ts";

/** What goes along with a call that is sent on: where it is to be done, and what handlers look at of its headers. */
export interface Attachment {
  readonly place: Place;
  readonly headers: Readonly<Record<string, string>>;
}

/** Of the calls that tell where a queue's workers are. */
export const pollPaths: ReadonlySet<string> = new Set([
  methods.PollWorkflowTaskQueue.path,
  methods.PollActivityTaskQueue.path,
]);

export interface ForwardingParts {
  readonly node: ClusterNode;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly tokens: Pick<Tokens, "open">;
  readonly lender: Pick<Lender, "noteSticky">;
}

/** The same handlers for callers from outside: wherever a call belongs, there it is done. */
export function forwarding(
  handlers: Handlers,
  places: ReadonlyMap<MethodName, PlaceOfCall>,
  parts: ForwardingParts,
): Handlers {
  const placed = [...places].flatMap(([name, placeOf]) => {
    const handler = handlers[name] as AnyHandler | undefined;
    const isPoll = pollPaths.has(methods[name].path);
    const forward: AnyHandler = (request, call) => {
      const place = placeOf(request);
      if (place === undefined) return handler!(request, call);
      if (parts.node.isHere(place)) {
        if (isPoll) parts.node.homes.polled(place, parts.node.id);
        return handler!(request, call);
      }
      if (name === "RespondWorkflowTaskCompleted") noteSticky(request as RequestOf<typeof name>, parts);
      return send({ name, place, request, call, here: async () => handler!(request, call) }, parts);
    };
    return handler ? [[name, forward] as const] : [];
  });
  return { ...handlers, ...Object.fromEntries(placed) };
}

/** The next task of the run is for this worker, which calls this node. */
function noteSticky(
  { taskToken, stickyAttributes }: RequestOf<"RespondWorkflowTaskCompleted">,
  { tokens, lender }: ForwardingParts,
): void {
  const { name: stickyQueue, normalName: taskQueue } = stickyAttributes?.workerTaskQueue ?? {};
  const token = stickyQueue && taskQueue ? tokens.open("workflow", taskToken) : undefined;
  if (!token || token instanceof Rejection) return;
  const { namespaceId, workflowId } = token;
  lender.noteSticky(workflowKey(namespaceId, workflowId), { namespaceId, taskQueue: taskQueue!, stickyQueue });
}

interface Sent {
  readonly name: MethodName;
  readonly place: Place;
  readonly request: unknown;
  readonly call: Call;
  readonly here: () => Promise<unknown>;
}

/** The response as it is decoded, or a `Rejection`; throws `Unavailable`. */
async function send(
  { name, place, request, call, here }: Sent,
  { node, clock, telemetry }: ForwardingParts,
): Promise<unknown> {
  const method = methods[name];
  const bytes = method.request.encode(request as never);
  const attachment = attachmentOf(place, call, traceHeadersOf(telemetry.traces?.current));
  using ending = new Ending(call);
  // Awaited: who has gone must be heard of until there is an answer.
  return await node.route<unknown>(place, {
    here,
    there: async (nodeId) => {
      // What a call needs of time at least must not be missed by the time that the way has taken.
      const timeoutMs =
        call.deadlineMs === undefined ? undefined : call.deadlineMs - clock.nowMs() + clusterLimits.wayMsMax;
      const answering = node.call(nodeId, {
        ...{ path: method.path, attachment, request: bytes, timeoutMs, signal: ending.gone },
      });
      ending.onStopping(() => void node.ask(nodeId, "EndPolls", null));
      const answer = await answering;
      if (isMoved(answer)) node.homes.refused(place, nodeId);
      if (answer === "unreached" || isMoved(answer)) return notThere;
      return "code" in answer ? rejectionOf(answer) : method.response.decode(answer);
    },
    untilMs: call.deadlineMs,
  });
}

function attachmentOf(
  place: Place,
  { clientName, clientVersion, supportedFeatures }: Call,
  traceHeaders: Readonly<Record<string, string>>,
): string {
  const headers = {
    ...traceHeaders,
    "client-name": clientName,
    "client-version": clientVersion,
    "supported-features": supportedFeatures.join(","),
  };
  return Buffer.from(JSON.stringify({ place, headers } satisfies Attachment)).toString("base64url");
}

export function attachedTo(text: string): Attachment {
  return JSON.parse(Buffer.from(text, "base64url").toString());
}

/** As the other node has said it. */
function rejectionOf({ code, message, details }: Status): Rejection {
  const detail = details && googleRpc.Status.decode(details).details[0];
  const typeName = detail?.type_url.slice(detail.type_url.lastIndexOf("/") + 1);
  return new Rejection(
    code satisfies StatusCode as RejectionCode,
    message,
    detail && typeName ? { typeName, bytes: detail.value } : undefined,
  );
}

/** How the call of a caller from outside ends early: `gone` aborts when nobody waits for the answer any more. */
class Ending implements Disposable {
  readonly #call: Call;
  readonly #gone = new AbortController();
  #stopping: (() => void) | undefined;
  readonly #onAbort = () => {
    if (this.#call.ended() === "stopping") this.#stopping?.();
    else this.#gone.abort("the caller has gone");
  };

  constructor(call: Call) {
    this.#call = call;
    if (call.signal.aborted) this.#onAbort();
    else call.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What to do when this node stops; at once if it does already. */
  onStopping(tell: () => void): void {
    this.#stopping = tell;
    if (this.#call.signal.aborted && this.#call.ended() === "stopping") tell();
  }

  [Symbol.dispose](): void {
    this.#call.signal.removeEventListener("abort", this.#onAbort);
  }
}
