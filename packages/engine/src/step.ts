import type { Effect, Task } from "./vocabulary.ts";

/** What one command may use and leaves behind: the time, fresh ids, and the effects that follow the commit. */
export class Step {
  readonly nowMs: number;
  /** A fresh UUID. Given from outside, so that a run of the engine can be repeated. */
  readonly newId: () => string;
  readonly effects: Effect[] = [];

  constructor(nowMs: number, newId: () => string) {
    this.nowMs = nowMs;
    this.newId = newId;
  }

  dispatch(task: Task): void {
    this.effects.push({ type: "dispatch", task });
  }
}
