import type { Call } from "./outside-call.ts";
import type { Effect, Task } from "./vocabulary.ts";

/** What one command may use and leaves behind: the time, fresh ids, and the effects that follow the commit. */
export class Step {
  readonly nowMs: number;
  /** A fresh UUID. Given from outside, so that a run of the engine can be repeated. */
  readonly newId: () => string;
  /** How long closed runs of the namespace are kept, as it is set now. */
  readonly retentionMs: number;
  readonly effects: Effect[] = [];

  constructor({ nowMs, newId, retentionMs }: Pick<Step, "nowMs" | "newId" | "retentionMs">) {
    this.nowMs = nowMs;
    this.newId = newId;
    this.retentionMs = retentionMs;
  }

  /** Asks for the request to be made, if there is one to be made. */
  call(call: Call | undefined): void {
    if (call) this.effects.push({ type: "call", call });
  }

  dispatch(task: Task): void {
    this.effects.push({ type: "dispatch", task });
  }
}
