/**
 * One node of several on a database: who owns what, and how to get there.
 *
 *   N1. What a call is for is looked up anew until it is found (`route`): a shard or queue on its way between nodes makes callers wait, and nobody is told no.
 *   N2. A call goes from the node that took it to the owner and no further: the owner does it or says that it is none.
 *   N3. Only what surely was not done is tried again here. The rest is for callers, whose request ids make it harmless.
 */
import type { CommandOfKind, ExecutionKey, Kind, StartedWorkflowTask } from "@pawl/engine";
import type { NodeRecord } from "@pawl/store";
import type { Clock } from "../clock.ts";
import type { Carried } from "../frontend/workflow/query-registry.ts";
import { clusterLimits } from "../limits.ts";
import type { Status } from "../rpc/transport.ts";
import type { Elsewhere } from "../shard/ring.ts";
import { Unavailable } from "../shard/unavailable.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { Homes } from "./homes.ts";
import type { Lender, LentAlong } from "./loans.ts";
import type { Members } from "./members.ts";
import { type NodeSeal, sealsAnswers } from "./node-seal.ts";
import { Peer, type PeerTls, type SaidAnswer } from "./peer.ts";
import type { PeerAnswer, PeerCall } from "./peer-call.ts";
import { ownerOf, type Place } from "./placement.ts";
import { decode, type Ended, encode, type Repayment, replyOf } from "./wire.ts";

export interface NodeParts {
  readonly id: string;
  readonly members: Members;
  readonly seal: NodeSeal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly tls?: PeerTls | undefined;
  /** Whether a shard is open here. */
  readonly hasShard: (shardId: number) => boolean;
  readonly submitHere: (key: ExecutionKey, command: CommandOfKind<Kind>) => Promise<unknown>;
  /** See `loans.ts`. */
  readonly lendFor: Lender["lendFor"];
  /** A shard that was here has been taken over. */
  readonly onLost: (shardId: number) => void;
  /** Some of the task queues have another home. */
  readonly onQueuesMoved: () => void;
}

/** The answer of a node that does not own what it was asked for. */
export const moved: Status = { code: "ABORTED", message: "pawl: another node owns this" };

export function isMoved(answer: PeerAnswer): boolean {
  return (
    typeof answer === "object" && "code" in answer && answer.code === moved.code && answer.message === moved.message
  );
}

/** Not done, and to be looked for elsewhere. */
export const notThere = Symbol("not there");

