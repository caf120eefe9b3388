/** What must hold of an activity that is an execution of its own, from one commit to the next: I14, I15. */
import type { StandaloneRun } from "@pawl/engine";
import { must } from "@pawl/engine/invariant";
import { activity } from "@pawl/protocol";

export function checkStandalone(run: StandaloneRun, before: StandaloneRun | undefined): void {
  const { attempts, status } = run;
  const name = `activity ${run.activityId} of run ${run.runId}`;
  must((status.type === "closed") === (run.outcome !== null), "I14", `${name} is ${status.type} ${outcomeText(run)}`);
  if (!before) return must(attempts.attempt <= 1, "I15", `${name} begins with attempt ${attempts.attempt}`);
  if (before.status.type === "closed")
    must(outcomeText(run) === outcomeText(before), "I14", `${name} has ended twice, ${outcomeText(run)}`);
  const rise = attempts.attempt - before.attempts.attempt;
  must(rise === 0 || rise === 1, "I15", `${name} goes from attempt ${before.attempts.attempt} to ${attempts.attempt}`);
}

/** For comparisons, and to be read. */
export function outcomeText({ outcome }: Pick<StandaloneRun, "outcome">): string {
  if (!outcome) return "without an outcome";
  return `with ${Buffer.from(activity.ActivityExecutionOutcome.encode(outcome)).toString("base64")}`;
}
