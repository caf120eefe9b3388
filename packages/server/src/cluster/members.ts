/**
 * The nodes of the cluster as this one sees them: it gives signs of life and learns with each who else does.
 *
 *   V1. Whoever asks for a look gets one that began after it asked.
 *   V2. `isSure` holds only while no other node can have found this one dead: its last sign of life that is known to have arrived was sent less than a
 *       lease ago, by a clock that goes on while the process stands still.
 */
import type { Membership, NodeRecord, View } from "@pawl/store";
import type { Cancel, Clock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";

export interface MembersParts {
  readonly membership: Membership;
  readonly clock: Clock;
  readonly stopwatchMs: () => number;
  readonly leaseMs: number;
  readonly me: Omit<NodeRecord, "state">;
  /** Told of each view, before `look` resolves. `beganAtMs`, by the stopwatch: what this node has done since may not be in it. */
  readonly onView: (view: View, beganAtMs: number) => Promise<void>;
  readonly onFault: (what: string, error: unknown) => void;
}

const nothing: View = { nodes: [], owners: [], changes: -1 };

export class Members {
  readonly #parts: MembersParts;
  #view = nothing;
  #state: NodeRecord["state"] = "up";
  #sureUntilMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #lookingAgain: Promise<void> | undefined;
  #cancelBeat: Cancel | undefined;
  #isClosed = false;

  constructor(parts: MembersParts) {
    this.#parts = parts;
  }

  get view(): View {
    return this.#view;
  }

  /** Among whom things are placed: without those who are leaving, unless nobody else is there. */
  get owners(): readonly string[] {
    const staying = this.#view.nodes.filter(({ state }) => state === "up");
    return (staying.length > 0 ? staying : this.#view.nodes).map(({ id }) => id);
  }

  get others(): readonly NodeRecord[] {
    return this.#view.nodes.filter(({ id }) => id !== this.#parts.me.id);
  }

  isAlive(nodeId: string): boolean {
    return this.#view.nodes.some(({ id }) => id === nodeId);
  }

  /** V2. */
  isSure(): boolean {
    return this.#parts.stopwatchMs() < this.#sureUntilMs;
  }

  /** The first sign of life; the others follow by themselves. Throws `StoreError`. */
  async open(): Promise<void> {
    await this.look();
    this.#beatLater();
  }

  /** V1. Throws `StoreError`. */
  look(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    this.#lookingAgain ??= this.#looking
      .catch(() => {})
      .then(() => {
        this.#lookingAgain = undefined;
        return this.look();
      });
    return this.#lookingAgain;
  }

  /** From now on nothing is placed here. */
  async leaving(): Promise<void> {
    this.#state = "leaving";
    await this.look();
  }

  /** Says goodbye, so that nobody waits for the lease to end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelBeat?.();
    await this.#looking?.catch(() => {});
    await this.#parts.membership.leave(this.#parts.me.id);
  }

  async #look(): Promise<void> {
    const { membership, me, stopwatchMs, leaseMs, onView } = this.#parts;
    const beganAtMs = stopwatchMs();
    this.#view = await membership.beat({ ...me, state: this.#state });
    this.#sureUntilMs = beganAtMs + leaseMs * 0.9;
    await onView(this.#view, beganAtMs);
  }

  #beatLater(): void {
    const { clock, leaseMs, onFault } = this.#parts;
    if (this.#isClosed) return;
    this.#cancelBeat = clock.after(leaseMs / clusterLimits.beatsPerLease, () => {
      this.look()
        .catch((error: unknown) => onFault("sign of life", error))
        .finally(() => this.#beatLater());
    });
  }
}
