/**
 * What a node does for the others, on a port of its own: calls of the API that are for its shards and queues, and what nodes ask of each other.
 *
 *   S1. Nothing is done, and nothing is looked into, before the seal of a call has shown that a node of this cluster made it (`node-seal.ts`).
 *   S2. What this node does not own it refuses with `moved`, and has done nothing then.
 */
import { type CommandOfKind, type ExecutionKey, type Kind, Rejection, type StartedWorkflowTask } from "@pawl/engine";
import type { Clock } from "../clock.ts";
import type { NexusTasks } from "../frontend/nexus/nexus-tasks.ts";
import type { Queues } from "../frontend/queues.ts";
import type { QueryRegistry } from "../frontend/workflow/query-registry.ts";
import type { AskedQueue, Match } from "../matching/match.ts";
import { type Incoming, type Routes, type Status, type Unary, unknownMethod } from "../rpc/transport.ts";
import type { Started } from "../shard/dispatcher.ts";
import type { Ring } from "../shard/ring.ts";
import type { Balancing } from "./balance.ts";
import { attachedTo, pollPaths } from "./forwarding.ts";
import type { Home, QueuePlace } from "./homes.ts";
import { encodeAnswers, encodeSealed } from "./link-frames.ts";
import { linkService, stranger } from "./link-service.ts";
import type { Loan } from "./loans.ts";
import { type ClusterNode, moved, nodePath } from "./node.ts";
import { type NodeSeal, sealsAnswers } from "./node-seal.ts";
import { linkPath } from "./peer.ts";
import type { Place } from "./placement.ts";
import type { ClusterQueues } from "./queues.ts";
import { decode, encode, endedOf } from "./wire.ts";

export interface ServiceParts {
  readonly node: ClusterNode;
  readonly clock: Clock;
  readonly seal: NodeSeal;
  readonly ring: Ring;
  readonly queues: ClusterQueues;
  readonly queries: QueryRegistry;
  readonly nexusTasks: NexusTasks;
  /** Looks at the cluster, and reads what others have changed. */
  readonly look: () => Promise<void>;
  readonly onFault: (what: string, error: unknown) => void;
}

/** What nodes ask of each other beside calls of the API: `value` in, its answer out; `moved` when it is not for this node. */
type Asked = (value: never, from: string) => unknown;

/** A command for a shard of this node. */
interface Submitted {
  readonly shardId: number;
  readonly key: ExecutionKey;
  readonly command: CommandOfKind<Kind>;
  readonly loan?: Loan | undefined;
}

/** A call of another node, which its seal has shown to be one (S1). Throws what a handler throws. */
type NodeHandler = (of: {
  readonly from: string;
  readonly attachment: string;
  readonly request: Uint8Array;
  readonly call: Incoming;
}) => Promise<Uint8Array | Status>;

/** Each in a stream of its own, and all over a link. */
export function nodeRoutes(local: ReadonlyMap<string, Unary>, parts: ServiceParts): Routes {
  const handlers = handlersOf(local, parts);
  const unary = new Map([...handlers].map(([path, handler]) => [path, sealed(parts, handler)]));
  const { node, seal, clock, onFault } = parts;
  const link = linkService({
    nowMs: () => clock.nowMs(),
    isSealed: (call, frames, text) => {
      const from = call.header("pawl-from");
      return from !== "" && seal.open({ from, to: node.id, path: linkPath, attachment: "", request: frames }, text);
    },
    seal: (call, number, frames) => answering(parts, call, { of: call.header("pawl-link"), number, frames }),
    serve: async (from, request, call) => {
      const handler = handlers.get(call.path);
      if (!handler) return unknownMethod(call.path, { unary, streaming: new Map() });
      try {
        return await handler({ from, attachment: call.attachment, request, call });
      } catch (error) {
        onFault(call.path, error);
        return { code: "INTERNAL", message: "internal error" };
      }
    },
  });
  return { unary, streaming: new Map([[linkPath, link]]) };
}

function handlersOf(local: ReadonlyMap<string, Unary>, parts: ServiceParts): ReadonlyMap<string, NodeHandler> {
  const forwarded = new ForwardedCalls();
  const handlers = new Map<string, NodeHandler>();
  for (const [path, handler] of local) handlers.set(path, (sent) => forwarded.run(parts, handler, sent));
  for (const [method, asked] of Object.entries(askedOf(parts, forwarded)))
    handlers.set(nodePath(method), async ({ request, from }) => {
      const answer = await asked(decode(request) as never, from);
      return answer === moved ? moved : encode(answer);
    });
  return handlers;
}

function sealed(parts: ServiceParts, handler: NodeHandler): Unary {
  const { node, seal } = parts;
  return async (request, call) => {
    const from = call.header("pawl-from");
    const attachment = call.header("pawl-attachment");
    const said = { from, to: node.id, path: call.path, attachment, request };
    const of = call.header("pawl-seal");
    if (from === "" || !seal.open(said, of)) return stranger;
    const answer = await handler({ from, attachment, request, call });
    return sealsAnswers(from)
      ? answering(parts, call, { of, number: 0, frames: encodeAnswers([{ id: 0, answer }]) })
      : answer;
  };
}