export class ClusterNode implements Elsewhere {
  readonly #parts: NodeParts;
  readonly #peers = new Map<string, Peer>();
  /** Where task queues are that live elsewhere than they are placed. */
  readonly homes: Homes;
  readonly #waiting = new Set<() => void>();
  readonly #carried = new Map<string, Carried>();
  #isClosed = false;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { id, clock, members, onQueuesMoved } = parts;
    this.homes = new Homes({
      ...{ id, clock },
      owners: () => members.owners,
      ask: (nodeId, method, value) => this.ask(nodeId, method, value),
      onMoved: () => {
        onQueuesMoved();
        this.changed();
      },
    });
  }

  get id(): string {
    return this.#parts.id;
  }

  get others(): readonly NodeRecord[] {
    return this.#parts.members.others;
  }

  isAlive(nodeId: string): boolean {
    return this.#parts.members.isAlive(nodeId);
  }

  /** Undefined when nobody is there. */
  ownerOf(place: Place): string | undefined {
    const { members, id } = this.#parts;
    if (place.type === "node") return place.nodeId === id || members.isAlive(place.nodeId) ? place.nodeId : undefined;
    return this.homes.of(place) ?? ownerOf(members.owners, place);
  }

  isMine(place: Place): boolean {
    return this.ownerOf(place) === this.#parts.id;
  }

  /** Whether calls for this place can be done here, now. */
  isHere(place: Place): boolean {
    return place.type === "shard" ? this.#parts.hasShard(place.shardId) : this.isMine(place);
  }

  /** Who waits for something to move looks again. */
  changed(): void {
    for (const end of [...this.#waiting]) end();
  }

  /** Connections to nodes that are gone end, with all that is under way on them. */
  forgetGone(): void {
    for (const [nodeId, peer] of this.#peers) {
      if (this.isAlive(nodeId)) continue;
      this.#peers.delete(nodeId);
      peer.close();
    }
  }

  /** N1. `there` gives `notThere` for what was surely not done. Throws `Unavailable` when the place is not found in time. */
  async route<T>(
    place: Place,
    {
      here,
      there,
      untilMs,
    }: {
      readonly here: () => Promise<T | typeof notThere>;
      readonly there: (nodeId: string) => Promise<T | typeof notThere>;
      readonly untilMs?: number | undefined;
    },
  ): Promise<T> {
    const { clock, id } = this.#parts;
    const giveUpAtMs = Math.min(clock.nowMs() + clusterLimits.rerouteMsMax, untilMs ?? Number.POSITIVE_INFINITY);
    for (;;) {
      const owner = this.ownerOf(place);
      let answer: T | typeof notThere = notThere;
      if (this.isHere(place)) answer = await here();
      else if (owner !== undefined && owner !== id) answer = await there(owner);
      if (answer !== notThere) return answer;
      if (place.type === "node" && !this.isAlive(place.nodeId) && place.nodeId !== id) break;
      if (this.#isClosed || clock.nowMs() >= giveUpAtMs) break;
      await this.#nextChange();
    }
    throw new Unavailable("unknown", "what this is for moves between nodes; try again");
  }

  /** One call to another node. Never throws. */
  async call(nodeId: string, call: PeerCall): Promise<PeerAnswer> {
    return this.#peerOf(nodeId)?.call(call) ?? "unreached";
  }

  /** Asks something of another node that is no call of the API. `undefined` when it was not reached or did not answer well. */
  async ask(
    nodeId: string,
    method: string,
    value: unknown,
    timeoutMs: number = clusterLimits.askMsMax,
  ): Promise<{ readonly value: unknown } | undefined> {
    const answer = await this.call(nodeId, {
      ...{ path: nodePath(method), attachment: "", request: encode(value) },
      timeoutMs,
    });
    return answer instanceof Uint8Array ? { value: decode(answer) } : undefined;
  }

  /** For a shard that another node has, or that is on its way. */
  submit(shardId: number, key: ExecutionKey, command: CommandOfKind<Kind>): Promise<unknown> {
    return this.route(
      { type: "shard", shardId },
      {
        here: () => this.#parts.submitHere(key, command).catch(notThereIfClosed),
        there: async (nodeId) => {
          using lent = this.#parts.lendFor(nodeId, key, command);
          const request = encode({ shardId, key, command, loan: lent?.loan });
          const answer = await this.call(nodeId, {
            ...{ path: nodePath("Submit"), attachment: "", request, timeoutMs: clusterLimits.rerouteMsMax },
          });
          if (answer === "unreached" || isMoved(answer)) return notThere;
          if (!(answer instanceof Uint8Array))
            throw new Unavailable("unknown", "the node that was asked has gone; try again");
          const ended = decode(answer) as Ended;
          // Nothing was done: the shard is being given up.
          if (ended.type === "unavailable" && ended.reason === "closed") return notThere;
          if (ended.type === "reply") {
            const { reply, carried, repayment } = ended;
            if (carried) this.#keepCarried(reply as StartedWorkflowTask, carried);
            if (repayment) this.#takeRepayment(repayment, lent!);
          }
          return replyOf(ended);
        },
      },
    );
  }

  /** The queries that came with a workflow task that another node has started: once. */
  takeCarried(runId: string, stamp: number): Carried | undefined {
    const task = `${runId}/${stamp}`;
    const carried = this.#carried.get(task);
    this.#carried.delete(task);
    return carried;
  }

  #takeRepayment(repayment: Repayment, lent: LentAlong): void {
    const { started, carried } = repayment;
    if (started.kind === "workflow" && carried) this.#keepCarried(started.task, carried);
    lent.repay(repayment);
  }

  #keepCarried({ task: { runId, stamp } }: StartedWorkflowTask, carried: Carried): void {
    this.#carried.set(`${runId}/${stamp}`, carried);
    // Of a task that reached no worker; its queries wait for the next one.
    const [oldest] = this.#carried.keys();
    if (this.#carried.size > clusterLimits.carriedMax && oldest !== undefined) this.#carried.delete(oldest);
  }

  lost(shardId: number): void {
    this.#parts.onLost(shardId);
  }

  close(): void {
    this.#isClosed = true;
    this.homes.close();
    this.changed();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #peerOf(nodeId: string): Peer | undefined {
    const known = this.#peers.get(nodeId);
    if (known) return known;
    const record = this.others.find(({ id }) => id === nodeId);
    if (!record) return undefined;
    const { clock, tls, telemetry, id: from, seal: nodeSeal } = this.#parts;
    const seal = (call: Pick<PeerCall, "path" | "attachment" | "request">) =>
      nodeSeal.seal({ from, to: nodeId, ...call });
    const onTrouble = (address: string, reason: string) =>
      telemetry.log.warn("no connection to a node", { node: record.name, address, reason });
    const answers = sealsAnswers(nodeId)
      ? {
          linkName: () => nodeSeal.linkName(),
          isSealed: (said: SaidAnswer, text: string) => nodeSeal.isAnswer({ from: nodeId, to: from, ...said }, text),
        }
      : undefined;
    const peer = new Peer(record.address, { clock, from, seal, answers, tls, onTrouble });
    this.#peers.set(nodeId, peer);
    return peer;
  }

  #nextChange(): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#waiting.delete(end);
        resolve();
      };
      const cancel = clock.after(clusterLimits.rerouteMs, end);
      this.#waiting.add(end);
    });
  }
}

function notThereIfClosed(error: unknown): typeof notThere {
  if (error instanceof Unavailable && error.reason === "closed") return notThere;
  throw error;
}

export function nodePath(method: string): string {
  return `/pawl.node.v1.Node/${method}`;
}
