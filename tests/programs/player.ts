/**
 * Plays a program by the raw requests of a client and a worker, in an order that leaves nothing to chance: each activity and child has a task queue of
 * its own, and whatever the server does by itself (starting a child, firing a timer) is waited for before anything else is asked of it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { enums, type history, type ResponseOf } from "@pawl/protocol";
import {
  activity,
  applicationFailure,
  type Command,
  cancelActivity,
  cancelExternal,
  cancelTimer,
  cancelWorkflow,
  child,
  complete,
  continueAsNew,
  fail,
  marker,
  payload,
  seconds,
  signalExternal,
  text,
  timer,
  upsertMemo,
} from "../stories/requests.ts";
import { type ActivityTask, eventsOf, type Play, type WorkflowTask } from "../stories/story.ts";
import { answerUpdates, completeUpdates, type Verdict } from "../stories/update-messages.ts";
import { type Model, modelOf, type PendingActivity, type PendingChild } from "./model.ts";
import type { Happening, Program, Turn, Wish } from "./program.ts";

const { EventType, ParentClosePolicy, WorkflowTaskFailedCause, UpdateWorkflowExecutionLifecycleStage: Stage } = enums;
const policies = [ParentClosePolicy.TERMINATE, ParentClosePolicy.ABANDON, ParentClosePolicy.REQUEST_CANCEL];
const verdicts: readonly Verdict[] = ["complete", "accept", "reject"];
/** One more failed attempt in a row would make the server wait. */
const failuresInRowMax = 2;
const attemptsMax = 2;
const settlePollMs = 15;
const settleWithinMs = 20_000;

export async function playProgram(s: Play, program: Program): Promise<void> {
  await new Player(s).run(program);
}

class Player {
  readonly #s: Play;
  readonly #numbers = { signal: 0, activity: 0, child: 0, update: 0, timer: 0, memo: 0 };
  /** Activity tasks that a worker has taken and not answered, by activity id. */
  readonly #held = new Map<string, ActivityTask>();
  /** Activities whose last attempt has been answered, though history may not say so yet. */
  readonly #answered = new Set<string>();
  readonly #asked: Promise<unknown>[] = [];
  /** Updates that no workflow task has carried yet. */
  #waitingUpdates = 0;
  readonly #accepted = new Set<string>();
  #isCancelled = false;
  #failuresInRow = 0;
  /** Updates whose callers still wait. */
  #unanswered = 0;

  constructor(s: Play) {
    this.#s = s;
  }

