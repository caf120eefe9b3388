/** What must hold of answers, looked at as they leave the server: what they say is on the disk (I1, I25), and nothing is granted twice (I14, I18). */
import { enums, type Init, type MethodName, type RequestOf, type ResponseOf } from "@pawl/protocol";
import type { World } from "./world.ts";

/** Answers to them end a task: the second is refused. */
const endings = new Set<MethodName>([
  ...(["RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "RespondActivityTaskCompleted"] as const),
  ...(["RespondActivityTaskFailed", "RespondActivityTaskCanceled"] as const),
]);

export class AnswerCheck {
  readonly #world: World;
  /** Run ids by request id of their start. */
  readonly #starts = new Map<string, string>();
  /** Tokens of tasks that were ended. */
  readonly #ended = new Set<string>();
  readonly #delivered = new Set<string>();
  /** Signals that were acknowledged: names by workflow id. */
  readonly signals = new Map<string, string>();
  /** Acknowledged terminations and cancellations: run ids. */
  readonly terminated = new Set<string>();
  readonly cancelled = new Set<string>();
  /** Run ids of standalone activities of which the same was said. */
  readonly terminatedActivities = new Set<string>();
  readonly updates = new Map<string, { readonly runId: string; readonly outcome: string }>();
  /** Heartbeats that were acknowledged, by activity. */
  answers = 0;

  constructor(world: World) {
    this.#world = world;
  }

  refused(method: MethodName, code: string, _about: string): void {
    this.#world.reached(`${method} ${code}`);
  }

  /** `isEarly`: the caller may be told of workflow tasks that are not on the disk yet. */
  answered<N extends MethodName>(
    method: N,
    request: Init<RequestOf<N>>,
    response: ResponseOf<N>,
    { about, isEarly }: { about: string; isEarly: boolean },
  ): void {
    this.answers += 1;
    this.#world.reached(method);
    if (endings.has(method)) this.#endTask(method, (request as { taskToken: Uint8Array }).taskToken, about);
    if (method === "PollWorkflowTaskQueue")
      this.#workflowTask(response as ResponseOf<"PollWorkflowTaskQueue">, isEarly);
    if (method === "PollActivityTaskQueue") this.#activityTask(response as ResponseOf<"PollActivityTaskQueue">);
    if (method === "StartWorkflowExecution" || method === "SignalWithStartWorkflowExecution")
      this.#start((request as { requestId: string }).requestId, (response as { runId: string }).runId);
    if (method === "SignalWorkflowExecution" || method === "SignalWithStartWorkflowExecution") {
      const { signalName, workflowExecution, workflowId } = request as {
        signalName: string;
        workflowExecution?: { workflowId: string };
        workflowId: string;
      };
      this.signals.set(signalName, workflowExecution?.workflowId ?? workflowId);
    }
    if (method === "StartActivityExecution")
      this.#startActivity((request as { requestId: string }).requestId, (response as { runId: string }).runId);
    if (method === "CreateSchedule" && !this.#world.safety.everHad("schedule", about))
      this.#world.violate(`I1: schedule ${about} was acknowledged and is not on the disk`);
    if (method === "PatchSchedule") this.#patchSchedule(about, (request as { requestId: string }).requestId);
    if (method === "UpdateWorkflowExecution") this.#update(response as ResponseOf<"UpdateWorkflowExecution">);
  }

  /** I14, I12. */
  #endTask(method: MethodName, taskToken: Uint8Array, about: string): void {
    const token = Buffer.from(taskToken).toString("hex");
    if (this.#ended.has(token)) this.#world.violate(`I14: ${method} of ${about} is accepted though its task has ended`);
    this.#ended.add(token);
    if (method === "RespondActivityTaskCompleted") this.#standaloneEnd(about);
    if (method !== "RespondWorkflowTaskCompleted") return;
    const [runId = "", startedEventId = "", isSpeculative] = about.split(" ");
    const history = this.#world.safety.history(runId);
    if (history && !isSpeculative && !history.completedTasks.has(Number(startedEventId)) && history.isOpen)
      this.#world.violate(`I1: the completion of ${about} was accepted and is not on the disk`);
  }

  /** I1, I14. */
  #standaloneEnd(about: string): void {
    const status = this.#world.safety.standalone(about.split(" ")[0]!)?.status;
    if (status && (status.type === "open" || status.status !== enums.ActivityExecutionStatus.COMPLETED))
      this.#world.violate(`I14: the completion of ${about} was accepted, and it has ended otherwise`);
  }

  /** I18. */
  #startActivity(requestId: string, runId: string): void {
    const before = this.#starts.get(requestId);
    if (before !== undefined && before !== runId && this.#world.safety.isCurrent(before))
      this.#world.violate(`I18: start ${requestId} gave activity run ${before} and run ${runId}`);
    this.#starts.set(requestId, runId);
    if (!this.#world.safety.everHad("run", runId))
      this.#world.violate(`I1: activity run ${runId} was acknowledged and is not on the disk`);
  }

  #patchSchedule(scheduleId: string, requestId: string): void {
    const run = this.#world.safety.schedule(scheduleId);
    if (run && !run.patchRequestIds.includes(requestId))
      this.#world.violate(`I1: a patch of schedule ${scheduleId} was acknowledged and is not on the disk`);
  }

  /** I25. */
  #workflowTask(
    { taskToken, workflowExecution, startedEventId, attempt, query }: ResponseOf<"PollWorkflowTaskQueue">,
    isEarly: boolean,
  ): void {
    if (taskToken.length === 0 || query) return;
    const { runId = "" } = workflowExecution ?? {};
    // By its token: what an answer names must be one task, also where one that was forgotten and its successor begin within the same moment.
    this.#deliverOnce(`workflow task ${runId} ${startedEventId} ${attempt} ${Buffer.from(taskToken).toString("hex")}`);
    const run = this.#world.safety.run(runId);
    if (isEarly && !((run?.nextEventId ?? 0) > startedEventId)) return this.#world.reached("task before its commit");
    if (!run) return this.#world.violate(`I25: a workflow task of run ${runId} is delivered, which is not there`);
    // On its way, it may have been timed out already.
    const isLater = run.nextEventId > startedEventId || run.workflowTaskAttempt > attempt;
    const isStarted = run.workflowTask.type === "started" || isLater;
    // A task for updates alone is in memory until one is accepted.
    const mayBeSpeculative = run.nextEventId <= startedEventId && attempt === 1;
    if (run.status.type === "open" && !isStarted && !mayBeSpeculative)
      this.#world.violate(
        `I25: the workflow task ${startedEventId} of run ${runId} is delivered before its start is on the disk`,
      );
  }

  /** I25. */
  #activityTask(task: ResponseOf<"PollActivityTaskQueue">): void {
    const { taskToken, workflowExecution, activityRunId, activityId, attempt } = task;
    if (taskToken.length === 0) return;
    const runId = activityRunId || (workflowExecution?.runId ?? "");
    this.#deliverOnce(`activity task ${runId} ${activityId} ${attempt}`);
    if (activityRunId !== "") return this.#standaloneTask(activityRunId, attempt);
    const run = this.#world.safety.run(runId);
    if (!run) return this.#world.violate(`I25: an activity task of run ${runId} is delivered, which is not there`);
    const scheduledEventId = run.activityIds.get(activityId);
    const activity = scheduledEventId === undefined ? undefined : run.activities.get(scheduledEventId);
    if (!activity || activity.attempt > attempt || activity.status.type === "started") return;
    this.#world.violate(
      `I25: attempt ${attempt} of activity ${activityId} of run ${runId} is delivered before its start is on the disk`,
    );
  }

  #standaloneTask(runId: string, attempt: number): void {
    const run = this.#world.safety.standalone(runId);
    if (!run || run.status.type === "closed" || run.attempts.attempt > attempt) return;
    if (run.attempts.attempt !== attempt || run.attempts.status.type !== "started")
      this.#world.violate(
        `I25: attempt ${attempt} of activity run ${runId} is delivered before its start is on the disk`,
      );
  }

  #deliverOnce(task: string): void {
    if (this.#delivered.has(task)) this.#world.violate(`I25: ${task} is delivered twice`);
    this.#delivered.add(task);
  }

  /** I18. */
  #start(requestId: string, runId: string): void {
    const before = this.#starts.get(requestId);
    // A request that comes again when its workflow has gone on to another run is one like any other.
    const isCurrent = before !== undefined && this.#world.safety.isCurrent(before);
    if (isCurrent && before !== runId)
      this.#world.violate(`I18: start ${requestId} gave run ${before} and run ${runId}`);
    this.#starts.set(requestId, runId);
    if (!this.#world.safety.run(runId)) this.#world.violate(`I1: run ${runId} was acknowledged and is not on the disk`);
  }

  /** I19. */
  #update({ updateRef, outcome }: ResponseOf<"UpdateWorkflowExecution">): void {
    const { updateId = "", workflowExecution: { runId = "" } = {} } = updateRef ?? {};
    if (!outcome) return;
    const said = outcome.success ? "success" : "failure";
    // A rejection leaves no trace: asked again, the update may succeed.
    const before = this.updates.get(updateId);
    if (before?.runId === runId && before.outcome === "success" && said !== "success")
      this.#world.violate(`I19: update ${updateId} ended as ${before.outcome}, then as ${said}`);
    if (before?.outcome !== "success") this.updates.set(updateId, { runId, outcome: said });
  }
}
