/** What operators ask of activities: of pending ones of a workflow, or of one that is an execution of its own. */
import type { activity as api } from "@pawl/protocol";

/** A request that comes again under its id is no news: of an activity that is an execution of its own. */
export interface Repeatable {
  readonly requestId?: string | undefined;
}

/** One activity by its id, all of a type, or all. */
export interface Selection {
  readonly activityId?: string | undefined;
  readonly activityType?: string | undefined;
  readonly all?: boolean | undefined;
}

export interface Pause extends Selection {
  readonly identity: string;
  readonly reason: string;
  readonly requestId: string;
}

export interface Unpause extends Selection, Release, Repeatable {}

export interface Release {
  readonly resetAttempts: boolean;
  readonly resetHeartbeat: boolean;
  /** How long the activity waits before it may start; drawn by the caller. */
  readonly delayMs: number;
}

export interface Reset extends Selection, StartOver, Repeatable {}

export interface StartOver {
  readonly resetHeartbeat: boolean;
  readonly keepPaused: boolean;
  readonly restoreOriginalOptions: boolean;
  readonly delayMs: number;
}

export interface OptionsChange extends Selection, MaskedOptions, Repeatable {
  readonly restoreOriginal: boolean;
}

export interface MaskedOptions {
  readonly options: api.ActivityOptions | undefined;
  /** Field paths of the mask, in snake case; undefined without a mask. */
  readonly paths: readonly string[] | undefined;
}
