/** Slots by the user's own rule. */

import type { Logger } from "../../value/logger.ts";
import type { WorkerDeploymentVersion } from "../../value/worker-deployments.ts";
import type { Slot, SlotInfo, Slots } from "./slots.ts";

/** Whatever the supplier gives; it gets it back with the slot. */
// biome-ignore lint/complexity/noBannedTypes: any object of the user's.
export type SlotPermit = {};

/** For whom a slot is wanted. `isSticky`: for a poll of the queue of the worker's own cached workflows. */
export interface SlotReserveContext {
  readonly slotType: SlotInfo["type"];
  readonly taskQueue: string;
  readonly workerIdentity: string;
  readonly workerBuildId: string;
  readonly workerDeploymentVersion?: WorkerDeploymentVersion | undefined;
  readonly isSticky: boolean;
}

/** Which task a slot is used for. */
export interface SlotMarkUsedContext<S extends SlotInfo = SlotInfo> {
  readonly slotInfo: S;
  readonly permit: SlotPermit;
}

/** Which task is done with its slot. */
export interface SlotReleaseContext<S extends SlotInfo = SlotInfo> {
  /** Absent when there never was a task for it. */
  readonly slotInfo?: S;
  readonly permit: SlotPermit;
}

/** Gives out slots by a rule of the user's. Each permit is released once, whether it was used or not. */
export interface CustomSlotSupplier<S extends SlotInfo = SlotInfo> {
  type: "custom";
  /** Waits for a slot; rejects when the signal aborts. */
  reserveSlot(context: SlotReserveContext, abortSignal: AbortSignal): Promise<SlotPermit>;
  /** `null` when there is none now. */
  tryReserveSlot(context: SlotReserveContext): SlotPermit | null;
  markSlotUsed(context: SlotMarkUsedContext<S>): void;
  releaseSlot(context: SlotReleaseContext<S>): void;
}

export class CustomSlots implements Slots {
  readonly kind = "Custom";
  readonly max = undefined;
  readonly #supplier: CustomSlotSupplier;
  readonly #context: SlotReserveContext;
  readonly #logger: Logger;
  #taken = 0;

  constructor(supplier: CustomSlotSupplier, context: SlotReserveContext, logger: Logger) {
    this.#supplier = supplier;
    this.#context = context;
    this.#logger = logger;
  }

  get taken(): number {
    return this.#taken;
  }

  tryTake(): Slot | undefined {
    const permit = this.#safely("tryReserveSlot", () => this.#supplier.tryReserveSlot(this.#context));
    return permit ? this.#slotOf(permit) : undefined;
  }

  async take(signal: AbortSignal): Promise<Slot | undefined> {
    while (!signal.aborted) {
      try {
        return this.#slotOf(await this.#supplier.reserveSlot(this.#context, signal));
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#logger.error("A slot supplier failed to reserve a slot", { error });
        // A supplier that always fails must not spin.
        await new Promise((resolve) => setTimeout(resolve, 1_000).unref());
      }
    }
    return undefined;
  }

  #slotOf(permit: SlotPermit): Slot {
    this.#taken++;
    let info: SlotInfo | undefined;
    let isTaken = true;
    return {
      use: (slotInfo) => {
        info = slotInfo;
        this.#safely("markSlotUsed", () => this.#supplier.markSlotUsed({ slotInfo, permit }));
      },
      release: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#taken--;
        const released = info ? { slotInfo: info, permit } : { permit };
        this.#safely("releaseSlot", () => this.#supplier.releaseSlot(released));
      },
    };
  }

  #safely<T>(what: string, call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.#logger.error(`A slot supplier failed in ${what}`, { error });
      return undefined;
    }
  }
}