  async run({ turns, end }: Program): Promise<void> {
    await this.#s.start({ workflowTaskTimeout: seconds(60) });
    for (const turn of turns) await this.#turn(turn);
    await this.#end(end);
    await Promise.all(this.#asked);
  }

  async #turn(turn: Turn): Promise<void> {
    for (const happening of turn.before) await this.#happen(happening, await this.#model(), "before");
    const task = await this.#task();
    const model = modelOf(task.events);
    for (const happening of turn.during) await this.#happen(happening, model, "during");
    if (turn.ending === "fail" && this.#failuresInRow < failuresInRowMax) return this.#failTask(task);
    this.#failuresInRow = 0;
    const { commands, messages } = answerUpdates(task, (updateId) => this.#verdict(updateId));
    const wished = this.#commands(turn.wishes, model, messages);
    const force = turn.ending === "again" ? { forceCreateNewWorkflowTask: true } : {};
    const slept = wished.filter(({ startTimerCommandAttributes }) =>
      startTimerCommandAttributes?.timerId?.startsWith("sleep"),
    );
    await this.#s.complete(task, [...wished, ...commands], { messages, ...force });
    await this.#settled((now) => slept.every((one) => !now.timers.has(one.startTimerCommandAttributes!.timerId!)));
  }

  async #failTask({ taskToken }: WorkflowTask): Promise<void> {
    this.#failuresInRow += 1;
    await this.#s.call("RespondWorkflowTaskFailed", {
      namespace: "default",
      taskToken,
      cause: WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
      failure: applicationFailure("in the worker"),
      identity: "worker",
    });
    // The updates that it carried go with the next one.
    this.#waitingUpdates += 1;
  }

  /** The next workflow task; where there is no reason for one, a signal is. */
  async #task(): Promise<WorkflowTask> {
    await this.#settled();
    if (!(await this.#isTaskPending())) await this.#signal();
    const task = await this.#s.workflowTask();
    this.#waitingUpdates = 0;
    return task;
  }

  async #isTaskPending(): Promise<boolean> {
    if (this.#waitingUpdates > 0) return true;
    const execution = { workflowId: this.#s.name };
    const described = await this.#s.unrecorded("DescribeWorkflowExecution", { namespace: "default", execution });
    return described.pendingWorkflowTask !== undefined;
  }

  async #history(workflowId: string = this.#s.name): Promise<readonly history.HistoryEvent[]> {
    const execution = { workflowId };
    return eventsOf(
      (await this.#s.unrecorded("GetWorkflowExecutionHistory", { namespace: "default", execution })).history,
    );
  }

  async #model(): Promise<Model> {
    const events = await this.#history();
    for (const { childWorkflowExecutionStartedEventAttributes: started } of events)
      if (started?.workflowExecution)
        this.#s.meetRun(started.workflowExecution.workflowId, started.workflowExecution.runId);
    return modelOf(events);
  }

  /** Until nothing is on its way between workflows, and what else is waited for has come. */
  async #settled(isDone: (model: Model) => boolean = () => true): Promise<void> {
    await this.#until(async () => {
      const model = await this.#model();
      const areStarted = [...model.children.values()].every(({ isStarted }) => isStarted);
      return model.messages.size === 0 && areStarted && isDone(model);
    });
  }

  async #until(isDone: () => Promise<boolean>): Promise<void> {
    for (const giveUp = AbortSignal.timeout(settleWithinMs); !(await isDone()); await delay(settlePollMs))
      if (giveUp.aborted) throw new Error("what was waited for did not happen");
  }

  async #happen({ what, pick, how }: Happening, model: Model, when: "before" | "during"): Promise<void> {
    switch (what) {
      case "signal":
        return this.#signal();
      case "activity":
        return this.#answerActivity(
          picked(
            [...model.activities.values()].filter(({ id }) => !this.#answered.has(id)),
            pick,
          ),
          how,
        );
      case "child":
        return this.#endChild(
          picked(
            [...model.children.values()].filter(({ isStarted }) => isStarted),
            pick,
          ),
          how,
        );
      case "cancel":
        return this.#cancel();
      case "update":
        return this.#update();
      case "query":
        return when === "before" ? this.#query() : undefined;
      default:
        what satisfies never;
    }
  }

  async #signal(): Promise<void> {
    await this.#s.signal(`signal-${++this.#numbers.signal}`);
  }

  async #cancel(): Promise<void> {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    const workflowExecution = { workflowId: this.#s.name };
    await this.#s.call("RequestCancelWorkflowExecution", { namespace: "default", workflowExecution, reason: "enough" });
  }

  /** Takes an activity's task, and answers it or holds it for later. */
  async #answerActivity(pending: PendingActivity | undefined, how: number): Promise<void> {
    if (!pending) return;
    const held = this.#held.get(pending.id);
    const task = held ?? (await this.#s.activityTask(`${this.#s.name}-${pending.id}`));
    if (!held && how % 4 === 0) {
      this.#held.set(pending.id, task);
      return;
    }
    this.#held.delete(pending.id);
    const isFailure = how % 4 === 1;
    if (!isFailure || !pending.isRetried || task.attempt >= attemptsMax) this.#answered.add(pending.id);
    const { taskToken } = task;
    if (isFailure)
      await this.#s.call("RespondActivityTaskFailed", { taskToken, failure: applicationFailure("no luck") });
    else if (pending.isCancelled)
      await this.#s.call("RespondActivityTaskCanceled", { taskToken, details: text("gone") });
    else await this.#s.call("RespondActivityTaskCompleted", { taskToken, result: text(pending.id) });
  }

  async #endChild(pending: PendingChild | undefined, how: number): Promise<void> {
    if (!pending) return;
    const ends = [complete("child out"), fail(applicationFailure("child failed")), cancelWorkflow("child gone")];
    const task = await this.#s.workflowTask(pending.id);
    await this.#s.complete(task, [ends[how % ends.length]!]);
    await this.#settled(({ children }) => [...children.values()].every(({ id }) => id !== pending.id));
  }

  async #update(): Promise<void> {
    // It would be refused; the reference server forgets all that it knows of the run then, and whoever waits for an update there must ask again or
    // waits in vain. Pawl refuses the one and answers the others.
    if (this.#failuresInRow === failuresInRowMax && this.#unanswered > 0) return;
    this.#unanswered += 1;
    const updateId = `update-${++this.#numbers.update}`;
    const workflowExecution = { workflowId: this.#s.name };
    const request = { meta: { updateId, identity: "client" }, input: { name: "change", args: text(updateId) } };
    const waitPolicy = { lifecycleStage: Stage.COMPLETED };
    const asked = { namespace: "default", workflowExecution, waitPolicy, request };
    // A server says after 20 s how far the update is: by then a slow machine is still at it. Accepted, it belongs to this run.
    const next = ({ stage, updateRef }: ResponseOf<"UpdateWorkflowExecution">) =>
      stage === Stage.COMPLETED
        ? undefined
        : { ...asked, ...(stage === Stage.ACCEPTED && { workflowExecution: updateRef?.workflowExecution }) };
    const options = { timeoutMs: 60_000, next };
    let isRefused = false;
    const answer = this.#s.attempt("UpdateWorkflowExecution", asked, options).then((response) => {
      isRefused = response === undefined;
      this.#unanswered -= 1;
    });
    this.#asked.push(answer);
    // A program that is given up waits for none of them.
    answer.catch(() => undefined);
    const updateRef = { workflowExecution, updateId };
    await this.#until(async () => {
      const known = this.#s.unrecorded("PollWorkflowExecutionUpdate", { namespace: "default", updateRef });
      return known.then(
        () => true,
        () => isRefused,
      );
    });
    if (!isRefused) this.#waitingUpdates += 1;
  }

  #verdict(updateId: string): Verdict {
    const verdict = verdicts[Number(updateId.split("-")[1]) % verdicts.length]!;
    if (verdict === "accept") this.#accepted.add(updateId);
    return verdict;
  }

  /** Asked while the workflow is idle, so that it gets a task of its own. */
  async #query(): Promise<void> {
    await this.#settled();
    if (await this.#isTaskPending()) return;
    const execution = { workflowId: this.#s.name };
    const answer = this.#s.attempt("QueryWorkflow", { namespace: "default", execution, query: { queryType: "state" } });
    const { taskToken } = await this.#s.workflowTask();
    await this.#s.call("RespondQueryTaskCompleted", {
      namespace: "default",
      taskToken,
      completedType: enums.QueryResultType.ANSWERED,
      queryResult: text("fine"),
    });
    await answer;
  }

  #commands(wishes: readonly Wish[], model: Model, messages: ReturnType<typeof answerUpdates>["messages"]): Command[] {
    const commands: Command[] = [];
    const seen = new Set<string>();
    // Two things that the server does by itself, or twice the same, would race or be refused.
    const once = (key: string) => !seen.has(key) && seen.add(key);
    for (const { what, pick, how } of wishes) {
      const pending = picked(
        [...model.activities.values()].filter(({ isCancelled }) => !isCancelled),
        pick,
      );
      const pendingTimer = picked([...model.timers], pick);
      const pendingChild = picked([...model.children.values()], pick);
      if (what === "activities") commands.push(...this.#activities(1 + (pick % 3), how));
      else if (what === "timer") commands.push(timer(`timer-${++this.#numbers.timer}`, 3_600));
      else if (what === "sleep" && once("by itself")) commands.push(timer(`sleep-${++this.#numbers.timer}`, 1));
      else if (what === "child" && once("by itself")) commands.push(this.#child(how));
      else if (what === "cancelActivity" && pending && once(pending.id))
        commands.push(cancelActivity(pending.scheduledEventId));
      else if (what === "cancelTimer" && pendingTimer && once(pendingTimer)) commands.push(cancelTimer(pendingTimer));
      else if (what === "signalChild" && pendingChild && once("by itself"))
        commands.push(signalExternal(pendingChild.id, { childWorkflowOnly: how % 2 === 0 }));
      else if (what === "cancelChild" && pendingChild && once("by itself"))
        commands.push(cancelExternal(pendingChild.id, { childWorkflowOnly: how % 2 === 0 }));
      else if (what === "signalNobody" && once("by itself")) commands.push(signalExternal(`${this.#s.name}-nobody`));
      else if (what === "marker") commands.push(marker({ details: { how: text(how) } }));
      else if (what === "memo") commands.push(upsertMemo({ memo: payload(++this.#numbers.memo) }));
      else if (what === "completeUpdates" && once("updates")) commands.push(...this.#completeUpdates(messages));
    }
    return commands;
  }

  #activities(count: number, how: number): Command[] {
    return Array.from({ length: count }, () => {
      const activityId = `a${++this.#numbers.activity}`;
      const retryPolicy =
        how % 2 === 0 ? { initialInterval: seconds(1), maximumAttempts: attemptsMax } : { maximumAttempts: 1 };
      return activity(`${this.#s.name}-${activityId}`, { activityId, retryPolicy, startToCloseTimeout: seconds(600) });
    });
  }

  #child(how: number): Command {
    const parentClosePolicy = policies[how % policies.length]!;
    const workflowTaskTimeout = seconds(60);
    return child(`${this.#s.name}-c${++this.#numbers.child}`, { parentClosePolicy, workflowTaskTimeout });
  }

  #completeUpdates(messages: ReturnType<typeof answerUpdates>["messages"]): Command[] {
    const earlier = [...this.#accepted].filter((id) =>
      messages.every(({ protocolInstanceId }) => protocolInstanceId !== id),
    );
    for (const id of earlier) this.#accepted.delete(id);
    const completion = completeUpdates(earlier);
    messages.push(...completion.messages);
    return completion.commands;
  }

  async #end(end: Program["end"]): Promise<void> {
    const { children } = await this.#endRun(end);
    for (const pending of children.values()) await this.#childAfter(pending);
    for (const { taskToken } of this.#held.values()) {
      // Too late, whatever became of the workflow.
      await this.#s.attempt("RespondActivityTaskCompleted", { taskToken, result: text("late") });
    }
  }

  /** What was pending when the run ended. */
  async #endRun(end: Program["end"]): Promise<Model> {
    if (end === "terminate") {
      await this.#settled();
      const workflowExecution = { workflowId: this.#s.name };
      await this.#s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution, reason: "enough" });
      return this.#model();
    }
    const task = await this.#task();
    const { commands, messages } = answerUpdates(task, (updateId) => this.#verdict(updateId));
    const ends = { complete: complete(), fail: fail(), cancel: cancelWorkflow(), continueAsNew: continueAsNew() };
    await this.#s.complete(task, [...commands, ends[end]], { messages });
    if (end === "continueAsNew") await this.#s.step([complete("in the next run")]);
    return modelOf(task.events);
  }

  /** What the end of its parent does to a child. */
  async #childAfter({ id, policy }: PendingChild): Promise<void> {
    if (policy === ParentClosePolicy.REQUEST_CANCEL) {
      const isAsked = ({ eventType }: history.HistoryEvent) =>
        eventType === EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED;
      await this.#until(async () => (await this.#history(id)).some(isAsked));
    }
    if (policy === ParentClosePolicy.TERMINATE) await this.#s.closed(id);
    else await this.#s.complete(await this.#s.workflowTask(id), [complete("child on its own")]);
  }
}

function picked<T>(among: readonly T[], pick: number): T | undefined {
  return among[pick % among.length];
}
