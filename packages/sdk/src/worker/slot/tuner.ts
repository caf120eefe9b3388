/** How many slots a worker has of each kind, and by which rule: fixed numbers, the machine's resources, or the user's own. */
import { type Duration, msToNumber } from "../../value/duration.ts";
import type { Logger } from "../../value/logger.ts";
import { type CustomSlotSupplier, CustomSlots, type SlotReserveContext } from "./custom-slots.ts";
import { type ResourceBasedTunerOptions, ResourceController, ResourceSlots } from "./resource-slots.ts";
import { FixedSlots, type SlotInfo, type Slots } from "./slots.ts";

/** A workflow task. */
export type WorkflowSlotInfo = Extract<SlotInfo, { type: "workflow" }>;
/** An activity. */
export type ActivitySlotInfo = Extract<SlotInfo, { type: "activity" }>;
/** A local activity. */
export type LocalActivitySlotInfo = Extract<SlotInfo, { type: "local-activity" }>;
/** A request for a Nexus operation. */
export type NexusSlotInfo = Extract<SlotInfo, { type: "nexus" }>;

/** Always so many slots. */
export interface FixedSizeSlotSupplier {
  type: "fixed-size";
  numSlots: number;
}

/** Between a minimum and a maximum, as many as the machine bears. */
export interface ResourceBasedSlotOptions {
  /** These are given out whatever the machine says. Default: 2 for workflow tasks, else 1. */
  minimumSlots?: number;
  /** Default: 1,000 for workflow tasks, else 2,000. */
  maximumSlots?: number;
  /** Default: 10 ms for workflow tasks, else 50 ms. */
  rampThrottle?: Duration;
}

/** Slots that share a controller share its opinion; `tunerOptions` that are equal make one controller a worker. */
type Controlled =
  | { tunerOptions: ResourceBasedTunerOptions; controller?: never }
  | { controller: ResourceController; tunerOptions?: never };

/** Slots of one kind by the machine's resources. */
export type ResourceBasedSlotsForType = ResourceBasedSlotOptions & Controlled & { type: "resource-based" };

/** The rule for slots of one kind. */
export type SlotSupplier<S extends SlotInfo> =
  | ResourceBasedSlotsForType
  | FixedSizeSlotSupplier
  | CustomSlotSupplier<S>;

/** A rule for each kind. */
export interface TunerHolder {
  workflowTaskSlotSupplier: SlotSupplier<WorkflowSlotInfo>;
  activityTaskSlotSupplier: SlotSupplier<ActivitySlotInfo>;
  localActivityTaskSlotSupplier: SlotSupplier<LocalActivitySlotInfo>;
  /** Default: 100. */
  nexusTaskSlotSupplier?: SlotSupplier<NexusSlotInfo>;
}

/** All kinds by the machine's resources, with one opinion of it. */
export type ResourceBasedTuner = Controlled & {
  workflowTaskSlotOptions?: ResourceBasedSlotOptions;
  activityTaskSlotOptions?: ResourceBasedSlotOptions;
  localActivityTaskSlotOptions?: ResourceBasedSlotOptions;
  nexusTaskSlotOptions?: ResourceBasedSlotOptions;
};

/** How many tasks of each kind a worker takes on at a time. */
export type WorkerTuner = TunerHolder | ResourceBasedTuner;

export interface WorkerSlots {
  readonly workflow: Slots;
  readonly activity: Slots;
  readonly localActivity: Slots;
  readonly nexus: Slots;
}

export const nexusSlotsDefault = 100;

const defaults = {
  workflow: { minimumSlots: 2, maximumSlots: 1_000, rampThrottle: 10 },
  activity: { minimumSlots: 1, maximumSlots: 2_000, rampThrottle: 50 },
  "local-activity": { minimumSlots: 1, maximumSlots: 2_000, rampThrottle: 50 },
  nexus: { minimumSlots: 1, maximumSlots: 2_000, rampThrottle: 50 },
} as const satisfies Record<SlotInfo["type"], Required<ResourceBasedSlotOptions>>;

/** Throws `TypeError` for options that are none. */
export function slotsOf(
  tuner: WorkerTuner,
  context: Omit<SlotReserveContext, "slotType" | "isSticky">,
  logger: Logger,
): WorkerSlots {
  const controllers = new Map<string, ResourceController>();
  const controllerOf = ({ controller, tunerOptions }: Controlled): ResourceController => {
    if (controller) return controller;
    const key = JSON.stringify(tunerOptions);
    const made = controllers.get(key) ?? new ResourceController(tunerOptions as ResourceBasedTunerOptions);
    controllers.set(key, made);
    return made;
  };
  const make = (type: SlotInfo["type"], supplier: SlotSupplier<never>): Slots => {
    switch (supplier.type) {
      case "fixed-size":
        if (!(supplier.numSlots >= 1)) throw new TypeError(`the tuner's number of ${type} slots must be at least 1`);
        return new FixedSlots(supplier.numSlots);
      case "resource-based":
        return new ResourceSlots(controllerOf(supplier), resourceOptions(type, supplier));
      case "custom":
        return new CustomSlots(supplier as CustomSlotSupplier, { ...context, slotType: type, isSticky: false }, logger);
      default:
        supplier satisfies never;
        throw new TypeError(`the tuner's supplier of ${type} slots has an unknown type`);
    }
  };
  const { workflow, activity, localActivity, nexus } = suppliersOf(tuner);
  return {
    workflow: make("workflow", workflow as SlotSupplier<never>),
    activity: make("activity", activity as SlotSupplier<never>),
    localActivity: make("local-activity", localActivity as SlotSupplier<never>),
    nexus: make("nexus", nexus as SlotSupplier<never>),
  };
}

function suppliersOf(tuner: WorkerTuner) {
  if ("workflowTaskSlotSupplier" in tuner) {
    return {
      workflow: tuner.workflowTaskSlotSupplier,
      activity: tuner.activityTaskSlotSupplier,
      localActivity: tuner.localActivityTaskSlotSupplier,
      nexus: tuner.nexusTaskSlotSupplier ?? ({ type: "fixed-size", numSlots: nexusSlotsDefault } as const),
    };
  }
  const { controller, tunerOptions } = tuner;
  const controlled = (controller ? { controller } : { tunerOptions }) as Controlled;
  const based = (options: ResourceBasedSlotOptions = {}): ResourceBasedSlotsForType => {
    return { type: "resource-based", ...options, ...controlled };
  };
  return {
    workflow: based(tuner.workflowTaskSlotOptions),
    activity: based(tuner.activityTaskSlotOptions),
    localActivity: based(tuner.localActivityTaskSlotOptions),
    nexus: based(tuner.nexusTaskSlotOptions),
  };
}

function resourceOptions(type: SlotInfo["type"], options: ResourceBasedSlotOptions) {
  const { minimumSlots, maximumSlots, rampThrottle } = { ...defaults[type], ...options };
  if (!(minimumSlots >= 1 && maximumSlots >= minimumSlots)) {
    throw new TypeError(
      `the tuner's ${type} slots: minimumSlots must be at least 1, and maximumSlots at least minimumSlots`,
    );
  }
  const rampThrottleMs = msToNumber(rampThrottle, "the tuner's rampThrottle");
  return { minimum: minimumSlots, maximum: maximumSlots, rampThrottleMs };
}
