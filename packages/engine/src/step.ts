import type { Call } from "./outside-call.ts";
import { noRouting, type Routing } from "./versioning/versioning.ts";
import type { Effect, Task } from "./vocabulary.ts";

/** Something that a command has done and that is counted; nothing depends on it. */
export type Note =
  | "activityCompleted"
  /** For good. */
  | "activityFailed"
  | "activityCanceled"
  /** For good. */
  | "activityTimedOut"
  | "activityAttemptFailed"
  | "activityHeartbeat"
  | "scheduleToStartTimeout"
  | "scheduleToCloseTimeout"
  | "startToCloseTimeout"
  | "heartbeatTimeout"
  | "workflowTaskFailed"
  | "workflowTaskTimedOut";

/** What one command may use and leaves behind: the time, fresh ids, and the effects that follow the commit. */
export class Step {
  readonly nowMs: number;
  /** A fresh UUID. Given from outside, so that a run of the engine can be repeated. */
  readonly newId: () => string;
  /** A number above `after` that no workflow task ever had, not even one that was forgotten with a failed commit. Given from outside for the same reason. */
  readonly newStamp: (after: number) => number;
  /** How long closed runs of the namespace are kept, as it is set now. */
  readonly retentionMs: number;
  /** How task queues route between versions of workers, as it is set now. */
  readonly routing: Routing;
  readonly effects: Effect[] = [];
  readonly notes: Note[] = [];

  constructor({
    nowMs,
    newId,
    newStamp,
    retentionMs,
    routing = noRouting,
  }: Pick<Step, "nowMs" | "newId" | "newStamp" | "retentionMs"> & { readonly routing?: Routing }) {
    this.nowMs = nowMs;
    this.newId = newId;
    this.newStamp = newStamp;
    this.retentionMs = retentionMs;
    this.routing = routing;
  }

  /** Asks for the request to be made, if there is one to be made. */
  call(call: Call | undefined): void {
    if (call) this.effects.push({ type: "call", call });
  }

  dispatch(task: Task): void {
    this.effects.push({ type: "dispatch", task });
  }
}
