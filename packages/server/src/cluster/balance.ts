/**
 * Evens out the parts of a task queue that several nodes hold, so that no task waits on one while a worker waits on another.
 *
 *   B1. A node whose polls wait tells the others how many tasks it wants. Who has tasks and no poll for them passes on what would be next, as many as were
 *       wanted.
 *   B2. A node whose tasks wait tells the others since when. Who has none that are as old gives the workers that come to it those of the other first: it wants
 *       as many as it has handed out since it looked last. So tasks are done roughly by age, whichever node their workers call.
 *   B3. What is passed on has paid for its rate limits where it was, and goes before all others where it arrives.
 *   B4. What a node has been told of another may be out of date. The worst of it is a task that waits on the wrong side until either side is looked at again;
 *       each task that is passed uses up something that was wanted, so none goes to and fro for ever.
 *
 * A queue is looked at some milliseconds after it was used, and never without that. Nothing is told that the other side knows already.
 */
import type { Cancel, Clock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import type { Match, PartLoad, QueuePart } from "../matching/match.ts";

/** What a node tells of its part. */
export interface Tidings {
  readonly part: QueuePart;
  /** Tasks that may be passed on to it. */
  readonly wanted: number;
  /** When the first of its tasks was scheduled that wait for a poll. */
  readonly oldestAtMs: number | undefined;
}

/** One message from node to node. */
export interface Balancing<Started> {
  readonly tidings: readonly Tidings[];
  readonly passed: readonly Passed<Started>[];
}

export interface Passed<Started> {
  readonly part: QueuePart;
  readonly match: Match<Started>;
}

export interface BalanceParts<Started> {
  readonly clock: Clock;
  /** The other nodes that hold a part of the queue. */
  readonly peers: (part: QueuePart) => readonly string[];
  readonly load: (part: QueuePart) => PartLoad;
  readonly takeForOther: (part: QueuePart) => Match<Started> | undefined;
  /** Resolves to the places of what was passed and not taken, which are looked at there; `undefined` when the node was not reached. Never rejects. */
  readonly send: (nodeId: string, message: Balancing<Started>) => Promise<readonly number[] | undefined>;
  /** Back into the queues of this node, or wherever it belongs now. */
  readonly takeBack: (match: Match<Started>) => void;
}

type Told = Pick<Tidings, "wanted" | "oldestAtMs">;

interface Part {
  readonly part: QueuePart;
  /** What each of the others has said last, less what it has had of it. */
  readonly heard: Map<string, Told>;
  /** What each of the others knows of this node, or will by what is under way. */
  readonly told: Map<string, Told>;
  handedOut: number;
}

const nothing: Told = { wanted: 0, oldestAtMs: undefined };

interface Outbox<Started> {
  tidings: Map<string, Tidings>;
  passed: Passed<Started>[];
}

export class Balance<Started> {
  readonly #parts: BalanceParts<Started>;
  /** Those of which somebody was told, or has told something. */
  readonly #queues = new Map<string, Part>();
  readonly #dirty = new Map<string, QueuePart>();
  readonly #outboxes = new Map<string, Outbox<Started>>();
  #cancelLook: Cancel | undefined;
  #lookAtMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(parts: BalanceParts<Started>) {
    this.#parts = parts;
  }

  /** A part was used: it is looked at soon. */
  touched(part: QueuePart): void {
    this.#dirty.set(nameOf(part), part);
    this.#lookLater(clusterLimits.balanceMs);
  }

  /** What another node tells, after what it has passed on was put where it belongs. */
  heard(from: string, { tidings, passed }: Balancing<Started>): void {
    for (const { part } of passed) {
      const told = this.#queues.get(nameOf(part))?.told;
      const before = told?.get(from);
      if (before && before.wanted > 0) told!.set(from, { ...before, wanted: before.wanted - 1 });
    }
    for (const { part, wanted, oldestAtMs } of tidings) {
      const { heard, told } = this.#queue(part);
      heard.set(from, { wanted, oldestAtMs });
      // What waits there is what is left when all has been passed on that it knows to be wanted.
      const before = told.get(from);
      if (oldestAtMs !== undefined && before) told.set(from, { ...before, wanted: 0 });
      this.touched(part);
    }
  }

  /** Nodes have come or gone: what was told and heard of those that hold a part no more is forgotten. */
  follow(): void {
    for (const queue of this.#queues.values()) {
      this.#forgetStrangers(queue, this.#parts.peers(queue.part));
      this.touched(queue.part);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
  }

  #lookLater(afterMs: number): void {
    const { clock } = this.#parts;
    const atMs = clock.nowMs() + afterMs;
    if (this.#isClosed || this.#lookAtMs <= atMs) return;
    this.#cancelLook?.();
    this.#lookAtMs = atMs;
    this.#cancelLook = clock.wake(atMs, () => this.#look());
  }

  #look(): void {
    this.#lookAtMs = Number.POSITIVE_INFINITY;
    this.#cancelLook = undefined;
    const dirty = [...this.#dirty.values()];
    this.#dirty.clear();
    for (const part of dirty) this.#lookAt(part);
  }

  #lookAt(part: QueuePart): void {
    const peers = this.#parts.peers(part);
    const before = this.#parts.load(part);
    const known = this.#queues.get(nameOf(part));
    if (peers.length === 0 || (known === undefined && before.waitingPolls === 0 && before.readyAtMs === undefined)) {
      this.#queues.delete(nameOf(part));
      return;
    }
    const queue = this.#queue(part);
    this.#forgetStrangers(queue, peers);
    this.#passOn(queue, before);
    const load = this.#parts.load(part);
    // Taking out what was passed on counts as use, and says nothing new.
    this.#dirty.delete(nameOf(part));
    const handedOut = Math.max(0, before.handedOut - queue.handedOut);
    queue.handedOut = before.handedOut;
    const older = peers.filter((peer) => isOlder(queue.heard.get(peer)?.oldestAtMs, load.oldestAtMs));
    for (const peer of peers) {
      const wanted = wantedOf(load, {
        peerCount: peers.length,
        ...(older.includes(peer) ? { handedOut, olderCount: older.length } : { handedOut: 0, olderCount: 1 }),
      });
      const oldestAtMs = load.waitingPolls > 0 ? undefined : load.oldestAtMs;
      this.#tell(queue, peer, { wanted, oldestAtMs });
    }
    const isQuiet = [...queue.heard.values(), ...queue.told.values()].every(isNothing);
    if (isQuiet && load.readyAtMs === undefined) this.#queues.delete(nameOf(part));
    else if (load.readyAtMs !== undefined && load.oldestAtMs === undefined)
      this.#lookAgainWhenReady(part, load.readyAtMs);
  }

  /** B1. To whoever wants most, in turn. */
  #passOn({ part, heard }: Part, { waitingPolls, oldestAtMs }: PartLoad): void {
    if (waitingPolls > 0 || oldestAtMs === undefined) return;
    for (;;) {
      let [to, most]: [string | undefined, Told] = [undefined, nothing];
      for (const [peer, told] of heard) if (told.wanted > most.wanted) [to, most] = [peer, told];
      if (to === undefined) return;
      const match = this.#parts.takeForOther(part);
      if (match === undefined) return;
      heard.set(to, { ...most, wanted: most.wanted - 1 });
      this.#outbox(to).passed.push({ part, match });
    }
  }

  #tell({ part, told }: Part, peer: string, now: Told): void {
    const before = told.get(peer) ?? nothing;
    const isWantedNews = now.wanted > 0 !== before.wanted > 0 || now.wanted * 4 <= before.wanted;
    const [was, is] = [before.oldestAtMs, now.oldestAtMs];
    const isAgeNews =
      was === undefined || is === undefined ? was !== is : Math.abs(is - was) >= clusterLimits.balanceAgeMs;
    if (isNothing(now) && isNothing(before)) return;
    if (!isWantedNews && !isAgeNews) return;
    told.set(peer, now);
    this.#outbox(peer).tidings.set(nameOf(part), { part, ...now });
  }

  /** Tasks that a rate limit holds back, with nobody here who waits for the next of them. */
  #lookAgainWhenReady(part: QueuePart, readyAtMs: number): void {
    this.#dirty.set(nameOf(part), part);
    this.#lookLater(Math.max(clusterLimits.balanceMs, readyAtMs - this.#parts.clock.nowMs()));
  }

  #queue(part: QueuePart): Part {
    const name = nameOf(part);
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const { handedOut } = this.#parts.load(part);
    const made: Part = { part, heard: new Map(), told: new Map(), handedOut };
    this.#queues.set(name, made);
    return made;
  }

  #forgetStrangers({ heard, told }: Part, peers: readonly string[]): void {
    for (const map of [heard, told]) for (const peer of map.keys()) if (!peers.includes(peer)) map.delete(peer);
  }

  /** What is to be sent; one call at a time to each node, what comes meanwhile goes with the next. */
  #outbox(nodeId: string): Outbox<Started> {
    const known = this.#outboxes.get(nodeId);
    if (known !== undefined) return known;
    const made: Outbox<Started> = { tidings: new Map(), passed: [] };
    this.#outboxes.set(nodeId, made);
    void this.#send(nodeId, made);
    return made;
  }

  async #send(nodeId: string, outbox: Outbox<Started>): Promise<void> {
    // Whatever else there is to say in this turn of the loop goes along.
    await null;
    while (outbox.tidings.size > 0 || outbox.passed.length > 0) {
      const passed = outbox.passed.splice(0, clusterLimits.deliverMax);
      const tidings = [...outbox.tidings.values()];
      outbox.tidings.clear();
      const refused = await this.#parts.send(nodeId, { tidings, passed });
      const back = refused === undefined ? passed : refused.map((at) => passed[at]!);
      for (const { match } of back) this.#parts.takeBack(match);
      if (refused === undefined) this.#forgetTold(nodeId, { tidings, passed });
    }
    this.#outboxes.delete(nodeId);
  }

  /** It has not heard of it, and who knows what it wants by now. If it still has a part, it is told again. */
  #forgetTold(nodeId: string, { tidings, passed }: Balancing<Started>): void {
    for (const { part } of [...tidings, ...passed]) {
      this.#queues.get(nameOf(part))?.heard.delete(nodeId);
      this.#queues.get(nameOf(part))?.told.delete(nodeId);
      this.#dirty.set(nameOf(part), part);
    }
    this.#lookLater(clusterLimits.deliverRetryMs);
  }
}

/** From one node: as many as polls wait here, or else as workers have come for since the last look; its share of them. */
function wantedOf(
  { waitingPolls }: PartLoad,
  of: { readonly peerCount: number; readonly handedOut: number; readonly olderCount: number },
): number {
  const wanted = waitingPolls > 0 ? waitingPolls / of.peerCount : of.handedOut / of.olderCount;
  return Math.min(Math.ceil(wanted), clusterLimits.balanceMax);
}

function isOlder(theirs: number | undefined, ours: number | undefined): boolean {
  return theirs !== undefined && (ours === undefined || theirs < ours);
}

function isNothing({ wanted, oldestAtMs }: Told): boolean {
  return wanted === 0 && oldestAtMs === undefined;
}

/** A deployment's name has no colon, and namespace ids are UUIDs. */
function nameOf({ namespaceId, kind, taskQueue, version }: QueuePart): string {
  const of = version === null ? "" : `${version.deploymentName}:${version.buildId}`;
  return `${kind}/${namespaceId}/${of.length}/${of}/${taskQueue}`;
}
