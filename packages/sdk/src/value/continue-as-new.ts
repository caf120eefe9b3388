/** Why a run should begin anew, and with which version of its code. */
import type { enums } from "@pawl/protocol";

/** Why the server finds that a run should continue as new: see `WorkflowInfo.suggestedContinueAsNewReasons`. */
export const SuggestContinueAsNewReason = {
  HISTORY_SIZE_TOO_LARGE: "HISTORY_SIZE_TOO_LARGE",
  TOO_MANY_HISTORY_EVENTS: "TOO_MANY_HISTORY_EVENTS",
  TOO_MANY_UPDATES: "TOO_MANY_UPDATES",
} as const;
export type SuggestContinueAsNewReason = (typeof SuggestContinueAsNewReason)[keyof typeof SuggestContinueAsNewReason];

/** Which version of the workers a run that continues another begins with. */
export const InitialVersioningBehavior = {
  /** The first task of the next run goes to the version that new runs begin with. */
  AUTO_UPGRADE: "AUTO_UPGRADE",
  /** And this one to the version that is being tried out. */
  USE_RAMPING_VERSION: "USE_RAMPING_VERSION",
} as const;
export type InitialVersioningBehavior = (typeof InitialVersioningBehavior)[keyof typeof InitialVersioningBehavior];

/** Numbers of the API's enums, which are not loaded inside the sandbox. */
const reasonNumber = {
  HISTORY_SIZE_TOO_LARGE: 1,
  TOO_MANY_HISTORY_EVENTS: 2,
  TOO_MANY_UPDATES: 3,
} as const satisfies Record<SuggestContinueAsNewReason, enums.SuggestContinueAsNewReason>;
const behaviorNumber = { AUTO_UPGRADE: 1, USE_RAMPING_VERSION: 2 } as const satisfies Record<
  InitialVersioningBehavior,
  enums.ContinueAsNewVersioningBehavior
>;

/** Those that this SDK has a name for. */
export function decodeReasons(reasons: readonly enums.SuggestContinueAsNewReason[]): SuggestContinueAsNewReason[] {
  const names = Object.keys(reasonNumber) as SuggestContinueAsNewReason[];
  return names.filter((name) => reasons.includes(reasonNumber[name]));
}

export function encodeInitialBehavior(
  behavior: InitialVersioningBehavior | undefined,
): enums.ContinueAsNewVersioningBehavior | undefined {
  return behavior && behaviorNumber[behavior];
}
