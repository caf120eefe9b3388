/** A run whose worker has sent what cannot be carried out goes on, once the worker is mended. */
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { complete } from "./requests.ts";
import type { Play, WorkflowTask } from "./story.ts";

type Request = Init<RequestOf<"RespondWorkflowTaskCompleted">>;
type Answer = (task: WorkflowTask) => readonly [commands: Request["commands"], more?: Request];

const { SCHEDULED, STARTED } = enums.PendingWorkflowTaskState;

/** Completes what is pending of the run: the workflow task that the worker still has, or the next one. Nothing, when the run has ended.
 * `isReady` waits for what is to come with the next task. */
export async function goOn(
  s: Play,
  workflowId: string,
  had: WorkflowTask,
  answer: Answer = () => [[complete()]],
  isReady: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const { pendingWorkflowTask: pending } = await s.unrecorded("DescribeWorkflowExecution", {
    namespace: "default",
    execution: { workflowId },
  });
  s.note("then", pending?.state === STARTED ? "the same task" : pending?.state === SCHEDULED ? "another task" : "none");
  if (!pending) return;
  await isReady();
  const task = pending.state === STARTED ? had : await s.workflowTask(workflowId);
  const [commands, more] = answer(task);
  await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, commands, more));
}
