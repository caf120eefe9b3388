import { CommitUnknown, StoreFull } from "@pawl/store";

/** The caller may try again: the outcome is unknown, or the shard cannot take the command now. */
export class Unavailable extends Error {
  /** `full`: the store has no room, so that clients slow down rather than hammer. */
  readonly reason: "unknown" | "closed" | "busy" | "full";
  constructor(reason: Unavailable["reason"], message: string) {
    super(message);
    this.name = "Unavailable";
    this.reason = reason;
  }
}

/** What the callers of a batch are told when its commit has failed. */
export function afterFailedCommit(error: unknown): Unavailable {
  if (error instanceof StoreFull) return new Unavailable("full", "the store is full; try again when there is room");
  if (error instanceof CommitUnknown)
    return new Unavailable("unknown", "the outcome of the commit is unknown; try again");
  return new Unavailable("unknown", "the commit failed; try again");
}
