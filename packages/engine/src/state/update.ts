import type { failure, update } from "@pawl/protocol";
import type { Rejection } from "../rejection.ts";

/**
 * An update by what is known of it. Admitted and sent ones are in memory only: whoever waits for one that was lost is told to ask again.
 * One that was rejected, or went with a workflow task whose answer could not be accepted, is not known any more. `admission`: tells it from one of the same id that is asked for after that.
 */
export type Update =
  /** Waits for a workflow task to go with. */
  | { readonly status: "admitted"; readonly admission: number; readonly request: update.Request }
  /** Taken over from the run that was reset: in history, where workers find it, so that no message goes with a task. */
  | { readonly status: "reapplied"; readonly admittedEventId: number; readonly request: update.Request }
  /** Went with the started workflow task. */
  | { readonly status: "sent"; readonly admission: number; readonly request: update.Request }
  | { readonly status: "accepted"; readonly acceptedEventId: number }
  | { readonly status: "completed"; readonly acceptedEventId: number; readonly outcome: update.Outcome };

/** What those who wait for an update are told of its end: it is known nowhere any more. */
export interface EndedUpdate {
  readonly updateId: string;
  /** Which of the updates of that id: see `UpdateProgress`. */
  readonly admission: number;
  /** The workflow's rejection, which is an outcome, or why the workflow was not heard: then the request has failed. */
  readonly verdict: { readonly failure: failure.Failure } | Rejection;
}
