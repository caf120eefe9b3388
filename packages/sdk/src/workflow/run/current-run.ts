/** Only one run is at work at a time, so the API's functions find theirs in a variable of this module. */
import { IllegalStateError } from "../../value/errors.ts";
import type { WorkflowRun } from "./run.ts";

let current: WorkflowRun | undefined;

export function setCurrentRun(run: WorkflowRun | undefined): void {
  current = run;
}

/** Throws `IllegalStateError` outside of workflow code. */
export function getRun(what: string): WorkflowRun {
  if (current) return current;
  throw new IllegalStateError(`${what} works inside a workflow alone; from other code, use a client`);
}

/** Whether this code runs inside a workflow. */
export function inWorkflowContext(): boolean {
  return current !== undefined;
}
