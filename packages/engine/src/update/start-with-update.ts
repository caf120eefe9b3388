/** Update-with-start: a start and an update of one workflow id that succeed or fail together. */
import { Rejection } from "../rejection.ts";
import type { Workflow } from "../state/run.ts";
import type { Step } from "../step.ts";
import type { CommandOf, Replies } from "../vocabulary.ts";
import { currentRun, startReply, startWorkflow } from "../workflow/start.ts";
import { admitUpdate } from "./update.ts";

/**
 * An update id that the current run knows is not asked again, whatever the start's policies say: the caller repeats itself. A new run has the update
 * before its first workflow task, which takes it along.
 */
export function startWithUpdate(
  workflow: Workflow,
  step: Step,
  { start, update }: CommandOf<"startWithUpdate">,
): Replies["startWithUpdate"] {
  const current = currentRun(workflow);
  const isKnown = current?.updates.has(update.request?.meta?.updateId ?? "") ?? false;
  // Known to a run that has closed, only its outcome is of use; another run may not be started for it.
  const started =
    current && isKnown
      ? startReply(current, false)
      : startWorkflow(workflow, step, { type: "startWorkflow", request: start });
  if (started instanceof Rejection) return { refused: "start", rejection: started };
  // Of a start that comes late, the run that it began may be long over: the update is for the one that is there now.
  const run = currentRun(workflow)!;
  const progress = admitUpdate(run, step, update);
  if (progress instanceof Rejection) return { refused: "update", rejection: progress };
  return {
    // Unlike a start alone, one that repeats itself hears that the run was there.
    start: run === current ? startReply(run, false) : started,
    update: progress,
  };
}
