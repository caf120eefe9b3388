/**
 * Task queues that live where their workers call. A queue is placed by its name alone; when all of its polls come to another node, the node on which it is
 * placed (its landlord) gives it away to that one (its host), so that polls, and what they are answered with, need no way between nodes. Sticky queues are
 * where their normal queue is.
 *
 *   O1. The landlord alone decides, and tells the others. Who knows nothing, or too little, goes to the landlord, and is told where the queue is when refused.
 *   O2. A host has the queue on a lease that its landlord renews. When the lease is over, or either of them has gone, the queue is where it is placed; what waits
 *       in it goes there. So whatever messages get lost, tasks and polls are apart for no longer than a lease.
 *   O3. Whoever is refused by a host forgets it. A landlord whose host refuses has its queue back.
 *   O4. Nodes have come or gone: all queues are where they are placed, and go from there anew.
 */
import type { Cancel, Clock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import { nameOf, ownerOf, type Place } from "./placement.ts";

export type QueuePlace = Extract<Place, { type: "queue" }>;

export interface Home {
  readonly place: QueuePlace;
  /** undefined: where it is placed. */
  readonly nodeId: string | undefined;
}

interface HomesParts {
  /** Of this node. */
  readonly id: string;
  readonly clock: Clock;
  /** Among whom things are placed. */
  readonly owners: () => readonly string[];
  /** As `ClusterNode.ask`. */
  readonly ask: (nodeId: string, method: string, value: unknown) => Promise<{ readonly value: unknown } | undefined>;
  /** This node has another idea now of where a queue is. */
  readonly onMoved: () => void;
}

/** Polls that came to a host since it was asked last. */
interface Polls {
  readonly own: number;
  readonly others: number;
}

interface Given {
  readonly place: QueuePlace;
  readonly to: string;
  idleRenewals: number;
}

interface Hosted {
  readonly place: QueuePlace;
  readonly by: string;
  untilMs: number;
  polls: { own: number; others: number };
}

interface Seen {
  sinceMs: number;
  /** Polls since then; undefined: they came to several nodes. */
  from: string | undefined;
  count: number;
}

export class Homes {
  readonly #parts: HomesParts;
  /** By the names of places. */
  readonly #given = new Map<string, Given>();
  readonly #hosted = new Map<string, Hosted>();
  readonly #known = new Map<string, string>();
  readonly #seen = new Map<string, Seen>();
  /** Nodes that would take no queue, and until when they are not asked. */
  readonly #unwilling = new Map<string, number>();
  #cancelRenewal: Cancel | undefined;
  #isClosed = false;

  constructor(parts: HomesParts) {
    this.#parts = parts;
  }

  /** Undefined: where it is placed. */
  of(place: Place): string | undefined {
    if (place.type !== "queue" || this.#given.size + this.#hosted.size + this.#known.size === 0) return undefined;
    const name = nameOf(place);
    const hosted = this.#hosted.get(name);
    if (hosted !== undefined && this.#parts.clock.nowMs() < hosted.untilMs) return this.#parts.id;
    return this.#given.get(name)?.to ?? this.#known.get(name);
  }

  /** A poll came to `nodeId` for a queue that is here. */
  polled(place: Place, nodeId: string): void {
    if (place.type !== "queue" || this.#isClosed) return;
    const name = nameOf(place);
    const hosted = this.#hosted.get(name);
    if (hosted !== undefined) {
      if (nodeId === this.#parts.id) hosted.polls.own += 1;
      else hosted.polls.others += 1;
      return;
    }
    const nowMs = this.#parts.clock.nowMs();
    const seen = this.#seen.get(name);
    if (seen === undefined || Math.abs(nowMs - seen.sinceMs) >= clusterLimits.homeWindowMs) {
      this.#seen.set(name, { sinceMs: nowMs, from: nodeId, count: 1 });
      this.#renewLater();
      return;
    }
    seen.count += 1;
    if (seen.from !== nodeId) seen.from = undefined;
    if (seen.count < clusterLimits.homePollsMin || seen.from === undefined || seen.from === this.#parts.id) return;
    this.#seen.delete(name);
    void this.#give(place, nodeId);
  }

  /** O2: this node is to have these queues, now or further on. How they were used; null for those that it does not take. */
  host(places: readonly QueuePlace[], from: string): (Polls | null)[] {
    const { id, clock, owners } = this.#parts;
    const untilMs = clock.nowMs() + clusterLimits.homeLeaseMs;
    const isStaying = !this.#isClosed && owners().includes(id);
    let isNew = false;
    const answers = places.map((place) => {
      if (!isStaying || this.#landlordOf(place) !== from) return null;
      const name = nameOf(place);
      const known = this.#hosted.get(name);
      const polls = known?.polls ?? { own: 0, others: 0 };
      if (known === undefined) isNew = true;
      this.#hosted.set(name, { place, by: from, untilMs, polls: { own: 0, others: 0 } });
      this.#known.delete(name);
      return polls;
    });
    this.#renewLater();
    if (isNew) this.#parts.onMoved();
    return answers;
  }

  /** Its landlord has a queue back. */
  unhost(places: readonly QueuePlace[], from: string): void {
    for (const place of places) if (this.#hosted.get(nameOf(place))?.by === from) this.#hosted.delete(nameOf(place));
    this.#parts.onMoved();
  }

  /** O1: what a landlord says. */
  heard(homes: readonly Home[], from: string): void {
    let isNews = false;
    for (const { place, nodeId } of homes) {
      const name = nameOf(place);
      if (this.#landlordOf(place) !== from || this.#known.get(name) === nodeId) continue;
      isNews = true;
      if (nodeId === undefined || nodeId === this.#parts.id) this.#known.delete(name);
      else this.#known.set(name, nodeId);
    }
    if (isNews) this.#parts.onMoved();
  }

  /** O1: a node has asked here for what is not here. */
  tell(nodeId: string, place: Place): void {
    const given = place.type === "queue" ? this.#given.get(nameOf(place)) : undefined;
    if (given) void this.#parts.ask(nodeId, "Homes", [{ place: given.place, nodeId: given.to } satisfies Home]);
  }

  /** O3. */
  refused(place: Place, nodeId: string): void {
    if (place.type !== "queue") return;
    const name = nameOf(place);
    if (this.#known.get(name) === nodeId) this.#known.delete(name);
    if (this.#given.get(name)?.to === nodeId) this.#takeBack([this.#given.get(name)!]);
  }

  /** O4. */
  follow(): void {
    for (const { place, to } of this.#given.values()) void this.#parts.ask(to, "Unhost", [place]);
    for (const map of [this.#given, this.#hosted, this.#known, this.#seen, this.#unwilling]) map.clear();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRenewal?.();
  }

  #landlordOf(place: QueuePlace): string | undefined {
    return ownerOf(this.#parts.owners(), place);
  }

  async #give(place: QueuePlace, to: string): Promise<void> {
    const { id, clock, owners, ask, onMoved } = this.#parts;
    const name = nameOf(place);
    if (this.#given.has(name) || this.#landlordOf(place) !== id || !owners().includes(to)) return;
    if (clock.nowMs() < (this.#unwilling.get(to) ?? 0)) return;
    this.#unwilling.set(to, clock.nowMs() + clusterLimits.homeRefusedMs);
    const answer = await ask(to, "Host", [place]);
    const isTaken = (answer?.value as readonly (Polls | null)[] | undefined)?.[0] != null;
    if (!isTaken || this.#isClosed || this.#landlordOf(place) !== id || !owners().includes(to)) {
      void ask(to, "Unhost", [place]);
      return;
    }
    this.#unwilling.delete(to);
    this.#given.set(name, { place, to, idleRenewals: 0 });
    this.#renewLater();
    onMoved();
    this.#tellAll([{ place, nodeId: to }], to);
  }

  #takeBack(given: readonly Given[]): void {
    if (given.length === 0) return;
    for (const { place } of given) this.#given.delete(nameOf(place));
    for (const { place, to } of given) void this.#parts.ask(to, "Unhost", [place]);
    this.#parts.onMoved();
    this.#tellAll(given.map(({ place }) => ({ place, nodeId: undefined })));
  }

  #tellAll(homes: readonly Home[], except?: string): void {
    const { id, owners, ask } = this.#parts;
    for (const other of owners()) if (other !== id && other !== except) void ask(other, "Homes", homes);
  }

  #renewLater(): void {
    if (this.#isClosed) return;
    this.#cancelRenewal ??= this.#parts.clock.after(clusterLimits.homeRenewMs, () => {
      this.#cancelRenewal = undefined;
      this.#renew();
      if (this.#given.size + this.#hosted.size + this.#seen.size > 0) this.#renewLater();
    });
  }

  #renew(): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const [name, { sinceMs }] of this.#seen)
      if (Math.abs(nowMs - sinceMs) >= clusterLimits.homeWindowMs) this.#seen.delete(name);
    const over = [...this.#hosted].filter(([, { untilMs }]) => nowMs >= untilMs);
    for (const [name] of over) this.#hosted.delete(name);
    if (over.length > 0) this.#parts.onMoved();
    for (const to of new Set([...this.#given.values()].map((given) => given.to))) void this.#renewAt(to);
  }

  async #renewAt(to: string): Promise<void> {
    const given = [...this.#given.values()].filter((one) => one.to === to);
    const answer = await this.#parts.ask(
      to,
      "Host",
      given.map(({ place }) => place),
    );
    // It may have heard of it, and keeps them for another lease then.
    if (answer === undefined) return;
    const polls = answer.value as readonly (Polls | null)[];
    const back = given.filter((one, at) => this.#given.get(nameOf(one.place)) === one && !isAtHome(one, polls[at]!));
    this.#takeBack(back);
  }
}

/** Whether the queue is still well where it is. */
function isAtHome(given: Given, polls: Polls | null): boolean {
  if (polls === null) return false;
  given.idleRenewals = polls.own + polls.others === 0 ? given.idleRenewals + 1 : 0;
  return polls.own >= polls.others && given.idleRenewals < clusterLimits.homeIdleRenewals;
}