/** What is sent of these answers to whom a call or link is from. */
export function answering(
  { node, seal }: { readonly node: { readonly id: string }; readonly seal: NodeSeal },
  call: Incoming,
  { of, number, frames }: { readonly of: string; readonly number: number; readonly frames: Uint8Array },
): Uint8Array {
  const to = call.header("pawl-from");
  if (!sealsAnswers(to)) return frames;
  return encodeSealed(seal.sealAnswer({ from: node.id, to, of, number, answer: frames }), frames);
}

function askedOf(
  { node, ring, queues, queries, nexusTasks, look }: ServiceParts,
  forwarded: ForwardedCalls,
): Readonly<Record<string, Asked>> {
  return {
    Submit: async ({ shardId, key, command, loan }: Submitted) => {
      if (!node.isHere({ type: "shard", shardId })) return moved;
      using borrowed = loan && queues.borrowings.borrow(key, loan);
      const ended = await endedOf(ring.submitHere(key, command));
      const carried = ({ task: { runId, stamp } }: StartedWorkflowTask) => queries.attachHere(runId, stamp);
      if (ended.type !== "reply") return ended;
      const repayment = borrowed?.take();
      if (repayment?.started.kind === "workflow")
        return { ...ended, repayment: { ...repayment, carried: carried(repayment.started.task) } };
      if (command.type !== "startWorkflowTask" || ended.reply instanceof Rejection) return ended;
      return { ...ended, carried: carried(ended.reply as StartedWorkflowTask) };
    },
    Deliver: (matches: readonly Match<Started>[], from) => queues.take(matches, from),
    Host: (places: readonly QueuePlace[], from) => node.homes.host(places, from),
    Unhost: (places: readonly QueuePlace[], from) => node.homes.unhost(places, from),
    Homes: (homes: readonly Home[], from) => node.homes.heard(homes, from),
    Withdraw: (id: string) => queues.withdrawHere(id),
    Queues: ({ namespaceId, countMax }: { namespaceId: string; countMax: number }) =>
      queues.listHere(namespaceId, countMax),
    // In a list, into which `wire.ts` does not look for refusals: a description holds a map.
    DescribeQueue: ({ place, queue }: { place: Extract<Place, { type: "queue" }>; queue: AskedQueue }) => {
      if (!node.isHere(place)) return moved;
      return [queues.describe(place.namespaceId, queue.kind, queue.taskQueue, queue.version)];
    },
    Balance: (message: Balancing<Started>, from) => queues.balance(from, message),
    Goodbye: (worker: Parameters<Queues["shutdownWorker"]>[0]) => queues.shutdownWorkerHere(worker),
    Asked: (id: string) => queries.askedHere(id),
    Attach: ({ runId, stamp }: { runId: string; stamp: number }) => queries.attachHere(runId, stamp),
    NexusRequest: (id: string) => nexusTasks.requestHere(id),
    Look: () => look(),
    EndPolls: (_: null, from) => forwarded.stop(from),
  };
}

/** Calls of the API that other nodes have sent on. */
class ForwardedCalls {
  readonly #calls = new Set<ForwardedCall>();

  async run(
    parts: ServiceParts,
    handler: Unary,
    { from, attachment, request, call }: Parameters<NodeHandler>[0],
  ): Promise<Uint8Array | Status> {
    const { place, headers } = attachedTo(attachment);
    // S2
    if (!parts.node.isHere(place)) {
      parts.node.homes.tell(from, place);
      return moved;
    }
    if (pollPaths.has(call.path)) parts.node.homes.polled(place, from);
    const forwarded = new ForwardedCall(call, from, headers);
    this.#calls.add(forwarded);
    try {
      return await handler(request, forwarded);
    } finally {
      this.#calls.delete(forwarded);
    }
  }

  /** A node stops: what waits on behalf of its callers ends as if this one did. */
  stop(from: string): void {
    for (const call of [...this.#calls]) if (call.from === from) call.stop();
  }
}

/** A call of the API as its caller made it, to the node that sent it on. */
class ForwardedCall implements Incoming {
  readonly path: string;
  readonly deadlineMs: number | undefined;
  readonly from: string;
  readonly #call: Incoming;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #ends = new AbortController();
  #isStopped = false;

  constructor(call: Incoming, from: string, headers: Readonly<Record<string, string>>) {
    this.path = call.path;
    this.deadlineMs = call.deadlineMs;
    this.from = from;
    this.#call = call;
    this.#headers = headers;
    call.signal.addEventListener("abort", () => this.#ends.abort(call.signal.reason), { once: true });
  }

  get signal(): AbortSignal {
    void this.#call.signal; // which notices a connection that is gone
    return this.#ends.signal;
  }

  ended(): ReturnType<Incoming["ended"]> {
    const cause = this.#call.ended();
    return cause === "no" && this.#isStopped ? "stopping" : cause;
  }

  header(name: string): string {
    return this.#headers[name] ?? "";
  }

  stop(): void {
    this.#isStopped = true;
    this.#ends.abort("the node that this call came to stops");
  }
}
