/** Slots limit how many tasks a worker does at a time: one is taken before a task is polled for, and given back when the task is done. */

/** The task that uses a slot. */
export type SlotInfo =
  | { readonly type: "workflow"; readonly workflowType: string; readonly isSticky: boolean }
  | { readonly type: "activity"; readonly activityType: string }
  | { readonly type: "local-activity"; readonly activityType: string }
  | { readonly type: "nexus"; readonly service: string; readonly operation: string };

/** One slot that was taken. */
export interface Slot {
  /** There is a task for it. */
  use(info: SlotInfo): void;
  release(): void;
}

export interface Slots {
  readonly kind: "Fixed" | "ResourceBased" | "Custom";
  /** Slots that are taken, for tasks and for polls that may bring one. */
  readonly taken: number;
  /** How many there can be, where that is known. */
  readonly max: number | undefined;
  /** Waits for one. `undefined` when the signal aborts before. */
  take(signal: AbortSignal): Promise<Slot | undefined>;
  /** One that is free now. */
  tryTake(): Slot | undefined;
}

/** A number that does not change. */
export class FixedSlots implements Slots {
  readonly kind = "Fixed";
  readonly max: number;
  #taken = 0;
  readonly #waiting = new Set<(slot: Slot) => void>();

  constructor(max: number) {
    this.max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  tryTake(): Slot | undefined {
    if (this.#taken >= this.max) return undefined;
    this.#taken++;
    return this.#newSlot();
  }

  async take(signal: AbortSignal): Promise<Slot | undefined> {
    if (signal.aborted) return undefined;
    const free = this.tryTake();
    if (free) return free;
    return await new Promise((resolve) => {
      const take = (slot: Slot | undefined) => {
        this.#waiting.delete(take);
        signal.removeEventListener("abort", giveUp);
        resolve(slot);
      };
      const giveUp = () => take(undefined);
      this.#waiting.add(take);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #newSlot(): Slot {
    let isTaken = true;
    return {
      use: () => undefined,
      release: () => {
        if (!isTaken) return;
        isTaken = false;
        const [next] = this.#waiting;
        // The slot goes from hand to hand: it stays taken.
        if (next) next(this.#newSlot());
        else this.#taken--;
      },
    };
  }
}
