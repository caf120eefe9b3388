/** Slots by the machine's resources: beyond a minimum, another one is given only while the use of memory and CPU is below its target. */
import { availableParallelism, freemem, totalmem } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Slot, Slots } from "./slots.ts";

/** Up to which use of the machine further slots are given out. */
export interface ResourceBasedTunerOptions {
  /** Shares of the whole, from 0 to 1. */
  readonly targetMemoryUsage: number;
  readonly targetCpuUsage: number;
}

export interface ResourceUsage {
  readonly memory: number;
  readonly cpu: number;
}

/** Usage that is older than this is measured again. */
const measureEveryMs = 100;
/** While there is no room, look again this often. */
const lookAgainMs = 50;

/** One opinion on the machine, for all slots of a process that ask it. */
export class ResourceController {
  readonly options: ResourceBasedTunerOptions;
  readonly #measure: () => ResourceUsage;
  readonly #nowMs: () => number;
  #usage: ResourceUsage = { memory: 0, cpu: 0 };
  #measuredAtMs = Number.NEGATIVE_INFINITY;

  /** Throws `TypeError` for a share that is none. */
  constructor(
    options: ResourceBasedTunerOptions,
    {
      measure = newMeasure(),
      nowMs = () => performance.now(),
    }: { measure?: () => ResourceUsage; nowMs?: () => number } = {},
  ) {
    for (const name of ["targetMemoryUsage", "targetCpuUsage"] as const) {
      const share = options[name];
      if (!(share > 0 && share <= 1)) throw new TypeError(`ResourceBasedTunerOptions.${name} must be between 0 and 1`);
    }
    this.options = options;
    this.#measure = measure;
    this.#nowMs = nowMs;
  }

  static create(options: ResourceBasedTunerOptions): ResourceController {
    return new ResourceController(options);
  }

  get hasRoom(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs - this.#measuredAtMs >= measureEveryMs) {
      this.#usage = this.#measure();
      this.#measuredAtMs = nowMs;
    }
    const { targetMemoryUsage, targetCpuUsage } = this.options;
    return this.#usage.memory < targetMemoryUsage && this.#usage.cpu < targetCpuUsage;
  }
}

/** Memory of the machine or of what the process may have of it, and the processors' time since it was asked before. */
function newMeasure(): () => ResourceUsage {
  let last = process.cpuUsage();
  let lastAtMs = performance.now();
  return () => {
    const nowMs = performance.now();
    const { user, system } = process.cpuUsage(last);
    const cpu = (user + system) / 1_000 / Math.max(1, nowMs - lastAtMs) / availableParallelism();
    last = process.cpuUsage();
    lastAtMs = nowMs;
    const limit = process.constrainedMemory();
    const isLimited = limit > 0 && limit < totalmem();
    const memory = isLimited ? process.memoryUsage.rss() / limit : 1 - freemem() / totalmem();
    return { memory, cpu };
  };
}

export interface ResourceSlotsOptions {
  readonly minimum: number;
  readonly maximum: number;
  /** At least so long between two slots beyond the minimum, so that the last one shows in what is measured. */
  readonly rampThrottleMs: number;
}

export class ResourceSlots implements Slots {
  readonly kind = "ResourceBased";
  readonly #controller: ResourceController;
  readonly #options: ResourceSlotsOptions;
  readonly #nowMs: () => number;
  #taken = 0;
  #grewAtMs = Number.NEGATIVE_INFINITY;

  constructor(controller: ResourceController, options: ResourceSlotsOptions, nowMs = () => performance.now()) {
    this.#controller = controller;
    this.#options = options;
    this.#nowMs = nowMs;
  }

  get taken(): number {
    return this.#taken;
  }

  get max(): number {
    return this.#options.maximum;
  }

  tryTake(): Slot | undefined {
    const { minimum, maximum, rampThrottleMs } = this.#options;
    if (this.#taken >= maximum) return undefined;
    if (this.#taken >= minimum) {
      const nowMs = this.#nowMs();
      if (nowMs - this.#grewAtMs < rampThrottleMs || !this.#controller.hasRoom) return undefined;
      this.#grewAtMs = nowMs;
    }
    this.#taken++;
    let isTaken = true;
    return {
      use: () => undefined,
      release: () => {
        if (isTaken) this.#taken--;
        isTaken = false;
      },
    };
  }

  async take(signal: AbortSignal): Promise<Slot | undefined> {
    while (!signal.aborted) {
      const slot = this.tryTake();
      if (slot) return slot;
      await delay(lookAgainMs, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }
}
